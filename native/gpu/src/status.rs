//! What the tier tells about itself.

use std::time::SystemTime;

use tiercel_tier::ClassStats;

use crate::adapter::AdapterReport;

/// Something that happened to the device or its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Rises by one with every event.
    pub seq: u64,
    /// When.
    pub at: SystemTime,
    /// A sentence for people.
    pub message: String,
}

/// What the self-check found.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Rows of the pages that were compared.
    pub rows: usize,
    /// Whether the GPU gave exactly what the CPU gave.
    pub equal: bool,
    /// Milliseconds on the CPU, all threads of a search counted as sharing the work evenly.
    pub cpu_ms: f64,
    /// Milliseconds on the GPU, from the call to the candidates.
    pub gpu_ms: f64,
    /// Whether searches of this size use the GPU.
    pub used: bool,
    /// Why, in a sentence.
    pub sentence: String,
}

/// Everything counted, at one moment.
#[derive(Debug, Clone)]
pub struct GpuStatus {
    /// The adapter; none while no device is open.
    pub adapter: Option<AdapterReport>,
    /// One sentence for the status line.
    pub sentence: String,
    /// Bytes of the device's memory that may be held.
    pub budget: u64,
    /// Bytes of the device's memory that are held: pages, query buffers and staging.
    pub held: u64,
    /// Pages of 1-bit codes: bytes, hits, misses, evictions, promotions, summed over all devices since the start, but for
    /// bytes and pages, which are of now.
    pub pages: ClassStats,
    /// Pages waiting for their promotion.
    pub queued: usize,
    /// Buffers allocated since the device was opened.
    pub allocations: u64,
    /// Searches that the device answered.
    pub searches: u64,
    /// Searches whose pages went back to the CPU because the device failed.
    pub failed_over: u64,
    /// Devices opened since the start.
    pub devices: u64,
    /// The latest self-check.
    pub check: Option<Check>,
    /// The latest events, the oldest first.
    pub events: Vec<Event>,
}
