//! The last order, by half floats where a space keeps them.

use tiercel_base::error::Result;

use super::Search;
use crate::best::{Best, RowHit};

/// How many rows are ordered by half floats to find the best `k`.
pub fn pool(k: usize) -> usize {
    k + k / 2 + 10
}

impl Search<'_> {
    /// Scores `hits` by their half floats and keeps the best `k`.
    pub(super) fn finish(&self, hits: Vec<RowHit>) -> Result<Vec<RowHit>> {
        let mut best = Best::new(self.k);
        let mut halves = vec![0; self.pages.padded];
        for hit in hits {
            let Some((at, position)) = self.state.locate(hit.row) else { continue };
            self.state.files[at].segment.read_halves(position, &mut halves)?;
            best.push(hit.row, self.kernel.dot_f16(self.rotated, &halves).clamp(-1.0, 1.0));
        }
        Ok(best.into_sorted())
    }
}
