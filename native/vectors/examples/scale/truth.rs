//! The exact neighbours of the queries.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

use rayon::prelude::*;
use tiercel_base::cancel::Cancel;
use tiercel_base::rows::RowSet;
use tiercel_codec::Kernel;
use tiercel_vectors::{RowHit, SearchOptions, VectorIndex};

use crate::K;

/// The exact nearest rows, kept while rows stream by.
pub struct Truth {
    queries: Vec<f32>,
    best: Vec<BinaryHeap<Reverse<(u32, u32)>>>,
}

impl Truth {
    /// Nothing seen yet.
    pub fn new(queries: &[f32], dimension: usize) -> Self {
        Self { queries: queries.to_owned(), best: vec![BinaryHeap::new(); queries.len() / dimension] }
    }

    /// How many of the true neighbours of a query are among `hits`.
    pub fn found(&self, query: usize, hits: &[RowHit]) -> usize {
        let expected = self.rows(query);
        hits.iter().filter(|hit| expected.contains(&hit.row)).count()
    }

    /// Neighbours of all queries.
    pub fn count(&self) -> usize {
        K * self.best.len()
    }

    /// Takes a batch of rows into account.
    pub fn see(&mut self, kernel: Kernel, first: u32, rows: &[f32], dimension: usize) {
        let queries = self.queries.par_chunks_exact(dimension);
        self.best.par_iter_mut().zip(queries).for_each(|(best, query)| {
            for (row, vector) in (first..).zip(rows.chunks_exact(dimension)) {
                let score = kernel.dot_f32(query, vector);
                // Positive floats order as their bits; cosines are moved above zero.
                let entry = Reverse(((score + 2.0).to_bits(), u32::MAX - row));
                if best.len() < K {
                    best.push(entry);
                } else if best.peek().is_some_and(|worst| entry < *worst) {
                    best.pop();
                    best.push(entry);
                }
            }
        });
    }

    /// Kept beside the index, so that it can be measured again.
    pub fn store(&self, path: &Path) {
        let words =
            self.best.iter().flat_map(|best| best.iter().map(|entry| entry.0)).flat_map(|(score, row)| [score, row]);
        std::fs::write(path, words.flat_map(u32::to_le_bytes).collect::<Vec<u8>>()).expect("written");
    }

    /// The index's own exhaustive search, where nothing better is known.
    pub fn ask(&mut self, index: &VectorIndex, dimension: usize) {
        println!("recall is against the index's own exhaustive int8 search");
        let reader = index.reader();
        let all = RowSet::up_to(reader.end());
        let exact = SearchOptions { recall: 1.0, exact: true };
        for (best, query) in self.best.iter_mut().zip(self.queries.chunks_exact(dimension)) {
            let hits = reader.search(query, K, &exact, &all, &Cancel::new()).expect("hits");
            best.extend(hits.iter().map(|hit| Reverse((0, u32::MAX - hit.row))));
        }
    }

    /// What [`Truth::store`] kept.
    pub fn load(&mut self, path: &Path) {
        let bytes = std::fs::read(path).expect("read");
        let words: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        for (best, entries) in self.best.iter_mut().zip(words.chunks_exact(2 * K)) {
            best.extend(entries.chunks_exact(2).map(|entry| Reverse((entry[0], entry[1]))));
        }
    }

    fn rows(&self, query: usize) -> Vec<u32> {
        self.best[query].iter().map(|entry| u32::MAX - entry.0.1).collect()
    }
}
