//! One bit per dimension: the signs of a rotated vector's residual to a centroid, with two factors per row.
//!
//! `RaBitQ` (Gao & Long, "`RaBitQ`: Quantizing High-Dimensional Vectors with a Theoretical Error Bound for Approximate
//! Nearest Neighbor Search", SIGMOD 2024). With `x = c + r` and signs `s = sign(r)`, the estimate of `q . x` is
//! `q . c + c . r + f * (s . (q - c))` where `f = |r|^2 / |r|_1`: unbiased over the random rotation. What does not depend on
//! the query is one factor, `g = c . r - f * (s . c)`, so that `q . c + g + f * (s . q)` remains: the query is the same for
//! every centroid. It is rounded to odd integers of 1 to 4 bits ([`BitsQuery`]), so that `s . q` is a count of bits.
//!
//! # Page
//! Numbers are little-endian. `words = padded / 64`, `groups = rows / 8` rounded up.
//!
//! | part | bytes | what |
//! |---|---|---|
//! | codes | `groups * words * 64` | word `w` of row `j` of group `g`: the u64 at index `(g * words + w) * 8 + j`; dimension `d` is bit `d % 64` of word `d / 64`, set where the residual's sign bit is not |
//! | f | `groups * 16` | half float per row |
//! | g | `groups * 16` | half float per row |
//! | rows | `groups * 32` | u32 per row: its number |
//!
//! Eight rows lie interleaved word by word, so that one 512-bit load holds a word of each.

mod builder;
mod query;
mod view;

pub use builder::BitsBuilder;
pub use query::BitsQuery;
pub use view::BitsView;

use crate::WORD;

/// Rows that lie interleaved.
pub const GROUP: usize = 8;

/// Bytes of a page of `rows` rows: a multiple of 64.
#[must_use]
pub const fn bytes(rows: usize, padded: usize) -> usize {
    rows.div_ceil(GROUP).saturating_mul(GROUP).saturating_mul(padded / WORD * 8 + 2 + 2 + 4)
}

/// Packs bit `bit` of every value into words, the first value lowest.
#[inline(always)]
pub(crate) fn pack(values: &[u8], bit: u32, mut put: impl FnMut(usize, u64)) {
    for (at, word) in values.as_chunks::<WORD>().0.iter().enumerate() {
        let mut packed = 0;
        for (byte, eight) in word.as_chunks::<8>().0.iter().enumerate() {
            // One bit of each of eight bytes, gathered in the top byte by a multiplication without carries.
            let ones = u64::from_le_bytes(*eight) >> bit & 0x0101_0101_0101_0101;
            packed |= (ones.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * byte);
        }
        put(at, packed);
    }
}

#[cfg(test)]
mod tests;
