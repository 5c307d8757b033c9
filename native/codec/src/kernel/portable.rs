//! Plain loops: the oracle of the other kernels, and what runs where there is none.

use std::ops::Range;

use super::Hits;
use crate::bits::{BitsQuery, BitsView, GROUP};
use crate::half;
use crate::planes::PLANES;
use crate::sums::{LANES, total};

/// The sum of `query[i] * row[i]`; both have the same length.
pub fn dot_i8(query: &[i16], row: &[i8]) -> i32 {
    query.iter().zip(row).map(|(&q, &r)| i32::from(q) * i32::from(r)).sum()
}

/// The sum of `query[i] * row[i]`; both have the same length.
pub fn dot_f16(query: &[f32], row: &[u16]) -> f32 {
    let mut lanes = [0.0; LANES];
    for (query, row) in query.chunks(LANES).zip(row.chunks(LANES)) {
        for ((lane, q), &h) in lanes.iter_mut().zip(query).zip(row) {
            *lane += q * half::decode_one(h);
        }
    }
    total(&lanes)
}

/// The sum of `one[i] * two[i]`; both have the same length.
pub fn dot_f32(one: &[f32], two: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    for (one, two) in one.chunks(LANES).zip(two.chunks(LANES)) {
        for ((lane, a), b) in lanes.iter_mut().zip(one).zip(two) {
            *lane += a * b;
        }
    }
    total(&lanes)
}

/// Rows of some groups whose estimates reach the threshold.
pub fn scan_bits(
    query: &BitsQuery,
    base: f32,
    page: &BitsView<'_>,
    groups: Range<usize>,
    threshold: f32,
    hits: &mut Hits,
) {
    for group in groups {
        let mut differing = [0; GROUP];
        let words = page.group(group).as_chunks::<GROUP>().0.iter();
        for (word, planes) in words.zip(query.planes.chunks_exact(query.bits())) {
            for (row, code) in differing.iter_mut().zip(word) {
                for (bit, plane) in planes.iter().enumerate() {
                    *row += (code ^ plane).count_ones().cast_signed() << bit;
                }
            }
        }
        estimate_group(query, base, page, group, &differing, threshold, hits);
    }
}

/// Estimates eight rows from their weighted numbers of differing bits.
#[inline]
pub fn estimate_group(
    query: &BitsQuery,
    base: f32,
    page: &BitsView<'_>,
    group: usize,
    differing: &[i32; GROUP],
    threshold: f32,
    hits: &mut Hits,
) {
    let (f, g) = page.factors(group);
    let (mut scores, mut reached) = ([0.0; GROUP], 0);
    for (at, score) in scores.iter_mut().enumerate() {
        *score = query.estimate(base, differing[at], half::decode_one(f[at]), half::decode_one(g[at]));
        reached |= u32::from(*score >= threshold) << at;
    }
    if reached != 0 {
        hits.push(group, reached, &scores);
    }
}

/// The sum of `query[i] * level[i]`: the sign bits are every eighth word of `signs`, the lower bits in `planes`.
pub fn dot_planes(query: &[i8], signs: &[u64], planes: &[u64]) -> i32 {
    let words = planes.len() / PLANES;
    let mut sum = 0;
    for (at, query) in query.chunks_exact(64).enumerate() {
        let bits = [signs[at * GROUP], planes[at], planes[words + at], planes[2 * words + at]];
        for (bit, &q) in query.iter().enumerate() {
            let level = bits.iter().fold(0, |level, plane| level << 1 | (plane >> bit & 1) as i32);
            sum += level * i32::from(q);
        }
    }
    sum
}
