//! A trained partition: centroids, what is known of each cell, and the search among them.

use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};

use crate::centroids::{Centroids, Groups, Nearest, nearest};
use tiercel_codec::WORD;

use crate::calibrate::{Curves, calibrate, held_out};
use crate::kmeans::{Clusters, group, kmeans};
use crate::parallel::Run;
use crate::rank::{Directions, Ranked, rank};
use crate::reach::Spread;

use crate::product::dot;
use crate::random::Random;

/// How a partition is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Training {
    /// Cells wanted; see [`crate::cells_for`]. Fewer come out when the sample does not tell as many apart.
    pub cells: usize,
    /// Rounds of k-means; 8 is enough.
    pub iterations: usize,
    /// The same sample, cells, rounds and seed give the same partition, whatever the number of threads.
    pub seed: u64,
    /// Threads to use, at least 1.
    pub threads: usize,
}

/// Cells of most promise among which the nearest one is sought.
const NEAREST_AMONG: usize = 16;

/// Cells of the rotated space: a row belongs to the cell whose centroid is nearest to it.
#[derive(Debug, Clone)]
pub struct Partition {
    pub(crate) centroids: Centroids,
    pub(crate) groups: Option<Groups>,
    pub(crate) directions: Option<Directions>,
    pub(crate) spreads: Vec<Spread>,
    pub(crate) curves: Curves,
}

impl Partition {
    /// Trains on `sample`, row-major unit vectors of `dimension` coordinates.
    ///
    /// # Errors
    /// `FixTheCall` for an empty sample or one that is no whole number of rows, for no cells; `Cancelled`.
    pub fn train(sample: &[f32], dimension: usize, training: &Training, cancel: &Cancel) -> Result<Self> {
        check_rows(sample, dimension)?;
        if sample.is_empty() || training.cells == 0 {
            return Err(Error::FixTheCall(
                "A partition is trained on at least one vector, into at least one cell.".into(),
            ));
        }
        let run = Run { threads: training.threads, cancel };
        let mut random = Random::new(training.seed);
        let held_out = held_out(sample.len() / dimension, training.cells);
        let clusters = kmeans(sample, dimension, training.cells, training.iterations, held_out, &mut random, &run)?;
        let groups = group(&clusters.centroids, &mut random, &run)?;
        let spreads = spreads(sample, &clusters);
        let curves = calibrate(&clusters.centroids, &spreads, sample, &clusters.nearest, held_out, &mut random, &run)?;
        Ok(Self::new(clusters.centroids, groups, spreads, curves))
    }

    pub(crate) fn new(centroids: Centroids, groups: Option<Groups>, spreads: Vec<Spread>, curves: Curves) -> Self {
        let directions = Directions::new(&centroids);
        Self { centroids, groups, directions, spreads, curves }
    }

    /// One cell about the mean of `sample`: everything is in it.
    ///
    /// # Errors
    /// `FixTheCall` for an empty sample or one that is no whole number of rows.
    pub fn mean(sample: &[f32], dimension: usize) -> Result<Self> {
        Self::train(sample, dimension, &Training { cells: 1, iterations: 1, seed: 0, threads: 1 }, &Cancel::new())
    }

    /// Number of cells, at least 1.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn cells(&self) -> u32 {
        self.centroids.len() as u32
    }

    /// Coordinates of each centroid.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.centroids.dimension()
    }

    /// The centroid of a cell below [`Partition::cells`]: the mean of its rows, shorter than a unit vector.
    #[must_use]
    pub fn centroid(&self, cell: u32) -> &[f32] {
        self.centroids.get(cell as usize)
    }

    /// What the sample said of a cell below [`Partition::cells`].
    #[must_use]
    pub fn spread(&self, cell: u32) -> Spread {
        self.spreads[cell as usize]
    }

    /// The squared distance of a row from the centroid of a cell below [`Partition::cells`].
    #[must_use]
    pub fn squared_residual(&self, cell: u32, row: &[f32]) -> f32 {
        let score = dot(row, self.centroid(cell)) - self.centroids.half_norm(cell as usize);
        (dot(row, row) - 2.0 * score).max(0.0)
    }

    /// The cell of one row: [`Partition::assign`] for few.
    #[must_use]
    pub fn nearest(&self, row: &[f32]) -> u32 {
        let mut ranked = Vec::new();
        self.rank(row, NEAREST_AMONG, &mut ranked);
        let score = |ranked: &Ranked| ranked.dot - self.centroids.half_norm(ranked.cell as usize);
        ranked.iter().max_by(|a, b| score(a).total_cmp(&score(b))).map_or(0, |nearest| nearest.cell)
    }

    /// Writes the cell of each row of `vectors` to `out`.
    ///
    /// # Errors
    /// `FixTheCall` when the lengths do not fit each other; `Cancelled`.
    pub fn assign(&self, vectors: &[f32], out: &mut [u32], threads: usize, cancel: &Cancel) -> Result<()> {
        check_rows(vectors, self.dimension())?;
        if vectors.len() != out.len() * self.dimension() {
            return Err(Error::FixTheCall(format!(
                "{} vectors cannot be assigned into room for {}.",
                vectors.len() / self.dimension(),
                out.len()
            )));
        }
        let mut found = vec![Nearest { cell: 0, score: 0.0 }; out.len()];
        nearest(&self.centroids, self.groups.as_ref(), vectors, &mut found, threads, cancel)?;
        for (out, found) in out.iter_mut().zip(found) {
            *out = found.cell;
        }
        Ok(())
    }

    /// The cells most likely to hold the nearest neighbours of `query`, best first, up to `best` of them. `out` is
    /// cleared first.
    ///
    /// # Panics
    /// When the query has another dimension.
    pub fn rank(&self, query: &[f32], best: usize, out: &mut Vec<Ranked>) {
        rank(&self.centroids, &self.spreads, self.directions.as_ref(), query, best, out);
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes_in_memory(&self) -> usize {
        self.centroids.bytes()
            + self.groups.as_ref().map_or(0, Groups::bytes)
            + self.directions.as_ref().map_or(0, Directions::bytes)
            + self.spreads.len() * size_of::<Spread>()
    }
}

/// What the sample says of each cell.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn spreads(sample: &[f32], clusters: &Clusters) -> Vec<Spread> {
    let mut sums = vec![(0_u32, 0.0_f64); clusters.centroids.len()];
    for (row, nearest) in sample.chunks_exact(clusters.centroids.dimension()).zip(&clusters.nearest) {
        let sum = &mut sums[nearest.cell as usize];
        sum.0 += 1;
        sum.1 += f64::from(dot(row, row) - 2.0 * nearest.score).max(0.0);
    }
    sums.into_iter()
        .map(|(rows, squares)| Spread { rows, radius: (squares / f64::from(rows.max(1))).sqrt() as f32 })
        .collect()
}

pub(crate) fn check_rows(vectors: &[f32], dimension: usize) -> Result<()> {
    if dimension == 0 || !dimension.is_multiple_of(WORD) || !vectors.len().is_multiple_of(dimension) {
        return Err(Error::FixTheCall(format!(
            "{} numbers are no whole number of rotated vectors of {dimension} dimensions, a multiple of {WORD}.",
            vectors.len()
        )));
    }
    Ok(())
}

#[cfg(test)]
#[path = "partition_tests.rs"]
mod tests;
