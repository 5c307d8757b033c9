//! Reproducible randomness.

/// `SplitMix64`, by Guy Steele and others.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        // The top half of a product of two 64-bit numbers is below either of them.
        #[allow(clippy::cast_possible_truncation)]
        let number = ((u128::from(self.next()) * limit as u128) >> 64) as usize;
        number
    }

    /// Whether an event of this probability happens.
    pub fn chance(&mut self, probability: f32) -> bool {
        // 24 bits are what an f32 holds exactly.
        #[allow(clippy::cast_precision_loss)]
        let number = (self.next() >> 40) as f32 / (1_u64 << 24) as f32;
        number < probability
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
