//! Whether a cell is worth a visit.
//!
//! With `q.x = q.c + (q-c).r + c.r`, where the last term is small because the centroid is the mean of unit vectors, a
//! row at the cell's radius reaches the score `kth` when the cosine between its residual and the query's is at least
//! `(kth - q.c) / (|q-c| |r|)`. No bound follows from it in hundreds of dimensions: every cell could hold such a row. But
//! few do when that cosine is large, and the fewer, the more cells nearer to the query were searched before. The sum of
//! both, the cosine and the logarithm of the rank, is the *reach* a cell demands; cells that demand more than was
//! calibrated for the wanted recall are passed over. Measured, the rank alone (a fixed number of probes) takes 1.5 times
//! as many probes as the sum, and the cosine alone ten times as many, because it spends them on hopeless queries.

/// Weight of the logarithm of the rank.
const RANK_WEIGHT: f32 = 0.15;

/// What is known of a cell's rows from the sample it was trained on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Rows of the sample in the cell.
    pub rows: u32,
    /// Root of their mean squared distance from the centroid.
    pub radius: f32,
}

/// What does not depend on the scores found so far: a cell's dot product with the query, one over both residuals'
/// lengths, and the part of its rank.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand {
    dot: f32,
    scale: f32,
    rank: f32,
}

impl Demand {
    /// Of the cell of that radius at `rank`, counted from 0.
    pub(crate) fn new(dot: f32, half_norm: f32, radius: f32, rank: usize) -> Self {
        let distance = (1.0 - 2.0 * dot + 2.0 * half_norm).max(0.0).sqrt();
        #[expect(clippy::cast_precision_loss, reason = "a logarithm")]
        let rank = RANK_WEIGHT * (1.0 + rank as f32).ln();
        Self { dot, scale: 1.0 / (distance * radius).max(f32::MIN_POSITIVE), rank }
    }

    /// The reach demanded while the k-th best score is `kth`.
    pub(crate) fn reach(self, kth: f32) -> f32 {
        (kth - self.dot) * self.scale + self.rank
    }
}
