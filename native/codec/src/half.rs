//! Half floats (IEEE 754 binary16): the factors of code pages, and codes for the last rescoring.
//!
//! Only finite numbers are stored, which lets both directions do without branches.

/// The largest half float.
const LARGEST: f32 = 65_504.0;
/// Bits of the smallest normal half float, as a single one: 2^-14.
const SMALLEST_NORMAL: u32 = 0x3880_0000;
/// What separates the exponents of both formats, in place: 127 - 15.
const BIAS: u32 = 0x3800_0000;

/// The nearest half float, half to even; what is too large for one becomes the largest.
#[must_use]
#[inline]
pub fn encode_one(value: f32) -> u16 {
    let bits = value.clamp(-LARGEST, LARGEST).to_bits();
    let magnitude = bits & 0x7FFF_FFFF;
    // 0.5 has a last place of 2^-24, which is the step of half floats below the smallest normal one.
    let subnormal = (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(0.5_f32.to_bits());
    let normal = magnitude.wrapping_add(0xFFF + (magnitude >> 13 & 1)).wrapping_sub(BIAS) >> 13;
    let half = if magnitude < SMALLEST_NORMAL { subnormal } else { normal };
    #[expect(clippy::cast_possible_truncation, reason = "a sign bit and fifteen bits")]
    let encoded = (bits >> 16 & 0x8000 | half) as u16;
    encoded
}

/// The value of a finite half float.
#[must_use]
#[inline]
pub fn decode_one(half: u16) -> f32 {
    let half = u32::from(half);
    // The exponent is set right by a multiplication, which also normalises what is subnormal: 2^112.
    let magnitude = f32::from_bits((half & 0x7FFF) << 13) * f32::from_bits(0x7780_0000);
    f32::from_bits(magnitude.to_bits() | (half & 0x8000) << 16)
}

/// Encodes `values` into `halves`, up to the shorter of both.
pub fn encode(values: &[f32], halves: &mut [u16]) {
    crate::Kernel::detect().wide(
        #[inline(always)]
        || halves.iter_mut().zip(values).for_each(|(half, &value)| *half = encode_one(value)),
    );
}

/// Decodes `halves` into `values`, up to the shorter of both.
pub fn decode(halves: &[u16], values: &mut [f32]) {
    crate::Kernel::detect().wide(
        #[inline(always)]
        || values.iter_mut().zip(halves).for_each(|(value, &half)| *value = decode_one(half)),
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_finite_half_float_survives() {
        for half in (0..0x7C00_u16).chain(0x8000..0xFC00) {
            assert_eq!(decode_one(half).to_bits(), ::half::f16::from_bits(half).to_f32().to_bits());
            assert_eq!(encode_one(decode_one(half)), half);
        }
    }

    proptest! {
        #[test]
        fn rounding_is_that_of_the_standard(value in prop_oneof![-2.0_f32..2.0, -7e4_f32..7e4, -1e-4_f32..1e-4]) {
            let expected = ::half::f16::from_f32(value.clamp(-LARGEST, LARGEST));
            prop_assert_eq!(encode_one(value), expected.to_bits());
        }

        #[test]
        fn many_at_once_are_the_same(values in prop::collection::vec(-2.0_f32..2.0, 0..70)) {
            let mut halves = vec![0; values.len()];
            encode(&values, &mut halves);
            let mut back = vec![0.0; values.len()];
            decode(&halves, &mut back);
            for ((&value, half), back) in values.iter().zip(halves).zip(back) {
                prop_assert_eq!((half, back.to_bits()), (encode_one(value), decode_one(half).to_bits()));
            }
        }
    }
}
