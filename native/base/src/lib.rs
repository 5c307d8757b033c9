//! What every room of the engine shares: errors named by what the caller should do, cancellation, keys and row sets.

pub mod cancel;
pub mod error;
pub mod rows;

/// Bytes of a key.
pub const KEY_BYTES: usize = 16;

/// A 16-byte hash of an embedded text.
pub type Key = [u8; KEY_BYTES];
