//! Adaptive probing: cells are visited best first until those left are unlikely to hold a nearest neighbour.

use crate::partition::Partition;
use crate::rank::Ranked;
use crate::reach::Demand;

/// When probing stops.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProbeRule {
    /// Share of the true nearest neighbours that shall lie in the cells visited, on average over queries. From 1 on, no
    /// cell is passed over.
    pub recall: f32,
    /// Cells visited whatever they demand.
    pub least: u32,
    /// Cells visited at most.
    pub max: u32,
}

/// Cells ranked at first; eight times as many each time they are used up.
const FIRST: usize = 48;
const GROWTH: usize = 8;
/// Cells passed over one after the other after which the rest is not looked at.
pub(crate) const PATIENCE: usize = 32;

/// The reach up to which cells are visited.
fn threshold(partition: &Partition, recall: f32, share: f32) -> f32 {
    if recall < 1.0 { partition.curves.reach_for(recall, share) } else { f32::INFINITY }
}

/// The cells that one query visits, one after the other.
#[derive(Debug)]
pub struct Prober<'a> {
    partition: &'a Partition,
    query: &'a [f32],
    recall: f32,
    threshold: f32,
    least: usize,
    max: u32,
    ranked: Vec<Ranked>,
    /// Place in `ranked`.
    at: usize,
    /// Cells looked at so far, a bit each: a longer ranking need not begin with the shorter one.
    seen: Vec<u64>,
    looked_at: usize,
    probed: u32,
}

impl<'a> Prober<'a> {
    /// Begins with `query`, a rotated unit vector of the partition's dimension.
    #[must_use]
    pub fn new(partition: &'a Partition, query: &'a [f32], rule: &ProbeRule) -> Self {
        let mut ranked = Vec::new();
        partition.rank(query, FIRST, &mut ranked);
        Self {
            partition,
            query,
            recall: rule.recall,
            threshold: threshold(partition, rule.recall, 1.0),
            least: rule.least as usize,
            max: rule.max,
            ranked,
            at: 0,
            seen: vec![0; (partition.cells() as usize).div_ceil(64)],
            looked_at: 0,
            probed: 0,
        }
    }

    /// Says that only this share of the rows, 0 to 1, may be returned. Neighbours then lie farther away and in more cells;
    /// a prober that is not told stops as if they did not, and misses some. Below 1 in 64 it stops only at `max`.
    #[must_use]
    pub fn filtered(mut self, share: f32) -> Self {
        self.threshold = threshold(self.partition, self.recall, share);
        self
    }

    /// The next cell to visit, or none when the rest is not worth it. `kth_score` is the score of the k-th best row that
    /// may be returned so far, `-inf` while there are fewer than k: no cell is passed over then.
    pub fn next(&mut self, kth_score: f32) -> Option<Ranked> {
        if self.probed >= self.max {
            return None;
        }
        let mut passed_over = 0;
        while passed_over < PATIENCE {
            let ranked = self.look()?;
            let partition = self.partition;
            let cell = ranked.cell as usize;
            let rank = self.looked_at - 1;
            let half_norm = partition.centroids.half_norm(cell);
            let demand = Demand::new(ranked.dot, half_norm, partition.spreads[cell].radius, rank);
            if rank < self.least || demand.reach(kth_score) <= self.threshold {
                self.probed += 1;
                return Some(ranked);
            }
            passed_over += 1;
        }
        None
    }

    /// Cells handed out so far.
    #[must_use]
    pub fn probed(&self) -> u32 {
        self.probed
    }

    /// The best cell not yet looked at.
    fn look(&mut self) -> Option<Ranked> {
        loop {
            while let Some(&ranked) = self.ranked.get(self.at) {
                self.at += 1;
                let (word, bit) = (ranked.cell as usize / 64, 1 << (ranked.cell % 64));
                if self.seen[word] & bit == 0 {
                    self.seen[word] |= bit;
                    self.looked_at += 1;
                    return Some(ranked);
                }
            }
            if self.looked_at >= self.partition.cells() as usize {
                return None;
            }
            self.partition.rank(self.query, self.ranked.len().saturating_mul(GROWTH), &mut self.ranked);
            self.at = 0;
        }
    }
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
