//! The site's policies as they come into force: at the start, when a file changed, and when somebody asks.
//!
//! Where `approval.subjects` has `policies`, the set in force stays the one that was taken last (it is kept in
//! `control.redb`), whatever the files say: somebody asks for the files as they are, and others vote on their digest.
//! Without any set of before, the first one is taken as it is: nobody was there to vote. Root gets out of a set that
//! locks everybody out by taking `policies` out of `approval.subjects` in the configuration file; the log tells.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Access, Entry, State, hash_in, sources};
use crate::api::types::access::TakePolicies;
use crate::base::ordered_map;
use crate::config::Effective;
use crate::engine::run::Inner;
use crate::engine::{EngineError, trail};
use crate::governance::access::Shelf;
use crate::governance::policy::{PolicyError, PolicyProblem, PolicySet, Source};
use crate::store::Control;
use crate::store::crypt::random;

/// Word of `approval.subjects`.
pub(super) const SUBJECT: &str = "policies";

/// True where changed policies wait for votes.
pub(in crate::engine) fn wait_for_votes(running: &Effective) -> bool {
    running.list("approval.subjects").iter().any(|one| one == SUBJECT)
}

/// What the files are, beside what is in force.
enum Files {
    Same,
    New(PolicySet, Vec<Source>),
    Wrong(PolicyError),
}

fn look(access: &Access) -> Files {
    match sources::read(&access.folders).and_then(|site| Ok((sources::load(&site)?, site))) {
        Ok((set, _)) if set.digest() == access.state().set.digest() => Files::Same,
        Ok((set, site)) => Files::New(set, site),
        Err(error) => Files::Wrong(error),
    }
}

/// Told where the files are fine, and not in force.
fn waiting(folders: &[PathBuf], set: &PolicySet) -> PolicyProblem {
    let file = folders.first().map_or_else(String::new, |folder| folder.display().to_string());
    let what = format!(
        "the files (digest {}) are not in force: policies wait for votes here; ask for them: spud policy reload",
        set.digest()
    );
    PolicyProblem { file, line: 0, column: 0, what }
}

fn note(state: &mut State, problems: &[PolicyProblem]) {
    if state.problems != problems {
        for problem in problems {
            tracing::warn!(%problem, "the site's policies were not taken up: what held before goes on");
        }
        state.problems = problems.to_vec();
    }
}

impl Access {
    /// Looks at the files again; a wrong set is refused, and so is one that must be voted on.
    pub(in crate::engine) fn reload(&self, inner: &Inner) {
        match look(self) {
            Files::New(set, _) if wait_for_votes(&inner.config.running()) => {
                note(&mut self.state(), &[waiting(&self.folders, &set)]);
            }
            Files::New(set, site) => self.take(inner, set, site, None),
            Files::Same => self.state().problems.clear(),
            Files::Wrong(error) => note(&mut self.state(), error.problems()),
        }
    }

    /// Takes a set up; `told` is the entry of whoever asked for it.
    fn take(&self, inner: &Inner, set: PolicySet, site: Vec<Source>, told: Option<&Entry>) {
        tracing::info!(digest = set.digest(), policies = set.policies().len(), "policies were read again");
        let by_box = || trail::entry(inner, "policy.loaded", trail::BOX, (SUBJECT, set.digest()));
        let told = told.cloned().unwrap_or_else(by_box);
        let hash = hash_in(set.digest());
        let mut state = self.state();
        let told = Entry {
            subject: (SUBJECT.into(), set.digest().to_owned()),
            before: hash_in(state.set.digest()),
            after: hash,
            policy: hash,
            ..told
        };
        if let Some(control) = inner.config_history()
            && let Err(error) = Shelf::keep_policies(control, &site, trail::also(Some(&told)))
        {
            tracing::error!(%error, "the policies hold now but could not be kept");
        }
        state.problems.clear();
        (state.set, state.site) = (Arc::new(set), site);
        state.forget();
    }
}

/// Takes the files as they are, as somebody asked; where others voted on it, the digest that they saw.
pub(super) fn take(inner: &Inner, request: &TakePolicies, told: Option<&Entry>) -> Result<(), EngineError> {
    let access = &inner.access;
    let found = look(access);
    let digest = match &found {
        Files::Same => Some(access.state().set.digest().to_owned()),
        Files::New(set, _) => Some(set.digest().to_owned()),
        Files::Wrong(_) => None,
    };
    if request.digest.is_some() && request.digest != digest {
        return Err(EngineError::Conflict {
            what: "the files of policies are not any more what was asked for".into(),
            advice: "ask for them as they are now: spud policy reload".into(),
        });
    }
    match found {
        Files::New(set, site) => access.take(inner, set, site, told),
        Files::Same => access.state().problems.clear(),
        Files::Wrong(error) => note(&mut access.state(), error.problems()),
    }
    Ok(())
}

/// Digest of files that are fine and not in force, and what they would change; `None` where there is nothing to ask for.
pub(in crate::engine) fn proposed(inner: &Inner) -> Option<(String, String)> {
    let Files::New(set, _) = look(&inner.access) else { return None };
    let now = Arc::clone(&inner.access.state().set);
    let (before, after) = (texts(&now), texts(&set));
    let mut diff = String::new();
    let mut lines = |mark: char, id: &str, text: &str| {
        diff.push_str(&format!("{mark} policy {id}\n"));
        for line in text.lines() {
            diff.push_str(&format!("{mark} {line}\n"));
        }
    };
    for (id, text) in before.iter().filter(|(id, text)| after.get(*id) != Some(*text)) {
        lines('-', id, text);
    }
    for (id, text) in after.iter().filter(|(id, text)| before.get(*id) != Some(*text)) {
        lines('+', id, text);
    }
    if diff.is_empty() {
        diff.push_str("  the same policies in other files or another order");
    }
    Some((set.digest().to_owned(), diff))
}

/// Policies by id.
pub(super) fn texts(set: &PolicySet) -> BTreeMap<String, String> {
    ordered_map(set.policies().iter().map(|policy| (policy.id.to_string(), policy.text.clone())))
}

type Started = (PolicySet, Vec<Source>, Vec<PolicyProblem>);

/// The set in force at a start.
pub(super) fn at_start(
    folders: &[PathBuf],
    control: Option<&Control>,
    now_ms: u64,
    votes: bool,
) -> Result<Started, EngineError> {
    let before = match control.map(Shelf::policies) {
        Some(Ok(before)) => before,
        // What was voted on is not replaced by what lies in a folder.
        Some(Err(error)) if votes => return Err(unreadable(&error.to_string())),
        Some(Err(error)) => {
            tracing::error!(%error, "the policies of before cannot be read");
            None
        }
        None => None,
    };
    let read = sources::read(folders).and_then(|site| Ok((sources::load(&site)?, site)));
    if votes && let Some(before) = before {
        let set = sources::load(&before).map_err(|error| unreadable(&error.to_string()))?;
        let problems = match read {
            Ok((files, _)) if files.digest() == set.digest() => Vec::new(),
            Ok((files, _)) => vec![waiting(folders, &files)],
            Err(error) => error.problems().to_vec(),
        };
        return Ok((set, before, problems));
    }
    let error = match read {
        Ok((set, site)) => {
            let told = before.as_ref().map_or(!site.is_empty(), |before| *before != site);
            let hash = hash_in(set.digest());
            let entry = Entry::new(now_ms, random(), "policy.loaded", trail::BOX, (SUBJECT, set.digest()));
            let entry = Entry { after: hash, policy: hash, ..entry };
            // That there are none is kept, too: files that come later are a change.
            if let Some(control) = control.filter(|_| told || before.is_none())
                && let Err(error) = Shelf::keep_policies(control, &site, trail::also(told.then_some(&entry)))
            {
                tracing::warn!(%error, "the policies hold now but could not be kept");
            }
            return Ok((set, site, Vec::new()));
        }
        Err(error) => error,
    };
    if let Some(before) = before
        && let Ok(set) = sources::load(&before)
    {
        tracing::error!(%error, "the site's policies are wrong: those that were valid last go on");
        return Ok((set, before, error.problems().to_vec()));
    }
    Err(EngineError::Invalid {
        what: format!("the site's policies are wrong, and there are none of before:\n{error}"),
        advice: "mend the file, or move it out of the folder; `spud policy check FILE` on another box tells the same"
            .into(),
    })
}

fn unreadable(error: &str) -> EngineError {
    EngineError::Invalid {
        what: format!("the policies that were voted on cannot be used: {error}"),
        advice:
            "restore a backup, or take `policies` out of approval.subjects in the configuration file: the \
                 files in the folder hold then, without votes"
                .into(),
    }
}
