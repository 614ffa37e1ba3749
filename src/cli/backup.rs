//! `spud backup ...`: make, look at, verify, try and restore backups.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::context::Context;
use super::error::{CliError, FAILED, INTERRUPTED};
use super::interrupt::Interrupt;
use super::output::clean;
use crate::api::client::escape;
use crate::api::host::{self, Attached};
use crate::api::types::{
    Backup, BackupDetail, BackupRun, BackupSchedule, BackupStatus, CreateBackup, DrillBackup, Page,
    PruneBackups, RestoreBackup, Restored, VerifyBackups,
};
use crate::base::{format_bytes, format_time};

const LOOK: Duration = Duration::from_millis(200);

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make a backup; nothing stops meanwhile
    Create {
        /// Folder of the backups; else that of the schedule, else `backups` in the data folder
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
    /// List backups, newest first
    List(From),
    /// Show a backup with what it holds
    Show {
        /// Its name, the begin of it, or latest
        id: String,
        #[command(flatten)]
        from: From,
    },
    /// Read every piece of one backup, or of all, and name what is damaged
    Verify {
        id: Option<String>,
        #[command(flatten)]
        from: From,
        /// Remove damaged pieces: the next backup writes them anew, where the box still has them
        #[arg(long)]
        repair: bool,
    },
    /// Make a box out of a backup: here (--data), in an empty place
    Restore {
        /// Its name, the begin of it, or latest
        #[arg(default_value = "latest")]
        id: String,
        #[command(flatten)]
        from: From,
        /// Replace the box that is there; what it had is moved aside
        #[arg(long)]
        force: bool,
        /// Public key that must have signed it
        #[arg(long, value_name = "HEX")]
        key: Option<String>,
        #[command(flatten)]
        why: Why,
    },
    /// Remove backups that retention does not keep
    Prune {
        #[command(flatten)]
        from: From,
        #[command(flatten)]
        keep: Keep,
        /// Only say what would go
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        why: Why,
    },
    /// Try a restore: into a scratch folder, checked, asked, compared, thrown away
    Drill {
        id: Option<String>,
        #[command(flatten)]
        from: From,
    },
    /// Show the schedule, or set it: a daemon makes backups by it
    Schedule(Schedule),
    /// Show the last good backup, the last drill, and what was done
    Status,
}

#[derive(Debug, Args)]
pub(super) struct From {
    /// Folder of the backups
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(super) struct Keep {
    /// Keep the newest so many
    #[arg(long, value_name = "N")]
    keep_last: Option<u32>,
    /// Keep the newest of each of so many days
    #[arg(long, value_name = "N")]
    keep_daily: Option<u32>,
    /// Keep the newest of each of so many weeks
    #[arg(long, value_name = "N")]
    keep_weekly: Option<u32>,
    /// Keep the newest of each of so many months
    #[arg(long, value_name = "N")]
    keep_monthly: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct Schedule {
    /// Folder of the backups; best on another disk
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Every day at this time (UTC)
    #[arg(long, value_name = "HH:MM", conflicts_with = "weekly")]
    daily: Option<String>,
    /// Every week at this time (UTC), such as "sun 02:30"
    #[arg(long, value_name = "DAY HH:MM")]
    weekly: Option<String>,
    #[command(flatten)]
    keep: Keep,
    /// Try a restore after so many days; 0 for never
    #[arg(long, value_name = "DAYS")]
    drill_days: Option<u32>,
    /// Make no backups by schedule
    #[arg(long, conflicts_with_all = ["to", "daily", "weekly", "drill_days"])]
    off: bool,
}

#[derive(Debug, Args)]
pub(super) struct Why {
    /// Why: kept in the audit log; needed where this waits for votes
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let posted = |from: &Option<PathBuf>| from.as_deref().map(absolute);
    // A folder that is named is looked at from anywhere.
    if let Verb::List(From { from: None })
    | Verb::Show { from: From { from: None }, .. }
    | Verb::Verify { from: From { from: None }, .. } = &verb
    {
        host::is_known(&context.options)?;
    }
    match verb {
        Verb::Create { to } => work("/v1/backups", &CreateBackup { to: posted(&to) }, context),
        Verb::List(from) => {
            let page: Page<Backup> = context.connect()?.get(&format!("/v1/backups{}", from.query()))?;
            list(&page, context)?;
            Ok(if page.items.iter().any(|backup| backup.problem.is_some()) { FAILED } else { 0 })
        }
        Verb::Show { id, from } => {
            let target = format!("/v1/backups/{}{}", escape(&id), from.query());
            let detail: BackupDetail = context.connect()?.get(&target)?;
            show(&detail, context)?;
            Ok(0)
        }
        Verb::Verify { id, from, repair } => {
            let request = VerifyBackups { from: posted(&from.from), id, repair };
            work("/v1/backups/verify", &request, context)
        }
        Verb::Restore { id, from, force, key, why: Why { reason } } => {
            let request = RestoreBackup { from: posted(&from.from), force, key, reason };
            restore(&id, &request, context)
        }
        Verb::Prune { from, keep, dry_run, why: Why { reason } } => {
            let Keep { keep_last, keep_daily, keep_weekly, keep_monthly } = keep;
            let from = posted(&from.from);
            let request =
                PruneBackups { from, keep_last, keep_daily, keep_weekly, keep_monthly, dry_run, reason };
            work("/v1/backups/prune", &request, context)
        }
        Verb::Drill { id, from } => {
            work("/v1/backups/drill", &DrillBackup { from: posted(&from.from), id }, context)
        }
        Verb::Schedule(args) => schedule(&args, context),
        Verb::Status => {
            let status: BackupStatus = context.connect()?.get("/v1/backup")?;
            show_status(&status, context)?;
            Ok(0)
        }
    }
}

impl From {
    fn query(&self) -> String {
        self.from.as_deref().map_or_else(String::new, |from| format!("?from={}", escape(&absolute(from))))
    }
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// Begins work and waits for its end.
fn work(target: &str, request: &impl serde::Serialize, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let run: BackupRun = link.send("POST", target, request)?;
    let run = follow(run, &mut link, context)?;
    outcome(&run, context)
}

/// Ctrl-C leaves a daemon's work alone; work inside this process ends with it, and what is kept is whole.
fn follow(mut run: BackupRun, link: &mut Attached, context: &Context) -> Result<BackupRun, CliError> {
    let interrupt = Interrupt::listen();
    let draw = std::io::stderr().is_terminal() && !context.quiet && !context.json;
    while !run.is_over() && !interrupt.is_asked() {
        std::thread::sleep(LOOK);
        run = link.get(&format!("/v1/backup/runs/{}", escape(&run.id)))?;
        if draw {
            let current = clean(run.current.as_deref().unwrap_or_default());
            eprint!("\r\u{1b}[K{}: {} {current}", run.kind, format_bytes(run.bytes_done));
        }
    }
    if draw {
        eprint!("\r\u{1b}[K");
    }
    Ok(run)
}

fn outcome(run: &BackupRun, context: &mut Context) -> Result<u8, CliError> {
    if context.json {
        context.print_json(run)?;
    } else {
        for problem in &run.problems {
            if *problem != run.message {
                let line = context.out.paint.bad(&clean(problem));
                context.out.line(&line)?;
            }
        }
        if !run.message.is_empty() {
            context.out.line(&clean(&run.message))?;
        }
    }
    if !run.is_over() {
        context
            .remark("interrupted; a daemon goes on with it, what was begun here is left behind harmlessly");
        return Ok(INTERRUPTED);
    }
    Ok(if run.problems.is_empty() { 0 } else { FAILED })
}

fn restore(id: &str, request: &RestoreBackup, context: &mut Context) -> Result<u8, CliError> {
    if host::is_served(&context.options) {
        let code = work(&format!("/v1/backups/{}/restore", escape(id)), request, context)?;
        if code == 0 {
            context.remark("restart the daemon to put it in place (systemctl restart spud)");
        }
        return Ok(code);
    }
    let restored = host::restore(&context.options, id, request)?;
    show_restored(&restored, context)?;
    Ok(0)
}

fn show_restored(restored: &Restored, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(restored);
    }
    let Restored { backup, into, documents, .. } = restored;
    let bytes = format_bytes(restored.bytes);
    context
        .out
        .line(&clean(&format!("backup {backup} is restored into {into}: {documents} documents, {bytes}")))?;
    if let Some(replaced) = &restored.replaced {
        context.out.line(&clean(&format!(
            "the box that was there lies in {replaced}; remove it when you are sure"
        )))?;
    }
    if restored.first_seen {
        let key = &restored.key;
        context.remark(&format!(
            "signed with {key}, which is believed from now on; give --key to insist on one"
        ));
    }
    Ok(())
}

fn list(page: &Page<Backup>, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(page);
    }
    if page.items.is_empty() {
        return context.out.line("There are no backups yet: spud backup create makes one.");
    }
    let row = |backup: &Backup| {
        let state = match &backup.problem {
            Some(problem) => problem.clone(),
            None if backup.trusted => String::new(),
            None => "unknown key".to_owned(),
        };
        vec![
            backup.id.clone(),
            format_time(backup.made_ms),
            format_bytes(backup.bytes),
            format_bytes(backup.new_bytes),
            backup.documents.to_string(),
            backup.host.clone(),
            state,
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["ID", "MADE (UTC)", "BYTES", "NEW", "DOCUMENTS", "BOX", ""], &rows)
}

fn show(detail: &BackupDetail, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(detail);
    }
    let backup = &detail.backup;
    let known = if backup.trusted { "known to this box" } else { "not known to this box" };
    let facts = [
        ("backup", backup.id.clone()),
        ("made", format!("{} UTC on {} by spud {}", format_time(backup.made_ms), backup.host, backup.spud)),
        ("holds", format!("{} documents in {} collections", backup.documents, backup.collections)),
        ("bytes", format!("{} in {} pieces", format_bytes(backup.bytes), backup.pieces)),
        ("new", format!("{} in {} pieces", format_bytes(backup.new_bytes), backup.new_pieces)),
        ("key", format!("{} ({known})", backup.key)),
    ];
    for (name, value) in facts {
        context.out.line(&format!("{name:<8} {}", clean(&value)))?;
    }
    context.out.line("")?;
    let rows: Vec<Vec<String>> = detail
        .entries
        .iter()
        .map(|entry| {
            let rows = if entry.kind == "table" { entry.rows.to_string() } else { String::new() };
            vec![entry.name.clone(), format_bytes(entry.bytes), rows, entry.pieces.to_string()]
        })
        .collect();
    context.out.table(&["NAME", "BYTES", "ROWS", "PIECES"], &rows)
}

fn schedule(args: &Schedule, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let now: BackupStatus = link.get("/v1/backup")?;
    let keep = &args.keep;
    let changes = args.to.is_some()
        || args.daily.is_some()
        || args.weekly.is_some()
        || args.drill_days.is_some()
        || [keep.keep_last, keep.keep_daily, keep.keep_weekly, keep.keep_monthly].iter().any(Option::is_some);
    let status = if args.off {
        link.send("DELETE", "/v1/backup/schedule", &())?
    } else if changes {
        let usual = BackupSchedule {
            to: now.repository.clone(),
            keep_last: 3,
            keep_daily: 7,
            keep_weekly: 4,
            keep_monthly: 6,
            drill_days: 30,
            ..BackupSchedule::default()
        };
        let before = now.schedule.clone().unwrap_or(usual);
        let when = args.daily.as_ref().map(|time| format!("daily {time}"));
        let when = when.or_else(|| args.weekly.as_ref().map(|time| format!("weekly {time}")));
        let wanted = BackupSchedule {
            to: args.to.as_deref().map_or(before.to, absolute),
            when: when.unwrap_or(before.when),
            keep_last: keep.keep_last.unwrap_or(before.keep_last),
            keep_daily: keep.keep_daily.unwrap_or(before.keep_daily),
            keep_weekly: keep.keep_weekly.unwrap_or(before.keep_weekly),
            keep_monthly: keep.keep_monthly.unwrap_or(before.keep_monthly),
            drill_days: args.drill_days.unwrap_or(before.drill_days),
        };
        link.send("PUT", "/v1/backup/schedule", &wanted)?
    } else {
        now
    };
    if context.json {
        context.print_json(&status.schedule)?;
    } else {
        context.out.line(&clean(&schedule_words(&status)))?;
    }
    Ok(0)
}

fn schedule_words(status: &BackupStatus) -> String {
    let Some(schedule) = &status.schedule else {
        return "No schedule: backups are made by hand.".to_owned();
    };
    let when = if schedule.when.is_empty() { "by hand" } else { &schedule.when };
    let drill = match schedule.drill_days {
        0 => "no drills".to_owned(),
        days => format!("a drill every {days} days"),
    };
    let next = status.next_ms.map_or_else(String::new, |ms| format!("; next {} UTC", format_time(ms)));
    format!(
        "{when} to {}; keeps the last {}, {} days, {} weeks, {} months; {drill}{next}",
        schedule.to, schedule.keep_last, schedule.keep_daily, schedule.keep_weekly, schedule.keep_monthly
    )
}

fn show_status(status: &BackupStatus, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(status);
    }
    let good = match (status.last_good_ms, &status.last_good) {
        (Some(ms), Some(id)) => format!("{id}, {} UTC", format_time(ms)),
        _ => "none yet".to_owned(),
    };
    let drill = status.last_drill.as_ref().map_or_else(
        || "none yet".to_owned(),
        |run| format!("{}, {} UTC: {}", run.state, format_time(run.started_ms), run.message),
    );
    let lines = [
        ("folder", status.repository.clone()),
        ("schedule", schedule_words(status)),
        ("last good", good),
        ("drill", drill),
    ];
    for (name, value) in lines {
        context.out.line(&format!("{name:<10} {}", clean(&value)))?;
    }
    let running = status.running.iter();
    let row = |run: &BackupRun| {
        let by = if run.scheduled { "schedule" } else { "hand" };
        vec![
            format_time(run.started_ms),
            run.kind.clone(),
            by.to_owned(),
            run.state.clone(),
            run.message.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = running.chain(&status.runs).map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    context.out.line("")?;
    context.out.table(&["AT (UTC)", "WORK", "BY", "STATE", ""], &rows)
}
