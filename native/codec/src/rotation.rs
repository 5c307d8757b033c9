//! A seeded random rotation, exactly orthogonal up to rounding.
//!
//! Codes of few bits assume that no dimension stands out. Three rounds of random signs, a fast Hadamard transform over
//! blocks of a power of two, and a mix across the blocks give that for any input at `n log n` additions (the
//! construction of fast Johnson-Lindenstrauss transforms: Ailon & Chazelle, STOC 2006; three rounds as in Andoni et
//! al., NIPS 2015). A dimension that is no multiple of 64 is padded with zeros first.
//!
//! Which rotation a seed gives is part of the file format; the tests hold fixed values.

use crate::random::SplitMix64;
use crate::{Kernel, WORD, padded};

const ROUNDS: usize = 3;
/// Side of the square of values that is transformed in registers.
const SIDE: usize = 8;

/// An orthogonal map from `dimension` to `padded` dimensions.
#[derive(Debug, Clone)]
pub struct Rotation {
    kernel: Kernel,
    dimension: usize,
    padded: usize,
    /// Values per Hadamard block: the largest power of two that divides `padded`.
    block: usize,
    /// `ROUNDS` times `padded` random signs, times the transform's normalisation.
    signs: Vec<f32>,
}

impl Rotation {
    /// The rotation that `seed` stands for.
    #[must_use]
    pub fn new(dimension: usize, seed: u64) -> Self {
        let padded = padded(dimension.max(1));
        let block = 1 << padded.trailing_zeros();
        #[expect(clippy::cast_precision_loss, reason = "a power of two")]
        let scale = (block as f32).sqrt().recip();
        let mut random = SplitMix64::new(seed);
        let mut signs = Vec::with_capacity(ROUNDS * padded);
        for _ in 0..ROUNDS * padded / WORD {
            let bits = random.next();
            signs.extend((0..WORD).map(|at| if bits >> at & 1 == 1 { -scale } else { scale }));
        }
        Self { kernel: Kernel::detect(), dimension, padded, block, signs }
    }

    /// Dimensions of what comes in.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Dimensions of what comes out: a multiple of 64.
    #[must_use]
    pub fn padded(&self) -> usize {
        self.padded
    }

    /// Rotates `unit` (`dimension` values) into `out` (`padded` values). The same floats on every processor.
    ///
    /// # Panics
    /// When a length is another one.
    pub fn apply(&self, unit: &[f32], out: &mut [f32]) {
        assert_eq!((unit.len(), out.len()), (self.dimension, self.padded), "a vector of another space");
        out[..unit.len()].copy_from_slice(unit);
        out[unit.len()..].fill(0.0);
        self.kernel.wide(
            #[inline(always)]
            || self.rounds(out),
        );
    }

    #[inline(always)]
    fn rounds(&self, out: &mut [f32]) {
        for signs in self.signs.chunks_exact(self.padded) {
            for (value, sign) in out.iter_mut().zip(signs) {
                *value *= sign;
            }
            for block in out.chunks_exact_mut(self.block) {
                hadamard(block);
            }
            mix(out, self.block);
        }
    }
}

/// A Hadamard transform (not normalised) of a power of two of at least 64 values. The order of the results is
/// transposed within every 64 values, which is as orthogonal as any other order and saves turning them back.
#[inline(always)]
fn hadamard(block: &mut [f32]) {
    for tile in block.as_chunks_mut::<WORD>().0 {
        transform_tile(tile);
    }
    let mut half = WORD;
    while half < block.len() {
        for pair in block.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

/// The transform of 64 values: columns of the square, then, turned, its rows.
#[inline(always)]
fn transform_tile(tile: &mut [f32; WORD]) {
    let mut square = [[0.0; SIDE]; SIDE];
    for (row, values) in square.iter_mut().zip(tile.as_chunks::<SIDE>().0) {
        *row = *values;
    }
    transform_columns(&mut square);
    let mut turned = [[0.0; SIDE]; SIDE];
    for (at, row) in turned.iter_mut().enumerate() {
        for (value, from) in row.iter_mut().zip(&square) {
            *value = from[at];
        }
    }
    transform_columns(&mut turned);
    for (values, row) in tile.as_chunks_mut::<SIDE>().0.iter_mut().zip(&turned) {
        *values = *row;
    }
}

#[inline(always)]
fn transform_columns(square: &mut [[f32; SIDE]; SIDE]) {
    let mut half = 1;
    while half < SIDE {
        for start in (0..SIDE).step_by(2 * half) {
            for at in start..start + half {
                let (low, high) = square.split_at_mut(at + half);
                for (a, b) in low[at].iter_mut().zip(&mut high[0]) {
                    (*a, *b) = (*a + *b, *a - *b);
                }
            }
        }
        half *= 2;
    }
}

/// Mixes an odd number of blocks with each other: a Hadamard transform across as many of the first blocks as a power
/// of two allows, then across as many of the last.
#[inline(always)]
fn mix(values: &mut [f32], block: usize) {
    let blocks = values.len() / block;
    if blocks == 1 {
        return;
    }
    let width = block << blocks.ilog2();
    across(&mut values[..width], block);
    let rest = values.len() - width;
    across(&mut values[rest..], block);
}

#[inline(always)]
fn across(values: &mut [f32], block: usize) {
    let mut half = block;
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                let (sum, difference) = (*a + *b, *a - *b);
                *a = sum * std::f32::consts::FRAC_1_SQRT_2;
                *b = difference * std::f32::consts::FRAC_1_SQRT_2;
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{exact_dot, gaussian, unit};

    fn rotated(rotation: &Rotation, vector: &[f32]) -> Vec<f32> {
        let mut out = vec![f32::NAN; rotation.padded()];
        rotation.apply(vector, &mut out);
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn lengths_and_angles_stay(dimension in 1_usize..=1200, seed in any::<u64>()) {
            let rotation = Rotation::new(dimension, seed);
            let (a, b) = (unit(dimension, seed ^ 1), unit(dimension, seed ^ 2));
            let (ra, rb) = (rotated(&rotation, &a), rotated(&rotation, &b));
            prop_assert_eq!(ra.len() % 64, 0);
            prop_assert!((exact_dot(&ra, &ra) - 1.0).abs() < 2e-6);
            prop_assert!((exact_dot(&ra, &rb) - exact_dot(&a, &b)).abs() < 2e-6);
        }
    }

    #[test]
    fn a_single_dimension_is_spread_over_all() {
        for dimension in [64, 192, 320, 384, 768, 960, 1024, 1536, 4096] {
            for at in [0, 1, dimension / 2, dimension - 1] {
                let mut vector = vec![0.0; dimension];
                vector[at] = 1.0;
                let out = rotated(&Rotation::new(dimension, 7), &vector);
                let fourth: f64 = out.iter().map(|&x| f64::from(x).powi(4)).sum::<f64>()
                    * f64::from(u32::try_from(dimension).expect("small"));
                assert!(fourth < 6.0, "kurtosis {fourth} of dimension {at} of {dimension}; 3 is a Gaussian's");
            }
        }
    }

    #[test]
    fn a_rotation_is_its_seed_for_ever() {
        let ramp: Vec<f32> = (0_u16..100).map(f32::from).collect();
        let out = rotated(&Rotation::new(100, 42), &ramp);
        let sums: Vec<f32> = [0, 1, 63, 64, 127].iter().map(|&at| out[at]).collect();
        assert_eq!(sums, [-70.290_83, -30.847_527, 2.651_649_5, 0.397_743_23, -54.292_54]);
    }

    #[test]
    fn every_processor_gives_the_same_floats() {
        for dimension in [32, 192, 768, 1000] {
            let vector = gaussian(dimension, 3);
            let expected = rotated(&Rotation { kernel: Kernel::PORTABLE, ..Rotation::new(dimension, 9) }, &vector);
            for kernel in Kernel::all_available() {
                assert_eq!(rotated(&Rotation { kernel, ..Rotation::new(dimension, 9) }, &vector), expected);
            }
        }
    }
}
