//! How good an estimate must be to matter, known while candidates are still being looked for.
//!
//! The most promising candidates are scored by better codes as they come. The k-th best of those scores, less what an
//! estimate may be too low by, is the floor: what is estimated below it would not be ranked again in the end, so that it
//! need not be kept. That spares nearly all of the keeping and sorting.

use tiercel_base::error::Result;
use tiercel_codec::candidates::Candidate;

use super::Search;
use super::better::Better;
use super::rescore::{LEAST, Scored};
use crate::best::Best;
use crate::codes::CodeSet;

/// What better codes say of the best candidates so far.
pub struct Bar<'q, 's> {
    better: Better<'q, 's>,
    confirmed: Best,
    /// As `confirmed`, of the cells only.
    probed: Best,
    luck: f32,
    /// Scored, and the sum of the squared differences to their estimates.
    count: usize,
    squares: f32,
    picks: Vec<Scored>,
}

impl<'q, 's> Bar<'q, 's> {
    /// For the best `wanted` rows; `luck` as in [`super::rescore::rescore`].
    pub fn new(search: &'q Search<'s>, set: &'q CodeSet, wanted: usize, luck: f32) -> Self {
        let (confirmed, probed) = (Best::new(wanted), Best::new(wanted));
        Self { better: Better::new(search, set), confirmed, probed, luck, count: 0, squares: 0.0, picks: Vec::new() }
    }

    /// Scores the most promising of some new candidates, in any order.
    pub fn confirm(&mut self, fresh: &[Candidate]) -> Result<()> {
        let kth = self.confirmed.threshold();
        self.picks.clear();
        self.picks.extend(fresh.iter().filter(|candidate| candidate.score > kth).map(Scored::from));
        let most = self.confirmed.capacity().max(LEAST.saturating_sub(self.count));
        if self.picks.len() > most {
            self.picks.select_nth_unstable_by(most, Scored::order);
            self.picks.truncate(most);
        }
        self.picks.sort_unstable_by(Scored::order);
        for pick in &self.picks {
            if pick.score <= self.confirmed.threshold() && self.count >= LEAST {
                break;
            }
            let Some(score) = self.better.score(pick)? else { continue };
            self.count += 1;
            self.squares += (score - pick.score) * (score - pick.score);
            self.confirmed.push(pick.row, score);
            self.probed.push(pick.row, score);
        }
        Ok(())
    }

    /// Probing of cells begins. What was found elsewhere does not end it: a recall is calibrated for the cells alone.
    pub fn begin_cells(&mut self) {
        self.probed = Best::new(self.probed.capacity());
    }

    /// The k-th best score that the cells have brought so far.
    pub fn kth_of_cells(&self) -> f32 {
        self.probed.threshold()
    }

    /// What is estimated below this does not matter.
    pub fn floor(&self) -> f32 {
        if self.count < LEAST {
            return f32::NEG_INFINITY;
        }
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        let spread = (self.squares / self.count as f32).sqrt();
        self.confirmed.threshold() - self.luck * spread
    }
}
