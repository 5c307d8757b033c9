//! Three more bits per dimension: with the sign bit of a page of 1-bit codes, a code of 16 levels.
//!
//! The level of a residual `r` is `u = 8 s + low`, its integer `y = 2 u - 15`; levels are spaced so that the direction
//! of `y` is as near to that of `r` as any spacing brings it (extended `RaBitQ`: Gao et al., "Practical and
//! Asymptotically Optimal Quantization of High-Dimensional Vectors in Euclidean Space for Approximate Nearest Neighbor
//! Search", SIGMOD 2025; here the spacing is searched on a grid, which costs a microsecond and loses nothing that can
//! be measured). The estimate of `q . x` is `q . c + g4 + f4 * (y . q)` with `f4 = |r|^2 / (y . r)` and
//! `g4 = c . r - f4 * (y . c)`, so that one query serves all centroids.
//!
//! # Page
//! Little-endian: per row three planes of `padded / 64` words (the bit of weight 4 first), then, after all rows, the half
//! floats `f4` and `g4` of each row, then zeros up to a multiple of 64 bytes.

use tiercel_base::error::{Error, Result};

use crate::aligned::{ALIGNMENT, Buffer, bytes_of, numbers_of};
use crate::bits::{BitsView, pack};
use crate::sums::{LANES, dot, nearest, nearest_float, total};
use crate::{Kernel, WORD, half};

/// Planes per row.
pub const PLANES: usize = 3;

/// Distances of two levels that are tried, in standard deviations of the residual. A normal variable is quantised best
/// with 0.335.
const STEPS: [f32; 10] = [0.22, 0.25, 0.275, 0.295, 0.315, 0.335, 0.355, 0.38, 0.42, 0.48];

/// Bytes of a page of `rows` rows: a multiple of 64.
#[must_use]
pub const fn bytes(rows: usize, padded: usize) -> usize {
    rows.saturating_mul(PLANES * (padded / 8) + 4).div_ceil(ALIGNMENT).saturating_mul(ALIGNMENT)
}

/// Encodes rows into a page, in the order in which the same rows are pushed to a [`crate::bits::BitsBuilder`].
#[derive(Debug, Clone)]
pub struct PlanesBuilder {
    kernel: Kernel,
    padded: usize,
    codes: Vec<u64>,
    factors: Vec<[u16; 2]>,
    residual: Vec<f32>,
    levels: Vec<u8>,
}

impl PlanesBuilder {
    /// An empty page of vectors of `padded` dimensions, a multiple of 64.
    #[must_use]
    pub fn new(padded: usize) -> Self {
        Self {
            kernel: Kernel::detect(),
            padded,
            codes: Vec::new(),
            factors: Vec::new(),
            residual: vec![0.0; padded],
            levels: vec![0; padded],
        }
    }

    /// Appends a row: a rotated unit vector, and the centroid of the page's cell.
    ///
    /// # Panics
    /// When a vector has another dimension than the page.
    pub fn push(&mut self, unit_rotated: &[f32], centroid: &[f32]) {
        assert_eq!((unit_rotated.len(), centroid.len()), (self.padded, self.padded), "a vector of another space");
        let words = self.padded / WORD;
        let start = self.codes.len();
        self.codes.resize(start + PLANES * words, 0);
        let Self { kernel, codes, residual, levels, .. } = self;
        let codes = &mut codes[start..];
        let factor = kernel.wide(
            #[inline(always)]
            || {
                let factor = encode(unit_rotated, centroid, residual, levels);
                for (plane, bit) in (0..PLANES).zip([2, 1, 0]) {
                    pack(levels, bit, |word, packed| codes[plane * words + word] = packed);
                }
                factor
            },
        );
        self.factors.push(factor);
    }

    /// Appends the row at `position` of another page as it is. The page must be of the same centroid.
    ///
    /// # Panics
    /// When the other page has another dimension or there is no such position.
    pub fn push_from(&mut self, page: &PlanesView<'_>, position: u32) {
        assert_eq!(page.padded(), self.padded, "a page of another space");
        self.codes.extend_from_slice(page.row(position as usize));
        self.factors.push(page.factors[position as usize]);
    }

    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.factors.len()
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.codes.capacity() * 8 + self.factors.capacity() * 4 + self.padded * 5
    }

    /// A copy of the page of the rows so far.
    #[must_use]
    pub fn snapshot(&self) -> Buffer {
        let length = bytes(self.rows(), self.padded);
        let mut page = Buffer::with_capacity(length);
        page.extend_from_slice(bytes_of(&self.codes));
        page.extend_from_slice(bytes_of(self.factors.as_flattened()));
        page.resize(length);
        page
    }

    /// The finished page: [`bytes`] of the number of rows.
    #[must_use]
    pub fn finish(self) -> Buffer {
        self.snapshot()
    }

    /// [`PlanesBuilder::finish`], and then ready for another page in the same memory.
    pub fn take(&mut self) -> Buffer {
        let page = self.snapshot();
        self.codes.clear();
        self.factors.clear();
        page
    }
}

/// Writes the levels of a residual; gives its factors.
#[inline(always)]
fn encode(vector: &[f32], centroid: &[f32], residual: &mut [f32], levels: &mut [u8]) -> [u16; 2] {
    for ((residual, x), c) in residual.iter_mut().zip(vector).zip(centroid) {
        *residual = x - c;
    }
    let squares = dot(residual, residual);
    #[expect(clippy::cast_precision_loss, reason = "a dimension is exact")]
    let deviation = (squares / residual.len() as f32).sqrt();
    if deviation == 0.0 {
        levels.fill(0);
        return [0; 2];
    }
    let mut best = (0.0, 0.0, 1.0);
    for step in STEPS {
        let per_step = (step * deviation).recip();
        let (along, codes) = agreement(residual, per_step);
        let quality = along * along / codes;
        if quality > best.0 {
            best = (quality, per_step, along);
        }
    }
    let (_, per_step, along) = best;
    for (level, &r) in levels.iter_mut().zip(residual.iter()) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 7")]
        let magnitude = nearest(magnitude(r, per_step)) as u8;
        // Below zero the level falls as the magnitude grows.
        *level = if r.to_bits() >> 31 == 0 { magnitude } else { 7 - magnitude };
    }
    let f = half::encode_one(squares / along);
    let shift = dot(centroid, residual) - half::decode_one(f) * along_levels(centroid, residual, levels);
    [f, half::encode_one(shift)]
}

/// `y . c`
#[inline(always)]
fn along_levels(centroid: &[f32], residual: &[f32], levels: &[u8]) -> f32 {
    let mut sums = [0.0; LANES];
    let chunks = centroid.as_chunks::<LANES>().0.iter().zip(residual.as_chunks::<LANES>().0);
    for ((c, r), levels) in chunks.zip(levels.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            let sign = if r[lane].to_bits() >> 31 == 0 { 8.0 } else { 0.0 };
            sums[lane] += c[lane] * (2.0 * (sign + f32::from(levels[lane])) - 15.0);
        }
    }
    total(&sums)
}

/// The magnitude of a component, 0 to 7, not yet rounded.
#[inline(always)]
fn magnitude(r: f32, per_step: f32) -> f32 {
    let at = r.abs() * per_step - 0.5;
    let at = if at > 0.0 { at } else { 0.0 };
    if at < 7.0 { at } else { 7.0 }
}

/// `y . r` and `y . y` for the levels of one spacing.
#[inline(always)]
fn agreement(residual: &[f32], per_step: f32) -> (f32, f32) {
    let (mut along, mut codes) = ([0.0; LANES], [0.0; LANES]);
    for chunk in residual.as_chunks::<LANES>().0 {
        for lane in 0..LANES {
            let y = 2.0 * nearest_float(magnitude(chunk[lane], per_step)) + 1.0;
            along[lane] += y * chunk[lane].abs();
            codes[lane] += y * y;
        }
    }
    (total(&along), total(&codes))
}

/// A page, checked for length and alignment only: its bytes are vouched for by the checksum of the file it is from.
#[derive(Debug, Clone, Copy)]
pub struct PlanesView<'a> {
    codes: &'a [u64],
    factors: &'a [[u16; 2]],
    words: usize,
}

impl<'a> PlanesView<'a> {
    /// The page of `rows` rows of `padded` dimensions (a multiple of 64) in `page`.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`] when the length is not that of such a page; [`Error::Report`] when it does not start at
    /// a multiple of 64 bytes.
    pub fn new(page: &'a [u8], rows: usize, padded: usize) -> Result<Self> {
        if padded == 0 || !padded.is_multiple_of(WORD) || page.len() != bytes(rows, padded) {
            return Err(Error::RebuildIndex(format!(
                "A page of bit planes has {} bytes, which is not {rows} rows of {padded} dimensions. Rebuild the index.",
                page.len()
            )));
        }
        if !page.is_empty() && !page.as_ptr().addr().is_multiple_of(ALIGNMENT) {
            return Err(Error::Report("A page of bit planes does not lie at a multiple of 64 bytes.".into()));
        }
        let words = padded / WORD;
        let (codes, rest) = page.split_at(rows * PLANES * words * 8);
        Ok(Self { codes: numbers_of(codes)?, factors: numbers_of(&rest[..rows * 4])?.as_chunks().0, words })
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.factors.len()
    }

    /// Dimensions: a multiple of 64.
    #[must_use]
    pub fn padded(&self) -> usize {
        self.words * WORD
    }

    /// Writes the residual that the 4-bit code at `position` stands for into `out` (`padded` values): `f4 * y`.
    ///
    /// # Panics
    /// When there is no such position, or `bits` or `out` has another dimension.
    pub fn decode(&self, bits: &BitsView<'_>, position: u32, out: &mut [f32]) {
        assert_eq!(self.padded(), bits.padded(), "a page of another space");
        bits.decode(position, out);
        let (row, factor) = (self.row(position as usize), self.factors(position as usize).0);
        for (dimension, value) in out.iter_mut().enumerate() {
            let plane = |plane: usize| row[plane * self.words + dimension / WORD] >> (dimension % WORD) & 1;
            let sign = u8::from(value.is_sign_positive());
            let level = [plane(0), plane(1), plane(2)].iter().fold(sign, |level, &bit| level << 1 | u8::from(bit == 1));
            *value = factor * (2.0 * f32::from(level) - 15.0);
        }
    }

    /// Asks for the planes of the row at `position` before they are compared.
    #[inline]
    pub fn prefetch(&self, position: u32) {
        if (position as usize) < self.rows() {
            crate::prefetch(self.row(position as usize));
        }
    }

    /// The three planes of the row at `position`.
    #[inline]
    pub(crate) fn row(&self, position: usize) -> &'a [u64] {
        &self.codes[position * PLANES * self.words..(position + 1) * PLANES * self.words]
    }

    #[inline]
    pub(crate) fn factors(&self, position: usize) -> (f32, f32) {
        let [f, g] = self.factors[position];
        (half::decode_one(f), half::decode_one(g))
    }
}

/// A query rounded to bytes: one for all cells.
#[derive(Debug, Clone)]
pub struct PlanesQuery {
    kernel: Kernel,
    pub(crate) codes: Vec<i8>,
    /// The sum of `codes`.
    sum: i32,
    /// What one unit of `codes` is worth.
    delta: f32,
}

impl PlanesQuery {
    /// The query `rotated_query` (a multiple of 64 dimensions).
    #[must_use]
    pub fn new(rotated_query: &[f32]) -> Self {
        let mut query = Self::empty();
        query.set(rotated_query);
        query
    }

    /// A query that compares with nothing until it is [`set`](Self::set).
    #[must_use]
    pub fn empty() -> Self {
        let kernel = Kernel::detect();
        Self { kernel, codes: Vec::new(), sum: 0, delta: 0.0 }
    }

    /// [`PlanesQuery::new`] in the same memory.
    pub fn set(&mut self, rotated_query: &[f32]) {
        self.codes.resize(rotated_query.len(), 0);
        let kernel = self.kernel;
        kernel.wide(
            #[inline(always)]
            || self.encode(rotated_query),
        );
    }

    #[inline(always)]
    fn encode(&mut self, query: &[f32]) {
        let largest = crate::sums::largest(query);
        self.delta = largest / 127.0;
        let per_step = if largest > 0.0 { 127.0 / largest } else { 0.0 };
        for (code, &q) in self.codes.iter_mut().zip(query) {
            #[expect(clippy::cast_possible_truncation, reason = "at most 127 by the choice of the factor")]
            let rounded = nearest(q * per_step) as i8;
            *code = rounded;
        }
        self.sum = self.codes.iter().map(|&code| i32::from(code)).sum();
    }

    /// Dimensions: a multiple of 64.
    #[must_use]
    pub fn padded(&self) -> usize {
        self.codes.len()
    }

    /// The estimate, from the query's dot product with the centroid, that of the levels with `codes`, and the row's
    /// factors.
    #[inline]
    pub(crate) fn estimate(&self, base: f32, levels: i32, factor: f32, g: f32) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let product = (2 * levels - 15 * self.sum) as f32;
        factor * (self.delta * product) + (g + base)
    }
}

#[cfg(test)]
mod tests;
