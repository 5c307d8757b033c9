//! One immutable state of an index, as readers see it.

use std::ops::Range;
use std::sync::Arc;

use tiercel_base::error::Result;
use tiercel_segment::Segment;

use crate::codes::CodeSet;
use crate::hashes::Hashes;
use crate::pages::{BYTES_ROWS, BytesPage, Page, Pages};
use crate::recent::RecentPage;

/// A vectors file.
#[derive(Clone)]
pub struct VectorsFile {
    /// Its number within the space.
    pub number: u32,
    /// What of it counts.
    pub segment: Segment,
}

/// Rows are found in three places, which follow each other by row number: files of codes, then recent codes in memory,
/// then rows that have int8 codes only.
#[derive(Clone)]
pub struct State {
    /// One more than the greatest visible row.
    pub end: u32,
    /// In the order of their rows; the last one grows.
    pub files: Vec<VectorsFile>,
    /// The last, unfinished page of the growing file.
    pub tail: Arc<BytesPage>,
    /// Rows below [`CodeSet::end`], in files.
    pub codes: Option<Arc<CodeSet>>,
    /// Rows from [`CodeSet::end`] to [`State::raw_from`], in memory.
    pub recent: Vec<RecentPage>,
    /// From this row on there are only int8 codes.
    pub raw_from: u32,
    /// The hash index, if it is the selected one, over the rows below its end.
    pub hashes: Option<Hashes>,
}

/// A page of int8 rows that stays while it is looked at.
pub enum BytesRef {
    Tail(Arc<BytesPage>),
    Cached(Arc<Page>),
}

impl BytesRef {
    pub fn rows(&self) -> Result<&BytesPage> {
        match self {
            Self::Tail(page) => Ok(page),
            Self::Cached(page) => page.rows(),
        }
    }
}

impl State {
    /// Rows stored.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| u64::from(file.segment.rows())).sum()
    }

    /// Where a row lies: the file's place in [`State::files`] and the position in it.
    #[inline]
    pub fn locate(&self, row: u32) -> Option<(usize, u32)> {
        let after = self.files.partition_point(|file| file.segment.first_row().is_some_and(|first| first <= row));
        let at = after.checked_sub(1)?;
        Some((at, self.files[at].segment.position(row)?))
    }

    /// Whether this page of this file is the unfinished one in memory.
    #[inline]
    fn is_tail(&self, at: usize, page: u32) -> bool {
        at + 1 == self.files.len() && page == self.files[at].segment.rows() / BYTES_ROWS
    }

    /// A page of int8 rows, loaded if it must be.
    pub fn bytes(&self, pages: &Pages, at: usize, page: u32) -> Result<BytesRef> {
        if self.is_tail(at, page) {
            return Ok(BytesRef::Tail(Arc::clone(&self.tail)));
        }
        let file = &self.files[at];
        pages.bytes(&file.segment, file.number, page).map(BytesRef::Cached)
    }

    /// A page of int8 rows, if it is in memory.
    #[inline]
    pub fn resident(&self, pages: &Pages, at: usize, page: u32) -> Option<BytesRef> {
        if self.is_tail(at, page) {
            return Some(BytesRef::Tail(Arc::clone(&self.tail)));
        }
        pages.resident_bytes(self.files[at].number, page).map(BytesRef::Cached)
    }

    /// Whether a page of int8 rows is in memory. Does not count as a use.
    pub fn is_resident(&self, pages: &Pages, at: usize, page: u32) -> bool {
        self.is_tail(at, page) || pages.holds_bytes(self.files[at].number, page)
    }

    /// The positions of a file's rows that are `from` or greater.
    pub fn positions_from(&self, at: usize, from: u32) -> Range<u32> {
        let segment = &self.files[at].segment;
        let rows = segment.rows();
        if segment.last_row().is_none_or(|last| last < from) {
            return rows..rows;
        }
        let (mut low, mut high) = (0, rows);
        while low < high {
            let middle = low.midpoint(high);
            if segment.row_at(middle).is_some_and(|row| row < from) { low = middle + 1 } else { high = middle }
        }
        low..rows
    }
}
