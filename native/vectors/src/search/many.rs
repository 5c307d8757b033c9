//! Several searches at once on the GPU: each page is read once for four of them.

use tiercel_base::error::Result;
use tiercel_codec::bits::BitsQuery;
use tiercel_codec::candidates::Candidates;
use tiercel_gpu::{Asked, MOST_BEST, PIECE_ROWS};

use super::Search;
use super::sweep::{PageAt, pages};

/// Bytes of scores that the searches of one round may have on the device, and searches of a round at most.
const ROUND_BYTES: usize = 64 << 20;
const ROUND: usize = 64;

/// What the GPU has found for one search.
pub struct Swept {
    /// The best of the pages that it had.
    pub(super) found: Candidates,
    /// The pages that it had not.
    pub(super) rest: Vec<PageAt>,
}

/// Searches that differ in nothing but their query.
pub struct Many<'m, 's>(pub &'m [Search<'s>]);

impl Many<'_, '_> {
    /// What the GPU finds for each search; none where it has no part in them.
    ///
    /// # Errors
    /// [`tiercel_base::error::Error::Cancelled`].
    pub fn sweep(&self) -> Result<Vec<Option<Swept>>> {
        let mut swept = Vec::with_capacity(self.0.len());
        if let Some(first) = self.0.first().filter(|_| self.0.len() > 1)
            && let Some(set) = first.state.codes.as_ref().filter(|_| !first.options.exact && !first.is_narrow())
            && first.candidates() <= MOST_BEST
            && let Some(hot) = first.pages.hot.beats(set, first.probed(set).unwrap_or(1.0))
        {
            let pages = pages(set, &|_| true);
            let refs = first.refs(set, &pages);
            let scores = (set.rows() as usize + pages.len() * PIECE_ROWS) * size_of::<f32>();
            let round = (ROUND_BYTES / scores.max(1)).clamp(1, ROUND);
            for searches in self.0.chunks(round) {
                let queries: Vec<(BitsQuery, Vec<f32>)> = searches
                    .iter()
                    .map(|one| (BitsQuery::new(one.rotated, one.kernel.query_bits()), one.bases(set)))
                    .collect();
                let asked: Vec<Asked<'_>> = queries.iter().map(|(query, bases)| Asked { query, bases }).collect();
                let ticket = hot.submit(first.ask(&refs, &asked, first.candidates()));
                let mut rest: Vec<PageAt> = ticket.missing().iter().map(|at| pages[*at]).collect();
                first.note_missing(rest.len(), pages.len());
                let mut found: Vec<Candidates> = searches.iter().map(|one| Candidates::new(one.candidates())).collect();
                rest.extend(ticket.collect(first.cancel, &mut found)?.into_iter().map(|at| pages[at]));
                swept.extend(found.into_iter().map(|found| Some(Swept { found, rest: rest.clone() })));
            }
        }
        swept.resize_with(self.0.len(), || None);
        Ok(swept)
    }
}
