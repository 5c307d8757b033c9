//! Seeded data for tests.

use crate::random::SplitMix64;

/// Roughly normal: the sum of twelve uniform numbers, less its mean.
pub fn gaussian(length: usize, seed: u64) -> Vec<f32> {
    let mut random = SplitMix64::new(seed);
    (0..length).map(|_| (0..12).map(|_| uniform(&mut random)).sum::<f32>() - 6.0).collect()
}

/// [`gaussian`], of length 1.
pub fn unit(length: usize, seed: u64) -> Vec<f32> {
    let vector = gaussian(length, seed);
    let norm = exact_dot(&vector, &vector).sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "test data")]
    vector.iter().map(|&x| (f64::from(x) / norm) as f32).collect()
}

/// In `0 .. 1`.
pub fn uniform(random: &mut SplitMix64) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
    let high = (random.next() >> 40) as f32;
    high / 16_777_216.0
}

/// In double precision.
pub fn exact_dot(one: &[f32], two: &[f32]) -> f64 {
    one.iter().zip(two).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}
