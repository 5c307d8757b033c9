//! Candidates from 1-bit codes: files of codes (all pages, or the cells that promise most) and recent rows; or from
//! the hash index.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;
use tiercel_base::error::{Error, Result};
use tiercel_codec::bits::BitsQuery;
use tiercel_codec::candidates::Candidates;
use tiercel_codec::planes::PlanesQuery;
use tiercel_partition::{ProbeRule, Prober};

use super::Search;
use super::rescore::{NO_PLACE, Scored, luck, rescore};
use crate::best::Best;
use crate::codes::CodeSet;
use crate::pages::BYTES_ROWS;
use crate::workers;

/// Candidates kept of the scan, and more of a large `k`.
const CANDIDATES: usize = 1024;

/// Bits of a query's component against 1-bit codes: more cost time and find little.
const QUERY_BITS: u32 = 2;

/// Fewer pages than this are not worth a second thread.
const SPLIT_PAGES: usize = 16;

/// Once one cell in so many was visited, all others are scanned by all threads: a query that near to so many cells has
/// no use for their order.
const MOST_PROBED: u32 = 4;

/// The share of the allowed loss that one step may cause.
const STEP_LOSS: f32 = 0.35;

/// With less than this share of the rows allowed, cells are not probed: all pages are scanned.
const NARROW: f32 = 0.05;

/// Candidates looked up to see whether int8 codes are in memory.
const RESIDENT_SAMPLE: usize = 16;

/// Candidates of the hash index: at least this multiple of `k`, ...
const HASHED: usize = 100;

/// ... and this share of the rows for a recall. Hashes need so many (docs/cells.md), which is why they are not the default.
const HASHED_SHARE: [(f32, f32); 3] = [(0.95, 0.02), (0.985, 0.1), (1.0, 0.3)];

impl Search<'_> {
    /// Ranks the rows that have codes; gives the row from which on there are none.
    pub(super) fn coded(&self, best: &mut Best) -> Result<u32> {
        let Some(set) = &self.state.codes else { return Ok(0) };
        let mut candidates = Candidates::new(CANDIDATES.max(8 * self.k));
        self.recent(&mut candidates)?;
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let allowed = self.allow.len() as f32 / set.rows().max(1) as f32;
        if set.partition.cells() > 1 && allowed >= NARROW {
            self.probe(set, allowed, &mut candidates)?;
        } else {
            self.scan_all(set, &|_| true, &mut candidates)?;
        }
        let first: Vec<Scored> = candidates
            .into_sorted()
            .into_iter()
            .map(|found| Scored { score: found.score, row: found.row, place: found.place })
            .collect();
        let luck = luck(self.step_recall());
        let wanted = best.capacity();
        let second = if set.planes && !self.bytes_resident(&first) {
            let mut better = Better::new(self, set);
            rescore(&first, wanted, luck, |candidate| better.by_planes(candidate))?
        } else {
            first
        };
        let mut buffer = vec![0; self.pages.padded];
        for scored in rescore(&second, wanted, luck, |candidate| self.stored_score(candidate.row, &mut buffer))? {
            best.push(scored.row, scored.score);
        }
        Ok(self.state.raw_from)
    }

    fn recent(&self, candidates: &mut Candidates) -> Result<()> {
        let mut query: Option<(*const [f32], BitsQuery)> = None;
        for page in &self.state.recent {
            self.cancel.check()?;
            let center: *const [f32] = Arc::as_ptr(&page.center);
            let query = match &mut query {
                Some((known, query)) if std::ptr::addr_eq(*known, center) => query,
                other => &mut other.insert((center, BitsQuery::new(self.rotated, &page.center, QUERY_BITS))).1,
            };
            let accept = |row: u32| self.allow.contains(row);
            // No place: recent rows have no further codes.
            self.kernel.scan_bits(query, &page.view()?, NO_PLACE, accept, candidates);
        }
        Ok(())
    }

    /// Cell after cell, until the next one is unlikely to change the answer. How good the answer is so far is taken from
    /// better codes: the best of many 1-bit estimates is too high, and would end the walk too early.
    fn probe(&self, set: &CodeSet, allowed: f32, candidates: &mut Candidates) -> Result<()> {
        let rule = ProbeRule { recall: self.step_recall(), max: set.partition.cells() };
        let mut prober = Prober::new(&set.partition, self.rotated, &rule).filtered(allowed);
        let mut query = BitsQuery::empty();
        let mut confirmed = Best::new(self.k);
        let mut better = Better::new(self, set);
        let mut found = Candidates::new(candidates.best());
        let mut visited = vec![false; set.partition.cells() as usize];
        while let Some(ranked) = prober.next(confirmed.threshold()) {
            self.cancel.check()?;
            if prober.probed() > set.partition.cells() / MOST_PROBED {
                return self.scan_all(set, &|cell| !visited[cell as usize], candidates);
            }
            visited[ranked.cell as usize] = true;
            query.set(self.rotated, set.partition.centroid(ranked.cell), QUERY_BITS);
            found.raise(candidates.threshold());
            for (at, file) in set.files.iter().enumerate() {
                for page in file.pages_of(ranked.cell) {
                    self.page(set, at, page, &query, &mut found)?;
                }
            }
            let mut confirmations = self.k;
            for candidate in found.drain_best() {
                if confirmations > 0 && candidate.score > confirmed.threshold() {
                    confirmations -= 1;
                    let scored = Scored { score: candidate.score, row: candidate.row, place: candidate.place };
                    if let Some(score) = better.score(&scored)? {
                        confirmed.push(candidate.row, score);
                    }
                }
                candidates.push(candidate);
            }
        }
        Ok(())
    }

    /// All pages of the wanted cells, by all threads.
    fn scan_all(
        &self,
        set: &CodeSet,
        wanted: &(dyn Fn(u32) -> bool + Sync),
        candidates: &mut Candidates,
    ) -> Result<()> {
        let tasks: Vec<(usize, usize)> = set
            .files
            .iter()
            .enumerate()
            .flat_map(|(at, file)| (0..file.codes.pages().len()).map(move |page| (at, page)))
            .filter(|&(at, page)| wanted(set.files[at].codes.pages()[page].cell))
            .collect();
        let threads = workers::pool()?;
        let scan = |tasks: &[(usize, usize)], mut candidates: Candidates| -> Result<Candidates> {
            let mut query: Option<(u32, BitsQuery)> = None;
            for &(at, page) in tasks {
                self.cancel.check()?;
                let cell = set.files[at].codes.pages()[page].cell;
                let centroid = set.partition.centroid(cell);
                let query = match &mut query {
                    Some((known, query)) => {
                        if *known != cell {
                            *known = cell;
                            query.set(self.rotated, centroid, QUERY_BITS);
                        }
                        query
                    }
                    none => &mut none.insert((cell, BitsQuery::new(self.rotated, centroid, QUERY_BITS))).1,
                };
                self.page(set, at, page, query, &mut candidates)?;
            }
            Ok(candidates)
        };
        if tasks.len() < SPLIT_PAGES || threads.current_num_threads() == 1 {
            let own = std::mem::replace(candidates, Candidates::new(0));
            *candidates = scan(&tasks, own)?;
            return Ok(());
        }
        let part = tasks.len().div_ceil(threads.current_num_threads());
        let found: Vec<Candidates> = threads.install(|| {
            let (kept, reached) = (candidates.best(), candidates.threshold());
            tasks
                .par_chunks(part)
                .map(|tasks| {
                    let mut own = Candidates::new(kept);
                    own.raise(reached);
                    scan(tasks, own)
                })
                .collect::<Result<_>>()
        })?;
        for mut other in found {
            candidates.merge(&mut other);
        }
        Ok(())
    }

    #[inline]
    fn page(
        &self,
        set: &CodeSet,
        at: usize,
        page: usize,
        query: &BitsQuery,
        candidates: &mut Candidates,
    ) -> Result<()> {
        let file = &set.files[at];
        let loaded = file.bits(self.pages, page)?;
        let view = file.bits_view(page, &loaded, self.pages.padded)?;
        let accept = |row: u32| self.allow.contains(row);
        self.kernel.scan_bits(query, &view, set.place(at, page), accept, candidates);
        Ok(())
    }

    /// The recall each step aims at, so that all of them together lose what was allowed: cells not visited, candidates
    /// not ranked again, and what the int8 codes themselves cannot tell.
    fn step_recall(&self) -> f32 {
        1.0 - STEP_LOSS * (1.0 - self.options.recall)
    }

    /// Whether the int8 codes of the best candidates are in memory, so that 4-bit codes would be a detour.
    fn bytes_resident(&self, candidates: &[Scored]) -> bool {
        candidates.iter().take(RESIDENT_SAMPLE).all(|candidate| self.in_memory(candidate.row))
    }

    /// Whether a row's int8 codes are in memory.
    fn in_memory(&self, row: u32) -> bool {
        self.state
            .locate(row)
            .is_none_or(|(at, position)| self.state.is_resident(self.pages, at, position / BYTES_ROWS))
    }

    /// Ranks what the hash index finds; gives the row from which on it knows none.
    pub(super) fn hashed(&self, best: &mut Best) -> Result<u32> {
        let Some(hashes) = &self.state.hashes else { return Ok(0) };
        let accept = |row: u32| self.allow.contains(row);
        let mut buffer = vec![0; self.pages.padded];
        let share =
            HASHED_SHARE.iter().find(|(recall, _)| self.options.recall <= *recall).map_or(0.3, |(_, share)| *share);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a share"
        )]
        let share = (share * hashes.index.rows() as f32) as usize;
        for (_, row) in hashes.index.candidates(self.rotated, HASHED.saturating_mul(self.k).max(share), &accept)? {
            self.cancel.check()?;
            if let Some(score) = self.stored_score(row, &mut buffer)? {
                best.push(row, score);
            }
        }
        Ok(hashes.end)
    }
}

/// Scores candidates by better codes than those that found them.
struct Better<'q, 's> {
    search: &'q Search<'s>,
    set: &'q CodeSet,
    /// By cell.
    queries: HashMap<u32, PlanesQuery>,
    buffer: Vec<i8>,
}

impl<'q, 's> Better<'q, 's> {
    fn new(search: &'q Search<'s>, set: &'q CodeSet) -> Self {
        Self { search, set, queries: HashMap::new(), buffer: vec![0; search.pages.padded] }
    }

    /// By int8 codes if they are in memory, else by 4-bit codes, else by int8 codes from the disk.
    fn score(&mut self, candidate: &Scored) -> Result<Option<f32>> {
        if !self.set.planes || self.search.in_memory(candidate.row) {
            return self.search.stored_score(candidate.row, &mut self.buffer);
        }
        self.by_planes(candidate)
    }

    /// By 4-bit codes; a recent row, which has none, by its int8 codes.
    fn by_planes(&mut self, candidate: &Scored) -> Result<Option<f32>> {
        let (search, set) = (self.search, self.set);
        if candidate.place >= NO_PLACE {
            return search.stored_score(candidate.row, &mut self.buffer);
        }
        let place = set
            .find(candidate.place)
            .ok_or_else(|| Error::Report("A candidate lies outside of its files of codes.".into()))?;
        let file = &set.files[place.file];
        let cell = file.codes.pages()[place.page].cell;
        let query =
            self.queries.entry(cell).or_insert_with(|| PlanesQuery::new(search.rotated, set.partition.centroid(cell)));
        let (bits, planes) = (file.bits(search.pages, place.page)?, file.planes(search.pages, place.page)?);
        let bits = file.bits_view(place.page, &bits, search.pages.padded)?;
        let planes = file.planes_view(place.page, &planes, search.pages.padded)?;
        Ok(Some(search.kernel.score_planes(query, &bits, &planes, place.position)))
    }
}
