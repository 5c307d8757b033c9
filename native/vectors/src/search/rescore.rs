//! Ranking candidates again with better codes, as far as it can change the answer.
//!
//! Candidates come best estimate first. The difference between better and worse estimate is measured on the way, and
//! the walk ends where a candidate would have to be luckier than the recall asked for to enter the best `k`: nothing
//! is tuned per dimension or data set.

use std::cmp::Ordering;

use tiercel_base::error::Result;
use tiercel_codec::candidates::Candidate;

/// A row with an estimate of its similarity, and where its codes lie.
#[derive(Debug, Clone, Copy)]
pub struct Scored {
    pub score: f32,
    pub row: u32,
    /// Place in the files of codes, from [`NO_PLACE`] on of a row that is in none.
    pub place: u32,
}

impl Scored {
    /// Better first; of equal scores, the lower row first.
    pub fn order(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.row.cmp(&other.row))
    }
}

impl From<&Candidate> for Scored {
    fn from(found: &Candidate) -> Self {
        Self { score: found.score, row: found.row, place: found.place }
    }
}

/// Places from here on are of rows that are in no file of codes: positions in a page of recent codes.
pub const NO_PLACE: u32 = u32::MAX - 2 * crate::recent::PAGE_ROWS;

/// Candidates that are always ranked again, so that the differences are known.
pub const LEAST: usize = 32;

/// Standard deviations of luck that are granted a candidate at a recall.
pub fn luck(recall: f32) -> f32 {
    const TABLE: [(f32, f32); 5] = [(0.5, 0.0), (0.9, 0.6), (0.95, 1.0), (0.985, 1.8), (0.995, 2.6)];
    let mut before = TABLE[0];
    for entry in TABLE {
        if recall <= entry.0 {
            let share = if entry.0 > before.0 { (recall - before.0) / (entry.0 - before.0) } else { 0.0 };
            return before.1 + share.clamp(0.0, 1.0) * (entry.1 - before.1);
        }
        before = entry;
    }
    3.5
}

/// Scores `candidates` (best first) with `better` until none of the rest is likely to be among the best `k`; gives
/// those scored, best first. A candidate without a better score is left out.
pub fn rescore(
    candidates: &[Scored],
    k: usize,
    luck: f32,
    mut better: impl FnMut(&Scored) -> Result<Option<f32>>,
) -> Result<Vec<Scored>> {
    let mut best = crate::best::Best::new(k);
    let mut scored = Vec::with_capacity(candidates.len().min(4 * k + LEAST));
    let (mut count, mut squares) = (0.0_f32, 0.0_f32);
    for (at, candidate) in candidates.iter().enumerate() {
        if at >= LEAST.max(2 * k) {
            let spread = (squares / count).sqrt();
            if candidate.score + luck * spread <= best.threshold() {
                break;
            }
        }
        let Some(score) = better(candidate)? else { continue };
        count += 1.0;
        squares += (score - candidate.score) * (score - candidate.score);
        best.push(candidate.row, score);
        scored.push(Scored { score, ..*candidate });
    }
    scored.sort_unstable_by(Scored::order);
    Ok(scored)
}
