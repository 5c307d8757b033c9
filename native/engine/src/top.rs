//! The k best of a stream of scores.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A chunk and how well it fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Chunk id.
    pub id: u64,
    /// Larger is better. Never NaN.
    pub score: f32,
}

/// Keeps the `k` best hits: highest score first, ties by the smaller id.
#[derive(Debug)]
pub struct Top {
    k: usize,
    worst_first: BinaryHeap<Ranked>,
}

impl Top {
    /// Room for `k` hits.
    #[must_use]
    pub fn new(k: usize) -> Self {
        Self { k, worst_first: BinaryHeap::with_capacity(k.min(1024)) }
    }

    /// The k-th best score, once `k` hits are in.
    #[must_use]
    #[inline]
    pub fn worst(&self) -> Option<f32> {
        if self.worst_first.len() < self.k { None } else { self.worst_first.peek().map(|worst| worst.0.score) }
    }

    /// Whether [`Top::push`] would keep this hit.
    #[must_use]
    #[inline]
    pub fn would_take(&self, score: f32, id: u64) -> bool {
        if self.worst_first.len() < self.k {
            return self.k > 0;
        }
        self.worst_first.peek().is_some_and(|worst| Ranked(Hit { id, score }) < *worst)
    }

    /// Takes a hit in if it is among the best so far.
    #[inline]
    pub fn push(&mut self, hit: Hit) {
        if self.would_take(hit.score, hit.id) {
            if self.worst_first.len() == self.k {
                self.worst_first.pop();
            }
            self.worst_first.push(Ranked(hit));
        }
    }

    /// The hits, best first.
    #[must_use]
    pub fn into_sorted(self) -> Vec<Hit> {
        self.worst_first.into_sorted_vec().into_iter().map(|ranked| ranked.0).collect()
    }
}

/// Ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ranked(Hit);

impl Eq for Ranked {}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.score.total_cmp(&self.0.score).then(self.0.id.cmp(&other.0.id))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_best_are_those_of_a_full_sort(scores in prop::collection::vec(0_u8..20, 0..200), k in 0_usize..30) {
            let hits: Vec<Hit> =
                scores.iter().zip(0..).map(|(&score, id)| Hit { id, score: f32::from(score) }).collect();
            let mut top = Top::new(k);
            for &hit in hits.iter().rev() {
                top.push(hit);
            }
            let mut sorted = hits;
            sorted.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
            sorted.truncate(k);
            prop_assert_eq!(top.into_sorted(), sorted);
        }
    }
}
