//! 256-bit kernels: AVX2, FMA and F16C, which every processor with AVX2 that is met in practice has together.

mod bits;
mod planes;

use std::arch::x86_64::{
    __m256, __m256i, _mm_add_epi32, _mm_add_ps, _mm_add_ss, _mm_cvtsi128_si32, _mm_cvtss_f32, _mm_loadu_si128,
    _mm_movehl_ps, _mm_shuffle_epi32, _mm_shuffle_ps, _mm256_add_epi32, _mm256_add_ps, _mm256_castps256_ps128,
    _mm256_castsi256_si128, _mm256_cvtepi8_epi16, _mm256_cvtph_ps, _mm256_extractf128_ps, _mm256_extracti128_si256,
    _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_setzero_ps, _mm256_setzero_si256,
};

pub use bits::scan_bits;
pub use planes::dot_planes;

use super::portable;

/// Runs `work`, which is inlined here and so compiled for these instructions.
#[inline]
#[target_feature(enable = "avx2")]
pub fn wide<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// The sum of `query[i] * row[i]`; both have the same length. Bytes are widened to 16 bits, multiplied and added in
/// pairs to 32 bits.
#[inline]
#[target_feature(enable = "avx2")]
pub fn dot_i8(query: &[i16], row: &[i8]) -> i32 {
    let (queries, queries_left) = query.as_chunks::<32>();
    let (rows, rows_left) = row.as_chunks::<32>();
    let (mut even, mut odd) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    for (query, row) in queries.iter().zip(rows) {
        // SAFETY: 16 elements are read from the start and the middle of arrays of 32.
        let (first, second) =
            unsafe { (products(query.as_ptr(), row.as_ptr()), products(query.as_ptr().add(16), row.as_ptr().add(16))) };
        even = _mm256_add_epi32(even, first);
        odd = _mm256_add_epi32(odd, second);
    }
    sum_i32(_mm256_add_epi32(even, odd)) + portable::dot_i8(queries_left, rows_left)
}

/// Eight sums of two products.
///
/// # Safety
/// Sixteen elements must be readable behind both pointers.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn products(query: *const i16, row: *const i8) -> __m256i {
    // SAFETY: the caller's promise; the loads need no alignment.
    let (query, row) = unsafe { (_mm256_loadu_si256(query.cast()), _mm_loadu_si128(row.cast())) };
    _mm256_madd_epi16(query, _mm256_cvtepi8_epi16(row))
}

/// The sum of `query[i] * row[i]`; both have the same length.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub fn dot_f16(query: &[f32], row: &[u16]) -> f32 {
    let (queries, queries_left) = query.as_chunks::<32>();
    let (rows, rows_left) = row.as_chunks::<32>();
    let mut sums = [_mm256_setzero_ps(); 4];
    for (query, row) in queries.iter().zip(rows) {
        for (at, sum) in sums.iter_mut().enumerate() {
            // SAFETY: `at < 4`, so eight elements are read inside arrays of 32; the loads need no alignment.
            let (query, row) = unsafe {
                (_mm256_loadu_ps(query.as_ptr().add(at * 8)), _mm_loadu_si128(row.as_ptr().add(at * 8).cast()))
            };
            *sum = _mm256_fmadd_ps(query, _mm256_cvtph_ps(row), *sum);
        }
    }
    total(sums) + portable::dot_f16(queries_left, rows_left)
}

/// The sum of `one[i] * two[i]`; both have the same length.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub fn dot_f32(one: &[f32], two: &[f32]) -> f32 {
    let (ones, ones_left) = one.as_chunks::<32>();
    let (twos, twos_left) = two.as_chunks::<32>();
    let mut sums = [_mm256_setzero_ps(); 4];
    for (one, two) in ones.iter().zip(twos) {
        for (at, sum) in sums.iter_mut().enumerate() {
            // SAFETY: `at < 4`, so eight elements are read inside arrays of 32; the loads need no alignment.
            let (one, two) =
                unsafe { (_mm256_loadu_ps(one.as_ptr().add(at * 8)), _mm256_loadu_ps(two.as_ptr().add(at * 8))) };
            *sum = _mm256_fmadd_ps(one, two, *sum);
        }
    }
    total(sums) + portable::dot_f32(ones_left, twos_left)
}

#[inline]
#[target_feature(enable = "avx2")]
fn total(sums: [__m256; 4]) -> f32 {
    let [a, b, c, d] = sums;
    let sum = _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d));
    let half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps::<1>(sum));
    let quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
    _mm_cvtss_f32(_mm_add_ss(quarter, _mm_shuffle_ps::<1>(quarter, quarter)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn sum_i32(lanes: __m256i) -> i32 {
    let half = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256::<1>(lanes));
    let quarter = _mm_add_epi32(half, _mm_shuffle_epi32::<0b01_00_11_10>(half));
    _mm_cvtsi128_si32(_mm_add_epi32(quarter, _mm_shuffle_epi32::<0b10_11_00_01>(quarter)))
}
