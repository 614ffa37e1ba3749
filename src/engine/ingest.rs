//! Works on jobs: walks folders, skips what is unchanged, extracts, indexes, commits in groups.
//!
//! Invariant: one job at a time; memory is bounded by the index buffer; a stop or a crash loses at most the
//! work since the last commit, and the job resumes by skipping what is already there.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::commit_rhythm::commit_is_due;
use super::jobs::{JobRecord, save};
use super::run::Inner;
use super::trail;
use crate::api::types::JobState;
use crate::base::trim_memory;
use crate::knowledge::extract::{Chunk, ExtractError, Extracted, Limits, extract};
use crate::knowledge::{Batch, DocumentRecord, Entry, FailureRecord, KnowledgeError, sha256_of, walk};
use crate::observe::trace;
use crate::resilience::Effect;

/// Chunks of one document that are held until its title and language are known.
const HELD_CHUNKS: usize = 256;
const SHOW_EVERY_MS: u64 = 250;
/// Part of the index buffer that is used when memory is short.
const SMALL_BATCH: u64 = 8;
/// Bytes of text that the language is told from.
const SAMPLE: usize = 4096;

/// One job on its way.
struct Work<'a> {
    inner: &'a Arc<Inner>,
    id: u64,
    record: JobRecord,
    batch: Batch,
    limits: Limits,
    /// Documents looked at since the last commit.
    waiting: u32,
    committed_ms: u64,
    shown_ms: u64,
}

/// Does a job to its end, or to the next safe point when told to stop. Gives it as it stands then.
pub(super) fn run(inner: &Arc<Inner>, id: u64, record: JobRecord) -> JobRecord {
    tracing::info!(job = id, kind = %record.kind, collection = %record.collection, "job started");
    let mut last = record.clone();
    let outcome = begin(inner, id, record).and_then(|mut work| {
        let outcome = work.all().and_then(|()| work.end());
        last = work.record.clone();
        outcome
    });
    if let Err(error) = outcome
        && !keep_failure(inner, id, &mut last, &error)
    {
        inner.jobs.show(None);
        return last; // as the store has it, it is not ended: it is begun again
    }
    inner.library.release_pages();
    trim_memory();
    inner.jobs.show(None);
    trail::job_ended(inner, id, &last);
    inner.publish_job(id, &last, None);
    inner.publish_index(&last.collection);
    // What was taken in now lacks vectors under what a rollback would bring back.
    if let Err(error) = super::registry::fill(inner) {
        tracing::warn!(%error, "vectors that are missing could not be queued");
    }
    last
}

/// Keeps why the job failed; false where the store is at fault, not the job.
fn keep_failure(inner: &Inner, id: u64, last: &mut JobRecord, error: &KnowledgeError) -> bool {
    tracing::error!(job = id, %error, "job failed");
    if error.is_of_store() {
        inner.modes.store_failed();
        return false;
    }
    last.set_state(JobState::Failed);
    last.error = Some(error.to_string());
    last.finished_ms = Some(inner.clock.now_ms());
    match store(inner, id, last) {
        Ok(()) => true,
        Err(error) if error.is_of_store() => {
            inner.modes.store_failed();
            false
        }
        Err(error) => {
            tracing::error!(job = id, %error, "the job's failure could not be kept");
            inner.jobs.stop(); // without a store there is nothing to work on
            true
        }
    }
}

pub(super) fn store(inner: &Inner, id: u64, record: &JobRecord) -> Result<(), KnowledgeError> {
    let mut write = inner.library.database().begin_write()?;
    write.set_quick_repair(true);
    save(&write, id, record)?;
    write.commit()?;
    Ok(())
}

fn begin<'a>(inner: &'a Arc<Inner>, id: u64, mut record: JobRecord) -> Result<Work<'a>, KnowledgeError> {
    let now = inner.clock.now_ms();
    record.set_state(JobState::Running);
    record.started_ms = Some(now);
    record.error = None;
    (record.files_done, record.files_skipped, record.files_failed, record.files_removed) = (0, 0, 0, 0);
    (record.bytes_done, record.chunks, record.files_total, record.bytes_total) = (0, 0, 0, 0);
    store(inner, id, &record)?;
    let running = inner.config.running();
    let budgets = &running.budgets;
    let batch = Batch::new(inner.library.clone(), &record.collection, inner.width())?;
    let limits = Limits {
        child_memory: budgets.extractor_memory,
        child_seconds: budgets.extractor_seconds,
        ..Limits::default()
    };
    Ok(Work { inner, id, record, batch, limits, waiting: 0, committed_ms: now, shown_ms: 0 })
}

impl Work<'_> {
    fn all(&mut self) -> Result<(), KnowledgeError> {
        self.show("", true);
        if self.record.kind == "reindex" {
            return self.known_paths(&[], true);
        }
        let roots: Vec<PathBuf> =
            self.record.paths.iter().map(|p| PathBuf::from(OsString::from_vec(p.clone()))).collect();
        let mut excludes = self.record.excludes.clone();
        excludes.extend_from_slice(self.inner.config.running().list("ingest.excludes"));
        let (mut files, mut bytes) = (0, 0);
        let stop = || self.inner.jobs.should_stop(self.id);
        walk(
            &roots,
            &excludes,
            &mut |entry| {
                files += 1;
                bytes += entry.size;
                if stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
            &mut |_| {},
        );
        (self.record.files_total, self.record.bytes_total) = (files, bytes);
        let mut error = None;
        let mut unreadable = Vec::new();
        let force = self.record.force;
        walk(
            &roots,
            &excludes,
            &mut |entry| match self.file(entry, force) {
                Ok(()) if !self.inner.jobs.should_stop(self.id) => ControlFlow::Continue(()),
                Ok(()) => ControlFlow::Break(()),
                Err(e) => {
                    error = Some(e);
                    ControlFlow::Break(())
                }
            },
            &mut |skipped| unreadable.push(skipped),
        );
        if let Some(error) = error {
            return Err(error);
        }
        for skipped in unreadable {
            let advice = "check the permissions of the file or folder";
            self.fail(&skipped.path, 0, 0, "unreadable", &skipped.reason, advice);
        }
        for root in roots {
            if !self.inner.jobs.should_stop(self.id) {
                self.known_paths(root.as_os_str().as_bytes(), false)?;
            }
        }
        Ok(())
    }

    /// Documents of the collection under a path: those that are gone are removed; with `again`, the others are
    /// indexed anew.
    fn known_paths(&mut self, prefix: &[u8], again: bool) -> Result<(), KnowledgeError> {
        const PAGE: usize = 500;
        let library = self.inner.library.clone();
        let mut after = Vec::new();
        loop {
            let page = library.paths(&self.record.collection, prefix, &after, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(last);
            for path in page {
                if self.inner.jobs.should_stop(self.id) {
                    return Ok(());
                }
                let file = Path::new(std::ffi::OsStr::from_bytes(&path));
                match file.metadata() {
                    Ok(meta) if again => {
                        self.record.files_total += 1;
                        self.record.bytes_total += meta.len();
                        let mtime_ms = modified_ms(&meta);
                        self.file(Entry { path: file.to_owned(), size: meta.len(), mtime_ms }, true)?;
                    }
                    Ok(_) => {}
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound && under(&path, prefix) => {
                        self.record.files_removed += 1;
                        self.inner.instruments.file("removed");
                        self.batch.remove(path);
                    }
                    Err(_) => {}
                }
            }
        }
    }

    fn file(&mut self, entry: Entry, force: bool) -> Result<(), KnowledgeError> {
        let path = entry.path.as_os_str().as_bytes().to_vec();
        self.show(&entry.path.to_string_lossy(), false);
        if !force && self.is_known(&entry, &path)? {
            self.record.files_skipped += 1;
            self.inner.instruments.file("skipped");
            self.record.bytes_done += entry.size;
            return Ok(());
        }
        self.pause()?;
        if self.inner.jobs.should_stop(self.id) {
            return Ok(());
        }
        let document = self.batch.begin_document()?;
        let before = self.record.chunks;
        match self.extract(document, &entry) {
            Ok((extracted, language)) => self.keep(document, entry, path, extracted, language, before),
            Err(Failed::Foreign(error)) => {
                self.batch.abort_document(document);
                self.record.chunks = before;
                if error.kind != "stopped" {
                    self.record.bytes_done += entry.size;
                    self.fail(
                        &entry.path,
                        entry.size,
                        entry.mtime_ms,
                        error.kind,
                        &error.reason,
                        &error.advice,
                    );
                }
            }
            Err(Failed::Own(error)) => return Err(error),
        }
        self.waiting = self.waiting.saturating_add(1);
        let since_ms = self.inner.clock.now_ms().saturating_sub(self.committed_ms);
        let due = commit_is_due(self.waiting, self.inner.config.running().budgets.batch_size, since_ms);
        let due = due || self.inner.modes.effects().has(Effect::BatchOfOne);
        if due && !self.batch.is_empty() { self.commit() } else { Ok(()) }
    }

    /// Waits while background work is paused. What is held in memory is committed first, where that is allowed.
    fn pause(&mut self) -> Result<(), KnowledgeError> {
        if !self.inner.modes.is_paused() {
            return Ok(());
        }
        if !self.batch.is_empty() && self.inner.modes.may_commit() {
            self.commit()?;
        }
        self.show("paused: the box gives up background work in its present mode", true);
        self.inner.modes.wait(|| self.inner.jobs.should_stop(self.id));
        Ok(())
    }

    /// True when the same content is indexed already, or failed already.
    fn is_known(&mut self, entry: &Entry, path: &[u8]) -> Result<bool, KnowledgeError> {
        let library = &self.inner.library;
        if let Some((id, mut document)) = library.document_at(&self.record.collection, path)? {
            if document.bytes == entry.size && document.modified_ms == entry.mtime_ms {
                return Ok(true);
            }
            if document.bytes == entry.size
                && sha256_of(&entry.path).is_ok_and(|(sha, _)| sha == document.sha256)
            {
                document.modified_ms = entry.mtime_ms;
                self.batch.touch(id, document);
                return Ok(true);
            }
            return Ok(false);
        }
        let failure = library.failure_at(&self.record.collection, path)?;
        let same = failure.is_some_and(|f| f.bytes == entry.size && f.modified_ms == entry.mtime_ms);
        self.record.files_failed += u64::from(same);
        Ok(same)
    }

    fn extract(&mut self, document: u64, entry: &Entry) -> Result<(Extracted, &'static str), Failed> {
        let name = entry.path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let limits = self.limits.clone();
        let mut held: Vec<Chunk> = Vec::new();
        let mut streaming = None;
        let mut own = None;
        let result = extract(&entry.path, &limits, &mut |chunk| {
            if self.inner.jobs.should_stop(self.id) {
                return ControlFlow::Break(());
            }
            if streaming.is_none() {
                held.push(chunk);
                if held.len() < HELD_CHUNKS {
                    return ControlFlow::Continue(());
                }
                streaming = Some(self.batch.language_of(&sample(&held)));
            } else {
                held.push(chunk);
            }
            let language = streaming.unwrap_or_default();
            match self.push(document, &name, language, &mut held) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    own = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        if let Some(error) = own {
            return Err(Failed::Own(error));
        }
        let extracted = result.map_err(Failed::Foreign)?;
        let language = streaming.unwrap_or_else(|| self.batch.language_of(&sample(&held)));
        let title = if streaming.is_some() { &name } else { &extracted.title };
        self.push(document, title, language, &mut held).map_err(Failed::Own)?;
        Ok((extracted, language.code()))
    }

    fn push(
        &mut self,
        document: u64,
        title: &str,
        language: crate::knowledge::Language,
        held: &mut Vec<Chunk>,
    ) -> Result<(), KnowledgeError> {
        for chunk in held.drain(..) {
            self.batch.push(document, title, language, chunk)?;
            self.record.chunks += 1;
            let one = self.inner.modes.effects().has(Effect::BatchOfOne);
            let most = self.inner.config.running().budgets.index_buffer / if one { SMALL_BATCH } else { 1 };
            if self.batch.held() as u64 >= most {
                self.commit()?;
            }
        }
        Ok(())
    }

    fn keep(
        &mut self,
        document: u64,
        entry: Entry,
        path: Vec<u8>,
        extracted: Extracted,
        language: &str,
        chunks_before: u64,
    ) {
        if extracted.broken_pages > 0 {
            let (path, pages) = (entry.path.display(), extracted.broken_pages);
            tracing::warn!(job = self.id, %path, pages, "pages that cannot be read were left out");
        }
        let (sha256, bytes) = sha256_of(&entry.path).unwrap_or_default();
        self.record.files_done += 1;
        self.inner.meters.document();
        self.inner.instruments.file("done");
        self.inner.instruments.ingest_bytes.add(entry.size);
        self.inner.instruments.ingest_chunks.add(self.record.chunks.saturating_sub(chunks_before));
        self.record.bytes_done += entry.size;
        self.batch.end_document(
            document,
            DocumentRecord {
                path,
                title: extracted.title,
                kind: extracted.kind.name().to_owned(),
                language: language.to_owned(),
                bytes,
                pages: extracted.pages,
                chunks: self.record.chunks - chunks_before,
                modified_ms: entry.mtime_ms,
                indexed_ms: self.inner.clock.now_ms(),
                sha256,
            },
        );
    }

    fn fail(&mut self, path: &Path, bytes: u64, modified_ms: u64, kind: &str, reason: &str, advice: &str) {
        self.record.files_failed += 1;
        self.inner.instruments.file("failed");
        tracing::warn!(job = self.id, path = %path.display(), kind, reason, "file skipped");
        self.batch.fail(
            path.as_os_str().as_bytes().to_vec(),
            FailureRecord {
                kind: kind.to_owned(),
                reason: reason.to_owned(),
                advice: advice.to_owned(),
                at_ms: self.inner.clock.now_ms(),
                bytes,
                modified_ms,
            },
        );
    }

    /// Writes nothing while the disk or the store is at fault; told to stop, it leaves the rest to the next start.
    fn commit(&mut self) -> Result<(), KnowledgeError> {
        if !self.inner.modes.may_commit() {
            let jobs = &self.inner.jobs;
            self.inner.modes.wait(|| jobs.should_stop(self.id));
            if jobs.should_stop(self.id) && !jobs.cancelled(self.id) {
                return Ok(());
            }
        }
        let (id, record) = (self.id, &self.record);
        let _span = trace::span("commit").note("spud.documents", u64::from(self.waiting));
        self.batch.commit(&|write| save(write, id, record))?;
        self.committed_ms = self.inner.clock.now_ms();
        self.waiting = 0;
        while !self.inner.modes.is_paused() && self.inner.library.merge_once(&self.record.collection)? {}
        self.inner.publish_index(&self.record.collection);
        Ok(())
    }

    fn end(&mut self) -> Result<(), KnowledgeError> {
        let cancelled = self.inner.jobs.cancelled(self.id);
        let stopped = self.inner.jobs.should_stop(self.id);
        if cancelled {
            self.record.set_state(JobState::Cancelled);
        } else if !stopped {
            self.record.set_state(JobState::Done);
        } // else it stays running in the store, and resumes
        if !stopped || cancelled {
            self.record.finished_ms = Some(self.inner.clock.now_ms());
        }
        self.commit()?;
        let r = &self.record;
        tracing::info!(
            job = self.id,
            files = r.files_done,
            skipped = r.files_skipped,
            failed = r.files_failed,
            removed = r.files_removed,
            chunks = r.chunks,
            "job ended"
        );
        Ok(())
    }

    fn show(&mut self, current: &str, now: bool) {
        let at = self.inner.clock.now_ms();
        if now || at.saturating_sub(self.shown_ms) >= SHOW_EVERY_MS {
            self.shown_ms = at;
            self.inner.jobs.show(Some((self.id, &self.record, current)));
            self.inner.publish_job(self.id, &self.record, Some(current));
        }
    }
}

enum Failed {
    /// The file's fault: it is skipped.
    Foreign(ExtractError),
    /// Ours: the job ends.
    Own(KnowledgeError),
}

fn sample(held: &[Chunk]) -> String {
    let mut text = String::new();
    for chunk in held {
        text.push_str(&chunk.text);
        text.push('\n');
        if text.len() >= SAMPLE {
            break;
        }
    }
    text
}

fn modified_ms(meta: &std::fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    u64::try_from(meta.mtime()).unwrap_or(0) * 1000
        + u64::try_from(meta.mtime_nsec()).unwrap_or(0) / 1_000_000
}

/// `/a/b` is under `/a`, but `/ab` is not.
fn under(path: &[u8], prefix: &[u8]) -> bool {
    prefix.is_empty() || path == prefix || prefix.ends_with(b"/") || path.get(prefix.len()) == Some(&b'/')
}
