//! Rotated rows with the true answers to the queries.

use std::collections::HashSet;
use std::thread;

use tiercel_codec::Kernel;
use tiercel_codec::rotation::Rotation;
use tiercel_partition::{Partition, ProbeRule, Prober};

use crate::data::Data;

const K: usize = 10;

pub struct Store {
    pub dimension: usize,
    pub vectors: Vec<f32>,
    queries: Vec<f32>,
    /// The ten nearest rows of each query, best first.
    truth: Vec<Vec<(f32, usize)>>,
}

/// Means over the queries.
pub struct Probed {
    pub recall: f64,
    pub probes: f64,
    pub most: f64,
    pub rows: f64,
}

impl Store {
    pub fn new(data: &Data) -> Self {
        let rotation = Rotation::new(data.dimension, 7);
        let rotated = |vectors: &[f32]| {
            let mut out = vec![0.0; vectors.len() / data.dimension * rotation.padded()];
            for (vector, out) in vectors.chunks_exact(data.dimension).zip(out.chunks_exact_mut(rotation.padded())) {
                rotation.apply(vector, out);
            }
            out
        };
        let mut store = Self {
            dimension: rotation.padded(),
            vectors: rotated(&data.rows),
            queries: rotated(&data.queries),
            truth: Vec::new(),
        };
        store.truth = store.exhaustive();
        store
    }

    pub fn rows(&self) -> usize {
        self.vectors.len() / self.dimension
    }

    pub fn row(&self, row: usize) -> &[f32] {
        &self.vectors[row * self.dimension..][..self.dimension]
    }

    pub fn queries(&self) -> impl Iterator<Item = &[f32]> {
        self.queries.chunks_exact(self.dimension)
    }

    /// Up to `rows` evenly spaced rows.
    pub fn sample(&self, rows: usize) -> Vec<f32> {
        let step = (self.rows() / rows.max(1)).max(1);
        (0..self.rows()).step_by(step).take(rows).flat_map(|row| self.row(row)).copied().collect()
    }

    fn exhaustive(&self) -> Vec<Vec<(f32, usize)>> {
        let mut best: Vec<Vec<(f32, usize)>> = vec![Vec::new(); self.queries().count()];
        let half = best.len().div_ceil(2);
        thread::scope(|scope| {
            for (part, best) in best.chunks_mut(half).enumerate() {
                scope.spawn(move || {
                    for rows in 0..self.rows().div_ceil(1_000) {
                        for (query, best) in self.queries().skip(part * half).zip(&mut *best) {
                            for row in rows * 1_000..((rows + 1) * 1_000).min(self.rows()) {
                                keep(best, Kernel::detect().dot_f32(query, self.row(row)), row);
                            }
                        }
                    }
                });
            }
        });
        best
    }

    /// For every true neighbour of every query, how many probes a fixed number must be to find it; ascending.
    pub fn needed_probes(&self, partition: &Partition, members: &[Vec<usize>]) -> Vec<usize> {
        let mut needed = Vec::new();
        let mut ranked = Vec::new();
        for (query, truth) in self.queries().zip(&self.truth) {
            partition.rank(query, partition.cells() as usize, &mut ranked);
            for (place, ranked) in ranked.iter().enumerate() {
                let found = truth.iter().filter(|(_, row)| members[ranked.cell as usize].binary_search(row).is_ok());
                needed.extend(found.map(|_| place + 1));
            }
        }
        needed.sort_unstable();
        needed
    }

    /// Rows in the first `probes` cells, on average over the queries.
    pub fn rows_of_probes(&self, partition: &Partition, members: &[Vec<usize>], probes: usize) -> f64 {
        let mut ranked = Vec::new();
        let mut rows = 0;
        for query in self.queries() {
            partition.rank(query, probes, &mut ranked);
            rows += ranked.iter().map(|ranked| members[ranked.cell as usize].len()).sum::<usize>();
        }
        rows as f64 / self.truth.len() as f64
    }

    pub fn probe(&self, partition: &Partition, members: &[Vec<usize>], rule: ProbeRule) -> Probed {
        let (mut found, mut probes, mut most, mut rows) = (0, 0, 0, 0);
        for (query, truth) in self.queries().zip(&self.truth) {
            let mut best: Vec<(f32, usize)> = Vec::new();
            let mut visit = Prober::new(partition, query, &rule);
            while let Some(ranked) = visit.next(best.get(K - 1).map_or(f32::NEG_INFINITY, |&(score, _)| score)) {
                for &row in &members[ranked.cell as usize] {
                    rows += 1;
                    keep(&mut best, Kernel::detect().dot_f32(query, self.row(row)), row);
                }
            }
            found += best.iter().filter(|(score, _)| *score >= truth[K - 1].0).count();
            probes += visit.probed();
            most = most.max(visit.probed());
        }
        let queries = self.truth.len() as f64;
        Probed {
            recall: found as f64 / queries / K as f64,
            probes: f64::from(probes) / queries,
            most: f64::from(most),
            rows: f64::from(rows) / queries,
        }
    }

    /// Recall of the true neighbours among the first `best` candidates of each query.
    pub fn recall_of(&self, candidates: &[Vec<(u32, u32)>], best: usize) -> f64 {
        let found = candidates.iter().zip(&self.truth).map(|(candidates, truth)| {
            let kept: HashSet<usize> = candidates.iter().take(best).map(|&(_, row)| row as usize).collect();
            truth.iter().filter(|(_, row)| kept.contains(row)).count()
        });
        found.sum::<usize>() as f64 / (candidates.len() * K) as f64
    }
}

/// Keeps the ten best.
fn keep(best: &mut Vec<(f32, usize)>, score: f32, row: usize) {
    if best.len() < K || score > best[K - 1].0 {
        let at = best.partition_point(|&(better, _)| better >= score);
        best.insert(at, (score, row));
        best.truncate(K);
    }
}
