//! Scanning all pages of codes, by all threads and the GPU.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use tiercel_base::error::Result;
use tiercel_codec::bits::BitsQuery;
use tiercel_codec::candidates::Candidates;
use tiercel_gpu::{Ask, Asked, Hot, MOST_BEST, PageRef};

use super::Search;
use super::bar::Bar;
use crate::codes::CodeSet;
use crate::workers;

/// Rows that one thread scans before it looks at what the others found.
const RUN_ROWS: u32 = 8192;

/// With more than one page in so many missing on the GPU, cells are the better way until they are there again.
const FEW_MISSING: usize = 16;

/// Pages that one search looks at, of those the GPU has not, to offer them.
const MOST_OFFERED: usize = 64;

/// Where a page is: the place of its file in the set, and its number in the file.
pub type PageAt = (usize, usize);

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
        let pages = pages(set, wanted);
        match self.pages.hot.get() {
            Some(hot) if candidates.best() <= MOST_BEST => self.sweep_with(&hot, set, &pages, query, bar, candidates),
            _ => self.scan(set, &pages, query, bar, candidates),
        }
    }

    /// The GPU scans what it has, the threads what it has not, at once.
    fn sweep_with(
        &self,
        hot: &Hot,
        set: &CodeSet,
        pages: &[PageAt],
        query: &BitsQuery,
        bar: &Mutex<Bar<'_, '_>>,
        candidates: &mut Candidates,
    ) -> Result<()> {
        let refs = self.refs(set, pages);
        let bases = self.bases(set);
        let searches = [Asked { query, bases: &bases }];
        let ticket = hot.submit(self.ask(&refs, &searches, candidates.best()));
        let missing: Vec<PageAt> = ticket.missing().iter().map(|at| pages[*at]).collect();
        self.note_missing(missing.len(), pages.len());
        self.scan(set, &missing, query, bar, candidates)?;
        self.offer(hot, set, &missing);
        let mut found = [Candidates::new(candidates.best())];
        found[0].raise(candidates.threshold());
        let back: Vec<PageAt> = ticket.collect(self.cancel, &mut found)?.into_iter().map(|at| pages[at]).collect();
        let [mut found] = found;
        let mut bar_now = bar.lock().unwrap_or_else(PoisonError::into_inner);
        bar_now.confirm(found.entries())?;
        candidates.raise(bar_now.floor());
        drop(bar_now);
        found.pour_into(candidates);
        self.scan(set, &back, query, bar, candidates)
    }

    /// Offers a few of the pages that the GPU has not: which of them takes whose place, if there is no room, is for the
    /// tier's policy to say. Only of what the scan has left in memory, so that nothing is read here.
    fn offer(&self, hot: &Hot, set: &CodeSet, missing: &[PageAt]) {
        for (at, page) in self.pages.hot.stretch(missing.len(), MOST_OFFERED).map(|at| missing[at]) {
            let file = &set.files[at];
            let key = self.pages.bits_key(file.number, page);
            if let Some(codes) = self.pages.resident_bits(&key) {
                hot.offer(key, file.codes.pages()[page].rows as usize, self.pages.padded, codes);
            }
        }
    }

    /// Tells the background when the GPU has lost pages that it had.
    pub(super) fn note_missing(&self, missing: usize, all: usize) {
        if missing > all / FEW_MISSING && self.pages.hot.missed() {
            self.hints.gpu_missed_pages();
        }
    }

    /// The pages as the GPU knows them.
    pub(super) fn refs(&self, set: &CodeSet, pages: &[PageAt]) -> Vec<PageRef> {
        let one = |&(at, page): &PageAt| {
            let file = &set.files[at];
            let base = file.codes.pages()[page].cell;
            PageRef { key: self.pages.bits_key(file.number, page), place: set.place(at, page), base }
        };
        pages.iter().map(one).collect()
    }

    /// The query's dot product with each centroid.
    pub(super) fn bases(&self, set: &CodeSet) -> Vec<f32> {
        let partition = &set.partition;
        (0..partition.cells()).map(|cell| self.kernel.dot_f32(self.rotated, partition.centroid(cell))).collect()
    }

    /// What is asked of the GPU.
    pub(super) fn ask<'a>(&'a self, pages: &'a [PageRef], searches: &'a [Asked<'a>], best: usize) -> Ask<'a> {
        Ask { pages, searches, accept: Some((self.allow, self.state.end)), best }
    }

    /// The pages, by all threads.
    pub(super) fn scan(
        &self,
        set: &CodeSet,
        pages: &[PageAt],
        query: &BitsQuery,
        bar: &Mutex<Bar<'_, '_>>,
        candidates: &mut Candidates,
    ) -> Result<()> {
        let runs = runs(set, pages);
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

/// The pages of the wanted cells.
pub fn pages(set: &CodeSet, wanted: &dyn Fn(u32) -> bool) -> Vec<PageAt> {
    let mut pages = Vec::new();
    for (at, file) in set.files.iter().enumerate() {
        let entries = file.codes.pages().iter().enumerate();
        pages.extend(entries.filter(|(_, entry)| wanted(entry.cell)).map(|(page, _)| (at, page)));
    }
    pages
}

/// How pages are cut into runs.
fn runs(set: &CodeSet, pages: &[PageAt]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let (mut first, mut rows) = (0, 0);
    for (end, &(at, page)) in (1..).zip(pages) {
        rows += set.files[at].codes.pages()[page].rows;
        if rows >= RUN_ROWS {
            runs.push(first..end);
            (first, rows) = (end, 0);
        }
    }
    if first < pages.len() {
        runs.push(first..pages.len());
    }
    runs
}
