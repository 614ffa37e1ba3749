//! Who is not told: silences by matchers, and alerts that others make needless.

use super::rules::{Inhibition, matcher};
use crate::observe::promql::{Labels, Matcher};

/// Silences that are kept.
pub const SILENCES_MOST: usize = 200;

/// Alerts with these labels are not told for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    pub id: u64,
    /// Each as `name="value"`; all have to match.
    pub matchers: Vec<String>,
    pub by: String,
    pub reason: String,
    pub from_ms: u64,
    pub until_ms: u64,
}

impl Silence {
    /// Its matchers, read.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn read(&self) -> Result<Vec<Matcher>, String> {
        let mut all = Vec::new();
        for text in &self.matchers {
            all.extend(matcher(text)?);
        }
        if all.is_empty() {
            return Err("a silence has at least one matcher".to_owned());
        }
        Ok(all)
    }
}

/// Ids of the silences that hold for these labels now.
#[must_use]
pub fn silenced(silences: &[Silence], labels: &Labels, now: u64) -> Vec<u64> {
    let holds = |silence: &&Silence| {
        let matches = |all: Vec<Matcher>| all.iter().all(|one| one.matches(labels));
        silence.from_ms <= now && now < silence.until_ms && silence.read().is_ok_and(matches)
    };
    silences.iter().filter(holds).map(|silence| silence.id).collect()
}

/// True where one of the alerts that fire makes this one needless.
#[must_use]
pub fn inhibited(inhibitions: &[Inhibition], labels: &Labels, firing: &[Labels]) -> bool {
    let all = |matchers: &[Matcher], labels: &Labels| matchers.iter().all(|one| one.matches(labels));
    inhibitions.iter().filter(|one| all(&one.target, labels)).any(|one| {
        firing.iter().any(|source| {
            // What matches both sides does not silence itself or its like.
            source != labels
                && all(&one.source, source)
                && !all(&one.target, source)
                && one.equal.iter().all(|label| source.get(label) == labels.get(label))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(severity: &str, job: &str) -> Labels {
        Labels::new([("severity", severity), ("job", job)])
    }

    #[test]
    fn silences_hold_for_their_time_and_labels() {
        let silence = |matchers: &[&str]| Silence {
            id: 7,
            matchers: matchers.iter().map(|text| (*text).to_owned()).collect(),
            by: "uid 0".into(),
            reason: "works".into(),
            from_ms: 10,
            until_ms: 20,
        };
        let of = |matchers: &[&str], now| silenced(&[silence(matchers)], &labels("warning", "a"), now);
        assert_eq!(of(&["severity=warning"], 10), [7]);
        assert_eq!((of(&["severity=warning"], 9).len(), of(&["severity=warning"], 20).len()), (0, 0));
        assert!(of(&["severity=\"warning\"", "job!=a"], 15).is_empty());
        assert_eq!(of(&["severity=~warn.*", "none="], 15), [7]);
        assert!(silence(&["severity"]).read().is_err() && silence(&[]).read().is_err());
        assert!(silence(&["a=~["]).read().is_err());
    }

    #[test]
    fn the_worse_alert_inhibits_the_lesser_of_the_same_thing() {
        let of = |text: &str| matcher(text).unwrap();
        let rule = Inhibition {
            source: of("severity=critical"),
            target: of("severity=~warning|info"),
            equal: vec!["job".into()],
        };
        let firing = [labels("critical", "a"), labels("warning", "a")];
        assert!(inhibited(std::slice::from_ref(&rule), &firing[1], &firing));
        assert!(!inhibited(std::slice::from_ref(&rule), &firing[0], &firing));
        assert!(!inhibited(&[rule], &labels("warning", "b"), &firing));
    }
}
