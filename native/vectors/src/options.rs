//! What a space is, how it is indexed and how a search is to be done.

use tiercel_gpu::Gpu;

/// What a space is; fixed when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Components of a vector, 1 to 8192.
    pub dimension: usize,
    /// Number of the space within its store; written into its files.
    pub number: u32,
    /// Whether a half-precision copy is kept on the disk beside the int8 codes, for the last ranking step.
    pub halves: bool,
}

/// How rows are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IndexKind {
    /// By size: every int8 row, every 1-bit code, or cells.
    #[default]
    Auto,
    /// Every int8 row, at any size.
    Exact,
    /// The hierarchical locality-sensitive hash index.
    Lsh,
}

/// How a space is indexed; may differ from one opening to the next.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexOptions {
    /// How rows are found.
    pub kind: IndexKind,
    /// Whether 4-bit codes are made, which spare most reads of int8 rows when these do not fit in memory.
    pub planes: bool,
    /// Up to this many rows every int8 row is compared.
    pub flat_from: u32,
    /// From this many rows on, 1-bit codes are kept in cells.
    pub cells_from: u32,
    /// How many cells; by the number of rows when absent.
    pub cells: Option<u32>,
    /// Rows of a vectors file after which the next one is begun.
    pub seal_rows: u32,
    /// Rows that wait in memory for a file of codes.
    pub recent_rows: u32,
    /// The share of its time that background work may spend on reading and writing, 0 to 1.
    pub background_share: f64,
    /// The GPU that takes part in searches, while one is open there.
    pub gpu: Gpu,
}

impl Default for IndexOptions {
    /// Sizes as measured in docs/performance.md.
    fn default() -> Self {
        Self {
            kind: IndexKind::Auto,
            planes: true,
            flat_from: 20_000,
            cells_from: 50_000,
            cells: None,
            seal_rows: 65_536,
            recent_rows: 16_384,
            background_share: 0.5,
            gpu: Gpu::default(),
        }
    }
}

/// How a search is to be done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchOptions {
    /// The share of the true `k` nearest to be found on average, 0.5 to 1.
    pub recall: f32,
    /// Compare every row at the stored precision.
    pub exact: bool,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self { recall: 0.985, exact: false }
    }
}
