//! The vectors of one space in memory.

use std::sync::Arc;

use super::paged::Paged;
use crate::vectors::file::Rows;

/// Rows per page of codes; a commit copies at most one page that readers hold.
const PAGE: usize = 1024;

/// The row of a key that has no vector in the space.
pub const NO_ROW: u32 = u32::MAX;

/// One model's vectors: pages of codes, and which row a key has. Cloning shares the pages.
#[derive(Debug, Clone)]
pub struct Space {
    /// The name it is asked for by.
    pub name: Arc<str>,
    /// Its number in the catalog and in its file's name.
    pub number: u32,
    /// Components of a vector.
    pub dimension: usize,
    pages: Vec<Arc<Page>>,
    rows: u32,
    row_of: Paged<u32>,
}

#[derive(Debug, Clone)]
struct Page {
    scales: Vec<f32>,
    codes: Vec<i8>,
}

impl Space {
    /// A space without rows.
    #[must_use]
    pub fn new(name: &str, number: u32, dimension: usize) -> Self {
        Self { name: name.into(), number, dimension, pages: Vec::new(), rows: 0, row_of: Paged::default() }
    }

    /// Rows stored.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Appends rows; `ordinals` are the numbers of their keys.
    pub fn append(&mut self, rows: &Rows, ordinals: &[u32]) {
        for (at, (&scale, &ordinal)) in rows.scales.iter().zip(ordinals).enumerate() {
            if (self.rows as usize).is_multiple_of(PAGE) {
                let page = Page { scales: Vec::with_capacity(PAGE), codes: Vec::with_capacity(PAGE * self.dimension) };
                self.pages.push(Arc::new(page));
            }
            let Some(page) = self.pages.last_mut() else { return };
            let page = Arc::make_mut(page);
            page.scales.push(scale);
            page.codes.extend_from_slice(&rows.codes[at * self.dimension..(at + 1) * self.dimension]);
            self.row_of.grow(ordinal as usize + 1, &NO_ROW);
            if let Some(row) = self.row_of.get_mut(ordinal as usize) {
                *row = self.rows;
            }
            self.rows += 1;
        }
    }

    /// The row of the key with this number, or [`NO_ROW`].
    #[must_use]
    #[inline]
    pub fn row_of(&self, ordinal: u32) -> u32 {
        self.row_of.get(ordinal as usize).copied().unwrap_or(NO_ROW)
    }

    /// Codes and scale of a row, if there is such a row.
    #[must_use]
    #[inline]
    pub fn row(&self, row: u32) -> Option<(&[i8], f32)> {
        let (page, at) = (row as usize / PAGE, row as usize % PAGE);
        let page = self.pages.get(page)?;
        let codes = page.codes.get(at * self.dimension..(at + 1) * self.dimension)?;
        Some((codes, *page.scales.get(at)?))
    }

    /// Bytes held in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.pages.len() * PAGE * (self.dimension + size_of::<f32>()) + self.row_of.bytes()
    }
}
