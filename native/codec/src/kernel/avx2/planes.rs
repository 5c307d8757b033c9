//! The dot product of a query in bytes with levels whose bits lie in four planes.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi8, _mm256_add_epi16, _mm256_add_epi32, _mm256_and_si256, _mm256_cmpeq_epi8,
    _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi16, _mm256_set1_epi32,
    _mm256_set1_epi64x, _mm256_setr_epi64x, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_sub_epi8,
};

use super::sum_i32;
use crate::bits::GROUP;
use crate::planes::PLANES;

/// The sum of `query[i] * level[i]`: the sign bits are every eighth word of `signs`, the lower bits in `planes`.
#[inline]
#[target_feature(enable = "avx2")]
pub fn dot_planes(query: &[i8], signs: &[u64], planes: &[u64]) -> i32 {
    let words = planes.len() / PLANES;
    let (fours, rest) = planes.split_at(words);
    let (twos, ones) = rest.split_at(words);
    let signs = signs.iter().step_by(GROUP);
    let one = _mm256_set1_epi16(1);
    let mut sum = _mm256_setzero_si256();
    for ((((query, &eights), &fours), &twos), &ones) in
        query.as_chunks::<64>().0.iter().zip(signs).zip(fours).zip(twos).zip(ones)
    {
        // SAFETY: 32 bytes are read from the start and the middle of an array of 64.
        let (first, second) =
            unsafe { (_mm256_loadu_si256(query.as_ptr().cast()), _mm256_loadu_si256(query.as_ptr().add(32).cast())) };
        let planes = [eights, fours, twos, ones];
        // At most 15 * 127 * 2 per sum of two products: two of them fit 16 bits.
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
        let lower = planes.map(|plane| plane as u32);
        let low = _mm256_maddubs_epi16(levels(lower), first);
        let high = _mm256_maddubs_epi16(levels(planes.map(|plane| (plane >> 32) as u32)), second);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_add_epi16(low, high), one));
    }
    sum_i32(sum)
}

/// 32 levels in bytes from the bits of four planes, the highest first.
#[inline]
#[target_feature(enable = "avx2")]
fn levels(planes: [u32; 4]) -> __m256i {
    let mut levels = _mm256_setzero_si256();
    for plane in planes {
        // A set bit is -1 in its byte.
        levels = _mm256_sub_epi8(_mm256_add_epi8(levels, levels), spread(plane));
    }
    levels
}

/// Every bit as a byte: -1 where it is set.
#[inline]
#[target_feature(enable = "avx2")]
fn spread(bits: u32) -> __m256i {
    let byte_of =
        _mm256_setr_epi64x(0x0000_0000_0000_0000, 0x0101_0101_0101_0101, 0x0202_0202_0202_0202, 0x0303_0303_0303_0303);
    let bit_of = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
    let bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(bits.cast_signed()), byte_of);
    _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit_of), bit_of)
}
