//! The series of a script, in memory.

use std::collections::{BTreeMap, HashMap};

use super::super::fault::EvalFault;
use super::super::labels::{BUCKET_BOUND, Labels, METRIC_NAME};
use super::super::source::{Hear, Source, Wanted};
use super::super::value::{Sample, Series};
use super::notation::{self, Point};
use super::read::Load;

/// Series in memory that are written by hand.
#[derive(Default)]
pub struct Store {
    series: HashMap<Labels, BTreeMap<i64, Sample>>,
    /// True when starts of counters were given, which nobody here knows.
    pub(super) starts: bool,
}

impl Store {
    /// A series in the notation of scripts, `name{label="x"} 1 2+1x5`, from time 0 on.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub fn add(&mut self, line: &str, step_ms: i64) -> Result<(), String> {
        let (labels, points) = notation::series(line)?;
        let samples =
            (0i64..).zip(points).filter_map(|(at, point)| sample(at.saturating_mul(step_ms), point));
        self.series.entry(labels).or_default().extend(samples.map(|sample| (sample.time, sample)));
        Ok(())
    }

    /// One value of a series; none marks its end.
    pub fn put(&mut self, labels: Labels, time: i64, value: Option<f64>) {
        let sample = value.map_or(Sample::stale(time), |value| Sample { time, value });
        self.series.entry(labels).or_default().insert(time, sample);
    }

    pub(super) fn load(&mut self, load: Load) {
        self.starts |= load.starts;
        // Within one load, the later line of a series replaces the earlier.
        let series: HashMap<Labels, Vec<Point>> = load.series.into_iter().collect();
        let mut natives: HashMap<Labels, Vec<i64>> = HashMap::new();
        for (labels, points) in series {
            let samples: Vec<Sample> = (0i64..)
                .zip(points)
                .filter_map(|(at, point)| sample(at.saturating_mul(load.step), point))
                .collect();
            if let Some(base) = native_labels(&labels).filter(|_| load.native_too) {
                let floats = samples.iter().filter(|sample| !sample.is_native_histogram());
                natives.entry(base).or_default().extend(floats.map(|sample| sample.time));
            }
            self.series
                .entry(labels)
                .or_default()
                .extend(samples.into_iter().map(|sample| (sample.time, sample)));
        }
        for (labels, times) in natives {
            let samples = times.into_iter().map(|time| (time, Sample::native_histogram(time)));
            self.series.entry(labels).or_default().extend(samples);
        }
    }
}

fn sample(time: i64, point: Point) -> Option<Sample> {
    match point {
        Point::Omitted => None,
        Point::Stale => Some(Sample::stale(time)),
        Point::Number(value) => Some(Sample { time, value }),
        Point::NativeHistogram => Some(Sample::native_histogram(time)),
    }
}

/// The labels of the native histogram that a series of a classic one belongs to.
fn native_labels(labels: &Labels) -> Option<Labels> {
    let name = labels.metric();
    let base = if let Some(base) = name.strip_suffix("_bucket") {
        let bound: f64 = labels.get(BUCKET_BOUND).parse().ok()?;
        (!bound.is_nan()).then_some(base)?
    } else {
        name.strip_suffix("_sum").or_else(|| name.strip_suffix("_count"))?
    };
    Some(labels.without_one(BUCKET_BOUND).with(METRIC_NAME, base))
}

impl Source for Store {
    fn select(&self, wanted: &Wanted<'_>, _: &mut Hear<'_>) -> Result<Vec<Series>, EvalFault> {
        let Wanted { matchers, after, until, most, .. } = *wanted;
        let mut found = Vec::new();
        let mut samples = 0;
        for (labels, all) in &self.series {
            if after >= until || !matchers.iter().all(|matcher| matcher.matches(labels)) {
                continue;
            }
            let within: Vec<Sample> =
                all.range(after.saturating_add(1)..=until).map(|(_, sample)| *sample).collect();
            samples += within.len();
            if samples > most {
                return Err(EvalFault::TooMuch { what: "samples", most });
            }
            found.push(Series { labels: labels.clone(), samples: within });
        }
        Ok(found)
    }
}
