//! A query as bit planes.

use super::pack;
use crate::sums::{LANES, dot, nearest, total};
use crate::{Kernel, WORD};

/// Half the distance of two levels in standard deviations of the query's components, per number of bits: what a uniform
/// quantiser of a normal variable does best with (Max, "Quantizing for minimum distortion", 1960).
const HALF_STEPS: [f32; 4] = [0.80, 0.50, 0.29, 0.17];

/// A query rounded to odd integers of 1 to 4 bits: one for all cells.
#[derive(Debug, Clone)]
pub struct BitsQuery {
    kernel: Kernel,
    bits: usize,
    words: usize,
    /// Bit plane `j` of word `w` at `w * bits + j`.
    pub(crate) planes: Vec<u64>,
    /// What one unit of the integers is worth.
    delta: f32,
    rotated: Vec<f32>,
    levels: Vec<u8>,
}

impl BitsQuery {
    /// The query `rotated_query` (a multiple of 64 dimensions) with 1 to 4 bits; other numbers of bits are taken as the
    /// nearest of these.
    #[must_use]
    pub fn new(rotated_query: &[f32], query_bits: u32) -> Self {
        let mut query = Self::empty();
        query.set(rotated_query, query_bits);
        query
    }

    /// A query that compares with nothing until it is [`set`](Self::set).
    #[must_use]
    pub fn empty() -> Self {
        Self {
            kernel: Kernel::detect(),
            bits: 1,
            words: 0,
            planes: Vec::new(),
            delta: 0.0,
            rotated: Vec::new(),
            levels: Vec::new(),
        }
    }

    /// [`BitsQuery::new`] in the same memory.
    pub fn set(&mut self, rotated_query: &[f32], query_bits: u32) {
        self.bits = query_bits.clamp(1, 4) as usize;
        self.words = rotated_query.len() / WORD;
        self.rotated.clear();
        self.rotated.extend_from_slice(&rotated_query[..self.words * WORD]);
        self.levels.resize(self.words * WORD, 0);
        self.planes.resize(self.words * self.bits, 0);
        let kernel = self.kernel;
        kernel.wide(
            #[inline(always)]
            || self.encode(),
        );
    }

    #[inline(always)]
    fn encode(&mut self) {
        let squares = dot(&self.rotated, &self.rotated);
        #[expect(clippy::cast_precision_loss, reason = "a dimension is exact")]
        let deviation = (squares / self.rotated.len().max(1) as f32).sqrt();
        let step = 2.0 * HALF_STEPS[self.bits - 1] * deviation;
        let per_step = if step > 0.0 { step.recip() } else { 0.0 };
        let along = self.round(per_step);
        // The scale that makes the rounded query unbiased along the query itself.
        self.delta = if along > 0.0 { squares / along } else { 0.0 };
        let bits = self.bits;
        for bit in 0..bits {
            let planes = &mut self.planes;
            #[expect(clippy::cast_possible_truncation, reason = "below four")]
            pack(&self.levels, bit as u32, |word, packed| planes[word * bits + bit] = packed);
        }
    }

    /// Rounds the query to levels; gives its dot product with the odd integers they stand for.
    #[inline(always)]
    fn round(&mut self, per_step: f32) -> f32 {
        let top = f32::from((1_u8 << self.bits) - 1);
        let middle = top / 2.0;
        let mut products = [0.0; LANES];
        let chunks = self.rotated.as_chunks::<LANES>().0.iter().zip(self.levels.as_chunks_mut::<LANES>().0);
        for (values, levels) in chunks {
            for lane in 0..LANES {
                let at = values[lane] * per_step + middle;
                let at = if at > 0.0 { at } else { 0.0 };
                let at = if at < top { at } else { top };
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 15")]
                let level = nearest(at) as u8;
                levels[lane] = level;
                products[lane] += values[lane] * (2.0 * f32::from(level) - top);
            }
        }
        total(&products)
    }

    /// Bits per dimension.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Dimensions: a multiple of 64.
    #[must_use]
    pub fn padded(&self) -> usize {
        self.words * WORD
    }

    /// The bit planes of the query's integers: plane `j` of word `w` at `w * bits + j`, `padded / 64 * bits` words.
    #[must_use]
    pub fn planes(&self) -> &[u64] {
        &self.planes
    }

    /// What one unit of the integers is worth.
    #[must_use]
    #[inline]
    pub fn delta(&self) -> f32 {
        self.delta
    }

    /// `(2^bits - 1) * dimensions`: the dot product of two codes that agree everywhere.
    #[inline]
    pub(crate) fn most(&self) -> i32 {
        i32::try_from(((1 << self.bits) - 1) * self.words * WORD).unwrap_or(i32::MAX)
    }

    /// The estimate, from the weighted number of differing bits, the row's factors and `base`, the query's dot product
    /// with the centroid. Every kernel computes exactly this, in this order, without fused operations.
    #[must_use]
    #[inline]
    pub fn estimate(&self, base: f32, differing: i32, f: f32, g: f32) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "below 2^24")]
        let product = (self.most() - 2 * differing) as f32;
        f * (self.delta() * product) + (g + base)
    }
}
