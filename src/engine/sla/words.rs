//! Objectives in the API's words.

use super::Live;
use crate::api::types::sla::{BurnRate, Objective as Words};
use crate::governance::sla::{Standing, WINDOWS};
use crate::observe::objective::Method;

pub(super) fn objective(live: &Live) -> Words {
    let one = &live.objective;
    let of = |window: u64| live.counts.get(&window).copied().flatten();
    let whole = of(one.window_ms).unwrap_or_default();
    let burn = |window: u64| BurnRate {
        window_ms: window,
        burn: of(window).map(|count| count.burn(one.target)),
        total: of(window).map_or(0.0, |count| count.total),
    };
    let verdict = live.verdict;
    let severity = verdict.and_then(|verdict| verdict.violation());
    let question = one.question(WINDOWS[0]);
    Words {
        name: one.name.clone(),
        title: one.title.clone(),
        about: one.about.clone(),
        service: one.service.clone(),
        file: live.file.clone(),
        state: verdict.map_or(Standing::NoData, |verdict| verdict.standing).name().to_owned(),
        error: live.error.clone(),
        target: one.target,
        attained: verdict.and_then(|verdict| verdict.attained),
        budget_left: verdict.and_then(|verdict| verdict.left),
        total: whole.total,
        bad: whole.bad,
        least: one.least,
        window_ms: one.window_ms,
        method: match one.method {
            Method::Occurrences => "Occurrences",
            Method::Timeslices { .. } => "Timeslices",
        }
        .to_owned(),
        burns: WINDOWS.into_iter().map(burn).collect(),
        violation: severity.map_or("", |severity| severity.name()).to_owned(),
        since_ms: live.since_ms.filter(|_| severity.is_some()),
        evaluated_ms: live.evaluated_ms,
        queries: vec![question.part, question.total],
    }
}

/// `5m`, `1h`, `3d`
pub(super) fn span(ms: u64) -> String {
    let minutes = ms / 60_000;
    match minutes {
        days if days > 0 && days % 1440 == 0 => format!("{}d", days / 1440),
        hours if hours > 0 && hours % 60 == 0 => format!("{}h", hours / 60),
        minutes => format!("{minutes}m"),
    }
}
