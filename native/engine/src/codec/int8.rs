//! One signed byte per dimension with one scale per row, symmetric around zero.
//!
//! A vector `x` is normalised to length 1; its codes are `c = round(x * 127 / max |x|)`, and its scale is
//! `1 / (x . c)`, which makes the similarity of a row with itself exactly 1 (the correction of `RaBitQ`, Gao & Long,
//! SIGMOD 2024, on an 8-bit code). A query keeps more bits: it is rounded to 16-bit integers, so nearly all of the
//! error is the row's.
//!
//! Error of a cosine similarity estimated from a row's codes: no component of `scale * c` is off by more than about
//! one `scale`, and by `scale / sqrt(12)` in the root mean square. For a query of length 1 that is 0.0006 in the root
//! mean square at 256 dimensions with a largest component of 0.25, and at most `scale * sqrt(dimension)`. The query's
//! rounding adds at most `query scale / 2 * sqrt(dimension)`, a hundredth of that or less.

use crate::error::{Error, Result};

/// Largest code; -128 is not used, so that codes are symmetric.
const LARGEST_CODE: f32 = 127.0;

/// Largest dimension of a space.
pub const LARGEST_DIMENSION: usize = 8192;

/// A query, ready to be compared with rows.
#[derive(Debug, Clone)]
pub struct Query {
    /// `dimension` integers; small enough that a product with a row fits 32 bits.
    pub codes: Vec<i16>,
    /// What one unit of `codes` is worth.
    pub scale: f32,
}

/// Normalises and encodes one row into `codes` (same length); gives its scale.
///
/// # Errors
/// [`Error::FixTheCall`] when a component is not finite or all are zero.
pub fn encode_row(vector: &[f32], codes: &mut [i8]) -> Result<f32> {
    let (inverse_norm, largest) = measure(vector)?;
    let to_code = inverse_norm * f64::from(LARGEST_CODE) / f64::from(largest);
    let mut product = 0.0;
    for (code, &value) in codes.iter_mut().zip(vector) {
        #[expect(clippy::cast_possible_truncation, reason = "rounded and at most 127 by the choice of the factor")]
        let rounded = (f64::from(value) * to_code).round() as i8;
        *code = rounded;
        product += f64::from(value) * inverse_norm * f64::from(rounded);
    }
    #[expect(clippy::cast_possible_truncation, reason = "between 1 / (127 * sqrt(dimension)) and 1 / 127")]
    let scale = product.recip() as f32;
    Ok(scale)
}

/// Normalises and encodes a query.
///
/// # Errors
/// [`Error::FixTheCall`] when a component is not finite or all are zero.
pub fn encode_query(vector: &[f32]) -> Result<Query> {
    let (inverse_norm, largest) = measure(vector)?;
    let scale = largest / f32::from(largest_query_code(vector.len()));
    let to_code = inverse_norm / f64::from(scale);
    let codes = vector
        .iter()
        .map(|&value| {
            #[expect(clippy::cast_possible_truncation, reason = "rounded and bounded by the choice of the scale")]
            let rounded = (f64::from(value) * to_code).round() as i16;
            rounded
        })
        .collect();
    Ok(Query { codes, scale })
}

/// The largest query code for which `dimension` products with codes of up to 127 cannot overflow 32 bits.
fn largest_query_code(dimension: usize) -> i16 {
    let per_component = i64::from(i32::MAX) / (127 * i64::try_from(dimension.max(1)).unwrap_or(i64::MAX / 127));
    i16::try_from(per_component).unwrap_or(i16::MAX)
}

/// The factor that makes the vector's length 1, and its largest component after that.
fn measure(vector: &[f32]) -> Result<(f64, f32)> {
    let mut squares = 0.0_f64;
    let mut largest = 0.0_f32;
    for &value in vector {
        if !value.is_finite() {
            return Err(Error::FixTheCall("A vector has a component that is not a finite number.".into()));
        }
        squares += f64::from(value) * f64::from(value);
        largest = largest.max(value.abs());
    }
    if largest == 0.0 {
        return Err(Error::FixTheCall("A vector is all zeros: it has no direction to compare.".into()));
    }
    let inverse_norm = squares.sqrt().recip();
    #[expect(clippy::cast_possible_truncation, reason = "between 0 and 1")]
    let largest = (f64::from(largest) * inverse_norm) as f32;
    Ok((inverse_norm, largest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vectors() -> impl Strategy<Value = Vec<f32>> {
        prop::collection::vec(-1e3_f32..1e3, 1..400).prop_filter("not all zero", |v| v.iter().any(|&x| x != 0.0))
    }

    proptest! {
        #[test]
        fn every_component_is_within_a_step_and_the_whole_is_right(vector in vectors()) {
            let mut codes = vec![0; vector.len()];
            let scale = f64::from(encode_row(&vector, &mut codes).expect("a valid vector"));
            let norm = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
            let mut with_itself = 0.0;
            for (&value, &code) in vector.iter().zip(&codes) {
                let (exact, decoded) = (f64::from(value) / norm, f64::from(code) * scale);
                prop_assert!((exact - decoded).abs() <= scale * 1.01);
                with_itself += exact * decoded;
            }
            prop_assert!((with_itself - 1.0).abs() < 1e-6);
        }

        #[test]
        fn the_length_of_a_vector_does_not_matter(vector in vectors()) {
            let doubled: Vec<f32> = vector.iter().map(|x| x * 2.0).collect();
            let (mut one, mut two) = (vec![0; vector.len()], vec![0; vector.len()]);
            let first = encode_row(&vector, &mut one).expect("a valid vector");
            let second = encode_row(&doubled, &mut two).expect("a valid vector");
            prop_assert_eq!(one, two);
            prop_assert_eq!(first.to_bits(), second.to_bits());
        }

        #[test]
        fn a_query_cannot_overflow(dimension in 1_usize..=LARGEST_DIMENSION) {
            let largest = i64::from(largest_query_code(dimension));
            prop_assert!(largest >= 1);
            prop_assert!(largest * 127 * i64::try_from(dimension).expect("small") <= i64::from(i32::MAX));
        }
    }

    #[test]
    fn what_has_no_direction_is_refused() {
        let mut codes = [0; 2];
        for bad in [[0.0, 0.0], [f32::NAN, 1.0], [f32::INFINITY, 1.0]] {
            assert!(matches!(encode_row(&bad, &mut codes), Err(Error::FixTheCall(_))));
            assert!(encode_query(&bad).is_err());
        }
    }

    #[test]
    fn the_smallest_and_largest_floats_are_encoded() {
        for value in [f32::MIN_POSITIVE, f32::from_bits(1), f32::MAX] {
            let mut codes = [0; 3];
            let scale = encode_row(&[value, -value, 0.0], &mut codes).expect("a valid vector");
            assert_eq!(codes, [127, -127, 0]);
            assert!((scale * 127.0 - 0.5_f32.sqrt()).abs() < 1e-6);
        }
    }
}
