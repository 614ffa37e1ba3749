//! Families of instruments: what there is, and where the handles come from.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::family::{Family, Kind, Point, Reading};
use super::histogram::Histogram;
use super::instrument::{Counter, Gauge, Summary};
use super::name::{MetricError, is_label_name, is_metric_name};

/// What a metric is, whether or not it has a value yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Described {
    pub name: &'static str,
    pub kind: Kind,
    /// Empty where it counts things.
    pub unit: &'static str,
    /// One sentence, without a full stop.
    pub help: &'static str,
    pub labels: &'static [&'static str],
    /// Upper bounds of a histogram of seconds, rising.
    pub bounds: &'static [f64],
}

impl Described {
    /// A family of it that has no points yet.
    #[must_use]
    pub fn family(&self) -> Family {
        Family {
            name: Cow::Borrowed(self.name),
            kind: self.kind,
            unit: Cow::Borrowed(self.unit),
            help: Cow::Borrowed(self.help),
            points: Vec::new(),
        }
    }
}

/// What a family can be made of.
pub trait Instrument: Default + Send + Sync + 'static {
    fn read(&self, described: &Described) -> Reading;
}

impl Instrument for Counter {
    #[allow(clippy::cast_precision_loss)] // counts stay below 2^53
    fn read(&self, _: &Described) -> Reading {
        Reading::Number(self.get() as f64)
    }
}

impl Instrument for Gauge {
    fn read(&self, _: &Described) -> Reading {
        Reading::Number(self.get())
    }
}

impl Instrument for Histogram {
    /// Its values are microseconds.
    fn read(&self, described: &Described) -> Reading {
        Reading::seconds(&self.snapshot(), described.bounds)
    }
}

type Values = Box<[Box<str>]>;

impl Instrument for Summary {
    /// Its values are microseconds.
    #[allow(clippy::cast_precision_loss)] // times stay below 2^53
    fn read(&self, _: &Described) -> Reading {
        let (quantiles, sum, count) = Summary::read(self);
        let seconds = |us: u64| us as f64 / 1e6;
        let quantiles = quantiles.into_iter().map(|(quantile, us)| (quantile, seconds(us))).collect();
        Reading::Summary { quantiles, sum: seconds(sum), count }
    }
}

/// The instruments of one family, by the values of its labels.
pub struct Many<T> {
    described: Described,
    most: usize,
    known: RwLock<BTreeMap<Values, Arc<T>>>,
    /// Label values that came after the family was full, each time they were asked for.
    overflow: Arc<Counter>,
}

/// What all labels of the series say that takes what is beyond the bound.
const BEYOND: &str = "other";

impl<T: Instrument> Many<T> {
    /// The instrument of these values, in the order of the labels; to be kept where things are hot. What comes
    /// after the family is full shares one instrument.
    #[must_use]
    pub fn with(&self, values: &[&str]) -> Arc<T> {
        let same = |known: &BTreeMap<Values, Arc<T>>| {
            // A map of few short keys: looking them through costs less than building a key.
            let found =
                known.iter().find(|(key, _)| key.iter().map(|value| &**value).eq(values.iter().copied()));
            found.map(|(_, instrument)| Arc::clone(instrument))
        };
        if let Some(found) = same(&self.known.read().unwrap_or_else(PoisonError::into_inner)) {
            return found;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = same(&known) {
            return found;
        }
        let full = known.len() >= self.most;
        if full {
            self.overflow.one();
        }
        let beyond = vec![BEYOND; self.described.labels.len()];
        let values = if full { beyond.as_slice() } else { values };
        let key: Values = values.iter().map(|value| Box::from(*value)).collect();
        Arc::clone(known.entry(key).or_default())
    }
}

/// Reads a family.
trait Source: Send + Sync {
    fn read(&self) -> Family;
}

impl<T: Instrument> Source for Many<T> {
    fn read(&self) -> Family {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut family = self.described.family();
        for (values, instrument) in known.iter() {
            let labels = self.described.labels.iter().zip(values).map(|(name, value)| {
                let value: &str = value;
                (Cow::Borrowed(*name), value.to_owned())
            });
            let reading = instrument.read(&self.described);
            family.points.push(Point { labels: labels.collect(), reading });
        }
        family
    }
}

/// All families of instruments.
pub struct Registry {
    families: Mutex<BTreeMap<&'static str, Arc<dyn Source>>>,
    most: usize,
    overflow: Arc<Counter>,
}

impl Registry {
    /// No family takes more than `most` combinations of label values.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { families: Mutex::default(), most: most.max(1), overflow: Arc::default() }
    }

    /// A new family.
    ///
    /// # Errors
    /// [`MetricError`] when its name or a label is none, or the name is taken.
    pub fn many<T: Instrument>(&self, described: Described) -> Result<Arc<Many<T>>, MetricError> {
        if !is_metric_name(described.name) {
            return Err(MetricError::Name(described.name.to_owned()));
        }
        if let Some(bad) = described.labels.iter().find(|label| !is_label_name(label)) {
            return Err(MetricError::Label((*bad).to_owned()));
        }
        let family = Arc::new(Many {
            described,
            most: self.most,
            known: RwLock::default(),
            overflow: Arc::clone(&self.overflow),
        });
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        if families.contains_key(described.name) {
            return Err(MetricError::Known(described.name.to_owned()));
        }
        families.insert(described.name, Arc::clone(&family) as Arc<dyn Source>);
        Ok(family)
    }

    /// How often a family was full.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.overflow.get()
    }

    /// Every family now, by name.
    #[must_use]
    pub fn read(&self) -> Vec<Family> {
        let families: Vec<Arc<dyn Source>> =
            self.families.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        families.iter().map(|family| family.read()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUESTS: Described = Described {
        name: "requests_total",
        kind: Kind::Counter,
        unit: "",
        help: "What was asked",
        labels: &["route", "code"],
        bounds: &[],
    };

    #[test]
    fn handles_of_the_same_labels_are_one_instrument() {
        let registry = Registry::new(10);
        let requests = registry.many::<Counter>(REQUESTS).unwrap();
        requests.with(&["/a", "200"]).add(2);
        requests.with(&["/a", "200"]).one();
        requests.with(&["/a", "500"]).one();
        let family = registry.read().remove(0);
        let values: Vec<&Reading> = family.points.iter().map(|point| &point.reading).collect();
        assert_eq!(values, [&Reading::Number(3.0), &Reading::Number(1.0)]);
        assert_eq!(registry.many::<Gauge>(REQUESTS).err(), Some(MetricError::Known("requests_total".into())));
    }

    #[test]
    fn label_values_beyond_the_bound_share_one_series_and_are_counted() {
        let registry = Registry::new(3);
        let requests = registry.many::<Counter>(REQUESTS).unwrap();
        for number in 0..1000 {
            requests.with(&[&format!("/{number}"), "200"]).one();
        }
        let family = registry.read().remove(0);
        assert_eq!(family.points.len(), 4);
        let beyond = family.points.iter().find(|point| point.labels.iter().all(|(_, value)| value == BEYOND));
        assert_eq!(beyond.unwrap().reading, Reading::Number(997.0));
        assert_eq!(registry.overflowed(), 997);
    }

    #[test]
    fn names_are_checked() {
        let registry = Registry::new(1);
        let bad = |name, labels| registry.many::<Counter>(Described { name, labels, ..REQUESTS }).err();
        assert_eq!(bad("a-b", &[]), Some(MetricError::Name("a-b".into())));
        assert_eq!(bad("ab", &["x y"]), Some(MetricError::Label("x y".into())));
    }
}
