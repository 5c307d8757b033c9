//! Which row of a vector space a key has, and back.

use std::sync::Arc;

use super::column::{Column, NONE};

/// One model's vectors as the trees see them: rows and the keys that chunks refer to. Cloning shares the pages.
#[derive(Debug, Clone)]
pub struct Space {
    /// The name it is asked for by.
    pub name: Arc<str>,
    /// Its number in the catalog and the name of its folder.
    pub number: u32,
    /// Components of a vector.
    pub dimension: usize,
    /// One more than its last row: rows from here on belong to later commits.
    pub end: u32,
    row_of: Column,
    ordinal_of: Column,
    referenced: usize,
}

impl Space {
    /// A space none of whose rows is referred to.
    #[must_use]
    pub fn new(name: &str, number: u32, dimension: usize) -> Self {
        Self {
            name: name.into(),
            number,
            dimension,
            end: 0,
            row_of: Column::default(),
            ordinal_of: Column::default(),
            referenced: 0,
        }
    }

    /// The row of the key with this number, or [`NONE`].
    #[must_use]
    #[inline]
    pub fn row_of(&self, ordinal: u32) -> u32 {
        self.row_of.get(ordinal)
    }

    /// The number of the key that has this row, or [`NONE`] when no chunk refers to it.
    #[must_use]
    #[inline]
    pub fn ordinal_of(&self, row: u32) -> u32 {
        self.ordinal_of.get(row)
    }

    /// Rows that chunks of some tree refer to.
    #[must_use]
    pub fn referenced(&self) -> usize {
        self.referenced
    }

    /// Notes that a key has a row. A key that has one keeps it; whether it was noted.
    pub fn bind(&mut self, ordinal: u32, row: u32) -> bool {
        if self.row_of.get(ordinal) != NONE || self.ordinal_of.get(row) != NONE {
            return false;
        }
        self.row_of.set(ordinal, row);
        self.ordinal_of.set(row, ordinal);
        self.referenced += 1;
        true
    }

    /// Forgets the row of a key that nothing refers to any more.
    pub fn unbind(&mut self, ordinal: u32) {
        let row = self.row_of.get(ordinal);
        if row != NONE {
            self.row_of.set(ordinal, NONE);
            self.ordinal_of.set(row, NONE);
            self.referenced -= 1;
        }
    }

    /// Bytes held in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.row_of.bytes() + self.ordinal_of.bytes()
    }
}
