//! Checking and normalising what callers bring.

use tiercel_base::error::{Error, Result};

/// Writes `vector`, scaled to length 1, into `out`.
///
/// Sums in double precision, so that neither the largest nor the smallest floats overflow or vanish.
///
/// # Errors
/// [`Error::FixTheCall`] when the vector is empty, has another length than `out`, has a component that is not finite,
/// or is all zeros.
pub fn normalise(vector: &[f32], out: &mut [f32]) -> Result<()> {
    if vector.is_empty() {
        return Err(Error::FixTheCall("A vector has no components. Give one number per dimension.".into()));
    }
    if vector.len() != out.len() {
        return Err(Error::FixTheCall(format!(
            "A vector has {} dimensions where {} are expected. Embed all texts of a space with one model.",
            vector.len(),
            out.len()
        )));
    }
    // Lanes, because one sum would wait for each addition; a sum is finite only if every component is.
    let mut lanes = [0.0_f64; 8];
    for chunk in vector.chunks(8) {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(value) * f64::from(value);
        }
    }
    let squares: f64 = lanes.iter().sum();
    if !squares.is_finite() {
        return Err(Error::FixTheCall(
            "A vector has a component that is not a finite number. Check the model's output.".into(),
        ));
    }
    if squares == 0.0 {
        return Err(Error::FixTheCall("A vector is all zeros: it has no direction to compare.".into()));
    }
    let inverse = squares.sqrt().recip();
    for (to, &value) in out.iter_mut().zip(vector) {
        #[expect(clippy::cast_possible_truncation, reason = "rounding to the stored precision is meant")]
        let scaled = (f64::from(value) * inverse) as f32;
        *to = scaled;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_length_becomes_one_and_the_direction_stays(
            vector in prop::collection::vec(-1e30_f32..1e30, 1..400).prop_filter("not zero", |v| v.iter().any(|&x| x != 0.0)),
        ) {
            let mut unit = vec![0.0; vector.len()];
            normalise(&vector, &mut unit).expect("valid");
            let norm = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
            let length: f64 = unit.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
            prop_assert!((length - 1.0).abs() < 1e-6);
            for (&u, &v) in unit.iter().zip(&vector) {
                prop_assert!((f64::from(u) - f64::from(v) / norm).abs() < 1e-7);
            }
        }
    }

    #[test]
    fn what_has_no_direction_is_refused() {
        for bad in [[0.0, 0.0], [f32::NAN, 1.0], [1.0, f32::INFINITY], [f32::NEG_INFINITY, f32::INFINITY]] {
            assert!(matches!(normalise(&bad, &mut [0.0; 2]), Err(Error::FixTheCall(_))));
        }
        assert!(matches!(normalise(&[], &mut []), Err(Error::FixTheCall(_))));
        assert!(matches!(normalise(&[1.0], &mut [0.0; 2]), Err(Error::FixTheCall(_))));
    }

    #[test]
    fn the_smallest_and_largest_floats_have_a_direction() {
        for value in [f32::MIN_POSITIVE, f32::from_bits(1), f32::MAX] {
            let mut unit = [0.0; 3];
            normalise(&[value, -value, 0.0], &mut unit).expect("valid");
            assert!((unit[0] - 0.5_f32.sqrt()).abs() < 1e-7 && (unit[1] + 0.5_f32.sqrt()).abs() < 1e-7);
        }
    }
}
