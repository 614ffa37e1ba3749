//! The folder that an auditor verifies without spud: envelopes, entries, proofs, checkpoint, key, script, manifest.
//!
//! Invariant: the same log, checkpoint, key and times give the same bytes, as long as no text was erased meanwhile.

use std::fs;
use std::path::{Path, PathBuf};

use super::approval_sign;
use super::audit_files::put;
use super::context::Context;
use super::error::{CANNOT_CREATE, CliError, DATA_ERROR};
use super::evidence::Range;
use crate::api::client::escape;
use crate::api::host::{self, Attached};
use crate::api::types::evidence::{Evidence, EvidenceDetail};
use crate::api::types::{AuditCheckpoint, AuditStatus, Page};
use crate::asset;
use crate::base::{InOrder, format_second};

const MANIFEST: &str = "SHA256SUMS";

/// What was written: paths below the folder with their SHA-256.
struct Bundle<'a> {
    folder: &'a Path,
    written: Vec<(String, String)>,
}

impl Bundle<'_> {
    fn put(&mut self, name: &str, text: &str) -> Result<(), CliError> {
        put(&self.folder.join(name), text.as_bytes())?;
        self.written.push((name.to_owned(), host::sha256(text.as_bytes())));
        Ok(())
    }

    /// The manifest, last: whoever finds it finds all that it names.
    fn finish(mut self) -> Result<usize, CliError> {
        self.written.order();
        let lines: String = self.written.iter().map(|(name, hash)| format!("{hash}  {name}\n")).collect();
        put(&self.folder.join(MANIFEST), lines.as_bytes())?;
        Ok(self.written.len() + 1)
    }
}

pub(super) fn write(
    folder: &Path,
    range: &Range,
    size: Option<u64>,
    context: &mut Context,
) -> Result<(), CliError> {
    empty(folder)?;
    let mut link = context.connect_known()?;
    let checkpoint = checkpoint(&mut link, size, context)?;
    let mut bundle = Bundle { folder, written: Vec::new() };
    // The first page says what the rest is for.
    let (mut cursor, mut bundled) = (checkpoint.size.to_string(), Some("1"));
    let (mut index, mut votes) = (Vec::new(), Vec::new());
    let mut keys = None;
    loop {
        let target = format!(
            "/v1/evidence?limit=500{}",
            range.query(&[("cursor", Some(&cursor)), ("bundle", bundled)])
        );
        bundled = None;
        let page: Page<Evidence> = link.get(&target)?;
        for one in page.items {
            let target = format!("/v1/evidence/{}?size={}", escape(&one.id), checkpoint.size);
            let detail: EvidenceDetail = link.get(&target)?;
            statement(&mut bundle, &one, &detail)?;
            index.push(row(&one));
            votes.extend(detail.vote.filter(|vote| !votes.contains(vote)));
            keys = Some((detail.key_pem, detail.key_openssh));
        }
        match page.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    let Some((pem, openssh)) = keys else {
        let what = format!("there is no evidence of that time in the first {} entries", checkpoint.size);
        return Err(CliError::new(DATA_ERROR, what, "`spud evidence list` shows what there is"));
    };
    let count = index.len();
    index.reverse();
    bundle.put("index.csv", &format!("seq,at,topic,what,by,to\n{}", index.concat()))?;
    for (name, text) in approval_sign::files(&votes) {
        bundle.put(&format!("votes/{name}"), text)?;
    }
    if !votes.is_empty() {
        bundle.put("votes/allowed_signers", &approval_sign::allowed_signers(&votes))?;
    }
    bundle.put("checkpoint", &checkpoint.note)?;
    bundle.put("key.pem", &pem)?;
    bundle.put("key.pub", &openssh)?;
    bundle.put("README.md", &asset!("evidence/README.md"))?;
    bundle.put("verify.sh", &asset!("evidence/verify.sh"))?;
    let files = bundle.finish()?;
    let folder = folder.display();
    let signed = if votes.is_empty() { String::new() } else { format!(" and {} signed votes", votes.len()) };
    context
        .out
        .line(&format!("{count} statements{signed} in {files} files below {folder}: sh {folder}/verify.sh"))
}

/// Nothing is written over.
fn empty(folder: &Path) -> Result<(), CliError> {
    let is_used = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if is_used || folder.is_file() {
        let what = format!("{} is not empty", folder.display());
        return Err(CliError::new(CANNOT_CREATE, what, "name a new folder"));
    }
    Ok(())
}

/// The checkpoint of this size, or the newest.
fn checkpoint(
    link: &mut Attached,
    size: Option<u64>,
    context: &Context,
) -> Result<AuditCheckpoint, CliError> {
    let advice = "make one: spud audit checkpoint; `spud audit checkpoints` shows them";
    if let Some(size) = size {
        let target = format!("/v1/audit/checkpoints?cursor={}", size.saturating_add(1));
        let page: Page<AuditCheckpoint> = link.get(&target)?;
        let found = page.items.into_iter().next().filter(|found| found.size == size);
        return found.ok_or_else(|| {
            CliError::new(DATA_ERROR, format!("there is no checkpoint of {size} entries"), advice)
        });
    }
    let status: AuditStatus = link.get("/v1/audit")?;
    if status.unsigned > 0 {
        context.remark(&format!("the newest {} entries are under no checkpoint yet", status.unsigned));
    }
    status.checkpoint.ok_or_else(|| CliError::new(DATA_ERROR, "the log has no checkpoint yet", advice))
}

fn statement(bundle: &mut Bundle<'_>, one: &Evidence, detail: &EvidenceDetail) -> Result<(), CliError> {
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain(&one.id) || !plain(&one.topic) {
        let what = "the box named a file outside of the folder";
        return Err(CliError::new(DATA_ERROR, what, "the daemon may be of another version"));
    }
    let name = |folder: &str, rest: &str| PathBuf::from(folder).join(rest).display().to_string();
    bundle.put(
        &name("envelopes", &format!("{}-{}.json", one.id, one.topic)),
        &format!("{}\n", detail.envelope),
    )?;
    bundle.put(&name("entries", &format!("{}.json", one.id)), &detail.leaf)?;
    let hashes: String = detail.hashes.iter().map(|hash| format!("{hash}\n")).collect();
    bundle.put(&name("proofs", &format!("{}.txt", one.id)), &hashes)
}

/// A line of the table; what a spreadsheet would take for a formula is quoted as text.
fn row(one: &Evidence) -> String {
    let quoted = |text: &str| {
        let formula = text.starts_with(['=', '+', '-', '@']);
        format!(
            "\"{}{}\"",
            if formula { "'" } else { "" },
            text.replace('"', "\"\"").replace(['\n', '\r'], " ")
        )
    };
    let to = format!("{} {}", one.subject_kind, one.subject);
    let cells = [&one.topic, &one.what, &one.by].map(|text| quoted(text)).join(",");
    format!("{},{},{cells},{}\n", one.id, format_second(one.at_ms), quoted(to.trim()))
}
