//! The newest value of every series that others told, by who told it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Sample, Told};
use crate::observe::metric::exposition::Relayed;
use crate::observe::metric::{Family, Kind, Point, Reading};
use crate::observe::promql::{Labels, METRIC_NAME};

/// How much is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntakeLimits {
    /// Series of one source.
    pub each: usize,
    /// Series of all sources together.
    pub all: usize,
    /// What was not told for so long is gone.
    pub stale_ms: u64,
}

/// Why samples are not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    #[error("'{0}' is a name of the box's own")]
    Reserved(String),
    #[error("there would be {would} series of one sender, and {most} is all there is room for")]
    Each { would: usize, most: usize },
    #[error("there would be {would} series of other programs, and {most} is all there is room for")]
    All { would: usize, most: usize },
}

#[derive(Debug, Clone)]
struct Held {
    kind: Kind,
    value: f64,
    seen_ms: u64,
    of: Option<Arc<Told>>,
}

type Series = BTreeMap<Labels, Held>;

/// What others measure.
#[derive(Debug)]
pub struct Intake {
    limits: IntakeLimits,
    sources: Mutex<BTreeMap<String, Series>>,
}

/// True for names that say something of the box itself: nobody else may say it.
pub(super) fn is_reserved(name: &str) -> bool {
    name == "up" || ["spud_", "scrape_", "ALERTS"].iter().any(|start| name.starts_with(start))
}

impl Intake {
    #[must_use]
    pub fn new(limits: IntakeLimits) -> Self {
        Self { limits, sources: Mutex::default() }
    }

    fn sources(&self) -> MutexGuard<'_, BTreeMap<String, Series>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[must_use]
    pub fn limits(&self) -> IntakeLimits {
        self.limits
    }

    /// Takes what a source told beside what it told before; gives how many series it has then.
    ///
    /// # Errors
    /// [`IntakeError`]; nothing is taken then.
    pub fn merge(&self, source: &str, samples: Vec<Sample>, now_ms: u64) -> Result<usize, IntakeError> {
        let mut sources = self.sources();
        let mut series = sources.get(source).cloned().unwrap_or_default();
        self.expire(&mut series, now_ms);
        self.take(&mut sources, source, series, samples, now_ms)
    }

    /// Takes what a source told in place of what it told before.
    ///
    /// # Errors
    /// [`IntakeError`]; what was told before is gone.
    pub fn replace(&self, source: &str, samples: Vec<Sample>, now_ms: u64) -> Result<usize, IntakeError> {
        let mut sources = self.sources();
        sources.remove(source);
        self.take(&mut sources, source, Series::new(), samples, now_ms)
    }

    fn take(
        &self,
        sources: &mut BTreeMap<String, Series>,
        source: &str,
        mut series: Series,
        samples: Vec<Sample>,
        seen_ms: u64,
    ) -> Result<usize, IntakeError> {
        for Sample { kind, labels, value, of } in samples {
            if is_reserved(labels.metric()) {
                return Err(IntakeError::Reserved(labels.metric().to_owned()));
            }
            series.insert(labels, Held { kind, value, seen_ms, of });
        }
        let others: usize =
            sources.iter().filter(|(name, _)| *name != source).map(|(_, series)| series.len()).sum();
        let IntakeLimits { each, all, .. } = self.limits;
        if series.len() > each {
            return Err(IntakeError::Each { would: series.len(), most: each });
        }
        if series.len() + others > all {
            return Err(IntakeError::All { would: series.len() + others, most: all });
        }
        let count = series.len();
        if count > 0 {
            sources.insert(source.to_owned(), series);
        }
        Ok(count)
    }

    /// Everything that a source told is gone.
    pub fn forget(&self, source: &str) {
        self.sources().remove(source);
    }

    fn expire(&self, series: &mut Series, now_ms: u64) {
        // What is from after now was told before the clock was set back: it is as old as can be.
        series.retain(|_, held| {
            held.seen_ms <= now_ms && now_ms.saturating_sub(held.seen_ms) < self.limits.stale_ms
        });
    }

    /// What is told just now, by the name of each series. What has become stale is forgotten.
    #[must_use]
    pub fn families(&self, now_ms: u64) -> Vec<Family> {
        let mut sources = self.sources();
        sources.retain(|_, series| {
            self.expire(series, now_ms);
            !series.is_empty()
        });
        let mut families: BTreeMap<&str, Family> = BTreeMap::new();
        for (labels, held) in sources.values().flatten() {
            let name = labels.metric();
            let family = families.entry(name).or_insert_with(|| bare(name, held.kind));
            family.points.push(point(labels, held.value));
        }
        families.into_values().collect()
    }

    /// The same as it came: parts of a histogram or a summary are together, below what was said of it. What several
    /// said otherwise of the same name has no kind.
    #[must_use]
    pub fn relayed(&self, now_ms: u64) -> Vec<Relayed> {
        let mut sources = self.sources();
        sources.retain(|_, series| {
            self.expire(series, now_ms);
            !series.is_empty()
        });
        let mut families: BTreeMap<&str, Relayed> = BTreeMap::new();
        for (labels, held) in sources.values().flatten() {
            let whole = held.of.as_deref().filter(|of| matches!(of.kind, Kind::Histogram | Kind::Summary));
            let (name, kind) = whole.map_or((labels.metric(), held.kind), |of| (of.name.as_str(), of.kind));
            let help = held.of.as_deref().map_or("", |of| of.help.as_str());
            let family = families.entry(name).or_insert_with(|| Relayed {
                name: name.to_owned(),
                kind,
                help: help.to_owned(),
                series: Vec::new(),
            });
            if family.kind != kind {
                family.kind = Kind::Unknown;
            }
            family.series.push((labels.metric().to_owned(), point(labels, held.value)));
        }
        families.into_values().collect()
    }
}

fn bare(name: &str, kind: Kind) -> Family {
    let name = Cow::Owned(name.to_owned());
    Family { name, kind, unit: "".into(), help: "".into(), points: Vec::new() }
}

fn point(labels: &Labels, value: f64) -> Point {
    let own = labels.iter().filter(|(label, _)| *label != METRIC_NAME);
    let labels = own.map(|(label, value)| (Cow::Owned(label.to_owned()), value.to_owned())).collect();
    Point { labels, reading: Reading::Number(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::intake::{marked, read_text};

    fn pool(each: usize, all: usize) -> Intake {
        Intake::new(IntakeLimits { each, all, stale_ms: 1000 })
    }

    fn names(pool: &Intake, now: u64) -> Vec<String> {
        pool.families(now).iter().map(|family| family.name.to_string()).collect()
    }

    #[test]
    fn what_is_not_told_again_is_gone() {
        let pool = pool(10, 20);
        pool.merge("a", read_text("one 1\ntwo 2").unwrap(), 0).unwrap();
        assert_eq!(pool.merge("a", read_text("two 3").unwrap(), 600), Ok(2));
        assert_eq!(names(&pool, 999), ["one", "two"]);
        assert_eq!(names(&pool, 1000), ["two"]);
        pool.replace("a", read_text("three 3").unwrap(), 1100).unwrap();
        assert_eq!(names(&pool, 1200), ["three"]);
        assert!(names(&pool, 1099).is_empty(), "the clock was set back");
    }

    fn promtool_accepts(text: &str) {
        use std::io::Write;
        use std::process::{Command, Stdio};
        let mut run = Command::new("promtool");
        let Ok(mut run) = run.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()
        else {
            println!("SKIPPED: promtool is not installed");
            return;
        };
        run.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let done = run.wait_with_output().unwrap();
        assert!(done.status.success(), "{}\n{text}", String::from_utf8_lossy(&done.stderr));
    }

    #[test]
    fn what_is_relayed_is_what_came() {
        use crate::observe::metric::exposition::relay;
        let text = "# HELP took_seconds How \\\\ long\n# TYPE took_seconds histogram\n\
            took_seconds_bucket{le=\"0.1\"} 1\ntook_seconds_bucket{le=\"+Inf\"} 2\ntook_seconds_sum 3\ntook_seconds_count 2\n\
            # HELP q_seconds A summary\n# TYPE q_seconds summary\nq_seconds{quantile=\"0.5\"} 1\nq_seconds_sum 3\nq_seconds_count 2\n\
            # HELP req_total Requests\n# TYPE req_total counter\nreq_total 7\n";
        let pool = pool(99, 99);
        pool.merge("a", read_text(text).unwrap(), 0).unwrap();
        let mut out = Vec::new();
        relay(&pool.relayed(0), &mut out).unwrap();
        let told = String::from_utf8(out).unwrap();
        for line in text.lines() {
            assert!(told.lines().any(|one| one == line), "{line} is not in\n{told}");
        }
        assert_eq!(told.lines().count(), text.lines().count(), "{told}");
        promtool_accepts(&told);
        // Who says otherwise of a name takes its kind away, and breaks nothing.
        pool.merge("b", read_text("# TYPE took_seconds gauge\ntook_seconds{b=\"1\"} 1").unwrap(), 0).unwrap();
        let mut out = Vec::new();
        relay(&pool.relayed(0), &mut out).unwrap();
        assert!(!String::from_utf8(out).unwrap().contains("# TYPE took_seconds"));
        let lost = read_text(text).unwrap().iter().filter(|sample| sample.of.is_none()).count();
        assert_eq!(lost, 0);
    }

    #[test]
    fn a_source_is_bounded_and_so_are_all() {
        let pool = pool(2, 3);
        pool.merge("a", read_text("one 1\ntwo 2").unwrap(), 0).unwrap();
        let refused = pool.merge("a", read_text("three 3").unwrap(), 0).unwrap_err();
        assert_eq!(refused, IntakeError::Each { would: 3, most: 2 });
        let refused = pool.merge("b", read_text("x 1\ny 2").unwrap(), 0).unwrap_err();
        assert_eq!(refused, IntakeError::All { would: 4, most: 3 });
        assert_eq!(names(&pool, 0), ["one", "two"], "what is refused changes nothing");
        assert_eq!(pool.merge("b", read_text("x 1").unwrap(), 0), Ok(1));
    }

    #[test]
    fn nobody_speaks_for_the_box() {
        let pool = pool(9, 9);
        for name in ["spud_mode", "up", "ALERTS", "scrape_duration_seconds"] {
            let refused = pool.merge("a", read_text(&format!("{name} 1")).unwrap(), 0).unwrap_err();
            assert_eq!(refused, IntakeError::Reserved(name.to_owned()));
        }
        assert!(pool.merge("a", read_text("upper 1").unwrap(), 0).is_ok());
    }

    #[test]
    fn marks_push_labels_of_their_name_aside() {
        let sample = read_text("a{job=\"own\",b=\"c\"} 1").unwrap().remove(0);
        let labels = marked(&sample.labels, &[("job", "push"), ("principal", "uid:7"), ("instance", "")]);
        let text = labels.to_string();
        assert_eq!(text, r#"{__name__="a", b="c", exported_job="own", job="push", principal="uid:7"}"#);
        let sample = read_text("a{job=\"own\",exported_job=\"first\"} 1").unwrap().remove(0);
        let text = marked(&sample.labels, &[("job", "push")]).to_string();
        let wanted = r#"{__name__="a", exported_exported_job="own", exported_job="first", job="push"}"#;
        assert_eq!(text, wanted, "nothing is lost");
    }
}
