//! Token vectors that learn: sums of rows, brought to unit length, and what a loss on them means for the rows.

use std::path::Path;

use crate::Outcome;
use crate::bags::Bags;
use crate::wide::{MEAN, SQUARE, adam, add, dot};

/// A vector per piece, and a factor for pieces of a question.
#[derive(Debug, Clone)]
pub struct Model {
    pub dimension: usize,
    /// rows x dimension
    pub rows: Vec<f32>,
    /// Natural logarithm of the factor with which a piece counts in a question.
    pub query: Vec<f32>,
}

/// Whose side a text stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Query,
    Passage,
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
        rows.iter_mut().for_each(|x| *x *= factor);
        Ok(Self { dimension, rows, query: vec![0.0; count] })
    }

    pub fn row(&self, piece: usize) -> &[f32] {
        &self.rows[piece * self.dimension..(piece + 1) * self.dimension]
    }

    /// Weight of a piece in a text.
    fn weight(&self, side: Side, piece: usize, count: u8) -> f32 {
        let weight = frequency_weight(count);
        if side == Side::Query { weight * self.query[piece].exp() } else { weight }
    }

    /// The sum of a bag in `out`, brought to unit length; returns the length it had.
    pub fn embed(&self, pieces: impl Iterator<Item = (usize, u8)>, side: Side, out: &mut [f32]) -> f32 {
        out.fill(0.0);
        for (piece, count) in pieces {
            let weight = self.weight(side, piece, count);
            add(out, weight, self.row(piece));
        }
        let length = dot(out, out).sqrt().max(1e-6);
        out.iter_mut().for_each(|x| *x /= length);
        length
    }

    /// Unit vectors of bags, one row each.
    pub fn embed_all(&self, bags: &Bags, numbers: &[u32], side: Side) -> Vec<f32> {
        let mut vectors = vec![0.0; numbers.len() * self.dimension];
        for (&bag, vector) in numbers.iter().zip(vectors.chunks_exact_mut(self.dimension)) {
            self.embed(bags.get(bag), side, vector);
        }
        vectors
    }
}

/// Gradients of the rows that a batch touches, and Adam's memory of all.
pub struct Optimizer {
    dimension: usize,
    gradient: Vec<f32>,
    query_gradient: Vec<f32>,
    touched: Vec<usize>,
    is_touched: Vec<bool>,
    means: Vec<f32>,
    squares: Vec<f32>,
    query_means: Vec<f32>,
    query_squares: Vec<f32>,
    steps: i32,
}

impl Optimizer {
    pub fn new(model: &Model) -> Self {
        let (rows, all) = (model.query.len(), model.rows.len());
        Self {
            dimension: model.dimension,
            gradient: vec![0.0; all],
            query_gradient: vec![0.0; rows],
            touched: Vec::new(),
            is_touched: vec![false; rows],
            means: vec![0.0; all],
            squares: vec![0.0; all],
            query_means: vec![0.0; rows],
            query_squares: vec![0.0; rows],
            steps: 0,
        }
    }

    /// Passes the gradient of a bag's unit vector on to its rows.
    pub fn pass(
        &mut self,
        model: &Model,
        pieces: impl Iterator<Item = (usize, u8)>,
        side: Side,
        unit: &[f32],
        length: f32,
        gradient: &mut [f32],
    ) {
        let along = dot(unit, gradient);
        for (g, u) in gradient.iter_mut().zip(unit) {
            *g = (*g - along * u) / length;
        }
        for (piece, count) in pieces {
            if !self.is_touched[piece] {
                self.is_touched[piece] = true;
                self.touched.push(piece);
            }
            let weight = model.weight(side, piece, count);
            let range = piece * self.dimension..(piece + 1) * self.dimension;
            add(&mut self.gradient[range], weight, gradient);
            if side == Side::Query {
                self.query_gradient[piece] += weight * dot(model.row(piece), gradient);
            }
        }
    }

    /// A step of Adam for the rows that were touched.
    pub fn step(&mut self, model: &mut Model, rate: f32, query_rate: f32) {
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
            let one = piece..=piece;
            let log = &mut model.query[one.clone()];
            adam(
                log,
                &mut self.query_gradient[one.clone()],
                &mut self.query_means[one.clone()],
                &mut self.query_squares[one],
                query_rate * correction,
            );
            log[0] = log[0].clamp(-4.0, 4.0);
        }
    }
}
