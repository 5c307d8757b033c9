//! The keys of a file that still grows: sorted runs in memory, merged as they get longer.
//!
//! The logarithmic method (Bentley & Saxe, "Decomposable searching problems I", Journal of Algorithms, 1980): a batch is
//! a sorted run; runs of similar length are merged. A snapshot is the list of runs, a lookup a binary search in each.

use std::iter::Peekable;
use std::sync::Arc;

use tiercel_base::Key;

/// A key and its row.
pub(crate) type Entry = (Key, u32);

/// Keys with their rows. Clones share the runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyTable {
    /// Each sorted, older and at least twice as long before younger.
    runs: Vec<Arc<[Entry]>>,
}

impl KeyTable {
    /// Adds a batch whose rows lie above all rows so far.
    pub(crate) fn append(&mut self, keys: &[Key], rows: &[u32]) {
        if rows.is_empty() {
            return;
        }
        let mut batch: Vec<Entry> = keys.iter().copied().zip(rows.iter().copied()).collect();
        batch.sort_unstable();
        while let Some(run) = self.runs.pop_if(|run| run.len() < 2 * batch.len()) {
            batch = merge(vec![run.iter().copied(), batch.iter().copied()]).collect();
        }
        self.runs.push(batch.into());
    }

    /// Forgets the rows from `end` on.
    pub(crate) fn cut(&mut self, end: u32) {
        let kept = self.runs.iter().map(|run| {
            if run.iter().all(|&(_, row)| row < end) {
                Arc::clone(run)
            } else {
                run.iter().copied().filter(|&(_, row)| row < end).collect()
            }
        });
        self.runs = kept.filter(|run: &Arc<[Entry]>| !run.is_empty()).collect();
    }

    /// The last row of a key.
    pub(crate) fn find(&self, key: &Key) -> Option<u32> {
        self.runs.iter().rev().find_map(|run| last_of(run, key))
    }

    /// All entries, ascending.
    pub(crate) fn sorted(&self) -> impl Iterator<Item = Entry> {
        merge(self.runs.iter().map(|run| run.iter().copied()).collect())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.runs.iter().map(|run| run.len() * size_of::<Entry>()).sum()
    }
}

/// The row of the last entry with this key in a sorted list.
fn last_of(entries: &[Entry], key: &Key) -> Option<u32> {
    let end = entries.partition_point(|(other, _)| other <= key);
    entries.get(end.checked_sub(1)?).filter(|(other, _)| other == key).map(|&(_, row)| row)
}

/// Merges ascending lists; there are few of them.
fn merge<I: Iterator<Item = Entry>>(lists: Vec<I>) -> impl Iterator<Item = Entry> {
    let mut lists: Vec<Peekable<I>> = lists.into_iter().map(Iterator::peekable).collect();
    std::iter::from_fn(move || {
        let heads = lists.iter_mut().enumerate().filter_map(|(at, list)| Some((*list.peek()?, at)));
        let (_, smallest) = heads.min()?;
        lists[smallest].next()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map_to_the_last_row(batches in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..40), cut in 0_u32..900) {
            let key = |byte: u8| [byte; 16];
            let (mut table, mut row, mut all) = (KeyTable::default(), 0, Vec::new());
            for batch in &batches {
                let rows: Vec<u32> = batch.iter().map(|_| { row += 1; row }).collect();
                let keys: Vec<Key> = batch.iter().map(|&byte| key(byte)).collect();
                table.append(&keys, &rows);
                all.extend(keys.into_iter().zip(rows));
            }
            let before = table.clone();
            table.cut(cut);
            for (table, end) in [(before, u32::MAX), (table, cut)] {
                let mut expected: Vec<Entry> = all.iter().copied().filter(|entry| entry.1 < end).collect();
                let last: BTreeMap<Key, u32> = expected.iter().copied().collect();
                expected.sort_unstable();
                prop_assert!(table.sorted().eq(expected));
                for byte in 0..=255 {
                    prop_assert_eq!(table.find(&key(byte)), last.get(&key(byte)).copied());
                }
                prop_assert!(table.runs.len() <= 12);
            }
        }
    }
}
