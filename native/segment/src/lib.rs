//! The files of one space's vectors: what is on disk, how it is checked, and how it is replaced without ever being half
//! replaced.
//!
//! | file | made by | read by |
//! |---|---|---|
//! | `N.vec` vectors, a log of checksummed blocks | [`Writer`], [`compact`] | [`Segment`] |
//! | `N.idx` index of a sealed vectors file: key table, bloom filter | [`Writer::seal`], [`compact`] | [`Segment`] |
//! | `N.codes` code pages, immutable | [`CodesWriter`] | [`Codes`] |
//! | `manifest` which of them count | [`Manifest::store`] | [`Manifest::load`] |
//!
//! Reads are positional reads into the caller's buffers, never memory maps: a file that is damaged or vanishes is a typed
//! error, not a signal. Every byte is under a CRC-32C that is compared when the byte is read. The layouts are in
//! `docs/format-vectors.md`.

mod block;
mod bloom;
mod bytes;
mod codes;
mod compact;
mod fault;
mod handle;
mod header;
mod index;
mod keys;
mod manifest;
mod record;
mod row_map;
mod segment;
mod shape;
mod shared_vec;
mod sweep;
#[cfg(test)]
mod tests;
mod throttle;
mod writer;

pub use bloom::BloomCounts;
pub use codes::read::Codes;
pub use codes::write::CodesWriter;
pub use codes::{CodesHeader, Extent, PageEntry};
pub use compact::compact;
pub use manifest::{Manifest, VectorsFile};
pub use segment::Segment;
pub use shape::{LARGEST_BLOCK, LARGEST_PADDED, Rows, Shape};
pub use sweep::sweep;
pub use throttle::Throttle;
pub use writer::Writer;
