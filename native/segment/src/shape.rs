//! What a row looks like, and rows on their way in.

use tiercel_base::Key;
use tiercel_base::error::{Error, Result};

/// Most rows in a block; bounds what a damaged block header can make a reader allocate.
pub const LARGEST_BLOCK: usize = 4096;
/// Most codes per row.
pub const LARGEST_PADDED: usize = 8192;
/// A batch is cut into blocks of about this size, so that no buffer grows with the batch.
const BLOCK_BYTES: usize = 1 << 20;
/// Bytes of the scale and the checksum in front of the codes.
pub(crate) const RECORD_HEAD: usize = 8;
/// Bytes of a row in the head of a block: its number and its key.
pub(crate) const ROW_HEAD: usize = 20;

/// The layout of every row of a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Codes per row: the dimension after padding, 1 to [`LARGEST_PADDED`].
    pub padded: usize,
    /// Whether every row has 16-bit floats behind its codes.
    pub halves: bool,
    /// Number of the space the rows belong to.
    pub space: u32,
}

impl Shape {
    /// # Errors
    /// [`Error::FixTheCall`] when `padded` is out of range.
    pub(crate) fn check(&self) -> Result<()> {
        if (1..=LARGEST_PADDED).contains(&self.padded) {
            return Ok(());
        }
        Err(Error::FixTheCall(format!("A row has 1 to {LARGEST_PADDED} codes, not {}.", self.padded)))
    }

    /// Bytes of a record's first part, which is read and verified without the second: scale, checksum, codes.
    pub(crate) fn code_bytes(&self) -> usize {
        RECORD_HEAD + self.padded
    }

    /// Bytes of a record's second part: checksum, halves.
    pub(crate) fn half_bytes(&self) -> usize {
        if self.halves { 4 + 2 * self.padded } else { 0 }
    }

    /// Bytes of a whole record.
    pub(crate) fn record_bytes(&self) -> usize {
        self.code_bytes() + self.half_bytes()
    }

    /// Bytes of a row in a block, its share of the block header left out.
    pub(crate) fn row_bytes(&self) -> usize {
        ROW_HEAD + self.record_bytes()
    }

    /// Rows a block gets when there are enough.
    pub(crate) fn block_rows(&self) -> usize {
        (BLOCK_BYTES / self.row_bytes()).clamp(1, LARGEST_BLOCK)
    }
}

/// A batch of rows. All slices are in the same order and `rows.len()` long, `codes` and `halves` `padded` times that.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// Row numbers, ascending, above every row already in the file, below `u32::MAX`.
    pub rows: &'a [u32],
    /// One key per row.
    pub keys: &'a [Key],
    /// One scale per row.
    pub scales: &'a [f32],
    /// `rows x padded` codes.
    pub codes: &'a [i8],
    /// `rows x padded` bit patterns of 16-bit floats, exactly when the shape has them.
    pub halves: Option<&'a [u16]>,
}

impl Rows<'_> {
    /// # Errors
    /// [`Error::FixTheCall`] when lengths differ, halves are missing or too many, or rows do not ascend from `after`.
    pub(crate) fn check(&self, shape: &Shape, after: Option<u32>) -> Result<()> {
        let count = self.rows.len();
        let codes = count * shape.padded;
        let halves = if shape.halves { Some(codes) } else { None };
        if self.keys.len() != count
            || self.scales.len() != count
            || self.codes.len() != codes
            || self.halves.map(<[u16]>::len) != halves
        {
            return Err(Error::FixTheCall(format!("The parts of a batch of {count} rows differ in length.")));
        }
        let ascending = self.rows.windows(2).all(|pair| pair[0] < pair[1]);
        let below = self.rows.last() != Some(&u32::MAX);
        let behind = self.rows.first().is_none_or(|&first| after.is_none_or(|after| after < first));
        if ascending && behind && below {
            return Ok(());
        }
        Err(Error::FixTheCall("Row numbers have to ascend within a file and stay below 2^32 - 1.".into()))
    }
}
