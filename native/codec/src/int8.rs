//! One signed byte per dimension with one scale per row, symmetric around zero.
//!
//! The codes of a rotated unit vector `x` are `c = round(127 x / max |x|)`; its scale is `1 / (x . c)`, which makes the
//! similarity of a row with itself exactly 1 (the correction of `RaBitQ`, Gao & Long, SIGMOD 2024, on 8 bits). A query
//! keeps up to 16 bits, so that nearly all of the error is the row's.

use crate::sums::{LANES, dot, largest, nearest, nearest_float, total};
use crate::{Kernel, LARGEST_DIMENSION};

/// Largest code; -128 is not used, so that codes are symmetric.
const LARGEST_CODE: f32 = 127.0;
/// Largest code of a query.
const LARGEST_QUERY_CODE: f32 = 32_767.0;
/// The largest sum of products: somewhat below 2^31, for the rounding of the query.
const LARGEST_DOT: f32 = 2.14e9;

/// A query, ready to be compared with rows.
#[derive(Debug, Clone, Default)]
pub struct Query {
    pub(crate) codes: Vec<i16>,
    pub(crate) scale: f32,
}

impl Query {
    /// Encodes a rotated query, a multiple of 64 dimensions. Of a query that is all zeros every score is zero.
    #[must_use]
    pub fn new(rotated: &[f32]) -> Self {
        let mut query = Self::default();
        query.set(rotated);
        query
    }

    /// [`Query::new`] in the same memory.
    pub fn set(&mut self, rotated: &[f32]) {
        debug_assert!(rotated.len() <= LARGEST_DIMENSION);
        self.codes.resize(rotated.len(), 0);
        Kernel::detect().wide(
            #[inline(always)]
            || self.encode(rotated),
        );
    }

    #[inline(always)]
    fn encode(&mut self, rotated: &[f32]) {
        let norm = dot(rotated, rotated).sqrt();
        // No sum of products with bytes may leave 32 bits: by Cauchy and Schwarz it is at most the product of norms.
        #[expect(clippy::cast_precision_loss, reason = "at most the largest dimension")]
        let row_norm = LARGEST_CODE * (rotated.len() as f32).sqrt();
        self.scale = (largest(rotated) / LARGEST_QUERY_CODE).max(norm * row_norm / LARGEST_DOT);
        let to_code = if self.scale > 0.0 { self.scale.recip() } else { 0.0 };
        for (code, &value) in self.codes.iter_mut().zip(rotated) {
            #[expect(clippy::cast_possible_truncation, reason = "at most the largest code by the choice of the scale")]
            let rounded = nearest(value * to_code) as i16;
            *code = rounded;
        }
    }

    /// Dimensions.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.codes.len()
    }

    /// The estimated cosine similarity, from the dot product of the codes ([`Kernel::dot_i8`]) and the row's scale.
    #[must_use]
    #[inline]
    pub fn score(&self, dot: i32, row_scale: f32) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let dot = dot as f32;
        dot * self.scale * row_scale
    }
}

/// Encodes a rotated unit vector, a multiple of 64 dimensions, into `codes` of the same length; gives the row's scale,
/// between 1/127 and 1/(127 sqrt(dimension)). A vector that is all zeros has the scale 0.
#[must_use]
pub fn encode(rotated: &[f32], codes: &mut [i8]) -> f32 {
    Kernel::detect().wide(
        #[inline(always)]
        || encode_wide(rotated, codes),
    )
}

#[inline(always)]
fn encode_wide(rotated: &[f32], codes: &mut [i8]) -> f32 {
    let largest = largest(rotated);
    if largest == 0.0 {
        codes.fill(0);
        return 0.0;
    }
    let to_code = LARGEST_CODE / largest;
    let mut products = [0.0; LANES];
    for (codes, values) in codes.as_chunks_mut::<LANES>().0.iter_mut().zip(rotated.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            let rounded = nearest_float(values[lane] * to_code);
            products[lane] += values[lane] * rounded;
            #[expect(clippy::cast_possible_truncation, reason = "at most 127 by the choice of the factor")]
            let code = nearest(values[lane] * to_code) as i8;
            codes[lane] = code;
        }
    }
    total(&products).recip()
}

/// Writes the vector that `codes` stand for into `out`, of the same length.
pub fn decode(codes: &[i8], scale: f32, out: &mut [f32]) {
    for (value, &code) in out.iter_mut().zip(codes) {
        *value = f32::from(code) * scale;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{exact_dot, gaussian, unit};

    proptest! {
        #[test]
        fn every_component_is_within_a_step_and_the_whole_is_right(words in 1_usize..70, seed in any::<u64>()) {
            let vector = unit(words * 64, seed);
            let mut codes = vec![0; vector.len()];
            let scale = encode(&vector, &mut codes);
            let mut decoded = vec![0.0; vector.len()];
            decode(&codes, scale, &mut decoded);
            for (&value, &back) in vector.iter().zip(&decoded) {
                prop_assert!((value - back).abs() <= scale);
            }
            prop_assert!((exact_dot(&vector, &decoded) - 1.0).abs() < 1e-5);
        }

        #[test]
        fn a_query_keeps_its_precision_and_cannot_overflow(words in 1_usize..=128, seed in any::<u64>(), flat in any::<bool>()) {
            let mut vector = unit(words * 64, seed);
            if flat {
                #[expect(clippy::cast_precision_loss, reason = "small")]
                let value = (vector.len() as f32).sqrt().recip();
                vector.fill(value);
            }
            let query = Query::new(&vector);
            let worst: i64 = query.codes.iter().map(|&code| i64::from(code.unsigned_abs()) * 127).sum();
            prop_assert!(worst <= i64::from(i32::MAX));
            for (&value, &code) in vector.iter().zip(&query.codes) {
                prop_assert!((value - f32::from(code) * query.scale).abs() <= query.scale * 0.51);
            }
            prop_assert!(query.scale < 1e-4);
        }
    }

    #[test]
    fn a_row_is_closest_to_itself() {
        let rows: Vec<Vec<f32>> = (0..20).map(|seed| unit(320, seed)).collect();
        let mut codes = vec![0; 320];
        for (at, query) in rows.iter().enumerate() {
            let query = Query::new(query);
            for (other, row) in rows.iter().enumerate() {
                let scale = encode(row, &mut codes);
                let score = query.score(Kernel::detect().dot_i8(&query, &codes), scale);
                assert!(if at == other { (score - 1.0).abs() < 1e-4 } else { score < 0.5 }, "{score}");
            }
        }
    }

    #[test]
    fn zeros_stay_zeros() {
        let mut codes = vec![1; 64];
        assert!(encode(&[0.0; 64], &mut codes).abs() < f32::EPSILON);
        assert_eq!(codes, [0; 64]);
        let query = Query::new(&[0.0; 64]);
        assert!(query.score(Kernel::detect().dot_i8(&query, &codes), 1.0).abs() < f32::EPSILON);
        assert_eq!(Query::new(&gaussian(128, 1)).dimension(), 128);
    }
}
