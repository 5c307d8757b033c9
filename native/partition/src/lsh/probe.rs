//! The order in which buckets are probed.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// All buckets, likeliest first: those whose differing functions have the smallest sum of squared margins (the
/// query-directed probing sequence of Lv et al., VLDB 2007: the sets of functions to flip come from a heap, each making
/// way for the one with its last function replaced by the next, and the one with the next added).
pub(super) struct Buckets {
    bucket: usize,
    /// Functions with their squared margins, smallest first.
    costs: Vec<(f32, usize)>,
    heap: BinaryHeap<Flips>,
    begun: bool,
}

/// A set of functions to flip: bits are places in `costs`.
struct Flips {
    cost: f32,
    places: u32,
    last: usize,
}

impl Buckets {
    pub(super) fn new(bucket: usize, margins: &[f32]) -> Self {
        let mut costs: Vec<(f32, usize)> = margins.iter().map(|margin| margin * margin).zip(0..).collect();
        costs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let heap = costs.first().map(|&(cost, _)| Flips { cost, places: 1, last: 0 }).into_iter().collect();
        Self { bucket, costs, heap, begun: false }
    }
}

impl Iterator for Buckets {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if !self.begun {
            self.begun = true;
            return Some(self.bucket);
        }
        let flips = self.heap.pop()?;
        if let Some(&(cost, _)) = self.costs.get(flips.last + 1) {
            let next = 1 << (flips.last + 1);
            let last = flips.last + 1;
            self.heap.push(Flips { cost: flips.cost + cost, places: flips.places | next, last });
            let without = flips.places & !(1 << flips.last);
            self.heap.push(Flips { cost: flips.cost - self.costs[flips.last].0 + cost, places: without | next, last });
        }
        let flipped = self.costs.iter().enumerate().filter(|(place, _)| flips.places >> place & 1 == 1);
        Some(flipped.fold(self.bucket, |bucket, (_, &(_, function))| bucket ^ 1 << function))
    }
}

impl Ord for Flips {
    /// The heap gives the cheapest first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.cost.total_cmp(&self.cost).then(other.places.cmp(&self.places))
    }
}

impl PartialOrd for Flips {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Flips {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Flips {}
