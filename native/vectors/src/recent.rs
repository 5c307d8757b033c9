//! 1-bit codes of rows that are too new for a file of codes: pages in memory around one center.

use std::sync::Arc;

use tiercel_base::error::Result;
use tiercel_codec::aligned::Buffer;
use tiercel_codec::bits::{BitsBuilder, BitsView};
use tiercel_codec::int8;

/// Rows per page of codes, in memory and in files.
pub const PAGE_ROWS: u32 = 2048;

/// Consecutive rows in memory.
#[derive(Clone)]
pub struct RecentPage {
    /// The smallest row.
    pub first: u32,
    /// How many.
    pub rows: u32,
    /// What their codes are relative to.
    pub center: Arc<[f32]>,
    bits: Arc<Buffer>,
    padded: usize,
}

impl RecentPage {
    /// The codes.
    pub fn view(&self) -> Result<BitsView<'_>> {
        BitsView::new(&self.bits, self.rows as usize, self.padded)
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bits.len()
    }
}

/// The page that is being filled.
pub struct RecentBuilder {
    builder: BitsBuilder,
    center: Arc<[f32]>,
    first: u32,
    end: u32,
    padded: usize,
    unit: Vec<f32>,
}

impl RecentBuilder {
    /// An empty page that begins with row `first`.
    pub fn new(center: Arc<[f32]>, first: u32) -> Self {
        let padded = center.len();
        Self { builder: BitsBuilder::new(padded), center, first, end: first, padded, unit: vec![0.0; padded] }
    }

    /// Codes a row from its int8 codes, so that codes do not depend on when they are made.
    pub fn push(&mut self, row: u32, codes: &[i8], scale: f32) {
        int8::decode(codes, scale, &mut self.unit);
        self.builder.push(row, &self.unit, &self.center);
        self.end = row + 1;
    }

    /// Whether the page has all its rows.
    pub fn is_full(&self) -> bool {
        self.builder.rows() >= PAGE_ROWS as usize
    }

    /// Whether no row is in it yet.
    pub fn is_empty(&self) -> bool {
        self.builder.rows() == 0
    }

    /// The page as it is now, if it has rows.
    pub fn page(&self) -> Option<RecentPage> {
        let rows = u32::try_from(self.builder.rows()).ok().filter(|rows| *rows > 0)?;
        Some(RecentPage {
            first: self.first,
            rows,
            center: Arc::clone(&self.center),
            bits: Arc::new(self.builder.snapshot()),
            padded: self.padded,
        })
    }

    /// Begins the next page.
    pub fn next(&mut self) {
        *self = Self::new(Arc::clone(&self.center), self.end);
    }

    /// The page reaches to row `end` although the last rows before it are not stored.
    pub fn reach(&mut self, end: u32) {
        self.end = end;
    }
}
