//! Vectors to measure on: a seeded mixture, or a file of embeddings.

use std::path::Path;

/// Row-major unit vectors: those stored and, apart from them, those asked with.
pub struct Data {
    pub dimension: usize,
    pub rows: Vec<f32>,
    pub queries: Vec<f32>,
}

/// A mixture like embeddings: a global mean, a few dimensions far out, clusters of unequal size and width within broader
/// topics, and one row in ten a near copy of an earlier one.
pub fn mixture(rows: usize, queries: usize, dimension: usize, seed: u64) -> Data {
    let mut random = Random(seed);
    let topics = (rows / 5_000).max(4);
    let clusters = (rows / 200).max(16);
    let topic: Vec<f32> = (0..topics * dimension).map(|_| random.normal()).collect();
    let scale: Vec<f32> = (0..dimension).map(|at| if at % 97 == 5 { 4.0 } else { 1.0 }).collect();
    let mut centres = Vec::with_capacity(clusters * dimension);
    let mut widths = Vec::with_capacity(clusters);
    let mut weights = Vec::with_capacity(clusters);
    let mut total = 0.0_f64;
    for cluster in 0..clusters {
        let topic = &topic[random.below(topics) * dimension..][..dimension];
        centres.extend(topic.iter().zip(&scale).map(|(topic, scale)| scale * (0.6 + 0.7 * topic + random.normal())));
        widths.push(0.4 + 0.8 * random.uniform());
        total += f64::from(u32::try_from(cluster + 1).expect("fits")).powf(-0.6);
        weights.push(total);
    }
    let mut draw = |count: usize, earlier: bool| {
        let mut drawn: Vec<f32> = Vec::with_capacity(count * dimension);
        for row in 0..count {
            let start = drawn.len();
            if earlier && row > 0 && random.below(10) == 0 {
                let copied = random.below(row) * dimension;
                for at in copied..copied + dimension {
                    drawn.push(drawn[at] * (1.0 + 0.05 * random.normal()));
                }
            } else {
                let at = f64::from(random.uniform()) * total;
                let cluster = weights.partition_point(|&weight| weight < at).min(clusters - 1);
                let centre = &centres[cluster * dimension..][..dimension];
                drawn.extend(
                    centre.iter().zip(&scale).map(|(mean, scale)| mean + scale * widths[cluster] * random.normal()),
                );
            }
            normalise(&mut drawn[start..]);
        }
        drawn
    };
    Data { dimension, rows: draw(rows, true), queries: draw(queries, false) }
}

/// Little-endian f32 vectors from a file; evenly spaced rows are asked with and not stored.
pub fn file(path: &Path, rows: usize, queries: usize, dimension: usize) -> std::io::Result<Data> {
    let bytes = std::fs::read(path)?;
    let mut values: Vec<f32> = bytes
        .as_chunks::<4>()
        .0
        .iter()
        .take((rows + queries).saturating_mul(dimension))
        .map(|value| f32::from_le_bytes(*value))
        .collect();
    values.truncate(values.len() / dimension * dimension);
    values.chunks_exact_mut(dimension).for_each(normalise);
    let stride = (values.len() / dimension / queries).max(2);
    let mut data = Data { dimension, rows: Vec::with_capacity(values.len()), queries: Vec::new() };
    for (at, row) in values.chunks_exact(dimension).enumerate() {
        let asked = at % stride == stride / 2 && data.queries.len() < queries * dimension;
        if asked { &mut data.queries } else { &mut data.rows }.extend_from_slice(row);
    }
    Ok(data)
}

fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    for value in vector {
        *value /= length;
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u32 << 24) as f32
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Normal to within what four uniform numbers give: enough for a mixture, and quick.
    fn normal(&mut self) -> f32 {
        let sum: f32 = (0..4).map(|_| self.uniform()).sum();
        (sum - 2.0) * 1.732
    }
}
