//! Scanning all pages of codes, by all threads.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use tiercel_base::error::Result;
use tiercel_codec::bits::BitsQuery;
use tiercel_codec::candidates::Candidates;

use super::Search;
use super::bar::Bar;
use crate::codes::CodeSet;
use crate::workers;

/// Rows that one thread scans before it looks at what the others found.
const RUN_ROWS: u32 = 8192;

/// What one thread has found.
struct Found {
    kept: Candidates,
    fresh: Candidates,
}

impl Search<'_> {
    /// All pages of the wanted cells.
    pub(super) fn sweep(
        &self,
        set: &CodeSet,
        wanted: &dyn Fn(u32) -> bool,
        query: &BitsQuery,
        bar: &Mutex<Bar<'_, '_>>,
        candidates: &mut Candidates,
    ) -> Result<()> {
        let (pages, runs) = runs(set, wanted);
        let (best, floor) = (candidates.best(), candidates.threshold());
        let make = || {
            let mut fresh = Candidates::new(best);
            fresh.raise(floor);
            Found { kept: Candidates::new(best), fresh }
        };
        let found = workers::share(runs.len(), make, |found: &mut Found, run| {
            let mut base = None;
            for &(at, page) in &pages[runs[run].clone()] {
                self.cancel.check()?;
                let cell = set.files[at].codes.pages()[page].cell;
                let base = match base {
                    Some((known, base)) if known == cell => base,
                    _ => base.insert((cell, self.kernel.dot_f32(self.rotated, set.partition.centroid(cell)))).1,
                };
                self.page(set, at, page, query, base, &mut found.fresh)?;
            }
            let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
            bar.confirm(found.fresh.entries())?;
            found.kept.raise(bar.floor());
            drop(bar);
            found.fresh.pour_into(&mut found.kept);
            Ok(())
        })?;
        for mut found in found {
            candidates.merge(&mut found.kept);
        }
        Ok(())
    }
}

/// The pages of the wanted cells, and how they are cut into runs.
fn runs(set: &CodeSet, wanted: &dyn Fn(u32) -> bool) -> (Vec<(usize, usize)>, Vec<Range<usize>>) {
    let mut pages = Vec::new();
    let mut runs = Vec::new();
    let (mut first, mut rows) = (0, 0);
    for (at, file) in set.files.iter().enumerate() {
        for (page, place) in file.codes.pages().iter().enumerate().filter(|(_, place)| wanted(place.cell)) {
            pages.push((at, page));
            rows += place.rows;
            if rows >= RUN_ROWS {
                runs.push(first..pages.len());
                (first, rows) = (pages.len(), 0);
            }
        }
    }
    if first < pages.len() {
        runs.push(first..pages.len());
    }
    (pages, runs)
}
