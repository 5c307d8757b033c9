//! The vectors of one space behind one door: durable int8 rows, derived codes in cells, and the search over both.
//!
//! A [`VectorIndex`] is written by one caller at a time and read through [`Reader`]s, immutable snapshots that hold no
//! lock. Rows are numbered for ever; which of them a search may return, the caller says with a row set.

pub mod best;
pub mod index;
pub mod options;
pub mod reader;
pub mod stats;
pub mod workers;

mod codes;
mod encode;
mod files;
mod grow;
mod hashes;
mod hints;
mod hot;
mod maintain;
mod open;
mod pages;
mod recent;
mod search;
mod state;
#[cfg(test)]
mod tests;
mod writer;

pub use best::RowHit;
pub use index::VectorIndex;
pub use open::Stored;
pub use options::{IndexKind, IndexOptions, SearchOptions, Spec};
pub use reader::Reader;
pub use stats::IndexStats;
pub use tiercel_gpu::Gpu;
pub use tiercel_tier::Governor;
