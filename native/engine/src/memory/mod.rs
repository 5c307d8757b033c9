//! What readers look at: immutable snapshots that share most of their pages with the one before.

pub mod column;
pub mod keys;
pub mod paged;
pub mod paths;
pub mod snapshot;
pub mod space;
pub mod tree;
pub mod update;
