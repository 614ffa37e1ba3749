//! The box's own log: opened with its data folder, searched from its end.

use super::run::Inner;
use super::worker::invalid;
use super::{Action, EngineError, Reply, log_intake};
use crate::api::types::{EventKind, LogLine, LogPage, LogQuery, Page};
use crate::base::Clock;
use crate::config::Effective;
use crate::observe::trace::trouble::Troubles;
use crate::observe::{LogGuard, LogLevel, LogReader, LogWanted, start};

const LINES_DEFAULT: usize = 200;
const LINES_MOST: usize = 2000;

/// Opens the log of a data folder; new lines become events while somebody listens.
pub(super) fn open(
    data: &std::path::Path,
    settings: &Effective,
    (events, troubles): (super::Events, std::sync::Arc<Troubles>),
    clock: std::sync::Arc<dyn Clock>,
) -> Result<LogGuard, EngineError> {
    let (level, budgets) = (super::settings::log_level(settings), &settings.budgets);
    let on_line = move |line: LogLine| {
        troubles.hear(&line, clock.now_ms());
        if events.watched() {
            events.publish(clock.now_ms(), EventKind::Log(line));
        }
    };
    start(&data.join("logs"), budgets.log_bytes, budgets.retention_days, level, on_line).map_err(refuse)
}

fn refuse(error: crate::observe::LogError) -> EngineError {
    invalid(error.to_string(), "check log_level in tiers.toml and the permissions of the data folder")
}

pub(super) fn act(inner: &Inner, action: Action) -> Result<Reply, EngineError> {
    match action {
        Action::ImportLog(request) => log_intake::import(inner, &request).map(Reply::ImportedLog),
        Action::Logs(query) => find(inner, query).map(Reply::Logs),
        _ => Ok(Reply::LogSources(Page { items: log_intake::sources(inner), next: None })),
    }
}

/// The newest lines that are wanted, oldest first.
fn find(inner: &Inner, query: LogQuery) -> Result<LogPage, EngineError> {
    if let Some(level) = &query.level {
        level.parse::<LogLevel>().map_err(|e| invalid(e.to_string(), "use one of those"))?;
    }
    let n = if query.n == 0 { LINES_DEFAULT } else { query.n.min(LINES_MOST) };
    let before = query.before.map(|place| place.parse()).transpose();
    let before = before.map_err(|what: String| invalid(what, "give `next` of the page before as it came"))?;
    let LogQuery { level, contains, word, trace, source, since_ms, until_ms, .. } = query;
    let wanted = LogWanted { n, level, contains, word, trace, source, since_ms, until_ms, before };
    let found = LogReader::new(&inner.settings.data_dir.join("logs")).find(&wanted);
    Ok(LogPage {
        items: found.lines,
        next: found.next.map(|place| place.to_string()),
        scanned_bytes: found.scanned,
        skipped_blocks: found.skipped_blocks,
        damaged_blocks: found.damaged_blocks,
    })
}

/// Bytes of log files on disk.
pub(super) fn bytes(inner: &Inner) -> u64 {
    let files = std::fs::read_dir(inner.settings.data_dir.join("logs"));
    files.into_iter().flatten().flatten().filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum()
}
