//! Token vectors that learn: sums of rows, brought to unit length, and what a loss on them means for the rows.

use std::path::Path;

use crate::Outcome;
use crate::bags::Bags;
use crate::wide::{MEAN, SQUARE, adam, add, dot};

/// A vector per piece.
#[derive(Debug, Clone)]
pub struct Model {
    pub dimension: usize,
    /// rows x dimension
    pub rows: Vec<f32>,
}

/// `1 + ln tf`
fn frequency_weight(count: u8) -> f32 {
    1.0 + f32::from(count).ln()
}

impl Model {
    /// The vectors of a `vectors.bin`, scaled to a mean length of 1 over the rows.
    pub fn read(file: &Path) -> Outcome<Self> {
        let bytes = std::fs::read(file)?;
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (count, dimension) = (word(16) as usize, word(20) as usize);
        let mut rows = Vec::with_capacity(count * dimension);
        for row in 0..count {
            let scale = f32::from_bits(word(64 + 4 * row));
            let start = 64 + 4 * count + row * dimension;
            rows.extend(bytes[start..start + dimension].iter().map(|&code| scale * f32::from(code.cast_signed())));
        }
        let lengths: f32 = rows.chunks_exact(dimension).map(|row| row.iter().map(|x| x * x).sum::<f32>().sqrt()).sum();
        #[allow(clippy::cast_precision_loss)]
        let factor = count as f32 / lengths;
        for x in &mut rows {
            *x *= factor;
        }
        Ok(Self { dimension, rows })
    }

    pub fn row(&self, piece: usize) -> &[f32] {
        &self.rows[piece * self.dimension..(piece + 1) * self.dimension]
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len() / self.dimension
    }

    /// The sum of a bag in `out`, brought to unit length; returns the length it had.
    pub fn embed(&self, pieces: impl Iterator<Item = (usize, u8)>, out: &mut [f32]) -> f32 {
        out.fill(0.0);
        for (piece, count) in pieces {
            add(out, frequency_weight(count), self.row(piece));
        }
        let length = dot(out, out).sqrt().max(1e-6);
        for x in out.iter_mut() {
            *x /= length;
        }
        length
    }

    /// Unit vectors of bags, one row each.
    pub fn embed_all(&self, bags: &Bags, numbers: &[u32]) -> Vec<f32> {
        let mut vectors = vec![0.0; numbers.len() * self.dimension];
        for (&bag, vector) in numbers.iter().zip(vectors.chunks_exact_mut(self.dimension)) {
            self.embed(bags.get(bag), vector);
        }
        vectors
    }
}

/// Gradients of the rows that a batch touches, and Adam's memory of all.
pub struct Optimizer {
    dimension: usize,
    gradient: Vec<f32>,
    touched: Vec<usize>,
    is_touched: Vec<bool>,
    means: Vec<f32>,
    squares: Vec<f32>,
    steps: i32,
}

impl Optimizer {
    pub fn new(model: &Model) -> Self {
        let (rows, all) = (model.len(), model.rows.len());
        Self {
            dimension: model.dimension,
            gradient: vec![0.0; all],
            touched: Vec::new(),
            is_touched: vec![false; rows],
            means: vec![0.0; all],
            squares: vec![0.0; all],
            steps: 0,
        }
    }

    /// Passes the gradient of a bag's unit vector on to its rows.
    pub fn pass(&mut self, pieces: impl Iterator<Item = (usize, u8)>, unit: &[f32], length: f32, gradient: &mut [f32]) {
        let along = dot(unit, gradient);
        for (g, u) in gradient.iter_mut().zip(unit) {
            *g = (*g - along * u) / length;
        }
        for (piece, count) in pieces {
            if !self.is_touched[piece] {
                self.is_touched[piece] = true;
                self.touched.push(piece);
            }
            let range = piece * self.dimension..(piece + 1) * self.dimension;
            add(&mut self.gradient[range], frequency_weight(count), gradient);
        }
    }

    /// A step of Adam for the rows that were touched.
    pub fn step(&mut self, model: &mut Model, rate: f32) {
        self.steps += 1;
        let correction = (1.0 - SQUARE.powi(self.steps)).sqrt() / (1.0 - MEAN.powi(self.steps));
        for piece in self.touched.drain(..) {
            self.is_touched[piece] = false;
            let range = piece * self.dimension..(piece + 1) * self.dimension;
            adam(
                &mut model.rows[range.clone()],
                &mut self.gradient[range.clone()],
                &mut self.means[range.clone()],
                &mut self.squares[range],
                rate * correction,
            );
        }
    }
}
