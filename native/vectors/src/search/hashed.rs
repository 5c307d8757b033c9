//! Candidates from the hash index.

use tiercel_base::error::Result;

use super::Search;
use crate::best::Best;

/// Candidates: at least this multiple of `k`, ...
const HASHED: usize = 100;

/// ... and this share of the rows for a recall. Hashes need so many (docs/cells.md), which is why they are not the default.
const HASHED_SHARE: [(f32, f32); 3] = [(0.95, 0.02), (0.985, 0.1), (1.0, 0.3)];

impl Search<'_> {
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
