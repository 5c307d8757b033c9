//! 128-bit kernels of 64-bit Arm processors, all of which have NEON.

use std::arch::aarch64::{
    float32x4_t, int8x16_t, int32x4_t, uint8x16_t, uint16x4_t, uint64x2_t, vaddq_f32, vaddq_s8, vaddq_s32, vaddq_u8,
    vaddq_u64, vaddvq_f32, vaddvq_s32, vandq_u32, vcntq_u8, vcombine_u8, vdup_n_u8, vdupq_n_f32, vdupq_n_s8,
    vdupq_n_s32, vdupq_n_s64, vdupq_n_u8, vdupq_n_u32, vdupq_n_u64, veorq_u64, vfmaq_f32, vget_high_s8, vget_high_s16,
    vget_high_u16, vget_low_s8, vget_low_s16, vget_low_u16, vld1q_f32, vld1q_s8, vld1q_s16, vld1q_u8, vld1q_u16,
    vld1q_u64, vmlal_s8, vmlal_s16, vmovl_s8, vmovl_u16, vmull_s8, vmulq_f32, vorrq_u32, vpadalq_s16, vpaddlq_u8,
    vpaddlq_u16, vpaddlq_u32, vreinterpretq_f32_u32, vreinterpretq_s8_u8, vreinterpretq_u8_u64, vreinterpretq_u32_f32,
    vshlq_n_u32, vshlq_u64, vst1q_u64, vsubq_s8, vtstq_u8,
};
use std::ops::Range;

use super::{Hits, portable};
use crate::bits::{BitsQuery, BitsView, GROUP};
use crate::planes::PLANES;

/// Words after which counts of up to eight per byte are added up: 31 times 8 is below 256.
const FLUSH: usize = 31;
/// Registers that hold a word of each row of a group.
const PAIRS: usize = GROUP / 2;

/// Rows of some groups whose estimates reach the threshold.
#[inline]
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

fn scan<const BITS: usize>(
    query: &BitsQuery,
    base: f32,
    page: &BitsView<'_>,
    groups: Range<usize>,
    threshold: f32,
    hits: &mut Hits,
) {
    let planes = query.planes.as_chunks::<BITS>().0;
    for group in groups {
        // SAFETY: every processor of this architecture has NEON.
        let differing = unsafe { count(page.group(group).as_chunks::<GROUP>().0, planes) };
        portable::estimate_group(query, base, page, group, &differing, threshold, hits);
    }
}

/// For each of eight rows the number of bits that differ from the planes, bit `j` counted `2^j` times.
#[inline]
#[target_feature(enable = "neon")]
fn count<const BITS: usize>(codes: &[[u64; GROUP]], planes: &[[u64; BITS]]) -> [i32; GROUP] {
    let mut sums = [vdupq_n_u64(0); PAIRS];
    for (codes, planes) in codes.chunks(FLUSH).zip(planes.chunks(FLUSH)) {
        let mut ones = [[vdupq_n_u8(0); PAIRS]; BITS];
        for (word, planes) in codes.iter().zip(planes) {
            for (pair, at) in (0..GROUP).step_by(2).enumerate() {
                // SAFETY: `at <= 6`, so two words are read inside an array of eight.
                let rows = unsafe { vld1q_u64(word.as_ptr().add(at)) };
                for (ones, &plane) in ones.iter_mut().zip(planes) {
                    let differing = veorq_u64(rows, vdupq_n_u64(plane));
                    ones[pair] = vaddq_u8(ones[pair], vcntq_u8(vreinterpretq_u8_u64(differing)));
                }
            }
        }
        for (ones, bit) in ones.iter().zip(0..) {
            for (sum, &ones) in sums.iter_mut().zip(ones) {
                *sum = vaddq_u64(*sum, vshlq_u64(sum_bytes(ones), vdupq_n_s64(bit)));
            }
        }
    }
    let mut differing = [0; GROUP];
    for (rows, sum) in differing.as_chunks_mut::<2>().0.iter_mut().zip(sums) {
        let mut pair = [0_u64; 2];
        // SAFETY: two words are written to an array of two.
        unsafe { vst1q_u64(pair.as_mut_ptr(), sum) };
        #[expect(clippy::cast_possible_truncation, reason = "at most 15 per dimension")]
        let narrow = pair.map(|count| count as i32);
        *rows = narrow;
    }
    differing
}

/// The sum of the bytes of each 64 bits.
#[inline]
#[target_feature(enable = "neon")]
fn sum_bytes(bytes: uint8x16_t) -> uint64x2_t {
    vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(bytes)))
}

/// The sum of `query[i] * row[i]`; both have the same length.
#[inline]
pub fn dot_i8(query: &[i16], row: &[i8]) -> i32 {
    let (queries, queries_left) = query.as_chunks::<16>();
    let (rows, rows_left) = row.as_chunks::<16>();
    // SAFETY: every processor of this architecture has NEON.
    let sum = unsafe { dot_i8_chunks(queries, rows) };
    sum + portable::dot_i8(queries_left, rows_left)
}

#[inline]
#[target_feature(enable = "neon")]
fn dot_i8_chunks(queries: &[[i16; 16]], rows: &[[i8; 16]]) -> i32 {
    let mut sums = [vdupq_n_s32(0); 4];
    for (query, row) in queries.iter().zip(rows) {
        // SAFETY: 16 elements are read from arrays of 16.
        let (first, second, row) =
            unsafe { (vld1q_s16(query.as_ptr()), vld1q_s16(query.as_ptr().add(8)), vld1q_s8(row.as_ptr())) };
        let (low, high) = (vmovl_s8(vget_low_s8(row)), vmovl_s8(vget_high_s8(row)));
        sums[0] = vmlal_s16(sums[0], vget_low_s16(first), vget_low_s16(low));
        sums[1] = vmlal_s16(sums[1], vget_high_s16(first), vget_high_s16(low));
        sums[2] = vmlal_s16(sums[2], vget_low_s16(second), vget_low_s16(high));
        sums[3] = vmlal_s16(sums[3], vget_high_s16(second), vget_high_s16(high));
    }
    let [a, b, c, d]: [int32x4_t; 4] = sums;
    vaddvq_s32(vaddq_s32(vaddq_s32(a, b), vaddq_s32(c, d)))
}

/// The sum of `query[i] * row[i]`; both have the same length.
#[inline]
pub fn dot_f16(query: &[f32], row: &[u16]) -> f32 {
    let (queries, queries_left) = query.as_chunks::<16>();
    let (rows, rows_left) = row.as_chunks::<16>();
    // SAFETY: every processor of this architecture has NEON.
    let sum = unsafe { dot_f16_chunks(queries, rows) };
    sum + portable::dot_f16(queries_left, rows_left)
}

#[inline]
#[target_feature(enable = "neon")]
fn dot_f16_chunks(queries: &[[f32; 16]], rows: &[[u16; 16]]) -> f32 {
    let mut sums = [vdupq_n_f32(0.0); 4];
    for (query, row) in queries.iter().zip(rows) {
        for half in 0..2 {
            // SAFETY: `half < 2`, so eight elements are read inside arrays of 16.
            let (first, second, row) = unsafe {
                let query = query.as_ptr().add(half * 8);
                (vld1q_f32(query), vld1q_f32(query.add(4)), vld1q_u16(row.as_ptr().add(half * 8)))
            };
            sums[half * 2] = vfmaq_f32(sums[half * 2], first, decode(vget_low_u16(row)));
            sums[half * 2 + 1] = vfmaq_f32(sums[half * 2 + 1], second, decode(vget_high_u16(row)));
        }
    }
    total(sums)
}

/// Four finite half floats, as [`crate::half::decode_one`] does it: the instruction for it is not stable in Rust 1.90.
#[inline]
#[target_feature(enable = "neon")]
fn decode(halves: uint16x4_t) -> float32x4_t {
    let wide = vmovl_u16(halves);
    let magnitude = vshlq_n_u32::<13>(vandq_u32(wide, vdupq_n_u32(0x7FFF)));
    let scaled = vmulq_f32(vreinterpretq_f32_u32(magnitude), vdupq_n_f32(f32::from_bits(0x7780_0000)));
    let sign = vshlq_n_u32::<16>(vandq_u32(wide, vdupq_n_u32(0x8000)));
    vreinterpretq_f32_u32(vorrq_u32(vreinterpretq_u32_f32(scaled), sign))
}

/// The sum of `one[i] * two[i]`; both have the same length.
#[inline]
pub fn dot_f32(one: &[f32], two: &[f32]) -> f32 {
    let (ones, ones_left) = one.as_chunks::<16>();
    let (twos, twos_left) = two.as_chunks::<16>();
    // SAFETY: every processor of this architecture has NEON.
    let sum = unsafe { dot_f32_chunks(ones, twos) };
    sum + portable::dot_f32(ones_left, twos_left)
}

#[inline]
#[target_feature(enable = "neon")]
fn dot_f32_chunks(ones: &[[f32; 16]], twos: &[[f32; 16]]) -> f32 {
    let mut sums = [vdupq_n_f32(0.0); 4];
    for (one, two) in ones.iter().zip(twos) {
        for (at, sum) in sums.iter_mut().enumerate() {
            // SAFETY: `at < 4`, so four elements are read inside arrays of 16.
            let (one, two) = unsafe { (vld1q_f32(one.as_ptr().add(at * 4)), vld1q_f32(two.as_ptr().add(at * 4))) };
            *sum = vfmaq_f32(*sum, one, two);
        }
    }
    total(sums)
}

#[inline]
#[target_feature(enable = "neon")]
fn total(sums: [float32x4_t; 4]) -> f32 {
    let [a, b, c, d] = sums;
    vaddvq_f32(vaddq_f32(vaddq_f32(a, b), vaddq_f32(c, d)))
}

/// The sum of `query[i] * level[i]`: the sign bits are every eighth word of `signs`, the lower bits in `planes`.
#[inline]
pub fn dot_planes(query: &[i8], signs: &[u64], planes: &[u64]) -> i32 {
    // SAFETY: every processor of this architecture has NEON.
    unsafe { dot_planes_words(query.as_chunks::<64>().0, signs, planes) }
}

#[inline]
#[target_feature(enable = "neon")]
fn dot_planes_words(query: &[[i8; 64]], signs: &[u64], planes: &[u64]) -> i32 {
    let words = planes.len() / PLANES;
    let (fours, rest) = planes.split_at(words);
    let (twos, ones) = rest.split_at(words);
    let signs = signs.iter().step_by(GROUP);
    let mut sum = vdupq_n_s32(0);
    for ((((query, &eights), &fours), &twos), &ones) in query.iter().zip(signs).zip(fours).zip(twos).zip(ones) {
        let planes = [eights, fours, twos, ones].map(u64::to_le_bytes);
        for (at, query) in query.as_chunks::<16>().0.iter().enumerate() {
            let mut levels = vdupq_n_s8(0);
            for plane in planes {
                // A set bit is -1 in its byte.
                levels = vsubq_s8(vaddq_s8(levels, levels), spread(plane[at * 2], plane[at * 2 + 1]));
            }
            // SAFETY: 16 bytes are read from an array of 16.
            let query = unsafe { vld1q_s8(query.as_ptr()) };
            // At most 15 * 127 * 2: it fits 16 bits.
            let low = vmull_s8(vget_low_s8(levels), vget_low_s8(query));
            sum = vpadalq_s16(sum, vmlal_s8(low, vget_high_s8(levels), vget_high_s8(query)));
        }
    }
    vaddvq_s32(sum)
}

/// Every bit of two bytes as a byte: -1 where it is set.
#[inline]
#[target_feature(enable = "neon")]
fn spread(first: u8, second: u8) -> int8x16_t {
    const BIT_OF: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
    // SAFETY: 16 bytes are read from an array of 16.
    let bit_of = unsafe { vld1q_u8(BIT_OF.as_ptr()) };
    vreinterpretq_s8_u8(vtstq_u8(vcombine_u8(vdup_n_u8(first), vdup_n_u8(second)), bit_of))
}
