//! Figures of one index.

/// What an index holds and how it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexStats {
    /// `empty`, `int8`, `1-bit`, `cells` or `lsh`.
    pub kind: &'static str,
    /// Rows stored, those no chunk refers to included.
    pub rows: u64,
    /// Cells of the partition, 0 without one.
    pub cells: u32,
    /// Rows found by int8 codes only, since their other codes are not made yet.
    pub raw_rows: u64,
    /// Bytes of all files of the space.
    pub bytes_on_disk: u64,
    /// Bytes held outside the cache, by part.
    pub memory: Vec<(String, u64)>,
    /// Vectors files and files of codes.
    pub files: u32,
    /// Whether background work is under way.
    pub working: bool,
    /// Why the last background work stopped, until one succeeds.
    pub trouble: Option<String>,
}
