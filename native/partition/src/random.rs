//! Seeded random numbers: the same on every machine and in every version, because what is trained from them is stored.

/// `SplitMix64` (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0. The bias is below `end / 2^64`.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// `count` different numbers below `end`, in random order; all of them when there are fewer (Floyd's sampling,
    /// Bentley and Floyd, CACM 1987, then a shuffle).
    pub(crate) fn sample(&mut self, count: usize, end: usize) -> Vec<usize> {
        let mut chosen = std::collections::HashSet::with_capacity(count);
        let mut sample = Vec::with_capacity(count.min(end));
        for last in end.saturating_sub(count)..end {
            let candidate = self.below(last + 1);
            let number = if chosen.insert(candidate) { candidate } else { last };
            chosen.insert(number);
            sample.push(number);
        }
        for at in (1..sample.len()).rev() {
            sample.swap(at, self.below(at + 1));
        }
        sample
    }

    /// Standard normal (Box and Muller 1958).
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    pub(crate) fn normal(&mut self) -> f32 {
        let uniform = |bits: u64| ((bits >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        let radius = (-2.0 * uniform(self.next()).ln()).sqrt();
        (radius * (std::f64::consts::TAU * uniform(self.next())).cos()) as f32
    }
}
