//! Chunk keys as small numbers, the same in every tree and space while the store is open.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Bytes of a key.
pub const KEY_BYTES: usize = 16;

/// A 16-byte hash of an embedded text.
pub type Key = [u8; KEY_BYTES];

/// Numbers keys in the order they are first seen. Keys are hashes already: eight of their bytes are the hash.
#[derive(Debug, Default)]
pub struct KeyTable {
    ordinals: HashMap<Key, u32, BuildHasherDefault<FirstBytes>>,
}

impl KeyTable {
    /// The number of `key`, if it has been seen.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<u32> {
        self.ordinals.get(key).copied()
    }

    /// The number of `key`, given now if it is new.
    pub fn intern(&mut self, key: &Key) -> u32 {
        let next = u32::try_from(self.ordinals.len()).unwrap_or(u32::MAX);
        *self.ordinals.entry(*key).or_insert(next)
    }

    /// Bytes of the table (an estimate from its capacity).
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.ordinals.capacity() * (KEY_BYTES + size_of::<u32>() + 1) * 8 / 7
    }
}

#[derive(Debug, Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }

    /// The length of the array, which all keys share.
    fn write_usize(&mut self, _length: usize) {}
}
