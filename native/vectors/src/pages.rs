//! Pages as the cache holds them, and how they come from the files.

use std::sync::Arc;

use tiercel_base::error::{Error, Result};
use tiercel_codec::aligned::Buffer;
use tiercel_segment::Segment;
use tiercel_tier::{Cache, Class, PageKey, Weight};

use crate::hot::HotPages;

/// Rows of a page of int8 codes: consecutive positions of one vectors file.
pub const BYTES_ROWS: u32 = 1024;

/// One page in memory.
#[derive(Debug)]
pub enum Page {
    /// Int8 codes and scales.
    Bytes(BytesPage),
    /// One stream of a page of codes, as it lies in the file.
    Stream(Buffer),
}

impl Weight for Page {
    fn bytes(&self) -> usize {
        match self {
            Self::Bytes(page) => page.bytes(),
            Self::Stream(buffer) => buffer.len(),
        }
    }
}

impl Page {
    /// The int8 rows.
    pub fn rows(&self) -> Result<&BytesPage> {
        match self {
            Self::Bytes(page) => Ok(page),
            Self::Stream(_) => Err(Error::Report("A page of the cache holds another kind of codes than asked.".into())),
        }
    }

    /// The stream of codes.
    pub fn stream(&self) -> Result<&[u8]> {
        match self {
            Self::Stream(buffer) => Ok(buffer),
            Self::Bytes(_) => Err(Error::Report("A page of the cache holds another kind of codes than asked.".into())),
        }
    }
}

/// The stream of codes; a page of int8 rows has none.
impl AsRef<[u8]> for Page {
    fn as_ref(&self) -> &[u8] {
        self.stream().unwrap_or_default()
    }
}

/// Int8 codes of up to [`BYTES_ROWS`] rows, row-major, and their scales.
#[derive(Debug, Clone)]
pub struct BytesPage {
    padded: usize,
    codes: Vec<i8>,
    scales: Vec<f32>,
}

impl BytesPage {
    /// A page without rows.
    pub fn new(padded: usize) -> Self {
        Self { padded, codes: Vec::new(), scales: Vec::new() }
    }

    /// Reads `rows` rows from `first` on, verified.
    pub fn read(segment: &Segment, padded: usize, first: u32, rows: u32) -> Result<Self> {
        let mut page = Self { padded, codes: vec![0; rows as usize * padded], scales: vec![0.0; rows as usize] };
        segment.read(first..first + rows, &mut page.codes, &mut page.scales)?;
        Ok(page)
    }

    /// Appends rows.
    pub fn push(&mut self, codes: &[i8], scales: &[f32]) {
        self.codes.extend_from_slice(codes);
        self.scales.extend_from_slice(scales);
    }

    /// Codes and scale of the row at `at`, if there is one.
    #[inline]
    pub fn row(&self, at: usize) -> Option<(&[i8], f32)> {
        let codes = self.codes.get(at * self.padded..(at + 1) * self.padded)?;
        Some((codes, *self.scales.get(at)?))
    }

    /// Gives back what it has room for and does not hold.
    pub fn shrink(&mut self) {
        self.codes.shrink_to_fit();
        self.scales.shrink_to_fit();
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.codes.capacity() + self.scales.capacity() * size_of::<f32>()
    }
}

/// One space's way to the cache.
#[derive(Clone)]
pub struct Pages {
    /// The process's cache.
    pub cache: Cache,
    /// This open space, unique in the process.
    pub space: u64,
    /// Codes per row.
    pub padded: usize,
    /// Whether the files hold half floats.
    pub halves: bool,
    /// The way to the GPU's memory.
    pub hot: HotPages,
}

impl Pages {
    fn key(&self, file: u32, page: u32, class: Class) -> PageKey {
        PageKey { space: self.space, file, page, class }
    }

    /// The name of a page of 1-bit codes, in the cache and in the GPU's memory.
    pub fn bits_key(&self, file: u32, page: usize) -> PageKey {
        self.key(file, u32::try_from(page).unwrap_or(u32::MAX), Class::Bits)
    }

    /// A page of 1-bit codes if it is in memory. Does not count as a use.
    pub fn resident_bits(&self, key: &PageKey) -> Option<Arc<Page>> {
        self.cache.peek::<Page>(key)
    }

    /// A file is not used any more.
    pub fn remove_file(&self, file: u32) {
        self.cache.remove_file(self.space, file);
        self.hot.remove_file(self.space, file);
    }

    /// The space is closed.
    pub fn remove_all(&self) {
        self.cache.remove_space(self.space);
        self.hot.remove_space(self.space);
    }

    /// A page of int8 rows, loaded if it is not in memory.
    pub fn bytes(&self, segment: &Segment, file: u32, page: u32) -> Result<Arc<Page>> {
        let first = page * BYTES_ROWS;
        self.cache.get_or_load(&self.key(file, page, Class::Bytes), || {
            let rows = segment.rows().saturating_sub(first).min(BYTES_ROWS);
            Ok(Page::Bytes(BytesPage::read(segment, self.padded, first, rows)?))
        })
    }

    /// A page of int8 rows if it is in memory.
    #[inline]
    pub fn resident_bytes(&self, file: u32, page: u32) -> Option<Arc<Page>> {
        self.cache.get::<Page>(&self.key(file, page, Class::Bytes))
    }

    /// Whether a page of int8 rows is in memory. Does not count as a use.
    #[inline]
    pub fn holds_bytes(&self, file: u32, page: u32) -> bool {
        self.cache.contains(&self.key(file, page, Class::Bytes))
    }

    /// Whether a cold page of int8 rows is asked for often enough to deserve a place in memory.
    pub fn wants_bytes(&self, file: u32, page: u32) -> bool {
        self.cache.wants(&self.key(file, page, Class::Bytes))
    }

    /// A stream of codes, loaded by `read` into a buffer of `length` bytes if it is not in memory.
    pub fn stream(
        &self,
        file: u32,
        page: u32,
        class: Class,
        length: usize,
        read: impl FnOnce(&mut [u8]) -> Result<()>,
    ) -> Result<Arc<Page>> {
        self.cache.get_or_load(&self.key(file, page, class), || {
            let mut buffer = Buffer::zeroed(length);
            read(&mut buffer)?;
            Ok(Page::Stream(buffer))
        })
    }

    /// A full page of the growing file, which a commit has just completed.
    pub fn completed(&self, file: u32, page: u32, rows: Arc<Page>) {
        self.cache.insert(&self.key(file, page, Class::Bytes), rows);
    }
}
