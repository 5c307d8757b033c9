//! What the caller decides when a store is opened.

use tiercel_vectors::{IndexOptions, SearchOptions};

/// A vector space to open, made if the store does not have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceSpec {
    /// Unique name, contains the model's identity.
    pub name: String,
    /// Components of a vector.
    pub dimension: usize,
}

/// What the store may take, and how it searches.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoreOptions {
    /// Bytes the store's folder may take; no limit if absent. Vectors that nothing refers to are thrown away before a
    /// writer is refused.
    pub disk_budget: Option<u64>,
    /// Whether spaces made from now on keep a half-precision copy on the disk, for the last ranking step. Spaces that
    /// are there stay as they are.
    pub halves: bool,
    /// Spaces that stay beside those that are opened: all others of the store are deleted when it is opened. Without it
    /// none is.
    pub keep: Option<Vec<String>>,
    /// How spaces are indexed; counts when the store is opened.
    pub index: IndexOptions,
    /// How vectors are searched.
    pub search: SearchOptions,
}
