//! `spud audit ...`: what was done, and proof that nobody changed it since.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::audit_files;
use super::context::Context;
use super::error::{CliError, FAILED};
use super::output::clean;
use crate::api::client::escape;
use crate::api::types::{
    AuditCheckpoint, AuditConsistency, AuditEntry, AuditInclusion, AuditStatus, AuditVerdict, EraseAudit,
    Page, VerifyAudit,
};
use crate::base::format_time;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Show the size, the newest checkpoint, and how many entries nobody else has signed for
    Status,
    /// List what was done, newest first
    List(Filters),
    /// List entries with these words in them: in a kind, an id, a reason, a path
    Search {
        text: String,
        #[command(flatten)]
        filters: Filters,
    },
    /// Show one entry with its texts and its leaf
    Show { seq: u64 },
    /// Make every leaf and node again, and check every checkpoint and signature
    Verify {
        /// The log must begin as this checkpoint says, which was kept elsewhere
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// Prove that an entry is in the log (C2SP tlog-proof), or that a checkpoint is its beginning (JSON)
    Prove {
        #[arg(required_unless_present = "from", conflicts_with = "from")]
        seq: Option<u64>,
        /// Size of the log that is meant; else that of its newest checkpoint
        #[arg(long, value_name = "N")]
        size: Option<u64>,
        /// Prove that the log of this size is the beginning
        #[arg(long, value_name = "SIZE")]
        from: Option<u64>,
    },
    /// Sign the log as it stands, and print the checkpoint
    Checkpoint,
    /// List the checkpoints, newest first
    Checkpoints,
    /// Sign the checkpoint of a box, too; needs no box here
    Cosign {
        /// A checkpoint, or - for standard input
        file: PathBuf,
        /// Secret key of the cosigner, see `spud audit key`
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Public key of the log: it must have signed the checkpoint
        #[arg(long, value_name = "KEY")]
        log: Option<String>,
    },
    /// Take in a checkpoint that others signed, too
    Anchor {
        /// A checkpoint, or - for standard input
        file: PathBuf,
        /// Public key of a cosigner, believed from now on (again for more)
        #[arg(long, value_name = "KEY")]
        cosigner: Vec<String>,
    },
    /// Make the key of a cosigner, or show the public key of one; needs no box here
    Key {
        file: PathBuf,
        /// Make a new one of this name, such as laptop.example/anna
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// Erase the texts of an entry; its hashes and every proof stay
    ///
    /// The same words go from the request, model (a hold, too), use case with its revisions, incident, grant, reviews of
    /// roles or principal that they were said of. The report of a review that was closed says so, and is no longer the
    /// one whose SHA-256 `review.closed` names. They stay in other entries, in what a voter signed, in histories of modes,
    /// settings and the queue, in backups that were made before, and in freed pages until `spud compact`.
    Erase {
        seq: u64,
        /// Why: kept in the log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Write the log out: as JSON lines, or as files of the C2SP tlog-tiles layout
    Export {
        /// Write checkpoint and tiles into this folder
        #[arg(long, value_name = "DIR")]
        tiles: Option<PathBuf>,
    },
}

/// Which entries.
#[derive(Debug, Args)]
pub(super) struct Filters {
    /// A kind, or its first words: mode, config.set
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Who: uid:1000, box
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
    /// Kind or id of what it was done to, or KIND:ID
    #[arg(long, value_name = "WHAT")]
    subject: Option<String>,
    /// begun, done, denied or failed
    #[arg(long, value_name = "WORD")]
    outcome: Option<String>,
    /// From this time on (UTC): 2026-03-01, 2026-03-01T08:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before this time (UTC)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Continue a list: what it gave as next
    #[arg(long, value_name = "SEQ")]
    cursor: Option<String>,
    /// At most so many
    #[arg(short, long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    n: u64,
}

impl Filters {
    fn target(&self, text: Option<&str>) -> String {
        let pairs = [
            ("kind", self.kind.as_deref()),
            ("actor", self.actor.as_deref()),
            ("subject", self.subject.as_deref()),
            ("outcome", self.outcome.as_deref()),
            ("since", self.since.as_deref()),
            ("until", self.until.as_deref()),
            ("cursor", self.cursor.as_deref()),
            ("text", text),
        ];
        let given = pairs.iter().filter_map(|(name, value)| Some((name, (*value)?)));
        let query: String = given.map(|(name, value)| format!("&{name}={}", escape(value))).collect();
        format!("/v1/audit/entries?limit={}{query}", self.n)
    }
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    match verb {
        Verb::Status => status(context)?,
        Verb::List(filters) => list(&filters.target(None), context)?,
        Verb::Search { text, filters } => list(&filters.target(Some(&text)), context)?,
        Verb::Show { seq } => {
            let entry: AuditEntry = context.connect_known()?.get(&format!("/v1/audit/entries/{seq}"))?;
            show(&entry, context)?;
        }
        Verb::Verify { checkpoint } => return verify(checkpoint, context),
        Verb::Prove { seq: Some(seq), size, .. } => prove(seq, size, context)?,
        Verb::Prove { from, size, .. } => {
            let size = size.map_or(String::new(), |size| format!("&size={size}"));
            let target = format!("/v1/audit/consistency?from={}{size}", from.unwrap_or(0));
            let proof: AuditConsistency = context.connect_known()?.get(&target)?;
            context.print_json(&proof)?;
        }
        Verb::Checkpoint => {
            let made: AuditCheckpoint =
                context.connect_known()?.send("POST", "/v1/audit/checkpoints", &())?;
            checkpoint(&made, context)?;
        }
        Verb::Checkpoints => checkpoints(context)?,
        Verb::Cosign { file, key, log } => audit_files::cosign(&file, &key, log.as_deref(), context)?,
        Verb::Anchor { file, cosigner } => {
            let made = audit_files::anchor(&file, cosigner, context)?;
            checkpoint(&made, context)?;
        }
        Verb::Key { file, name } => audit_files::key(&file, name.as_deref(), context)?,
        Verb::Erase { seq, reason } => {
            let target = format!("/v1/audit/entries/{seq}/erase");
            let entry: AuditEntry = context.connect_known()?.send("POST", &target, &EraseAudit { reason })?;
            show(&entry, context)?;
            context.remark(
                "erased here and from what the entry is about; other entries (spud audit search), signed votes and backups \
                 keep the same words",
            );
        }
        Verb::Export { tiles: Some(folder) } => audit_files::export_tiles(&folder, context)?,
        Verb::Export { tiles: None } => audit_files::export_lines(context)?,
    }
    Ok(0)
}

fn status(context: &mut Context) -> Result<(), CliError> {
    let status: AuditStatus = context.connect_known()?.get("/v1/audit")?;
    if context.json {
        return context.print_json(&status);
    }
    let mut lines = vec![("entries", status.size.to_string()), ("root", status.root.clone())];
    if let Some(origin) = &status.origin {
        lines.push(("log", origin.clone()));
    }
    if let Some(key) = &status.key {
        lines.push(("key", key.clone()));
    }
    let signed = status.checkpoint.as_ref().map_or_else(
        || "never: spud audit checkpoint".to_owned(),
        |made| format!("{} entries, {} UTC", made.size, format_time(made.at_ms)),
    );
    lines.push(("signed", signed));
    lines.push(("unsigned", format!("{} entries", status.unsigned)));
    lines.push(("unanchored", format!("{} entries", status.unanchored)));
    if let Some(anchor) = &status.anchored {
        let line = format!("{} entries by {}, {} UTC", anchor.size, anchor.name, format_time(anchor.at_ms));
        lines.push(("anchored", line));
    }
    lines.extend(status.cosigners.iter().map(|key| ("cosigner", key.clone())));
    for (name, value) in lines {
        context.out.line(&format!("{name:<11}{}", clean(&value)))?;
    }
    Ok(())
}

fn list(target: &str, context: &mut Context) -> Result<(), CliError> {
    let page: Page<AuditEntry> = context.connect_known()?.get(target)?;
    if context.json {
        return context.print_json(&page);
    }
    if page.items.is_empty() && page.next.is_none() {
        return context.out.line("None.");
    }
    let row = |entry: &AuditEntry| {
        vec![
            entry.seq.clone(),
            format_time(entry.at_ms),
            entry.kind.clone(),
            entry.actor.clone(),
            entry.subject_words(),
            entry.outcome.clone(),
            entry.text_words(),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["SEQ", "AT (UTC)", "KIND", "WHO", "WHAT", "OUTCOME", "TEXT"], &rows)?;
    if let Some(next) = &page.next {
        context.remark(&format!("there may be more: --cursor {next}"));
    }
    Ok(())
}

fn show(entry: &AuditEntry, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(entry);
    }
    let some = |value: &Option<String>| value.clone().unwrap_or_default();
    let fields = [
        ("seq", entry.seq.clone()),
        ("at", format!("{} UTC", format_time(entry.at_ms))),
        ("kind", entry.kind.clone()),
        ("actor", entry.actor.clone()),
        ("subject", entry.subject_words()),
        ("outcome", entry.outcome.clone()),
        ("of", some(&entry.of)),
        ("before", some(&entry.before)),
        ("after", some(&entry.after)),
        ("mode", entry.mode.clone()),
        ("request", entry.request.clone()),
        ("policy", some(&entry.policy)),
    ];
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        context.out.line(&format!("{name:<11}{}", clean(value)))?;
    }
    for text in &entry.texts {
        let said = text.text.clone().unwrap_or_else(|| format!("erased; sha256 {}", text.sha256));
        context.out.line(&format!("{:<11}{}", clean(&text.name), clean(&said)))?;
    }
    context.out.line(&format!("{:<11}{}", "leaf hash", entry.leaf_hash))?;
    context.out.line(&format!("{:<11}{}", "leaf", clean(&entry.leaf)))
}

fn verify(checkpoint: Option<PathBuf>, context: &mut Context) -> Result<u8, CliError> {
    let checkpoint = checkpoint.map(|file| audit_files::text(&file)).transpose()?;
    let request = VerifyAudit { checkpoint };
    let verdict: AuditVerdict = context.connect_known()?.send("POST", "/v1/audit/verify", &request)?;
    let code = if verdict.ok { 0 } else { FAILED };
    if context.json {
        context.print_json(&verdict)?;
        return Ok(code);
    }
    let AuditVerdict { size, nodes, checkpoints, erased, unanchored, .. } = &verdict;
    context.out.line(&format!(
        "verified {size} entries ({erased} with erased texts), {nodes} nodes, {checkpoints} checkpoints"
    ))?;
    for problem in &verdict.problems {
        let line = context.out.paint.bad(&clean(problem));
        context.out.line(&line)?;
    }
    if verdict.ok {
        context.out.line("Everything is as it was entered.")?;
    }
    if let Some(size) = verdict.holds_since {
        context.out.line(&format!("The first {size} entries are those of the checkpoint."))?;
    }
    context.out.line(&format!("unanchored: {unanchored} entries"))?;
    Ok(code)
}

fn prove(seq: u64, size: Option<u64>, context: &mut Context) -> Result<(), CliError> {
    let size = size.map_or(String::new(), |size| format!("?size={size}"));
    let target = format!("/v1/audit/entries/{seq}/proof{size}");
    let found: AuditInclusion = context.connect_known()?.get(&target)?;
    match &found.proof {
        Some(proof) if !context.json => {
            context.remark("the leaf is what `spud audit show --json` gives as leaf");
            context.out.line(proof.trim_end_matches('\n'))
        }
        _ => context.print_json(&found),
    }
}

fn checkpoint(made: &AuditCheckpoint, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(made);
    }
    context.out.line(made.note.trim_end_matches('\n'))
}

fn checkpoints(context: &mut Context) -> Result<(), CliError> {
    let page: Page<AuditCheckpoint> = context.connect_known()?.get("/v1/audit/checkpoints")?;
    if context.json {
        return context.print_json(&page);
    }
    if page.items.is_empty() {
        return context.out.line("None.");
    }
    let row = |made: &AuditCheckpoint| {
        let names: Vec<&str> = made.cosigned.iter().map(|anchor| anchor.name.as_str()).collect();
        let root = made.note.lines().nth(2).unwrap_or_default().to_owned();
        vec![made.size.to_string(), format_time(made.at_ms), root, names.join(", ")]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["ENTRIES", "AT (UTC)", "ROOT", "COSIGNED BY"], &rows)
}
