//! Sums over vectors in lanes: wide for the compiler, and the same floats on every processor.
//!
//! Everything here is plain multiplication and addition in a fixed order, never fused, so the bytes of a code do not
//! depend on the machine that encoded it. Callers run it inside [`crate::Kernel::wide`].

/// Sums that are carried side by side.
pub const LANES: usize = 16;

/// The sum of `LANES` partial sums, in a fixed order.
#[inline(always)]
pub fn total(lanes: &[f32; LANES]) -> f32 {
    let mut values = *lanes;
    let mut width = LANES / 2;
    while width > 0 {
        for at in 0..width {
            values[at] += values[at + width];
        }
        width /= 2;
    }
    values[0]
}

/// The dot product of two vectors whose lengths are the same multiple of 16.
#[inline(always)]
pub fn dot(one: &[f32], two: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    for (a, b) in one.as_chunks::<LANES>().0.iter().zip(two.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    total(&lanes)
}

/// The largest magnitude of a vector whose length is a multiple of 16.
#[inline(always)]
pub fn largest(values: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    for chunk in values.as_chunks::<LANES>().0 {
        for lane in 0..LANES {
            let magnitude = chunk[lane].abs();
            lanes[lane] = if magnitude > lanes[lane] { magnitude } else { lanes[lane] };
        }
    }
    lanes.into_iter().fold(0.0, f32::max)
}

/// Adding this to a number of a magnitude below 2^22 leaves the number, rounded half to even, in the low bits.
const SHIFTER: f32 = 12_582_912.0;

/// The nearest integer, half to even, of a number of a magnitude below 2^22. Unlike `f32::round` it needs no SSE4.1.
#[inline(always)]
pub fn nearest(value: f32) -> i32 {
    (value + SHIFTER).to_bits().cast_signed().wrapping_sub(SHIFTER.to_bits().cast_signed())
}

/// [`nearest`], still as a float.
#[inline(always)]
pub fn nearest_float(value: f32) -> f32 {
    (value + SHIFTER) - SHIFTER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_integer_is_half_to_even() {
        for value in [0.0_f32, 0.5, 1.5, 2.5, -0.5, -1.5, 7.49, -7.51, 32_767.0, -32_767.4, 4_000_000.0] {
            assert!((nearest_float(value) - value.round_ties_even()).abs() < f32::EPSILON, "{value}");
            #[expect(clippy::cast_possible_truncation, reason = "small integers")]
            let expected = value.round_ties_even() as i32;
            assert_eq!(nearest(value), expected);
        }
    }
}
