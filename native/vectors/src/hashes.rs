//! The selectable hash index over the rows of a space.

use tiercel_partition::lsh::LshIndex;

/// The hash index and how far it reaches.
#[derive(Clone)]
pub struct Hashes {
    /// The index; clones share its pages.
    pub index: LshIndex,
    /// Rows below it are in the index.
    pub end: u32,
}
