//! Visiting the cells that promise most.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tiercel_base::error::Result;
use tiercel_codec::bits::BitsQuery;
use tiercel_codec::candidates::Candidates;
use tiercel_partition::{ProbeRule, Prober, Ranked};

use super::Search;
use super::bar::Bar;
use crate::codes::CodeSet;
use crate::workers;

/// Once one cell in so many was visited, all others are scanned: a query that near to so many cells has no use for their
/// order.
const MOST_PROBED: u32 = 2;

/// Cells visited in any case. A row is not always in its nearest cell (docs/cells.md), and a search for what all but equals
/// it ends so soon that it would miss it: in a load test, one in six thousand did.
const LEAST_PROBED: u32 = 8;

/// Rows that one thread scans before others are woken: most searches are over by then.
const ALONE_ROWS: u32 = 16_384;

/// Where the walk through the cells is.
struct Walk<'w> {
    prober: Prober<'w>,
    visited: Vec<bool>,
    /// The score that a cell has to promise more than.
    kth: f32,
    rows: u32,
}

impl Walk<'_> {
    /// The next cell, or none at the end of the walk.
    fn next(&mut self) -> Option<Ranked> {
        if self.is_wide() {
            return None;
        }
        let ranked = self.prober.next(self.kth)?;
        self.visited[ranked.cell as usize] = true;
        Some(ranked)
    }

    /// Whether so many cells were visited that the rest is scanned.
    fn is_wide(&self) -> bool {
        self.prober.probed() as usize > self.visited.len() / MOST_PROBED as usize
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

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
        let cells = set.partition.cells();
        let rule = ProbeRule { recall: self.cells_recall(), least: LEAST_PROBED, max: cells };
        let walk = Mutex::new(Walk {
            prober: Prober::new(&set.partition, self.rotated, &rule).filtered(allowed),
            visited: vec![false; cells as usize],
            kth: f32::NEG_INFINITY,
            rows: 0,
        });
        lock(bar).begin_cells();
        let (best, floor) = (candidates.best(), candidates.threshold());
        let mut fresh = Candidates::new(best);
        fresh.raise(floor);
        let ended = self.visit(set, query, bar, &walk, ALONE_ROWS, &mut fresh, candidates)?;
        if !ended {
            let floor = candidates.threshold();
            let found = workers::together(usize::MAX, || {
                let (mut kept, mut fresh) = (Candidates::new(best), Candidates::new(best));
                fresh.raise(floor);
                self.visit(set, query, bar, &walk, u32::MAX, &mut fresh, &mut kept)?;
                Ok(kept)
            })?;
            for mut kept in found {
                candidates.merge(&mut kept);
            }
        }
        let walk = walk.into_inner().unwrap_or_else(PoisonError::into_inner);
        if walk.is_wide() {
            self.sweep(set, &|cell| !walk.visited[cell as usize], query, bar, candidates)?;
        }
        Ok(())
    }

    /// Goes on with a walk, beside others who do, until it ends or `rows` rows were visited; whether it ended.
    #[expect(clippy::too_many_arguments, reason = "what a search shares, and what a thread has for itself")]
    fn visit(
        &self,
        set: &CodeSet,
        query: &BitsQuery,
        bar: &Mutex<Bar<'_, '_>>,
        walk: &Mutex<Walk<'_>>,
        rows: u32,
        fresh: &mut Candidates,
        kept: &mut Candidates,
    ) -> Result<bool> {
        loop {
            self.cancel.check()?;
            let mut next = lock(walk);
            if next.rows >= rows {
                return Ok(false);
            }
            let Some(ranked) = next.next() else { return Ok(true) };
            drop(next);
            let mut seen = 0;
            for (at, file) in set.files.iter().enumerate() {
                for page in file.pages_of(ranked.cell) {
                    seen += file.codes.pages()[page].rows;
                    self.page(set, at, page, query, ranked.dot, fresh)?;
                }
            }
            let mut bar = lock(bar);
            bar.confirm(fresh.entries())?;
            let (kth, floor) = (bar.kth_of_cells(), bar.floor());
            drop(bar);
            let mut walk = lock(walk);
            walk.kth = walk.kth.max(kth);
            walk.rows = walk.rows.saturating_add(seen);
            drop(walk);
            kept.raise(floor);
            fresh.pour_into(kept);
        }
    }
}
