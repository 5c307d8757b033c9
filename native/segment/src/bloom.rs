//! Which keys a file certainly does not have.
//!
//! A split block Bloom filter as in Apache Parquet: one 256-bit block per key, chosen by one half of a hash, one bit in
//! each of its eight words, chosen by the other half times eight odd constants. The blocked filter is that of Putze,
//! Sanders & Singler, "Cache-, Hash- and Space-Efficient Bloom Filters" (WEA 2007). With 24 keys per block (10.7 bits
//! per key) about 1% of the keys that are not there pass. Keys are hashes already: their last eight bytes are the hash.

use std::sync::atomic::{AtomicU64, Ordering};

use tiercel_base::Key;

use crate::bytes::u64_at;

/// Bytes of a filter block.
pub(crate) const BLOOM_BLOCK: usize = 32;
const KEYS_PER_BLOCK: u32 = 24;
/// The constants of the Parquet format.
const SALT: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// How often a filter was asked, and how good its answers were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BloomCounts {
    /// Lookups.
    pub asked: u64,
    /// Lookups the filter let pass to the key table.
    pub passed: u64,
    /// Of those, the ones for keys that are not there: false positives.
    pub wrong: u64,
}

/// The counters behind [`BloomCounts`].
#[derive(Debug, Default)]
pub(crate) struct BloomMeter {
    pub asked: AtomicU64,
    pub passed: AtomicU64,
    pub wrong: AtomicU64,
}

impl BloomMeter {
    pub(crate) fn counts(&self) -> BloomCounts {
        let [asked, passed, wrong] =
            [&self.asked, &self.passed, &self.wrong].map(|count| count.load(Ordering::Relaxed));
        BloomCounts { asked, passed, wrong }
    }
}

/// The filter.
#[derive(Debug)]
pub(crate) struct Bloom(Vec<[u32; 8]>);

impl Bloom {
    /// Blocks for so many keys.
    pub(crate) fn blocks_for(keys: u32) -> u32 {
        keys.div_ceil(KEYS_PER_BLOCK).max(1)
    }

    /// A filter nothing passes.
    pub(crate) fn empty(blocks: u32) -> Self {
        Self(vec![[0; 8]; blocks as usize])
    }

    /// From what [`Bloom::encode`] gave.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let word = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
        let block = |bytes: &[u8; BLOOM_BLOCK]| {
            let mut words = [0; 8];
            words.iter_mut().zip(bytes.as_chunks::<4>().0).for_each(|(out, bytes)| *out = word(bytes));
            words
        };
        Self(bytes.as_chunks::<BLOOM_BLOCK>().0.iter().map(block).collect())
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.0.as_flattened().iter().flat_map(|word| word.to_le_bytes()));
    }

    pub(crate) fn insert(&mut self, key: &Key) {
        let (at, mask) = self.place(key);
        if let Some(block) = self.0.get_mut(at) {
            block.iter_mut().zip(mask).for_each(|(word, bit)| *word |= bit);
        }
    }

    pub(crate) fn may_contain(&self, key: &Key) -> bool {
        let (at, mask) = self.place(key);
        self.0.get(at).is_some_and(|block| block.iter().zip(mask).all(|(word, bit)| word & bit != 0))
    }

    pub(crate) fn blocks(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.len() * BLOOM_BLOCK
    }

    #[allow(clippy::cast_possible_truncation, reason = "the halves of a 64-bit hash")]
    fn place(&self, key: &Key) -> (usize, [u32; 8]) {
        let hash = u64_at(key, 8);
        let at = (((hash >> 32) * self.0.len() as u64) >> 32) as usize;
        (at, SALT.map(|salt| 1 << ((hash as u32).wrapping_mul(salt) >> 27)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys as uniform as hashes (`SplitMix64`: Steele, Lea & Flood, OOPSLA 2014).
    fn key(number: u64) -> Key {
        let mix = |mut z: u64| {
            z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ z >> 31
        };
        let mut key = [0; 16];
        key[..8].copy_from_slice(&mix(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_le_bytes());
        key[8..].copy_from_slice(&mix(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xabcd).to_le_bytes());
        key
    }

    #[test]
    fn no_key_is_missed_and_about_one_in_a_hundred_others_passes() {
        for keys in [1_u32, 100, 5_000, 100_000] {
            let mut bloom = Bloom::empty(Bloom::blocks_for(keys));
            (0..u64::from(keys)).for_each(|at| bloom.insert(&key(at)));
            assert!((0..u64::from(keys)).all(|at| bloom.may_contain(&key(at))));
            let passed = (0..100_000).filter(|at| bloom.may_contain(&key(1_000_000 + at))).count();
            assert!(passed < 1_600, "{passed} of 100000 at {keys} keys");
            if keys > 1_000 {
                assert!(passed > 400, "{passed} of 100000 at {keys} keys: more bits than documented");
            }
        }
    }

    #[test]
    fn it_survives_its_encoding() {
        let mut bloom = Bloom::empty(7);
        (0..150).for_each(|at| bloom.insert(&key(at)));
        let mut bytes = Vec::new();
        bloom.encode(&mut bytes);
        assert_eq!(bytes.len(), bloom.bytes());
        assert_eq!(Bloom::decode(&bytes).0, bloom.0);
    }
}
