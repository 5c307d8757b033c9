//! Vectors for tests.

use crate::random::Random;

/// Row-major unit vectors about `clusters` random centres; a width of 1 makes the noise as long as the centre.
pub(crate) fn clustered(rows: usize, dimension: usize, clusters: usize, width: f32, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    let centres: Vec<f32> = (0..clusters * dimension).map(|_| random.normal()).collect();
    let mut vectors = Vec::with_capacity(rows * dimension);
    for _ in 0..rows {
        let centre = &centres[random.below(clusters) * dimension..][..dimension];
        let row: Vec<f32> = centre.iter().map(|value| value + width * random.normal()).collect();
        let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        vectors.extend(row.iter().map(|value| value / length));
    }
    vectors
}
