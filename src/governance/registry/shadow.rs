//! What a sample of real questions says of a staged model beside the one that answers: counts, never a text. Pure.

use bincode::{Decode, Encode};

/// Results that are compared.
pub const SHADOW_DEPTH: usize = 10;
const THOUSAND: u64 = 1_000;

/// Where a result lies in the index, the same under every model.
pub type ShadowPlace = (u64, u32);

/// Sums over all questions that were asked of both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct ShadowTotals {
    pub questions: u64,
    /// Of each question the part of the first ten that is the same, in thousandths.
    pub overlap: u64,
    /// Questions with the same first result.
    pub same_first: u64,
    pub production_us: u64,
    pub candidate_us: u64,
    pub since_ms: u64,
    pub last_ms: u64,
}

impl ShadowTotals {
    /// Adds what one question found under both, with the microseconds that each took.
    pub fn add(
        &mut self,
        (production, production_us): (&[ShadowPlace], u64),
        (candidate, candidate_us): (&[ShadowPlace], u64),
        now_ms: u64,
    ) {
        let top = |places: &[ShadowPlace]| places.iter().take(SHADOW_DEPTH).copied().collect::<Vec<_>>();
        let (a, b) = (top(production), top(candidate));
        let shared = a.iter().filter(|place| b.contains(place)).count() as u64;
        // Where both find nothing they agree.
        let most = a.len().max(b.len()) as u64;
        self.overlap += (shared * THOUSAND).checked_div(most).unwrap_or(THOUSAND);
        self.same_first += u64::from(a.first() == b.first());
        self.questions += 1;
        self.production_us = self.production_us.saturating_add(production_us);
        self.candidate_us = self.candidate_us.saturating_add(candidate_us);
        if self.since_ms == 0 {
            self.since_ms = now_ms;
        }
        self.last_ms = now_ms;
    }

    /// Overlap and agreement on the first result from 0 to 1, then the mean milliseconds of both.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts of a box stay below 2^53
    pub fn means(&self) -> [f64; 4] {
        let n = self.questions.max(1) as f64;
        let mean = |sum: u64, unit: f64| sum as f64 / unit / n;
        [
            mean(self.overlap, 1_000.0),
            mean(self.same_first, 1.0),
            mean(self.production_us, 1_000.0),
            mean(self.candidate_us, 1_000.0),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_agreement_and_times_are_means_over_the_questions() {
        let places = |all: &[u32]| all.iter().map(|chunk| (1, *chunk)).collect::<Vec<ShadowPlace>>();
        let mut totals = ShadowTotals::default();
        totals.add((&places(&[1, 2, 3, 4]), 2_000), (&places(&[1, 4, 9, 8]), 4_000), 50);
        assert_eq!((totals.overlap, totals.same_first, totals.since_ms), (500, 1, 50));
        totals.add((&places(&[1, 2]), 2_000), (&places(&[2]), 0), 60);
        assert_eq!((totals.overlap, totals.same_first), (1_000, 1));
        totals.add((&[], 2_000), (&[], 2_000), 70);
        totals.add((&places(&[5]), 2_000), (&[], 2_000), 80);
        assert_eq!((totals.overlap, totals.same_first, totals.questions), (2_000, 2, 4));
        assert_eq!((totals.means(), totals.since_ms, totals.last_ms), ([0.5, 0.5, 2.0, 2.0], 50, 80));
        let eleven: Vec<u32> = (0..11).collect();
        let mut deep = ShadowTotals::default();
        deep.add((&places(&eleven), 0), (&places(&eleven[..10]), 0), 1);
        assert_eq!(deep.overlap, 1_000, "the eleventh is not looked at");
    }
}
