//! Searching one state: candidates by the smallest codes, ranked again by better ones.
//!
//! 1. Files of codes and recent codes: 1-bit estimates (`coded`), of the cells that promise most (`probe`) or of all
//!    (`sweep`); the best of them are scored better on the way, so that the rest need not be kept (`bar`).
//! 2. The best of them by 4-bit codes, unless int8 codes are in memory anyway, then by int8 codes (`rescore`).
//! 3. Rows that have only int8 codes are compared one by one (`raw`), as are all rows of an exact search and the rows
//!    of a narrow filter.
//! 4. Where the space keeps half floats, they order the last few.

mod bar;
mod better;
mod coded;
mod finish;
mod hashed;
mod many;
mod probe;
mod raw;
mod rescore;
mod sweep;

use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};
use tiercel_base::rows::RowSet;
use tiercel_codec::{Kernel, int8};

use crate::best::{Best, RowHit};
use crate::hints::Hints;
use crate::options::SearchOptions;
use crate::pages::Pages;
use crate::state::State;

pub use many::{Many, Swept};

/// So few rows are compared directly, whatever the index.
const LISTED: usize = 512;

/// One search over one state.
pub struct Search<'s> {
    pub state: &'s State,
    pub pages: &'s Pages,
    pub kernel: Kernel,
    /// The rotated query of length 1.
    pub rotated: &'s [f32],
    pub int8: int8::Query,
    pub k: usize,
    pub options: SearchOptions,
    /// Rows that may be returned.
    pub allow: &'s RowSet,
    pub cancel: &'s Cancel,
    /// Told what the background should look after.
    pub hints: &'s Hints,
}

impl Search<'_> {
    /// The `k` best allowed rows. `swept` is this search's part of what the GPU found for several.
    pub fn run(&self, swept: Option<Swept>) -> Result<Vec<RowHit>> {
        self.cancel.check()?;
        let halves = self.pages.halves;
        let wanted = if halves { finish::pool(self.k) } else { self.k };
        let mut best = Best::new(wanted);
        let indexed = self.state.codes.is_some() || self.state.hashes.is_some();
        if self.options.exact || !indexed {
            self.raw(0, &mut best)?;
        } else if self.is_narrow() {
            self.listed(&mut best)?;
        } else if self.state.hashes.is_some() {
            let from = self.hashed(&mut best)?;
            self.raw(from, &mut best)?;
        } else {
            match self.coded(&mut best, swept) {
                Ok(from) => self.raw(from, &mut best)?,
                // Codes are made from the int8 rows: those answer while the damaged ones are made again.
                Err(Error::RebuildIndex(_)) => {
                    best = Best::new(wanted);
                    self.raw(0, &mut best)?;
                    self.hints.codes_are_damaged();
                }
                Err(error) => return Err(error),
            }
        }
        let hits = best.into_sorted();
        if halves { self.finish(hits) } else { Ok(hits) }
    }

    /// Whether so few rows are allowed that they are compared one by one.
    fn is_narrow(&self) -> bool {
        self.allow.len() <= LISTED.max(4 * self.k)
    }

    /// Cosine similarity estimated from int8 codes.
    #[inline]
    pub fn score(&self, codes: &[i8], scale: f32) -> f32 {
        self.int8.score(self.kernel.dot_i8(&self.int8, codes), scale).clamp(-1.0, 1.0)
    }
}
