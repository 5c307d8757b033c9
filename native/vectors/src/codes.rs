//! The files of codes of one generation: which pages a cell has, and where a candidate's row lies.

use std::ops::Range;
use std::sync::Arc;

use tiercel_base::error::{Error, Result};
use tiercel_codec::bits::BitsView;
use tiercel_codec::planes::PlanesView;
use tiercel_partition::Partition;
use tiercel_segment::Codes;
use tiercel_tier::Class;

use crate::pages::{Page, Pages};

/// One file of codes; its pages are in the order of their cells.
pub struct CodeFile {
    /// Its number within the space.
    pub number: u32,
    /// The open file.
    pub codes: Codes,
    /// Rows in the pages before each page; one more entry than pages.
    starts: Vec<u32>,
}

impl CodeFile {
    /// An open file as part of a set.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`] when its pages are not in the order of their cells.
    pub fn new(number: u32, codes: Codes) -> Result<Self> {
        let mut starts = Vec::with_capacity(codes.pages().len() + 1);
        let mut rows = 0_u32;
        let mut cell = 0;
        for page in codes.pages() {
            if page.cell < cell {
                return Err(Error::RebuildIndex(
                    "A file of codes has its cells out of order. Rebuild the index.".into(),
                ));
            }
            cell = page.cell;
            starts.push(rows);
            rows = rows.saturating_add(page.rows);
        }
        starts.push(rows);
        Ok(Self { number, codes, starts })
    }

    /// Rows in all pages.
    pub fn rows(&self) -> u32 {
        self.starts.last().copied().unwrap_or(0)
    }

    /// The pages of a cell.
    pub fn pages_of(&self, cell: u32) -> Range<usize> {
        let pages = self.codes.pages();
        let first = pages.partition_point(|page| page.cell < cell);
        let count = pages[first..].partition_point(|page| page.cell == cell);
        first..first + count
    }

    /// The 1-bit codes of a page.
    pub fn bits(&self, pages: &Pages, page: usize) -> Result<Arc<Page>> {
        let length = self.codes.pages()[page].bits.bytes as usize;
        let number = u32::try_from(page).unwrap_or(u32::MAX);
        pages.stream(self.number, number, Class::Bits, length, |buffer| self.codes.read_bits(page, buffer))
    }

    /// The further planes of a page.
    pub fn planes(&self, pages: &Pages, page: usize) -> Result<Arc<Page>> {
        let length = self.codes.pages()[page].planes.bytes as usize;
        let number = u32::try_from(page).unwrap_or(u32::MAX);
        pages.stream(self.number, number, Class::Planes, length, |buffer| self.codes.read_planes(page, buffer))
    }

    /// A page's 1-bit codes as such.
    pub fn bits_view<'p>(&self, page: usize, loaded: &'p Page, padded: usize) -> Result<BitsView<'p>> {
        BitsView::new(loaded.stream()?, self.codes.pages()[page].rows as usize, padded)
    }

    /// A page's planes as such.
    pub fn planes_view<'p>(&self, page: usize, loaded: &'p Page, padded: usize) -> Result<PlanesView<'p>> {
        PlanesView::new(loaded.stream()?, self.codes.pages()[page].rows as usize, padded)
    }
}

/// All codes made with one partition.
#[derive(Clone)]
pub struct CodeSet {
    /// Number of the partition's file; files of codes name it.
    pub generation: u32,
    /// The cells; one cell is the whole store around its mean.
    pub partition: Arc<Partition>,
    /// Oldest first.
    pub files: Vec<Arc<CodeFile>>,
    /// Places before each file; a candidate's place is its position in all pages of all files.
    bases: Vec<u32>,
    /// Rows below it have their codes here.
    pub end: u32,
    /// Whether the 4-bit planes are there.
    pub planes: bool,
    bits_bytes: u64,
}

/// Where a candidate lies.
pub struct Place {
    pub file: usize,
    pub page: usize,
    pub position: u32,
}

impl CodeSet {
    pub fn new(generation: u32, partition: Arc<Partition>, files: Vec<Arc<CodeFile>>, end: u32, planes: bool) -> Self {
        let mut bases = Vec::with_capacity(files.len());
        let mut base = 0_u32;
        for file in &files {
            bases.push(base);
            base = base.saturating_add(file.rows());
        }
        let pages = files.iter().flat_map(|file| file.codes.pages());
        let bits_bytes = pages.map(|page| u64::from(page.bits.bytes)).sum();
        Self { generation, partition, files, bases, end, planes, bits_bytes }
    }

    /// Bytes of all pages of 1-bit codes.
    pub fn bits_bytes(&self) -> u64 {
        self.bits_bytes
    }

    /// Rows in all files, dropped ones included.
    pub fn rows(&self) -> u32 {
        self.files.iter().map(|file| file.rows()).sum()
    }

    /// The place of a page's first row.
    pub fn place(&self, file: usize, page: usize) -> u32 {
        self.bases[file] + self.files[file].starts[page]
    }

    /// What lies at a place given by [`CodeSet::place`] and a position.
    pub fn find(&self, place: u32) -> Option<Place> {
        let file = self.bases.partition_point(|base| *base <= place).checked_sub(1)?;
        let within = place - self.bases[file];
        let starts = &self.files[file].starts;
        let page = starts.partition_point(|start| *start <= within).checked_sub(1)?;
        if page + 1 >= starts.len() {
            return None;
        }
        Some(Place { file, page, position: within - starts[page] })
    }

    /// What recent codes are relative to: the middle of all cells.
    pub fn center(&self) -> Vec<f32> {
        let cells = self.partition.cells();
        let mut center = vec![0.0; self.partition.dimension()];
        for cell in 0..cells {
            center.iter_mut().zip(self.partition.centroid(cell)).for_each(|(sum, value)| *sum += value);
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 65,536 cells")]
        let count = cells.max(1) as f32;
        for sum in &mut center {
            *sum /= count;
        }
        center
    }

    /// Bytes of the tables and centroids, without cached pages.
    pub fn bytes(&self) -> usize {
        let tables: usize = self.files.iter().map(|file| file.starts.len() * 4 + file.codes.bytes_in_memory()).sum();
        tables + self.partition.bytes_in_memory()
    }
}
