//! The best of what a scan finds, without a heap in the inner loop.

use std::cmp::Ordering;

/// How many times the wanted number are buffered before the worse ones are cut off.
const SLACK: usize = 4;

/// A row that a scan found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Estimated cosine similarity.
    pub score: f32,
    /// The row's number.
    pub row: u32,
    /// Where the row's codes lie: the position that the scan was told its page begins at, plus the row's in the page.
    pub place: u32,
}

impl Candidate {
    /// Better first; of equal scores, the lower row first.
    fn order(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.row.cmp(&other.row))
    }
}

/// Keeps the `best` highest scores offered to it, in a buffer of four times as many whose threshold rises each time it
/// is cut. Which rows are kept depends on the rows offered, not on their order.
#[derive(Debug, Clone)]
pub struct Candidates {
    best: usize,
    threshold: f32,
    entries: Vec<Candidate>,
}

impl Candidates {
    /// Keeps the `best` (at least 1).
    #[must_use]
    pub fn new(best: usize) -> Self {
        let best = best.max(1);
        Self {
            best,
            threshold: f32::NEG_INFINITY,
            entries: Vec::with_capacity(best.saturating_mul(SLACK).min(1 << 16)),
        }
    }

    /// How many are kept.
    #[must_use]
    pub fn best(&self) -> usize {
        self.best
    }

    /// A score below this one is not among the best.
    #[must_use]
    #[inline]
    pub fn threshold(&self) -> f32 {
        self.threshold
    }

    /// Takes no score below `threshold` from now on; never lowers the threshold. What another scan of the same query
    /// has reached may be given here.
    pub fn raise(&mut self, threshold: f32) {
        if threshold > self.threshold {
            self.threshold = threshold;
        }
    }

    /// Offers one candidate. A score that is not a number is never kept.
    #[inline]
    pub fn push(&mut self, candidate: Candidate) {
        if candidate.score >= self.threshold {
            self.entries.push(candidate);
            if self.entries.len() >= self.best.saturating_mul(SLACK) {
                self.cut();
            }
        }
    }

    /// Offers what another scan of the same query kept, and leaves that one empty.
    pub fn merge(&mut self, other: &mut Self) {
        for candidate in other.entries.drain(..) {
            self.push(candidate);
        }
        other.clear();
    }

    /// What was offered and may be among the best, in no order.
    #[must_use]
    pub fn entries(&self) -> &[Candidate] {
        &self.entries
    }

    /// Offers everything kept to `other`, and is empty then. Takes nothing from then on that `other` would not.
    pub fn pour_into(&mut self, other: &mut Self) {
        for candidate in self.entries.drain(..) {
            other.push(candidate);
        }
        self.raise(other.threshold());
    }

    /// The best, best first, of equal scores the lower row first.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Candidate> {
        self.finish();
        self.entries
    }

    fn clear(&mut self) {
        self.threshold = f32::NEG_INFINITY;
        self.entries.clear();
    }

    fn finish(&mut self) {
        if self.entries.len() > self.best {
            self.cut();
        }
        let threshold = self.threshold;
        self.entries.retain(|candidate| candidate.score >= threshold);
        self.entries.sort_unstable_by(Candidate::order);
    }

    #[cold]
    fn cut(&mut self) {
        let (_, worst, _) = self.entries.select_nth_unstable_by(self.best - 1, Candidate::order);
        let worst = worst.score;
        self.entries.truncate(self.best);
        self.raise(worst);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offers() -> impl Strategy<Value = Vec<Candidate>> {
        // Few different scores, so that there are ties.
        prop::collection::vec(0_u8..20, 0..400).prop_map(|scores| {
            let entry = |(row, score): (u32, u8)| Candidate { score: f32::from(score) / 8.0, row, place: row + 7 };
            (0..).zip(scores).map(entry).collect()
        })
    }

    fn expected(mut all: Vec<Candidate>, best: usize) -> Vec<Candidate> {
        all.sort_by(Candidate::order);
        all.truncate(best);
        all
    }

    proptest! {
        #[test]
        fn it_keeps_the_best_whatever_the_order(offers in offers().prop_shuffle(), best in 1_usize..50, split in 0_usize..400) {
            let mut one = Candidates::new(best);
            for &offer in &offers {
                one.push(offer);
            }
            let (mut left, mut right) = (Candidates::new(best), Candidates::new(best));
            for (at, &offer) in offers.iter().enumerate() {
                if at < split { left.push(offer) } else { right.push(offer) }
            }
            left.raise(right.threshold());
            left.merge(&mut right);
            let expected = expected(offers, best);
            prop_assert!(right.entries().is_empty());
            prop_assert_eq!(&left.into_sorted(), &expected);
            prop_assert_eq!(one.into_sorted(), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_poured_is_offered(offers in offers().prop_shuffle(), best in 1_usize..50, every in 1_usize..30) {
            let (mut all, mut fresh) = (Candidates::new(best), Candidates::new(best));
            for (at, &offer) in offers.iter().enumerate() {
                fresh.push(offer);
                if at % every == 0 {
                    fresh.pour_into(&mut all);
                    prop_assert!(fresh.entries().is_empty());
                    prop_assert!(fresh.threshold() >= all.threshold());
                }
            }
            fresh.pour_into(&mut all);
            prop_assert_eq!(all.into_sorted(), expected(offers, best));
        }
    }

    #[test]
    fn a_threshold_only_rises_and_binds() {
        let mut candidates = Candidates::new(3);
        let of = |score, row| Candidate { score, row, place: 0 };
        candidates.push(of(0.1, 1));
        candidates.raise(0.5);
        candidates.raise(0.2);
        candidates.push(of(0.4, 2));
        candidates.push(of(0.5, 3));
        candidates.push(of(f32::NAN, 4));
        assert_eq!(candidates.into_sorted(), [of(0.5, 3)]);
    }
}
