//! `tiers.toml` as it is written: typed, complete, every mistake with its place.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::thresholds::WrittenThresholds;
use super::{Budgets, Thresholds};
use crate::base::parse_bytes;

/// Something is wrong with the tiers: where, what, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}{}", .hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default())]
pub struct TiersError {
    /// File with line and column, or the option.
    pub place: String,
    pub what: String,
    pub hint: Option<String>,
}

/// One tier with its conditions.
#[derive(Debug, Clone)]
pub(super) struct Tier {
    pub(super) name: &'static str,
    pub(super) up_to_memory: u64,
    pub(super) min_cores: u32,
    pub(super) slow_storage: bool,
    pub(super) thresholds: Thresholds,
    written: Written,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    modes: WrittenThresholds,
    ultra_lite: Written,
    lite: Written,
    standard: Written,
    full: Written,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    up_to_memory: Bound,
    min_cores: u32,
    slow_storage: bool,
    memory_total: Size,
    store_cache: Size,
    control_cache: Size,
    l1_cache: Size,
    index_buffer: Size,
    l2_cache: Size,
    log_bytes: Size,
    extractor_memory: Size,
    extractor_seconds: u64,
    batch_size: u32,
    search_workers: u32,
    connections: u32,
    model: String,
    vector_width: Width,
    log_level: Level,
    retention_days: u32,
    // These came later: a file of before says nothing of them.
    #[serde(default = "metric_seconds")]
    metric_seconds: u32,
    #[serde(default = "metric_bytes")]
    metric_bytes: Size,
    #[serde(default = "metric_memory")]
    metric_memory: Size,
    #[serde(default = "metric_series")]
    metric_series: u32,
    #[serde(default)]
    modes: WrittenThresholds,
}

fn metric_seconds() -> u32 {
    Budgets::default().metric_seconds
}

fn metric_bytes() -> Size {
    Size(Budgets::default().metric_bytes)
}

fn metric_memory() -> Size {
    Size(Budgets::default().metric_memory)
}

fn metric_series() -> u32 {
    Budgets::default().metric_series
}

/// Bytes, written with a unit or without.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size(u64);

impl From<Size> for u64 {
    fn from(size: Size) -> Self {
        size.0
    }
}

/// As [`Size`], or `none`.
#[derive(Debug, Clone, Copy)]
struct Bound(u64);

#[derive(Debug, Clone, Copy)]
struct Width(u32);

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match NumberOrText::deserialize(from) {
            Ok(NumberOrText::Number(bytes)) => Ok(Self(bytes)),
            Ok(NumberOrText::Text(text)) => parse_bytes(&text)
                .map(Self)
                .ok_or_else(|| D::Error::custom(format!("'{text}' is not a size such as \"64 MiB\""))),
            Err(_) => Err(D::Error::custom("a size such as \"64 MiB\" is wanted")),
        }
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match NumberOrText::deserialize(from) {
            Ok(NumberOrText::Number(bytes)) => Ok(Self(bytes)),
            Ok(NumberOrText::Text(text)) if text == "none" => Ok(Self(u64::MAX)),
            Ok(NumberOrText::Text(text)) => parse_bytes(&text).map(Self).ok_or_else(|| {
                D::Error::custom(format!("'{text}' is neither a size such as \"64 MiB\" nor \"none\""))
            }),
            Err(_) => Err(D::Error::custom("a size such as \"64 MiB\" or \"none\" is wanted")),
        }
    }
}

impl<'de> Deserialize<'de> for Width {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match u32::deserialize(from)? {
            width @ (64 | 128) => Ok(Self(width)),
            other => Err(D::Error::custom(format!("vector_width {other} is neither 64 nor 128"))),
        }
    }
}

impl Tier {
    pub(super) fn budgets(&self) -> Budgets {
        let written = &self.written;
        Budgets {
            memory_total: written.memory_total.0,
            store_cache: written.store_cache.0,
            control_cache: written.control_cache.0,
            l1_cache: written.l1_cache.0,
            l2_cache: written.l2_cache.0,
            index_buffer: written.index_buffer.0,
            extractor_memory: written.extractor_memory.0,
            extractor_seconds: written.extractor_seconds,
            batch_size: written.batch_size,
            search_workers: written.search_workers,
            connections: written.connections,
            vector_width: written.vector_width.0,
            log_bytes: written.log_bytes.0,
            log_level: format!("{:?}", written.log_level).to_lowercase(),
            retention_days: written.retention_days,
            metric_seconds: written.metric_seconds,
            metric_bytes: written.metric_bytes.0,
            metric_memory: written.metric_memory.0,
            metric_series: written.metric_series,
            model: written.model.clone(),
        }
    }
}

/// Reads, checks types and ranges, and that every tier's parts fit its total.
pub(super) fn parse(name: &str, text: &str) -> Result<Vec<Tier>, TiersError> {
    let file: File = toml::from_str(text).map_err(|error| explain(name, text, &error))?;
    let common = file.modes.over(&Thresholds::default());
    common.check().map_err(|what| TiersError { place: format!("{name}: [modes]"), what, hint: None })?;
    let tiers: Vec<Tier> = super::Tiers::NAMES
        .into_iter()
        .zip([file.ultra_lite, file.lite, file.standard, file.full])
        .map(|(name, written)| Tier {
            name,
            up_to_memory: written.up_to_memory.0,
            min_cores: written.min_cores,
            slow_storage: written.slow_storage,
            thresholds: written.modes.over(&common),
            written,
        })
        .collect();
    for tier in &tiers {
        check(tier).map_err(|what| TiersError {
            place: format!("{name}: [{}]", tier.name),
            what,
            hint: None,
        })?;
        tier.thresholds.check().map_err(|what| TiersError {
            place: format!("{name}: [{}.modes]", tier.name),
            what,
            hint: None,
        })?;
    }
    for (small, large) in tiers.iter().zip(tiers.iter().skip(1)) {
        if small.up_to_memory >= large.up_to_memory {
            let what = format!("up_to_memory must be larger than that of [{}]", small.name);
            return Err(TiersError { place: format!("{name}: [{}]", large.name), what, hint: None });
        }
    }
    Ok(tiers)
}

fn check(tier: &Tier) -> Result<(), String> {
    let budgets = tier.budgets();
    let zero = [
        ("batch_size", u64::from(budgets.batch_size)),
        ("search_workers", u64::from(budgets.search_workers)),
        ("connections", u64::from(budgets.connections)),
        ("extractor_seconds", budgets.extractor_seconds),
        ("index_buffer", budgets.index_buffer),
        ("log_bytes", budgets.log_bytes),
    ];
    if let Some((key, _)) = zero.into_iter().find(|(_, value)| *value == 0) {
        return Err(format!("{key} must not be 0"));
    }
    budgets.check_sum().map(drop).map_err(|error| error.to_string())
}

fn explain(name: &str, text: &str, error: &toml::de::Error) -> TiersError {
    let place = error.span().map_or_else(
        || name.to_owned(),
        |span| {
            let before = text.get(..span.start).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            format!("{name}:{line}:{column}")
        },
    );
    let what = error.message().to_owned();
    let mut quoted = what.split('`').skip(1).step_by(2);
    let hint = what.starts_with("unknown").then_some(()).and_then(|()| {
        let wrong = quoted.next()?;
        let known: Vec<&str> = quoted.collect();
        nearest(wrong, &known).map(|near| format!("did you mean '{near}'?"))
    });
    TiersError { place, what, hint }
}

/// The known word that differs least, when it differs by at most a third.
#[must_use]
pub fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = wrong.chars().count().div_ceil(3).max(1);
    let near = known.iter().map(|word| (distance(wrong, word), *word)).min()?;
    (near.0 <= allowed).then_some(near.1)
}

/// Levenshtein distance by one row.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(i + 1);
        for ((to, pair), left) in b.iter().zip(row.windows(2)).zip(0..) {
            let &[diagonal, above] = pair else { continue };
            let before = next.get(left).copied().unwrap_or(usize::MAX - 1);
            next.push((diagonal + usize::from(from != *to)).min(above + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("conections", &["connections", "batch_size"]), Some("connections"));
        assert_eq!(nearest("zzz", &["connections", "batch_size"]), None);
    }
}
