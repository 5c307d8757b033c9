//! Looking at pages of 1-bit codes in place.

use tiercel_base::error::{Error, Result};

use super::{GROUP, bytes};
use crate::WORD;
use crate::aligned::{ALIGNMENT, numbers_of};

/// A page, checked for length and alignment only: its bytes are vouched for by the checksum of the file it is from.
#[derive(Debug, Clone, Copy)]
pub struct BitsView<'a> {
    codes: &'a [u64],
    f: &'a [[u16; GROUP]],
    g: &'a [[u16; GROUP]],
    rows: &'a [u32],
    words: usize,
}

impl<'a> BitsView<'a> {
    /// The page of `rows` rows of `padded` dimensions (a multiple of 64) in `page`.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`] when the length is not that of such a page; [`Error::Report`] when it does not start at
    /// a multiple of 64 bytes.
    pub fn new(page: &'a [u8], rows: usize, padded: usize) -> Result<Self> {
        if padded == 0 || !padded.is_multiple_of(WORD) || page.len() != bytes(rows, padded) {
            return Err(Error::RebuildIndex(format!(
                "A page of 1-bit codes has {} bytes, which is not {rows} rows of {padded} dimensions. Rebuild the index.",
                page.len()
            )));
        }
        if !page.is_empty() && !page.as_ptr().addr().is_multiple_of(ALIGNMENT) {
            return Err(Error::Report("A page of 1-bit codes does not lie at a multiple of 64 bytes.".into()));
        }
        let words = padded / WORD;
        let groups = rows.div_ceil(GROUP);
        let (codes, rest) = page.split_at(groups * words * GROUP * 8);
        let (f, rest) = rest.split_at(groups * GROUP * 2);
        let (g, numbers) = rest.split_at(groups * GROUP * 2);
        Ok(Self {
            codes: numbers_of(codes)?,
            f: numbers_of(f)?.as_chunks().0,
            g: numbers_of(g)?.as_chunks().0,
            rows: &numbers_of(numbers)?[..rows],
            words,
        })
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Dimensions: a multiple of 64.
    #[must_use]
    pub fn padded(&self) -> usize {
        self.words * WORD
    }

    /// The number of the row at `position`.
    ///
    /// # Panics
    /// When there is no such position.
    #[must_use]
    #[inline]
    pub fn row(&self, position: u32) -> u32 {
        self.rows[position as usize]
    }

    /// Writes the residual that the code at `position` stands for into `out` (`padded` values): `f * sign`, whose dot
    /// product with a query's residual is what a scan estimates.
    ///
    /// # Panics
    /// When there is no such position or `out` has another length.
    pub fn decode(&self, position: u32, out: &mut [f32]) {
        assert_eq!(out.len(), self.padded(), "a vector of another space");
        assert!((position as usize) < self.rows(), "no such row");
        let (group, lane) = (position as usize / GROUP, position as usize % GROUP);
        let f = crate::half::decode_one(self.factors(group).0[lane]);
        for (values, word) in out.as_chunks_mut::<WORD>().0.iter_mut().zip(self.group(group).as_chunks::<GROUP>().0) {
            for (bit, value) in values.iter_mut().enumerate() {
                *value = if word[lane] >> bit & 1 == 1 { f } else { -f };
            }
        }
    }

    /// Asks for the codes of the row at `position` before they are compared.
    #[inline]
    pub fn prefetch(&self, position: u32) {
        let group = position as usize / GROUP;
        if group < self.groups() {
            crate::prefetch(self.group(group));
        }
    }

    /// The numbers of all rows, by position.
    #[must_use]
    pub fn row_numbers(&self) -> &'a [u32] {
        self.rows
    }

    /// Groups of eight rows, the last one perhaps not full.
    #[inline]
    pub(crate) fn groups(&self) -> usize {
        self.rows.len().div_ceil(GROUP)
    }

    /// The codes of one group: `words * 8` words.
    #[inline]
    pub(crate) fn group(&self, group: usize) -> &'a [u64] {
        &self.codes[group * self.words * GROUP..(group + 1) * self.words * GROUP]
    }

    /// The factors `f` and `g` of one group.
    #[inline]
    pub(crate) fn factors(&self, group: usize) -> (&'a [u16; GROUP], &'a [u16; GROUP]) {
        (&self.f[group], &self.g[group])
    }
}
