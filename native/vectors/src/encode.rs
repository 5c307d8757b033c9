//! From a caller's vector to rotated codes.

use rayon::prelude::*;
use tiercel_base::error::{Error, Result};
use tiercel_codec::rotation::Rotation;
use tiercel_codec::{half, int8, normalise};

use crate::workers;

/// Fewer rows than this are not worth a second thread.
const SPLIT_ROWS: usize = 64;

/// Seed of the rotation; the manifest keeps the one a space was made with.
pub const ROTATION_SEED: u64 = 0x7469_6572_6365_6c32;

/// Encodes vectors of one space.
pub struct Encoder {
    rotation: Rotation,
    halves: bool,
}

/// Rows ready to be stored, row-major.
pub struct Encoded {
    /// One per row.
    pub scales: Vec<f32>,
    /// `padded` per row.
    pub codes: Vec<i8>,
    /// `padded` per row, if the space keeps them.
    pub halves: Option<Vec<u16>>,
}

impl Encoder {
    pub fn new(dimension: usize, seed: u64, halves: bool) -> Self {
        Self { rotation: Rotation::new(dimension, seed), halves }
    }

    /// Components before rotation.
    pub fn dimension(&self) -> usize {
        self.rotation.dimension()
    }

    /// Components after rotation.
    pub fn padded(&self) -> usize {
        self.rotation.padded()
    }

    /// A query as a rotated vector of length 1.
    pub fn query(&self, vector: &[f32]) -> Result<Vec<f32>> {
        let dimension = self.rotation.dimension();
        if vector.len() != dimension {
            return Err(Error::FixTheCall(format!(
                "A query of {} numbers cannot be compared with vectors of dimension {dimension}.",
                vector.len()
            )));
        }
        let mut unit = vec![0.0; dimension];
        let mut rotated = vec![0.0; self.padded()];
        normalise(vector, &mut unit)?;
        self.rotation.apply(&unit, &mut rotated);
        Ok(rotated)
    }

    /// Encodes `n x dimension` numbers, all or nothing.
    pub fn rows(&self, vectors: &[f32]) -> Result<Encoded> {
        let (dimension, padded) = (self.rotation.dimension(), self.padded());
        if !vectors.len().is_multiple_of(dimension) {
            return Err(Error::FixTheCall(format!(
                "{} numbers are not vectors of dimension {dimension}.",
                vectors.len()
            )));
        }
        let rows = vectors.len() / dimension;
        let mut encoded = Encoded {
            scales: vec![0.0; rows],
            codes: vec![0; rows * padded],
            halves: self.halves.then(|| vec![0; rows * padded]),
        };
        let block = |(at, (scales, codes)): (usize, (&mut [f32], &mut [i8]))| -> Result<Vec<u16>> {
            let mut unit = vec![0.0; dimension];
            let mut rotated = vec![0.0; padded];
            let mut halves = vec![0; if self.halves { codes.len() } else { 0 }];
            let first = at * SPLIT_ROWS * dimension;
            let rows = vectors[first..].chunks_exact(dimension).zip(scales).zip(codes.chunks_exact_mut(padded));
            for (row, ((vector, scale), codes)) in rows.enumerate() {
                normalise(vector, &mut unit)?;
                self.rotation.apply(&unit, &mut rotated);
                *scale = int8::encode(&rotated, codes);
                if self.halves {
                    half::encode(&rotated, &mut halves[row * padded..(row + 1) * padded]);
                }
            }
            Ok(halves)
        };
        let (scales, codes) = (&mut encoded.scales, &mut encoded.codes);
        let halves: Vec<Vec<u16>> = if rows <= SPLIT_ROWS {
            scales
                .chunks_mut(SPLIT_ROWS)
                .zip(codes.chunks_mut(SPLIT_ROWS * padded))
                .enumerate()
                .map(block)
                .collect::<Result<_>>()?
        } else {
            workers::pool()?.install(|| {
                scales
                    .par_chunks_mut(SPLIT_ROWS)
                    .zip(codes.par_chunks_mut(SPLIT_ROWS * padded))
                    .enumerate()
                    .map(block)
                    .collect::<Result<_>>()
            })?
        };
        if let Some(all) = &mut encoded.halves {
            for (to, from) in all.chunks_mut(SPLIT_ROWS * padded).zip(&halves) {
                to.copy_from_slice(from);
            }
        }
        Ok(encoded)
    }
}
