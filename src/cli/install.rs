//! `spud install`: spud as a system service. Every step can be seen before it is done, and doing it again changes
//! nothing that stands already.

use std::fs::{self, DirBuilder, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use super::context::Context;
use super::error::{CANNOT_CREATE, CliError, FAILED, NO_PERMISSION};
use crate::api::host;
use crate::api::types::Hardware;

const SERVICE: &str = include_str!("../../assets/systemd/spud.service");
const SOCKET: &str = include_str!("../../assets/systemd/spud.socket");
/// sysusers.d(5)
const USER: &str = "u spud - \"spud knowledge appliance\" /var/lib/spud\n";
const SETTINGS: &str = "# Settings of spud on this box. `spud config show --all` lists them with their defaults,\n\
    # `spud config set KEY VALUE` changes this file, `spud config templates` gives a start.\n";

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["dry_run", "apply"]))]
pub(super) struct InstallArgs {
    /// Show every step and the files it writes
    #[arg(long)]
    dry_run: bool,
    /// Do it (as root)
    #[arg(long)]
    apply: bool,
    /// Write below this folder, and start nothing: for images
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// The program that the service runs; this one where it is not given
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

/// One step, shown or done.
enum Step {
    Folder {
        path: PathBuf,
        mode: u32,
        owned: bool,
    },
    File {
        path: PathBuf,
        text: String,
        mode: u32,
        owned: bool,
        keep: bool,
    },
    /// The first that is there and succeeds is enough.
    Run {
        any_of: Vec<Vec<&'static str>>,
    },
}

pub(super) fn run(args: &InstallArgs, context: &mut Context) -> Result<u8, CliError> {
    let binary = match &args.binary {
        Some(path) => path.clone(),
        None => std::env::current_exe().map_err(|error| {
            CliError::new(FAILED, format!("this program is not found: {error}"), "give --binary")
        })?,
    };
    if !binary.is_absolute() || binary.to_string_lossy().contains(char::is_whitespace) {
        let what = format!("{} cannot stand in a unit", binary.display());
        return Err(CliError::usage(what, "give --binary an absolute path without spaces"));
    }
    let steps = steps(&args.root, &service(&binary, context)?);
    if args.dry_run {
        return show(&steps, context);
    }
    if args.root == Path::new("/") && !rustix::process::geteuid().is_root() {
        let what = "installing a service is root's work";
        return Err(CliError::new(
            NO_PERMISSION,
            what,
            "sudo spud install --apply, or --root DIR for an image",
        ));
    }
    for step in &steps {
        let done = apply(step, args)?;
        context.out.line(&done)?;
    }
    context.remark("Done. `systemctl status spud` shows it, `spud status` asks it.");
    Ok(0)
}

/// The unit with the program and the memory limits of the tier that fits this box.
fn service(binary: &Path, context: &Context) -> Result<String, CliError> {
    let mut link = host::scratch(&context.options, None)?;
    let hardware: Hardware = link.get("/v1/hardware")?;
    let limit =
        |name: &str| hardware.budgets.iter().find(|gauge| gauge.name == name).map_or(0, |gauge| gauge.limit);
    let mib = |bytes: u64| format!("{}M", bytes.div_ceil(1 << 20).max(64));
    let (memory, extractor) = (limit("memory"), limit("extractor_memory"));
    Ok(SERVICE
        .replace("@BINARY@", &binary.display().to_string())
        .replace("@MEMORY_HIGH@", &mib(memory))
        .replace("@MEMORY_MAX@", &mib(memory.saturating_add(extractor))))
}

fn steps(root: &Path, service: &str) -> Vec<Step> {
    let at = |path: &str| root.join(path);
    let file = |path: &str, text: &str| Step::File {
        path: at(path),
        text: text.to_owned(),
        mode: 0o644,
        owned: false,
        keep: false,
    };
    let mut steps = vec![file("usr/lib/sysusers.d/spud.conf", USER)];
    let live = root == Path::new("/");
    if live {
        steps.push(Step::Run {
            any_of: vec![
                vec!["systemd-sysusers", "/usr/lib/sysusers.d/spud.conf"],
                vec!["useradd", "--system", "--user-group", "--home-dir", "/var/lib/spud", "spud"],
            ],
        });
    }
    steps.push(Step::Folder { path: at("etc/spud"), mode: 0o750, owned: live });
    steps.push(Step::Folder { path: at("etc/spud/spud.toml.d"), mode: 0o750, owned: live });
    steps.push(Step::File {
        path: at("etc/spud/spud.toml"),
        text: SETTINGS.to_owned(),
        mode: 0o640,
        owned: live,
        keep: true,
    });
    steps.push(file("etc/systemd/system/spud.socket", SOCKET));
    steps.push(file("etc/systemd/system/spud.service", service));
    if live {
        steps.push(Step::Run { any_of: vec![vec!["systemctl", "daemon-reload"]] });
        steps.push(Step::Run {
            any_of: vec![vec!["systemctl", "enable", "--now", "spud.socket", "spud.service"]],
        });
    }
    steps
}

fn show(steps: &[Step], context: &mut Context) -> Result<u8, CliError> {
    for step in steps {
        match step {
            Step::Folder { path, mode, owned } => {
                context.out.line(&format!("folder {} (mode {mode:o}{})", path.display(), owner(*owned)))?;
            }
            Step::File { path, text, mode, owned, keep } => {
                let state = state(path, text, *keep);
                let line = format!("file {} (mode {mode:o}{}): {state}", path.display(), owner(*owned));
                context.out.line(&line)?;
                for line in text.lines() {
                    context.out.line(format!("    {line}").trim_end())?;
                }
            }
            Step::Run { any_of } => {
                let all: Vec<String> = any_of.iter().map(|words| words.join(" ")).collect();
                context.out.line(&format!("run {}", all.join(", or ")))?;
            }
        }
    }
    context.remark("Nothing was changed: this was a dry run.");
    Ok(0)
}

fn owner(owned: bool) -> &'static str {
    if owned { ", owner spud" } else { "" }
}

fn state(path: &Path, text: &str, keep: bool) -> &'static str {
    match fs::read_to_string(path) {
        Ok(_) if keep => "is there and stays",
        Ok(there) if there == text => "is there already",
        Ok(_) => "is replaced",
        Err(_) => "is new",
    }
}

fn apply(step: &Step, args: &InstallArgs) -> Result<String, CliError> {
    match step {
        Step::Folder { path, mode, owned } => {
            let there = path.is_dir();
            let made = DirBuilder::new().recursive(true).mode(*mode).create(path);
            made.map_err(|error| cannot(path, &error))?;
            give(path, *owned, &args.root)?;
            Ok(format!("folder {}: {}", path.display(), if there { "is there already" } else { "made" }))
        }
        Step::File { path, text, mode, owned, keep } => {
            let state = state(path, text, *keep);
            if matches!(state, "is new" | "is replaced") {
                put(path, text, *mode).map_err(|error| cannot(path, &error))?;
            }
            give(path, *owned, &args.root)?;
            Ok(format!("file {}: {state}", path.display()))
        }
        Step::Run { any_of } => {
            let mut said = String::new();
            for words in any_of {
                let Some((program, rest)) = words.split_first() else { continue };
                match Command::new(program).args(rest).output() {
                    Ok(output) if output.status.success() => return Ok(format!("ran {}", words.join(" "))),
                    Ok(output) => said = String::from_utf8_lossy(&output.stderr).trim().to_owned(),
                    Err(error) => said = format!("{program}: {error}"),
                }
            }
            let all: Vec<String> = any_of.iter().map(|words| words.join(" ")).collect();
            Err(CliError::new(
                FAILED,
                format!("{} failed: {said}", all.join(", and ")),
                "mend it, then run this again",
            ))
        }
    }
}

fn put(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let mut beside = tempfile::Builder::new().prefix(".spud-install.").tempfile_in(folder)?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().set_permissions(Permissions::from_mode(mode))?;
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Gives it to the user spud, where that is wanted.
fn give(path: &Path, owned: bool, root: &Path) -> Result<(), CliError> {
    if !owned {
        return Ok(());
    }
    let passwd = fs::read_to_string(root.join("etc/passwd")).unwrap_or_default();
    let (uid, gid) = ids(&passwd, "spud").ok_or_else(|| {
        CliError::new(
            FAILED,
            "there is no user spud",
            "make one (useradd --system --user-group spud), then run this again",
        )
    })?;
    std::os::unix::fs::chown(path, Some(uid), Some(gid)).map_err(|error| cannot(path, &error))
}

/// User and group of a name in passwd(5).
fn ids(passwd: &str, name: &str) -> Option<(u32, u32)> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn cannot(path: &Path, error: &std::io::Error) -> CliError {
    CliError::new(
        CANNOT_CREATE,
        format!("{}: {error}", path.display()),
        "check the folder and its permissions",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwd_is_read() {
        let text = "root:x:0:0::/root:/bin/sh\nspudder:x:5:6::/:/bin/false\nspud:x:997:996::/var/lib/spud:/bin/false\n";
        assert_eq!(ids(text, "spud"), Some((997, 996)));
        assert_eq!(ids("spud:x:no", "spud"), None);
    }

    #[test]
    fn the_units_are_whole() {
        for mark in ["@BINARY@", "@MEMORY_HIGH@", "@MEMORY_MAX@"] {
            assert_eq!(SERVICE.matches(mark).count(), 1, "{mark}");
        }
        assert!(SERVICE.contains("Type=notify") && SERVICE.contains("WatchdogSec="));
        assert!(SOCKET.contains("ListenStream=/run/spud/spud.sock"));
    }
}
