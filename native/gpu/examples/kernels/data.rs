//! Seeded vectors.

/// `SplitMix64`.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In -1 .. 1.
    #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
    fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 8_388_608.0 - 1.0
    }

    /// `count` vectors of length 1, one after the other.
    pub fn units(&mut self, count: usize, dimension: usize) -> Vec<f32> {
        let mut all: Vec<f32> = (0..count * dimension).map(|_| self.float()).collect();
        for row in all.chunks_mut(dimension) {
            let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            for x in row {
                *x /= norm;
            }
        }
        all
    }
}
