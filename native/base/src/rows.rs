//! Sets of rows: paged bitmaps whose clones share pages.

use std::sync::{Arc, LazyLock};

/// 64-bit words per page: one page covers 65,536 rows.
const PAGE_WORDS: usize = 1024;
/// Rows per page.
const PAGE_ROWS: usize = PAGE_WORDS * 64;

type Page = [u64; PAGE_WORDS];

/// Whole pages are one and the same, of all sets.
static FULL: LazyLock<Arc<Page>> = LazyLock::new(|| Arc::new([u64::MAX; PAGE_WORDS]));

/// A set of row numbers. Cloning costs one reference count per 65,536 rows; changing a clone copies the pages it
/// touches. A page without rows is not there.
#[derive(Debug, Clone, Default)]
pub struct RowSet {
    pages: Vec<Option<Arc<Page>>>,
    count: usize,
}

impl RowSet {
    /// The rows `0 .. end`.
    #[must_use]
    pub fn up_to(end: u32) -> Self {
        let whole = end as usize / PAGE_ROWS;
        let mut rows = Self { pages: vec![Some(Arc::clone(&FULL)); whole], count: whole * PAGE_ROWS };
        let rest = end as usize % PAGE_ROWS;
        if rest > 0 {
            let mut page = [0; PAGE_WORDS];
            page[..rest / 64].fill(u64::MAX);
            if !rest.is_multiple_of(64) {
                page[rest / 64] = (1 << (rest % 64)) - 1;
            }
            rows.pages.push(Some(Arc::new(page)));
            rows.count += rest;
        }
        rows
    }

    /// Rows in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether `row` is in the set.
    #[must_use]
    #[inline]
    pub fn contains(&self, row: u32) -> bool {
        let row = row as usize;
        match self.pages.get(row / PAGE_ROWS) {
            Some(Some(page)) => page[row % PAGE_ROWS / 64] >> (row % 64) & 1 == 1,
            _ => false,
        }
    }

    /// Adds a row; whether it is new.
    pub fn insert(&mut self, row: u32) -> bool {
        let row = row as usize;
        if self.pages.len() <= row / PAGE_ROWS {
            self.pages.resize(row / PAGE_ROWS + 1, None);
        }
        let page = self.pages[row / PAGE_ROWS].get_or_insert_with(|| Arc::new([0; PAGE_WORDS]));
        let bit = 1 << (row % 64);
        if page[row % PAGE_ROWS / 64] & bit != 0 {
            return false;
        }
        Arc::make_mut(page)[row % PAGE_ROWS / 64] |= bit;
        self.count += 1;
        true
    }

    /// Takes a row out; whether it was there.
    pub fn remove(&mut self, row: u32) -> bool {
        if !self.contains(row) {
            return false;
        }
        let row = row as usize;
        if let Some(Some(page)) = self.pages.get_mut(row / PAGE_ROWS) {
            Arc::make_mut(page)[row % PAGE_ROWS / 64] &= !(1 << (row % 64));
            self.count -= 1;
        }
        true
    }

    /// The rows in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.pages.iter().enumerate().filter_map(|(at, page)| Some((at, page.as_ref()?))).flat_map(|(at, page)| {
            page.iter().enumerate().filter(|(_, word)| **word != 0).flat_map(move |(word_at, &word)| {
                let base = at * PAGE_ROWS + word_at * 64;
                Bits(word).map(move |bit| u32::try_from(base).unwrap_or(u32::MAX) + bit)
            })
        })
    }

    /// How many rows of `first .. end` are in the set.
    #[must_use]
    pub fn count_between(&self, first: u32, end: u32) -> usize {
        let (first, end) = (first as usize, (end as usize).min(self.pages.len() * PAGE_ROWS));
        let mut count = 0;
        let mut at = first;
        while at < end {
            let Some(Some(page)) = self.pages.get(at / PAGE_ROWS) else {
                at = (at / PAGE_ROWS + 1) * PAGE_ROWS;
                continue;
            };
            let word_end = ((at / 64 + 1) * 64).min(end);
            let mask = (u64::MAX << (at % 64)) & (u64::MAX >> (63 - (word_end - 1) % 64));
            count += (page[at % PAGE_ROWS / 64] & mask).count_ones() as usize;
            at = word_end;
        }
        count
    }

    /// Writes the set as a bitmap: row `r` is bit `r % 64` of word `r / 64`. Rows beyond the end of `words` are left out.
    pub fn copy_words(&self, words: &mut [u64]) {
        let mut pages = self.pages.iter();
        for out in words.chunks_mut(PAGE_WORDS) {
            match pages.next() {
                Some(Some(page)) => out.copy_from_slice(&page[..out.len()]),
                _ => out.fill(0),
            }
        }
    }

    /// Bytes held, shared pages counted in full.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.pages.iter().flatten().count() * size_of::<Page>() + self.pages.len() * size_of::<Option<Arc<Page>>>()
    }
}

impl Extend<u32> for RowSet {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, rows: I) {
        for row in rows {
            self.insert(row);
        }
    }
}

impl FromIterator<u32> for RowSet {
    fn from_iter<I: IntoIterator<Item = u32>>(rows: I) -> Self {
        let mut set = Self::default();
        set.extend(rows);
        set
    }
}

/// The positions of the ones of a word, ascending.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let at = self.0.trailing_zeros();
        self.0 &= self.0.checked_sub(1)?;
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(changes in prop::collection::vec((any::<bool>(), 0_u32..300_000), 0..300), first in 0_u32..300_000, length in 0_u32..150_000) {
            let (mut rows, mut oracle) = (RowSet::default(), BTreeSet::new());
            for (add, row) in changes {
                if add {
                    prop_assert_eq!(rows.insert(row), oracle.insert(row));
                } else {
                    prop_assert_eq!(rows.remove(row), oracle.remove(&row));
                }
                prop_assert_eq!(rows.contains(row), add);
            }
            prop_assert_eq!(rows.len(), oracle.len());
            prop_assert_eq!(rows.count_between(first, first + length), oracle.range(first..first + length).count());
            let mut words = vec![u64::MAX; 3_000];
            rows.copy_words(&mut words);
            for row in (0..192_000).filter(|row| row % 997 == 0 || oracle.contains(row)) {
                prop_assert_eq!(words[row as usize / 64] >> (row % 64) & 1 == 1, oracle.contains(&row));
            }
            prop_assert!(rows.iter().eq(oracle));
        }
    }

    #[test]
    fn all_rows_up_to_an_end_are_there_and_no_other() {
        for end in [0, 1, 65_535, 65_536, 65_537, 200_000] {
            assert!(RowSet::up_to(end).iter().eq(0..end));
            assert_eq!(RowSet::up_to(end).len(), end as usize);
        }
    }

    #[test]
    fn a_clone_does_not_see_later_changes() {
        let before = RowSet::up_to(100_000);
        let mut after = before.clone();
        after.remove(70_000);
        assert!(before.contains(70_000) && !after.contains(70_000));
        assert_eq!((before.len(), after.len()), (100_000, 99_999));
    }
}
