//! The hash functions.

use tiercel_base::error::{Error, Result};
use tiercel_codec::Kernel;

use crate::random::Random;

/// The functions of an index, coarse ones first.
#[derive(Debug)]
pub(super) struct Functions {
    dimension: usize,
    coarse: usize,
    kind: Kind,
}

/// A random rotation has made of every coordinate a product with a random hyperplane, and of different coordinates
/// orthogonal ones, so their signs are hash functions as they are. Where there are fewer coordinates than functions, the
/// hyperplanes are drawn.
#[derive(Debug)]
enum Kind {
    Coordinates(Vec<usize>),
    Hyperplanes(Vec<f32>),
}

/// What a vector hashes to.
pub(super) struct Hash {
    pub(super) bucket: usize,
    pub(super) fine: u64,
    /// Distance of the vector from the hyperplane of each coarse function: bit `i` of the bucket is the `i`th one's.
    pub(super) margins: Vec<f32>,
}

impl Functions {
    pub(super) fn new(dimension: usize, coarse: usize, fine: usize, seed: u64) -> Self {
        if coarse + fine > dimension {
            return Self::hyperplanes(dimension, coarse, fine, seed);
        }
        let chosen = Random::new(seed).sample(coarse + fine, dimension);
        Self { dimension, coarse, kind: Kind::Coordinates(chosen) }
    }

    pub(super) fn hyperplanes(dimension: usize, coarse: usize, fine: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let planes = (0..(coarse + fine) * dimension).map(|_| random.normal()).collect();
        Self { dimension, coarse, kind: Kind::Hyperplanes(planes) }
    }

    pub(super) fn hash(&self, vector: &[f32]) -> Result<Hash> {
        if vector.len() != self.dimension {
            return Err(Error::FixTheCall(format!(
                "A vector of {} dimensions does not fit a hash index of {}.",
                vector.len(),
                self.dimension
            )));
        }
        let projections: Vec<f32> = match &self.kind {
            Kind::Coordinates(chosen) => chosen.iter().map(|&at| vector[at]).collect(),
            Kind::Hyperplanes(planes) => {
                let kernel = Kernel::detect();
                planes.chunks_exact(self.dimension).map(|plane| kernel.dot_f32(plane, vector)).collect()
            }
        };
        let (coarse, fine) = projections.split_at(self.coarse);
        let bits = |signs: &[f32]| {
            signs.iter().enumerate().fold(0_u64, |bits, (at, &sign)| bits | u64::from(sign >= 0.0) << at)
        };
        Ok(Hash {
            bucket: usize::try_from(bits(coarse)).unwrap_or(0),
            fine: bits(fine),
            margins: coarse.iter().map(|margin| margin.abs()).collect(),
        })
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + match &self.kind {
                Kind::Coordinates(chosen) => chosen.len() * size_of::<usize>(),
                Kind::Hyperplanes(planes) => planes.len() * size_of::<f32>(),
            }
    }
}
