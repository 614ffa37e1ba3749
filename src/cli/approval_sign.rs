//! Signed votes: the document to sign, the signature that comes back, and what an auditor takes away.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};

use super::context::Context;
use super::error::{CANNOT_CREATE, CliError};
use super::output::clean_lines;
use crate::api::client::escape;
use crate::api::host::Attached;
use crate::api::types::Page;
use crate::api::types::approval::{ApprovalDocument, SignVote, SignedVote};
use crate::base::format_time;

/// A signature file has some 300 bytes.
const SIGNATURE_BYTES: u64 = 8 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Choice {
    Approve,
    Reject,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Print what you sign for a vote: ssh-keygen -Y sign -n spud-approval -f KEY FILE
    Document {
        id: String,
        /// What the vote will say
        #[arg(long, value_name = "DECISION", default_value = "approve")]
        decision: Choice,
    },
    /// Write every signed vote on it to a folder, to be verified with ssh-keygen alone
    Export {
        id: String,
        /// A folder; made where there is none
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
    },
}

pub(super) fn run(verb: Verb, link: &mut Attached, context: &mut Context) -> Result<u8, CliError> {
    match verb {
        Verb::Document { id, decision } => {
            let decision = if decision == Choice::Approve { "approve" } else { "reject" }.to_owned();
            let path = format!("/v1/approvals/{}/document", escape(&id));
            let made: ApprovalDocument = link.send("POST", &path, &SignVote { decision })?;
            if context.json {
                context.print_json(&made)?;
                return Ok(0);
            }
            // Byte by byte: a line more or less is another document.
            context.out.line(made.document.trim_end_matches('\n'))?;
            context.remark(&format!(
                "Sign it until {} UTC: ssh-keygen -Y sign -n {} -f KEY FILE; then spud approval {} {id} --reason WHY \
                 --signature FILE.sig",
                format_time(made.expires_ms),
                made.namespace,
                made.decision
            ));
        }
        Verb::Export { id, to } => {
            let page: Page<SignedVote> = link.get(&format!("/v1/approvals/{}/signatures", escape(&id)))?;
            let said = export(&page.items, &to).map_err(|error| {
                let what = format!("{} cannot be written: {error}", to.display());
                CliError::new(CANNOT_CREATE, what, "name a folder that you may write")
            })?;
            if context.json {
                context.print_json(&page)?;
            } else {
                context.out.line(clean_lines(&said).trim_end())?;
            }
        }
    }
    Ok(0)
}

/// What is in a `.sig` file.
pub(super) fn signature(file: &Path) -> Result<String, CliError> {
    let read = || {
        if fs::metadata(file)?.len() > SIGNATURE_BYTES {
            return Err(std::io::Error::other("it is too long for a signature"));
        }
        fs::read_to_string(file)
    };
    read().map_err(|error| CliError::input(file, &error))
}

/// Writes them; gives the commands that verify them.
fn export(votes: &[SignedVote], to: &Path) -> std::io::Result<String> {
    if votes.is_empty() {
        return Ok("No vote on it was signed.".to_owned());
    }
    fs::create_dir_all(to)?;
    let mut allowed: Vec<String> = Vec::new();
    for vote in votes {
        write(&to.join(vote.file()), &vote.document)?;
        write(&to.join(format!("{}.sig", vote.file())), &vote.signature)?;
        let line = vote.allowed_signer();
        if !allowed.contains(&line) {
            allowed.push(line);
        }
    }
    write(&to.join("allowed_signers"), &allowed.concat())?;
    let mut said = format!("cd {}\n", to.display());
    for vote in votes {
        let SignedVote { voter, namespace, .. } = vote;
        let name = vote.file();
        said.push_str(&format!(
            "ssh-keygen -Y verify -n {namespace} -f allowed_signers -I {voter} -s {name}.sig <{name}\n"
        ));
    }
    Ok(said)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut file = fs::File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
