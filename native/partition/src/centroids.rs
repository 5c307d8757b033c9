//! Centroids and the search for the nearest of them.

use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;

use crate::parallel;
use crate::product::{LANES, Panel, STEP, dot};

/// Of this many groups, one is looked into for each vector.
const VISITED_OF: usize = 8;
/// Rows of one piece of work: enough that each group of centroids meets full panels of them.
const BLOCK_ROWS: usize = 2048;

/// Row-major centroids with half of each one's squared length, so that the nearest to `x` is the one with the largest
/// `x.c - |c|^2 / 2`. That difference is called the score here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Centroids {
    dimension: usize,
    values: Vec<f32>,
    half_norms: Vec<f32>,
}

impl Centroids {
    pub(crate) fn new(dimension: usize, values: Vec<f32>) -> Self {
        let half_norms = values.chunks_exact(dimension).map(|centroid| dot(centroid, centroid) / 2.0).collect();
        Self { dimension, values, half_norms }
    }

    pub(crate) fn len(&self) -> usize {
        self.half_norms.len()
    }

    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    pub(crate) fn get(&self, cell: usize) -> &[f32] {
        &self.values[cell * self.dimension..][..self.dimension]
    }

    pub(crate) fn half_norm(&self, cell: usize) -> f32 {
        self.half_norms[cell]
    }

    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    pub(crate) fn bytes(&self) -> usize {
        (self.values.len() + self.half_norms.len()) * size_of::<f32>()
    }
}

/// Centroids gathered by likeness: the upper level of a two-level search.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Groups {
    pub(crate) centroids: Centroids,
    pub(crate) members: Vec<Vec<u32>>,
    /// Groups looked into for each vector.
    pub(crate) visited: usize,
}

impl Groups {
    /// Gathers `centroids` by the group of each. A group's own centroid is the mean of its members.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn new(centroids: &Centroids, group_of: &[u32], groups: usize) -> Self {
        let mut members = vec![Vec::new(); groups];
        for (cell, &group) in (0..).zip(group_of) {
            members[group as usize].push(cell);
        }
        let mut values = vec![0.0; groups * centroids.dimension];
        for (sums, members) in values.chunks_exact_mut(centroids.dimension).zip(&members) {
            let share = 1.0 / members.len().max(1) as f32;
            for &cell in members {
                sums.iter_mut().zip(centroids.get(cell as usize)).for_each(|(sum, value)| *sum += share * value);
            }
        }
        Self { centroids: Centroids::new(centroids.dimension, values), members, visited: visited(groups) }
    }

    /// The group whose centroid is nearest to `vector`.
    pub(crate) fn nearest(&self, vector: &[f32]) -> u32 {
        let score = |group: usize| dot(vector, self.centroids.get(group)) - self.centroids.half_norm(group);
        (0..).zip(0..self.centroids.len()).max_by(|a, b| score(a.1).total_cmp(&score(b.1))).map_or(0, |best| best.0)
    }

    /// The group of each of `cells` cells.
    pub(crate) fn group_of(&self, cells: usize) -> Vec<u32> {
        let mut group_of = vec![0; cells];
        for (group, members) in (0..).zip(&self.members) {
            for &cell in members {
                group_of[cell as usize] = group;
            }
        }
        group_of
    }

    pub(crate) fn bytes(&self) -> usize {
        let members: usize = self.members.iter().map(|members| members.capacity() * size_of::<u32>()).sum();
        self.centroids.bytes() + self.members.len() * size_of::<Vec<u32>>() + members
    }
}

/// Groups looked into for each vector.
fn visited(groups: usize) -> usize {
    groups.div_ceil(VISITED_OF)
}

/// The nearest centroid of a vector, and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Nearest {
    pub(crate) cell: u32,
    pub(crate) score: f32,
}

const NONE: Nearest = Nearest { cell: 0, score: f32::NEG_INFINITY };

/// Finds the nearest centroid of each row of `vectors`: among all without `groups`, else among those of the groups whose
/// own centroids are nearest. Ties go to the lower cell.
///
/// # Errors
/// `Cancelled`, within a millisecond of the flag.
pub(crate) fn nearest(
    centroids: &Centroids,
    groups: Option<&Groups>,
    vectors: &[f32],
    out: &mut [Nearest],
    threads: usize,
    cancel: &Cancel,
) -> Result<()> {
    let dimension = centroids.dimension;
    let blocks: Vec<_> = vectors.chunks(BLOCK_ROWS * dimension).zip(out.chunks_mut(BLOCK_ROWS)).collect();
    parallel::each(
        blocks,
        threads,
        || Panel::new(dimension),
        |panel, (vectors, out)| {
            out.fill(NONE);
            match groups {
                None => all(centroids, vectors, out, panel, cancel),
                Some(groups) => grouped(centroids, groups, vectors, out, panel, cancel),
            }
        },
    )
}

fn all(centroids: &Centroids, vectors: &[f32], out: &mut [Nearest], panel: &mut Panel, cancel: &Cancel) -> Result<()> {
    let dimension = centroids.dimension;
    let cells: Vec<u32> = (0..).take(centroids.len()).collect();
    for (vectors, out) in vectors.chunks(LANES * dimension).zip(out.chunks_mut(LANES)) {
        panel.pack(vectors.chunks_exact(dimension));
        scores(centroids, &cells, panel, cancel, |lane, cell, score| {
            if let Some(best) = out.get_mut(lane) {
                improve(best, cell, score);
            }
        })?;
    }
    Ok(())
}

fn grouped(
    centroids: &Centroids,
    groups: &Groups,
    vectors: &[f32],
    out: &mut [Nearest],
    panel: &mut Panel,
    cancel: &Cancel,
) -> Result<()> {
    let dimension = centroids.dimension;
    let mut rows_of: Vec<Vec<u32>> = vec![Vec::new(); groups.members.len()];
    let all_groups: Vec<u32> = (0..).take(groups.members.len()).collect();
    let mut scored: Vec<Vec<(f32, u32)>> = (0..LANES).map(|_| Vec::with_capacity(all_groups.len())).collect();
    let mut row = 0_u32;
    for vectors in vectors.chunks(LANES * dimension) {
        panel.pack(vectors.chunks_exact(dimension));
        scored.iter_mut().for_each(Vec::clear);
        scores(&groups.centroids, &all_groups, panel, cancel, |lane, group, score| scored[lane].push((score, group)))?;
        for scored in scored.iter_mut().take(vectors.len() / dimension) {
            if groups.visited < scored.len() {
                scored.select_nth_unstable_by(groups.visited, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            }
            for &(_, group) in scored.iter().take(groups.visited) {
                rows_of[group as usize].push(row);
            }
            row += 1;
        }
    }
    for (rows, members) in rows_of.iter().zip(&groups.members) {
        for rows in rows.chunks(LANES) {
            panel.pack(rows.iter().map(|&row| &vectors[row as usize * dimension..][..dimension]));
            scores(centroids, members, panel, cancel, |lane, cell, score| {
                if let Some(&row) = rows.get(lane) {
                    improve(&mut out[row as usize], cell, score);
                }
            })?;
        }
    }
    Ok(())
}

fn improve(best: &mut Nearest, cell: u32, score: f32) {
    let better = score > best.score;
    if better || (score >= best.score && cell < best.cell) {
        *best = Nearest { cell, score };
    }
}

/// Hands `take` the score of every lane of the panel with every one of `cells`: `(lane, cell, score)`.
fn scores(
    centroids: &Centroids,
    cells: &[u32],
    panel: &Panel,
    cancel: &Cancel,
    mut take: impl FnMut(usize, u32, f32),
) -> Result<()> {
    for cells in cells.chunks(STEP * 64) {
        cancel.check()?;
        for cells in cells.chunks(STEP) {
            let products = panel.products(std::array::from_fn(|at| {
                centroids.get(cells.get(at).map_or(cells[0] as usize, |&cell| cell as usize))
            }));
            for (&cell, products) in cells.iter().zip(&products) {
                let half_norm = centroids.half_norms[cell as usize];
                for (lane, product) in products.iter().enumerate() {
                    take(lane, cell, product - half_norm);
                }
            }
        }
    }
    Ok(())
}
