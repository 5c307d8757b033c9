//! What a vector becomes when it is stored, and how a query is compared with it.
//!
//! A vector is checked and normalised ([`vector::normalise`]), rotated ([`rotation::Rotation`]) and from then on lives
//! in rotated space, whose dimension is [`padded`] to a multiple of 64. There it has up to four codes:
//!
//! | code | bytes per dimension | module |
//! |---|---|---|
//! | 1 bit of the residual to a centroid | 1/8 | [`bits`] |
//! | three more bits: with the first, a 4-bit code | 3/8 | [`planes`] |
//! | 8 bits | 1 | [`int8`] |
//! | half float | 2 | [`half`] |
//!
//! [`kernel::Kernel`] compares queries with codes, by the widest instructions that the processor has; what a scan
//! finds is kept in [`candidates::Candidates`]. Formulas and measured errors are in `docs/codes.md`.
//!
//! Codes are laid out for little-endian machines: the same bytes lie in files, in memory and on a GPU.

#![expect(
    clippy::inline_always,
    reason = "what runs inside `Kernel::wide` is compiled for its instructions only where it is inlined"
)]

#[cfg(target_endian = "big")]
compile_error!("code pages are little-endian and are compared in place");

pub mod aligned;
pub mod bits;
pub mod candidates;
pub mod half;
pub mod int8;
pub mod kernel;
pub mod planes;
mod random;
pub mod rotation;
mod sums;
pub mod vector;

pub use kernel::{Kernel, prefetch};
pub use rotation::Rotation;
pub use vector::normalise;

/// Dimensions of a word of bits; every rotated vector has a multiple of it.
pub const WORD: usize = 64;

/// Largest dimension of a space.
pub const LARGEST_DIMENSION: usize = 8192;

/// The dimension of rotated vectors: the next multiple of 64.
#[must_use]
pub const fn padded(dimension: usize) -> usize {
    dimension.next_multiple_of(WORD)
}

#[cfg(test)]
mod testing;
