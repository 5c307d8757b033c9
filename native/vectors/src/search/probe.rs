//! Visiting the cells that promise most.

use std::sync::{Mutex, PoisonError};

use tiercel_base::error::Result;
use tiercel_codec::bits::BitsQuery;
use tiercel_codec::candidates::Candidates;
use tiercel_partition::{ProbeRule, Prober};

use super::Search;
use super::bar::Bar;
use crate::codes::CodeSet;

/// Once one cell in so many was visited, all others are scanned by all threads: a query that near to so many cells has
/// no use for their order.
const MOST_PROBED: u32 = 2;

impl Search<'_> {
    /// Cell after cell, until the next one is unlikely to change the answer. How good the answer is so far is taken from
    /// better codes: the best of many 1-bit estimates is too high, and would end the walk too early.
    pub(super) fn probe(
        &self,
        set: &CodeSet,
        allowed: f32,
        query: &BitsQuery,
        bar: &Mutex<Bar<'_, '_>>,
        candidates: &mut Candidates,
    ) -> Result<()> {
        let rule = ProbeRule { recall: self.cells_recall(), max: set.partition.cells() };
        let mut prober = Prober::new(&set.partition, self.rotated, &rule).filtered(allowed);
        let mut fresh = Candidates::new(candidates.best());
        let mut visited = vec![false; set.partition.cells() as usize];
        bar.lock().unwrap_or_else(PoisonError::into_inner).begin_cells();
        let mut kth = f32::NEG_INFINITY;
        while let Some(ranked) = prober.next(kth) {
            self.cancel.check()?;
            if prober.probed() > set.partition.cells() / MOST_PROBED {
                return self.sweep(set, &|cell| !visited[cell as usize], query, bar, candidates);
            }
            visited[ranked.cell as usize] = true;
            for (at, file) in set.files.iter().enumerate() {
                for page in file.pages_of(ranked.cell) {
                    self.page(set, at, page, query, ranked.dot, &mut fresh)?;
                }
            }
            let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
            bar.confirm(fresh.entries())?;
            kth = bar.kth_of_cells();
            candidates.raise(bar.floor());
            fresh.pour_into(candidates);
        }
        Ok(())
    }
}
