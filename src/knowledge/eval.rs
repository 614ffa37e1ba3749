//! Measures of retrieval quality over judged questions, as pure functions.
//!
//! nDCG with gains 2^rel - 1 and discount log2(rank + 1) (Järvelin and Kekäläinen 2002; Burges 2005).

use crate::base::InOrder;
use std::collections::HashMap;

/// Relevance of documents to one question.
pub type Judgements = HashMap<String, u32>;

fn gain(relevance: u32) -> f64 {
    f64::from(relevance.min(30)).exp2() - 1.0
}

fn discount(rank: usize) -> f64 {
    f64::from(u32::try_from(rank).unwrap_or(u32::MAX)).log2()
}

/// nDCG@k of a ranking, 0..=1; 0 when nothing is relevant.
#[must_use]
pub fn ndcg(ranking: &[String], judged: &Judgements, k: usize) -> f64 {
    let of = |relevances: &mut dyn Iterator<Item = u32>| {
        relevances.take(k).enumerate().map(|(at, r)| gain(r) / discount(at + 2)).sum::<f64>()
    };
    let mut ideal: Vec<u32> = judged.values().copied().collect();
    ideal.order_by(|a, b| b.cmp(a));
    let best = of(&mut ideal.into_iter());
    if best <= 0.0 {
        return 0.0;
    }
    of(&mut ranking.iter().map(|id| judged.get(id).copied().unwrap_or(0))) / best
}

/// Part of the relevant documents that are among the first k.
#[must_use]
#[allow(clippy::cast_precision_loss)] // counts
pub fn recall(ranking: &[String], judged: &Judgements, k: usize) -> f64 {
    let relevant = judged.values().filter(|r| **r > 0).count();
    let found = ranking.iter().take(k).filter(|id| judged.get(*id).is_some_and(|r| *r > 0)).count();
    if relevant == 0 { 0.0 } else { found as f64 / relevant as f64 }
}

/// 1 / rank of the first relevant document, 0 when there is none.
#[must_use]
#[allow(clippy::cast_precision_loss)] // a rank
pub fn reciprocal_rank(ranking: &[String], judged: &Judgements) -> f64 {
    let first = ranking.iter().position(|id| judged.get(id).is_some_and(|r| *r > 0));
    first.map_or(0.0, |at| 1.0 / (at + 1) as f64)
}

/// The p-th percentile (nearest rank) of sorted values.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
pub fn percentile(sorted: &[f64], p: f64) -> f64 {
    let rank = (p / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1).min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_by_hand() {
        let judged: Judgements = [("a".to_owned(), 2), ("b".to_owned(), 1)].into();
        let ranking: Vec<String> = ["x", "a", "b"].map(str::to_owned).into();
        let dcg = 3.0 / 3f64.log2() + 1.0 / 4f64.log2();
        let ideal = 3.0 / 2f64.log2() + 1.0 / 3f64.log2();
        assert!((ndcg(&ranking, &judged, 10) - dcg / ideal).abs() < 1e-12);
        assert!((recall(&ranking, &judged, 2) - 0.5).abs() < 1e-12);
        assert!((reciprocal_rank(&ranking, &judged) - 0.5).abs() < 1e-12);
        assert!(ndcg(&ranking, &Judgements::new(), 10).abs() < 1e-12);
        assert!((percentile(&[1.0, 2.0, 3.0, 4.0], 50.0) - 2.0).abs() < 1e-12);
    }
}
