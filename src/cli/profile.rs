//! `spud profile`: where the box's time, memory and disk go.

use std::time::Duration;

use super::context::Context;
use super::error::CliError;
use super::output::clean;
use crate::api::types::{Profile, ProfileRow};
use crate::base::{InOrder, format_bytes};

/// Since the start, or within a time from now on.
pub(super) fn run(over: Option<Duration>, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let mut profile: Profile = link.get("/v1/profile")?;
    if let Some(over) = over {
        std::thread::sleep(over);
        let later: Profile = link.get("/v1/profile")?;
        profile = between(&profile, later);
    }
    if context.json {
        context.print_json(&profile)?;
        return Ok(0);
    }
    let seconds = profile.uptime_ms / 1000;
    let head = if over.is_some() { "Within" } else { "Since the start," };
    context.out.line(&format!("{head} {}:", humantime::format_duration(Duration::from_secs(seconds))))?;
    table("PROCESSOR TIME", "THREADS", &profile.cpu, micros, context)?;
    table("MEMORY NOW", "MAPPINGS", &profile.memory, format_bytes, context)?;
    let budgets = profile.budgets.iter().filter(|gauge| gauge.used > 0 && gauge.unit == "bytes");
    let budgets: Vec<Vec<String>> = budgets
        .map(|gauge| vec![clean(&gauge.name), format_bytes(gauge.used), format_bytes(gauge.limit)])
        .collect();
    if !budgets.is_empty() {
        context.out.line("")?;
        context.out.table(&["BUDGET", "USED", "LIMIT"], &budgets)?;
    }
    table("INPUT AND OUTPUT", "CALLS", &profile.io, format_bytes, context)?;
    table("TIME BY WORK", "COUNT", &profile.time, micros, context)?;
    Ok(0)
}

fn micros(us: u64) -> String {
    if us < 10_000_000 {
        format!("{}.{:03} s", us / 1_000_000, us / 1000 % 1000)
    } else {
        format!("{} s", us / 1_000_000)
    }
}

fn table(
    title: &str,
    count: &str,
    rows: &[ProfileRow],
    shown: fn(u64) -> String,
    context: &mut Context,
) -> Result<(), CliError> {
    let all: u128 = rows.iter().map(|row| u128::from(row.total)).sum();
    let cells = |row: &ProfileRow| {
        let percent = (u128::from(row.total) * 100).checked_div(all).unwrap_or(0);
        vec![clean(&row.name), shown(row.total), format!("{percent} %"), row.count.to_string()]
    };
    let rows: Vec<Vec<String>> = rows.iter().filter(|row| row.total > 0).map(cells).collect();
    if rows.is_empty() {
        return Ok(());
    }
    context.out.line("")?;
    context.out.table(&[title, "TOTAL", "SHARE", count], &rows)
}

/// What came to each row from one profile to a later one; memory is that of the later.
fn between(before: &Profile, mut later: Profile) -> Profile {
    let less = |rows: &mut Vec<ProfileRow>, before: &[ProfileRow], counts: bool| {
        for row in rows.iter_mut() {
            if let Some(known) = before.iter().find(|known| known.name == row.name) {
                row.total = row.total.saturating_sub(known.total);
                row.count -= if counts { known.count.min(row.count) } else { 0 };
            }
        }
        rows.order_by_key(|row| std::cmp::Reverse(row.total));
    };
    // Threads are those of now.
    less(&mut later.cpu, &before.cpu, false);
    less(&mut later.io, &before.io, true);
    less(&mut later.time, &before.time, true);
    later.uptime_ms = later.uptime_ms.saturating_sub(before.uptime_ms);
    later
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_is_told() {
        let of = |uptime_ms, rows: &[(&str, u64, u64)]| Profile {
            uptime_ms,
            time: rows
                .iter()
                .map(|(name, count, total)| ProfileRow {
                    name: (*name).to_owned(),
                    count: *count,
                    total: *total,
                })
                .collect(),
            ..Profile::default()
        };
        let done = between(
            &of(1000, &[("a", 5, 500), ("b", 1, 10)]),
            of(3000, &[("a", 6, 510), ("b", 4, 90), ("c", 1, 1)]),
        );
        assert_eq!(done, of(2000, &[("b", 3, 80), ("a", 1, 10), ("c", 1, 1)]));
        assert_eq!((micros(1_234_567), micros(12_345_678)), ("1.234 s".to_owned(), "12 s".to_owned()));
    }
}
