//! 256-bit integer kernel: bytes widened to 16 bits, multiplied and added in pairs to 32 bits (`vpmaddwd`).

use std::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi32, _mm_cvtsi128_si32, _mm_loadu_si128, _mm_shuffle_epi32, _mm256_add_epi32,
    _mm256_castsi256_si128, _mm256_cvtepi8_epi16, _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_setzero_si256,
};

use super::portable;

const LANES: usize = 16;

/// The sum of `query[i] * row[i]` over the shorter of both.
#[target_feature(enable = "avx2")]
pub fn dot(query: &[i16], row: &[i8]) -> i32 {
    let length = query.len().min(row.len());
    let whole = length - length % (2 * LANES);
    let mut even = _mm256_setzero_si256();
    let mut odd = _mm256_setzero_si256();
    let mut at = 0;
    while at < whole {
        // SAFETY: `at + 2 * LANES <= whole`, which is within both slices.
        let (first, second) = unsafe {
            (
                product(query.as_ptr().add(at), row.as_ptr().add(at)),
                product(query.as_ptr().add(at + LANES), row.as_ptr().add(at + LANES)),
            )
        };
        even = _mm256_add_epi32(even, first);
        odd = _mm256_add_epi32(odd, second);
        at += 2 * LANES;
    }
    sum(_mm256_add_epi32(even, odd)) + portable::dot(&query[whole..length], &row[whole..length])
}

/// Eight partial sums of sixteen products.
///
/// # Safety
/// Sixteen elements must be readable behind both pointers.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn product(query: *const i16, row: *const i8) -> __m256i {
    // SAFETY: the caller's promise; the loads need no alignment.
    let (query, row) = unsafe { (_mm256_loadu_si256(query.cast()), _mm_loadu_si128(row.cast())) };
    _mm256_madd_epi16(query, _mm256_cvtepi8_epi16(row))
}

#[inline]
#[target_feature(enable = "avx2")]
fn sum(lanes: __m256i) -> i32 {
    let half: __m128i = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256::<1>(lanes));
    let quarter = _mm_add_epi32(half, _mm_shuffle_epi32::<0b01_00_11_10>(half));
    _mm_cvtsi128_si32(_mm_add_epi32(quarter, _mm_shuffle_epi32::<0b10_11_00_01>(quarter)))
}
