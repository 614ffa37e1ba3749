//! What `spud audit` reads and writes as files: checkpoints, keys, exports.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path};

use serde_json::json;

use super::context::Context;
use super::error::{CANNOT_CREATE, CliError, DATA_ERROR, TRY_AGAIN};
use super::operation;
use crate::api::client::escape;
use crate::api::host::{self, HostError};
use crate::api::types::{AnchorAudit, AuditCheckpoint, AuditEntry, AuditTiles, Page};
use crate::base::{Clock, SystemClock};

/// A file of text, or standard input for `-`.
pub(super) fn text(file: &Path) -> Result<String, CliError> {
    String::from_utf8(operation::read(file)?).map_err(|_| {
        CliError::new(DATA_ERROR, format!("{} is no text", file.display()), "checkpoints and keys are text")
    })
}

pub(super) fn wrong(error: &HostError) -> CliError {
    CliError::new(DATA_ERROR, error.to_string(), error.advice())
}

fn cannot_write(path: &Path, error: &std::io::Error) -> CliError {
    CliError::new(CANNOT_CREATE, format!("{} cannot be written: {error}", path.display()), "check the folder")
}

pub(super) fn cosign(
    file: &Path,
    key: &Path,
    log: Option<&str>,
    context: &mut Context,
) -> Result<(), CliError> {
    let now_s = SystemClock::default().now_ms() / 1000;
    let signed = host::cosign(&text(file)?, &text(key)?, log, now_s).map_err(|error| wrong(&error))?;
    if log.is_none() {
        context.remark("nobody checked that the box signed it: give its public key with --log");
    }
    context.out.line(signed.trim_end_matches('\n'))
}

pub(super) fn anchor(
    file: &Path,
    cosigners: Vec<String>,
    context: &mut Context,
) -> Result<AuditCheckpoint, CliError> {
    let request = AnchorAudit { note: text(file)?, cosigners };
    Ok(context.connect_known()?.send("POST", "/v1/audit/anchors", &request)?)
}

/// Makes a key, or reads one; the public key is printed.
pub(super) fn key(file: &Path, name: Option<&str>, context: &mut Context) -> Result<(), CliError> {
    let public = match name {
        None => host::cosigner_key(&text(file)?).map_err(|error| wrong(&error))?,
        Some(name) => {
            let (secret, public) = host::new_cosigner(name).map_err(|error| wrong(&error))?;
            let write = || -> std::io::Result<()> {
                // One that is there already is not lost.
                let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
                writeln!(out, "{secret}")?;
                out.sync_all()
            };
            write().map_err(|error| cannot_write(file, &error))?;
            public
        }
    };
    context.out.line(&public)
}

/// One entry a line, oldest first.
pub(super) fn export_lines(context: &mut Context) -> Result<(), CliError> {
    let mut link = context.connect_known()?;
    let mut cursor = 0;
    loop {
        let target = format!("/v1/audit/entries?oldest_first=1&limit=500&cursor={cursor}");
        let page: Page<AuditEntry> = link.get(&target)?;
        for entry in &page.items {
            let line = serde_json::to_string(entry).map_err(std::io::Error::from)?;
            context.out.line(&line)?;
        }
        match page.next.and_then(|next| next.parse::<u64>().ok()).filter(|next| *next > cursor) {
            Some(next) => cursor = next,
            None => return Ok(()),
        }
    }
}

/// Checkpoint and tiles, the checkpoint last: whoever finds it finds all that it names.
pub(super) fn export_tiles(folder: &Path, context: &mut Context) -> Result<(), CliError> {
    let mut link = context.connect_known()?;
    let mut page: AuditTiles = link.get("/v1/audit/tiles")?;
    let (size, checkpoint) = (page.size, page.checkpoint.clone());
    let mut files = 0;
    loop {
        for path in &page.paths {
            let is_below = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
            if !is_below {
                let what = format!("the box named a file outside of the folder: {path}");
                return Err(CliError::new(DATA_ERROR, what, "the daemon may be of another version"));
            }
            let bytes = link.bytes(&format!("/v1/audit/tile?path={}", escape(path)))?;
            put(&folder.join(path), &bytes)?;
            files += 1;
        }
        let Some(next) = page.next.take() else { break };
        page = link.get(&format!("/v1/audit/tiles?cursor={}", escape(&next)))?;
        if page.size != size {
            let what = "the log was signed again meanwhile";
            return Err(CliError::new(TRY_AGAIN, what, "export it once more"));
        }
    }
    put(&folder.join("checkpoint"), checkpoint.as_bytes())?;
    if context.json {
        return context.print_json(&json!({"entries": size, "files": files + 1, "folder": folder}));
    }
    context.out.line(&format!("{size} entries in {} files below {}", files + 1, folder.display()))
}

pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut out = BufWriter::new(File::create(path)?);
        out.write_all(bytes)?;
        out.flush()
    };
    write().map_err(|error| cannot_write(path, &error))
}
