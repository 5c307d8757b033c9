//! The GPU's part in a search: similarity kernels in WGSL, and a tier of 1-bit code pages in the device's memory.
//!
//! [`hot::Hot`] is what a search uses: it says at once which pages it has, scores those on the device while the caller
//! scans the others, and gives back every page that a failing device did not answer. [`matrix`] compares many queries
//! with many vectors. The only crate that names `wgpu`; what was measured is in `docs/gpu.md`.
//!
//! Nothing here is needed for a right answer: each error of the device is an event, and the pages go back to the CPU.

pub mod adapter;
mod arena;
mod block_on;
mod budget;
mod check;
mod copy;
mod device;
mod events;
mod handle;
pub mod hot;
mod live;
pub mod matrix;
mod memory;
pub mod options;
mod params;
mod pipelines;
mod pool;
mod queue;
mod ring;
mod scan;
mod select;
mod shared;
pub mod software;
pub mod status;
#[cfg(test)]
mod testing;
mod worker;

pub use adapter::AdapterReport;
pub use check::same_candidates;
pub use copy::CopyProbe;
pub use device::Device;
pub use handle::Gpu;
pub use hot::{Ask, Hot, PageRef, Ticket};
pub use options::{GpuMode, GpuOptions};
pub use scan::Asked;
pub use status::{Event, GpuStatus};

/// Rows of a page at most; larger pages stay on the CPU.
pub const PAGE_ROWS: usize = 2048;

/// Rows of a piece, which is what a workgroup scans: pages are cut into these, so that short ones take little room.
pub const PIECE_ROWS: usize = 256;

/// Rows that one search may select at most; a search for more stays on the CPU.
pub const MOST_BEST: usize = 4096;
