//! 512-bit kernels: bits are counted by `VPOPCNTDQ`, integers multiplied and added by `VNNI`.

use std::arch::x86_64::{
    __m256i, _CMP_GE_OQ, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm256_add_ps, _mm256_cmp_ps, _mm256_cvtepi32_ps,
    _mm256_cvtph_ps, _mm256_loadu_si256, _mm256_movemask_ps, _mm256_mul_ps, _mm256_set1_epi32, _mm256_set1_ps,
    _mm256_slli_epi32, _mm256_storeu_ps, _mm256_sub_epi32, _mm512_add_epi32, _mm512_add_epi64, _mm512_add_ps,
    _mm512_cvtepi8_epi16, _mm512_cvtepi64_epi32, _mm512_cvtph_ps, _mm512_dpbusd_epi32, _mm512_dpwssd_epi32,
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_maskz_set1_epi8, _mm512_or_si512, _mm512_popcnt_epi64,
    _mm512_reduce_add_epi32, _mm512_reduce_add_ps, _mm512_set1_epi64, _mm512_setzero_ps, _mm512_setzero_si512,
    _mm512_slli_epi64, _mm512_xor_si512,
};
use std::ops::Range;

use super::{AHEAD, Hits, portable};
use crate::bits::{BitsQuery, BitsView, GROUP};
use crate::planes::PLANES;

/// Rows of some groups whose estimates reach the threshold.
#[inline]
#[target_feature(enable = "avx512f,avx512vpopcntdq,avx2,f16c")]
pub fn scan_bits(
    query: &BitsQuery,
    base: f32,
    page: &BitsView<'_>,
    groups: Range<usize>,
    threshold: f32,
    hits: &mut Hits,
) {
    match query.bits() {
        1 => scan::<1>(query, base, page, groups, threshold, hits),
        2 => scan::<2>(query, base, page, groups, threshold, hits),
        3 => scan::<3>(query, base, page, groups, threshold, hits),
        _ => scan::<4>(query, base, page, groups, threshold, hits),
    }
}

#[target_feature(enable = "avx512f,avx512vpopcntdq,avx2,f16c")]
fn scan<const BITS: usize>(
    query: &BitsQuery,
    base: f32,
    page: &BitsView<'_>,
    groups: Range<usize>,
    threshold: f32,
    hits: &mut Hits,
) {
    let most = _mm256_set1_epi32(query.most());
    let (delta, base) = (_mm256_set1_ps(query.delta()), _mm256_set1_ps(base));
    let threshold = _mm256_set1_ps(threshold);
    let planes = query.planes.as_chunks::<BITS>().0;
    for group in groups {
        let differing = count(page.group(group).as_chunks::<GROUP>().0, planes);
        let product = _mm256_cvtepi32_ps(_mm256_sub_epi32(most, _mm256_slli_epi32::<1>(differing)));
        let (f, g) = page.factors(group);
        // SAFETY: eight half floats are read from arrays of eight.
        let (f, g) = unsafe { (_mm_loadu_si128(f.as_ptr().cast()), _mm_loadu_si128(g.as_ptr().cast())) };
        let residual = _mm256_mul_ps(_mm256_cvtph_ps(f), _mm256_mul_ps(delta, product));
        let score = _mm256_add_ps(residual, _mm256_add_ps(_mm256_cvtph_ps(g), base));
        let reached = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(score, threshold)).cast_unsigned();
        if reached != 0 {
            let mut scores = [0.0; GROUP];
            // SAFETY: eight floats are written to an array of eight.
            unsafe { _mm256_storeu_ps(scores.as_mut_ptr(), score) };
            hits.push(group, reached, &scores);
        }
    }
}

/// For each of eight rows the number of bits that differ from the planes, bit `j` counted `2^j` times.
#[inline]
#[target_feature(enable = "avx512f,avx512vpopcntdq,avx2")]
fn count<const BITS: usize>(codes: &[[u64; GROUP]], planes: &[[u64; BITS]]) -> __m256i {
    let mut sums = [_mm512_setzero_si512(); BITS];
    for (word, planes) in codes.iter().zip(planes) {
        // SAFETY: eight words are read from an array of eight; a prefetch of any address is allowed.
        let word = unsafe {
            _mm_prefetch::<_MM_HINT_T0>(word.as_ptr().cast::<i8>().wrapping_add(AHEAD));
            _mm512_loadu_si512(word.as_ptr().cast())
        };
        for (sum, plane) in sums.iter_mut().zip(planes) {
            let differing = _mm512_xor_si512(word, _mm512_set1_epi64(plane.cast_signed()));
            *sum = _mm512_add_epi64(*sum, _mm512_popcnt_epi64(differing));
        }
    }
    let mut weighted = _mm512_setzero_si512();
    for sum in sums.iter().rev() {
        weighted = _mm512_add_epi64(_mm512_slli_epi64::<1>(weighted), *sum);
    }
    _mm512_cvtepi64_epi32(weighted)
}

/// The sum of `query[i] * row[i]`; both have the same length.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub fn dot_i8(query: &[i16], row: &[i8]) -> i32 {
    let (queries, queries_left) = query.as_chunks::<64>();
    let (rows, rows_left) = row.as_chunks::<64>();
    let (mut even, mut odd) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    for (query, row) in queries.iter().zip(rows) {
        // SAFETY: 32 elements are read from the start and the middle of arrays of 64; the loads need no alignment.
        let (first, second, low, high) = unsafe {
            (
                _mm512_loadu_si512(query.as_ptr().cast()),
                _mm512_loadu_si512(query.as_ptr().add(32).cast()),
                _mm256_loadu_si256(row.as_ptr().cast()),
                _mm256_loadu_si256(row.as_ptr().add(32).cast()),
            )
        };
        even = _mm512_dpwssd_epi32(even, first, _mm512_cvtepi8_epi16(low));
        odd = _mm512_dpwssd_epi32(odd, second, _mm512_cvtepi8_epi16(high));
    }
    _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd)) + portable::dot_i8(queries_left, rows_left)
}

/// The sum of `query[i] * row[i]`; both have the same length.
#[inline]
#[target_feature(enable = "avx512f,avx2,f16c")]
pub fn dot_f16(query: &[f32], row: &[u16]) -> f32 {
    let (queries, queries_left) = query.as_chunks::<64>();
    let (rows, rows_left) = row.as_chunks::<64>();
    let mut sums = [_mm512_setzero_ps(); 4];
    for (query, row) in queries.iter().zip(rows) {
        for (at, sum) in sums.iter_mut().enumerate() {
            // SAFETY: `at < 4`, so 16 elements are read inside arrays of 64; the loads need no alignment.
            let (query, row) = unsafe {
                (_mm512_loadu_ps(query.as_ptr().add(at * 16)), _mm256_loadu_si256(row.as_ptr().add(at * 16).cast()))
            };
            *sum = _mm512_fmadd_ps(query, _mm512_cvtph_ps(row), *sum);
        }
    }
    let [a, b, c, d] = sums;
    _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d)))
        + portable::dot_f16(queries_left, rows_left)
}

/// The sum of `one[i] * two[i]`; both have the same length.
#[inline]
#[target_feature(enable = "avx512f,avx2")]
pub fn dot_f32(one: &[f32], two: &[f32]) -> f32 {
    let (ones, ones_left) = one.as_chunks::<64>();
    let (twos, twos_left) = two.as_chunks::<64>();
    let mut sums = [_mm512_setzero_ps(); 4];
    for (one, two) in ones.iter().zip(twos) {
        for (at, sum) in sums.iter_mut().enumerate() {
            // SAFETY: `at < 4`, so 16 elements are read inside arrays of 64; the loads need no alignment.
            let (one, two) =
                unsafe { (_mm512_loadu_ps(one.as_ptr().add(at * 16)), _mm512_loadu_ps(two.as_ptr().add(at * 16))) };
            *sum = _mm512_fmadd_ps(one, two, *sum);
        }
    }
    let [a, b, c, d] = sums;
    _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d)))
        + portable::dot_f32(ones_left, twos_left)
}

/// The sum of `query[i] * level[i]`: the sign bits are every eighth word of `signs`, the lower bits in `planes`. A word
/// of a plane is, as it is, a mask over the bytes of a register.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub fn dot_planes(query: &[i8], signs: &[u64], planes: &[u64]) -> i32 {
    let words = planes.len() / PLANES;
    let (fours, rest) = planes.split_at(words);
    let (twos, ones) = rest.split_at(words);
    let signs = signs.iter().step_by(GROUP);
    let mut sum = _mm512_setzero_si512();
    for ((((query, &eights), &fours), &twos), &ones) in
        query.as_chunks::<64>().0.iter().zip(signs).zip(fours).zip(twos).zip(ones)
    {
        // SAFETY: 64 bytes are read from an array of 64; the load needs no alignment.
        let query = unsafe { _mm512_loadu_si512(query.as_ptr().cast()) };
        let high = _mm512_or_si512(_mm512_maskz_set1_epi8(eights, 8), _mm512_maskz_set1_epi8(fours, 4));
        let low = _mm512_or_si512(_mm512_maskz_set1_epi8(twos, 2), _mm512_maskz_set1_epi8(ones, 1));
        sum = _mm512_dpbusd_epi32(sum, _mm512_or_si512(high, low), query);
    }
    _mm512_reduce_add_epi32(sum)
}
