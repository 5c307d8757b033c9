//! The scan of 1-bit codes: bits are counted by looking up nibbles (Mula, Kurz & Lemire, "Faster population counts
//! using AVX2 instructions", The Computer Journal, 2018), for four rows per register.

use std::arch::x86_64::{
    __m256i, _CMP_GE_OQ, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm256_add_epi8, _mm256_add_epi64, _mm256_add_ps,
    _mm256_and_si256, _mm256_castps_si256, _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_cvtepi32_ps, _mm256_cvtph_ps,
    _mm256_loadu_si256, _mm256_movemask_ps, _mm256_mul_ps, _mm256_permute4x64_epi64, _mm256_sad_epu8, _mm256_set1_epi8,
    _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_set1_ps, _mm256_setr_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_shuffle_ps, _mm256_slli_epi64, _mm256_srli_epi16, _mm256_storeu_ps, _mm256_sub_epi32, _mm256_xor_si256,
};
use std::ops::Range;

use crate::bits::{BitsQuery, BitsView, GROUP};
use crate::kernel::{AHEAD, Hits};

/// Words after which counts of up to eight per byte are added up: 31 times 8 is below 256.
const FLUSH: usize = 31;

/// Rows of some groups whose estimates reach the threshold.
#[inline]
#[target_feature(enable = "avx2,f16c")]
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

#[target_feature(enable = "avx2,f16c")]
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
        let codes = page.group(group).as_chunks::<GROUP>().0;
        let differing = count(codes, planes);
        let product = _mm256_cvtepi32_ps(_mm256_sub_epi32(most, _mm256_slli_epi64::<1>(differing)));
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
#[target_feature(enable = "avx2")]
fn count<const BITS: usize>(codes: &[[u64; GROUP]], planes: &[[u64; BITS]]) -> __m256i {
    let (mut low, mut high) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    for (codes, planes) in codes.chunks(FLUSH).zip(planes.chunks(FLUSH)) {
        let mut lows = [_mm256_setzero_si256(); BITS];
        let mut highs = [_mm256_setzero_si256(); BITS];
        for (word, planes) in codes.iter().zip(planes) {
            // SAFETY: four words are read from the start and the middle of an array of eight; a prefetch of any
            // address is allowed.
            let (first, second) = unsafe {
                _mm_prefetch::<_MM_HINT_T0>(word.as_ptr().cast::<i8>().wrapping_add(AHEAD));
                (_mm256_loadu_si256(word.as_ptr().cast()), _mm256_loadu_si256(word.as_ptr().add(4).cast()))
            };
            for bit in 0..BITS {
                let plane = _mm256_set1_epi64x(planes[bit].cast_signed());
                lows[bit] = add_ones(lows[bit], _mm256_xor_si256(first, plane));
                highs[bit] = add_ones(highs[bit], _mm256_xor_si256(second, plane));
            }
        }
        for bit in (0..BITS).rev() {
            low = add_doubled(low, lows[bit], bit);
            high = add_doubled(high, highs[bit], bit);
        }
    }
    // The low halves of the 64-bit sums, the rows in order.
    let halves = _mm256_shuffle_ps::<0b10_00_10_00>(_mm256_castsi256_ps(low), _mm256_castsi256_ps(high));
    _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_castps_si256(halves))
}

/// Adds the number of ones of each byte.
#[inline]
#[target_feature(enable = "avx2")]
fn add_ones(sums: __m256i, bytes: __m256i) -> __m256i {
    #[rustfmt::skip]
    let ones = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
    );
    let nibble = _mm256_set1_epi8(0x0F);
    let low = _mm256_shuffle_epi8(ones, _mm256_and_si256(bytes, nibble));
    let high = _mm256_shuffle_epi8(ones, _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), nibble));
    _mm256_add_epi8(sums, _mm256_add_epi8(low, high))
}

/// Adds the bytes of each 64 bits, `2^bit` times.
#[inline]
#[target_feature(enable = "avx2")]
fn add_doubled(sums: __m256i, bytes: __m256i, bit: usize) -> __m256i {
    let of_words = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
    let weighted = match bit {
        0 => of_words,
        1 => _mm256_slli_epi64::<1>(of_words),
        2 => _mm256_slli_epi64::<2>(of_words),
        _ => _mm256_slli_epi64::<3>(of_words),
    };
    _mm256_add_epi64(sums, weighted)
}
