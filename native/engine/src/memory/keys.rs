//! Chunk keys as small numbers, the same in every tree and space while the store is open.
//!
//! Only keys that some chunk refers to have a number. A number whose last chunk is gone is given away again, so the
//! table is as large as what the trees hold, not as what was ever seen.

use hashbrown::HashTable;
use tiercel_base::Key;

/// Keys per page: pages do not move when the table grows, so growing never holds the keys twice.
const PAGE: usize = 1024;

/// Numbers ("ordinals") of keys.
#[derive(Debug, Default)]
pub struct KeyTable {
    pages: Vec<Box<[Key; PAGE]>>,
    length: u32,
    free: Vec<u32>,
    ordinals: HashTable<u32>,
}

impl KeyTable {
    /// The number of `key`, if a chunk refers to it.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<u32> {
        self.ordinals.find(hash(key), |&ordinal| at(&self.pages, ordinal) == Some(key)).copied()
    }

    /// The number of `key`, given now if it is new; whether it is new.
    pub fn intern(&mut self, key: &Key) -> (u32, bool) {
        if let Some(ordinal) = self.get(key) {
            return (ordinal, false);
        }
        let ordinal = self.free.pop().unwrap_or_else(|| {
            if (self.length as usize).is_multiple_of(PAGE) {
                self.pages.push(Box::new([Key::default(); PAGE]));
            }
            self.length += 1;
            self.length - 1
        });
        self.pages[ordinal as usize / PAGE][ordinal as usize % PAGE] = *key;
        let pages = &self.pages;
        self.ordinals.insert_unique(hash(key), ordinal, |&ordinal| at(pages, ordinal).map_or(0, hash));
        (ordinal, true)
    }

    /// Takes a number back. Nothing may refer to it any more.
    pub fn release(&mut self, ordinal: u32) {
        let Some(key) = at(&self.pages, ordinal) else { return };
        if let Ok(entry) = self.ordinals.find_entry(hash(key), |&other| other == ordinal) {
            entry.remove();
            self.free.push(ordinal);
        }
    }

    /// Keys with a number.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ordinals.len()
    }

    /// Whether no key has a number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ordinals.is_empty()
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.pages.len() * (size_of::<[Key; PAGE]>() + size_of::<usize>())
            + self.free.capacity() * size_of::<u32>()
            + self.ordinals.allocation_size()
    }
}

fn at(pages: &[Box<[Key; PAGE]>], ordinal: u32) -> Option<&Key> {
    pages.get(ordinal as usize / PAGE).map(|page| &page[ordinal as usize % PAGE])
}

/// The table takes its place from the low bits and a check from the high ones: a multiplication mixes both halves into
/// all of them, also where keys are no hashes.
fn hash(key: &Key) -> u64 {
    let first = key.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let last = key.last_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let product = u128::from(first ^ 0x9e37_79b9_7f4a_7c15) * u128::from(last ^ 0xc2b2_ae3d_27d4_eb4f);
    #[expect(clippy::cast_possible_truncation, reason = "both halves of the product, folded")]
    let folded = (product >> 64) as u64 ^ product as u64;
    folded
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_numbers_keys_and_gives_numbers_again(changes in prop::collection::vec((any::<bool>(), 0_u8..40), 0..300)) {
            let (mut table, mut oracle) = (KeyTable::default(), HashMap::new());
            for (add, byte) in changes {
                let key = [byte; 16];
                if add {
                    let (ordinal, new) = table.intern(&key);
                    prop_assert_eq!(new, oracle.insert(key, ordinal).is_none());
                } else if let Some(ordinal) = oracle.remove(&key) {
                    table.release(ordinal);
                }
                prop_assert_eq!(table.len(), oracle.len());
            }
            let mut ordinals: Vec<u32> = oracle.values().copied().collect();
            for byte in 0..40 {
                prop_assert_eq!(table.get(&[byte; 16]), oracle.get(&[byte; 16]).copied());
            }
            ordinals.sort_unstable();
            ordinals.dedup();
            prop_assert_eq!(ordinals.len(), oracle.len());
            prop_assert!(ordinals.last().is_none_or(|&last| last < 40));
        }
    }

    #[test]
    fn a_key_costs_less_than_thirty_bytes() {
        for keys in [50_000_u32, 100_000, 230_000] {
            let mut table = KeyTable::default();
            for number in 0..keys {
                let bytes = number.wrapping_mul(0x9e37_79b1).to_le_bytes();
                table.intern(&std::array::from_fn(|byte| bytes[byte % 4]));
            }
            assert!(table.bytes() < keys as usize * 30, "{} bytes for {keys} keys", table.bytes());
        }
    }
}
