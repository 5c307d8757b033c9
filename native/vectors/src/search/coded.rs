//! Candidates from 1-bit codes: recent rows, and files of codes, all pages or the cells that promise most.

use std::sync::{Arc, Mutex, PoisonError};

use tiercel_base::error::Result;
use tiercel_codec::bits::BitsQuery;
use tiercel_codec::candidates::Candidates;

use super::Search;
use super::bar::Bar;
use super::better::Better;
use super::many::Swept;
use super::rescore::{NO_PLACE, Scored, luck, rescore};
use crate::best::Best;
use crate::codes::CodeSet;
use crate::pages::BYTES_ROWS;

/// Candidates kept of the scan, and more of a large `k`.
const CANDIDATES: usize = 1024;

/// What the int8 codes themselves cannot tell: about half a point of recall. It is not left to the cells.
const CODES_LOSS: f32 = 0.005;

/// The shares of the allowed loss that may come from cells not visited (with what the codes lose, and at least `FEWEST` of it
/// without), and from candidates not ranked again.
const CELLS_LOSS: f32 = 0.8;
const FEWEST: f32 = 0.3;
const RANKING_LOSS: f32 = 0.15;

/// With less than this share of the rows allowed, cells are not probed: all pages are scanned.
const NARROW: f32 = 0.05;

/// Where more of the cells than this are visited on average, all of them are scanned by all threads instead of one after
/// the other by one.
const MOST_VISITED: f32 = 0.55;

/// Candidates looked up to see whether int8 codes are in memory.
const RESIDENT_SAMPLE: usize = 16;

impl Search<'_> {
    /// Ranks the rows that have codes; gives the row from which on there are none. `swept` is what the GPU has found in the
    /// files of codes, if it was asked for several searches at once.
    pub(super) fn coded(&self, best: &mut Best, swept: Option<Swept>) -> Result<u32> {
        let Some(set) = &self.state.codes else { return Ok(0) };
        let mut candidates = Candidates::new(self.candidates());
        let query = BitsQuery::new(self.rotated, self.kernel.query_bits());
        let (wanted, luck) = (best.capacity(), luck(1.0 - RANKING_LOSS * (1.0 - self.options.recall)));
        let mut bar = Bar::new(self, set, wanted, luck);
        self.recent(&query, &mut candidates)?;
        bar.confirm(candidates.entries())?;
        let bar = Mutex::new(bar);
        if let Some(Swept { mut found, rest }) = swept {
            self.scan(set, &rest, &query, &bar, &mut candidates)?;
            bar.lock().unwrap_or_else(PoisonError::into_inner).confirm(found.entries())?;
            found.pour_into(&mut candidates);
        } else if let Some(share) = self.probed(set)
            && self.pages.hot.beats(set, share).is_none()
        {
            self.probe(set, self.allowed(set), &query, &bar, &mut candidates)?;
        } else {
            self.sweep(set, &|_| true, &query, &bar, &mut candidates)?;
        }
        let first: Vec<Scored> = candidates.into_sorted().iter().map(Scored::from).collect();
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

    /// Candidates that a scan keeps.
    pub(super) fn candidates(&self) -> usize {
        CANDIDATES.max(8 * self.k)
    }

    /// The share of the coded rows that may be returned.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn allowed(&self, set: &CodeSet) -> f32 {
        self.allow.len() as f32 / set.rows().max(1) as f32
    }

    /// The share of the cells that visiting them is expected to scan; none where scanning all of them is better.
    pub(super) fn probed(&self, set: &CodeSet) -> Option<f32> {
        let allowed = self.allowed(set);
        let share = set.partition.visited_share(self.cells_recall(), allowed);
        (set.partition.cells() > 1 && allowed >= NARROW && share < MOST_VISITED).then_some(share)
    }

    fn recent(&self, query: &BitsQuery, candidates: &mut Candidates) -> Result<()> {
        let mut base: Option<(*const [f32], f32)> = None;
        for page in &self.state.recent {
            self.cancel.check()?;
            let center: *const [f32] = Arc::as_ptr(&page.center);
            let base = match base {
                Some((known, base)) if std::ptr::addr_eq(known, center) => base,
                _ => base.insert((center, self.kernel.dot_f32(self.rotated, &page.center))).1,
            };
            let accept = |row: u32| self.allow.contains(row);
            // No place: recent rows have no further codes.
            self.kernel.scan_bits(query, base, &page.view()?, NO_PLACE, accept, candidates);
        }
        Ok(())
    }

    /// Scans one page of a file of codes; `base` is the query's dot product with its centroid.
    #[inline]
    pub(super) fn page(
        &self,
        set: &CodeSet,
        at: usize,
        page: usize,
        query: &BitsQuery,
        base: f32,
        candidates: &mut Candidates,
    ) -> Result<()> {
        let file = &set.files[at];
        let loaded = file.bits(self.pages, page)?;
        let view = file.bits_view(page, &loaded, self.pages.padded)?;
        let accept = |row: u32| self.allow.contains(row);
        self.kernel.scan_bits(query, base, &view, set.place(at, page), accept, candidates);
        Ok(())
    }

    /// The recall that visiting cells aims at, so that all steps together lose what was allowed.
    pub(super) fn cells_recall(&self) -> f32 {
        let allowed = 1.0 - self.options.recall;
        1.0 - (CELLS_LOSS * allowed - CODES_LOSS).max(FEWEST * allowed)
    }

    /// Whether the int8 codes of the best candidates are in memory, so that 4-bit codes would be a detour.
    fn bytes_resident(&self, candidates: &[Scored]) -> bool {
        candidates.iter().take(RESIDENT_SAMPLE).all(|candidate| self.in_memory(candidate.row))
    }

    /// Whether a row's int8 codes are in memory.
    pub(super) fn in_memory(&self, row: u32) -> bool {
        self.state
            .locate(row)
            .is_none_or(|(at, position)| self.state.is_resident(self.pages, at, position / BYTES_ROWS))
    }
}
