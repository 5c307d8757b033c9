//! The k best rows seen so far.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A row and how similar it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowHit {
    /// Row number.
    pub row: u32,
    /// Cosine similarity, -1 to 1.
    pub score: f32,
}

/// Greater is worse, so that the top of a heap is the one to give up. Scores are finite by construction.
struct Worst(RowHit);

impl Ord for Worst {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.score.total_cmp(&self.0.score).then(self.0.row.cmp(&other.0.row))
    }
}

impl PartialOrd for Worst {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Worst {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Worst {}

/// Keeps the `k` best rows; of equal scores the smaller row wins.
pub struct Best {
    k: usize,
    heap: BinaryHeap<Worst>,
}

impl Best {
    /// Room for `k` rows.
    #[must_use]
    pub fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::with_capacity(k.min(4096) + 1) }
    }

    /// The most rows it keeps.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.k
    }

    /// Offers a row.
    #[inline]
    pub fn push(&mut self, row: u32, score: f32) {
        if self.heap.len() < self.k {
            self.heap.push(Worst(RowHit { row, score }));
        } else if let Some(mut top) = self.heap.peek_mut() {
            let offered = Worst(RowHit { row, score });
            if offered < *top {
                *top = offered;
            }
        }
    }

    /// The score a row must exceed to enter, or minus infinity while there is room.
    #[must_use]
    #[inline]
    pub fn threshold(&self) -> f32 {
        if self.heap.len() < self.k {
            f32::NEG_INFINITY
        } else {
            self.heap.peek().map_or(f32::INFINITY, |top| top.0.score)
        }
    }

    /// Takes over what another one kept.
    pub fn merge(&mut self, other: Self) {
        for Worst(hit) in other.heap {
            self.push(hit.row, hit.score);
        }
    }

    /// Best first, ties by row.
    #[must_use]
    pub fn into_sorted(self) -> Vec<RowHit> {
        self.heap.into_sorted_vec().into_iter().map(|Worst(hit)| hit).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_keeps_what_sorting_would(scores in prop::collection::vec(-5_i8..5, 0..200), k in 0_usize..30) {
            let mut best = Best::new(k);
            let mut other = Best::new(k);
            let mut all: Vec<RowHit> = Vec::new();
            for (row, score) in (0_u32..).zip(scores) {
                let score = f32::from(score);
                if row % 2 == 0 { best.push(row, score) } else { other.push(row, score) }
                all.push(RowHit { row, score });
            }
            best.merge(other);
            all.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
            all.truncate(k);
            prop_assert_eq!(best.into_sorted(), all);
        }
    }
}
