//! k-means on a sample (Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information Theory 1982), kept
//! balanced, with a two-level search for the nearest centroid once there are many.

use tiercel_base::error::Result;

use crate::centroids::{Centroids, Groups, Nearest, nearest};
use crate::halves::halves;
use crate::parallel::{self, Run};
use crate::random::Random;

/// From here on the nearest centroid is searched in two levels.
const TWO_LEVELS_FROM: usize = 256;
/// Rows between two looks at the flag while sums are formed.
const ROWS_PER_CHECK: usize = 512;
/// A cell with more than this many times the mean number of rows gives part of them to a small one.
const GIANT: f32 = 3.0;
/// A cell with less than this share of the mean number of rows may be given up for that.
const SMALL: f32 = 0.25;
/// Iterations for the groups: they only steer the search.
const GROUP_ITERATIONS: usize = 6;

/// Where the rows of a sample went.
pub(crate) struct Clusters {
    pub(crate) centroids: Centroids,
    pub(crate) nearest: Vec<Nearest>,
}

/// Whether a row is held out: it is assigned like the others, but no centroid is moved for it.
pub(crate) type HeldOut = fn(usize) -> bool;

/// Clusters `vectors`. There are at most `cells` clusters, fewer when the vectors do not tell as many apart; each has at
/// least one vector.
///
/// # Errors
/// `Cancelled`.
pub(crate) fn kmeans(
    vectors: &[f32],
    dimension: usize,
    cells: usize,
    iterations: usize,
    held_out: HeldOut,
    random: &mut Random,
    run: &Run<'_>,
) -> Result<Clusters> {
    let rows = vectors.len() / dimension;
    let mut first = random.sample(cells.min(rows), rows);
    first.sort_unstable();
    let values = first.iter().flat_map(|&row| &vectors[row * dimension..][..dimension]).copied().collect();
    let mut centroids = Centroids::new(dimension, values);
    let mut nearest_of = vec![Nearest { cell: 0, score: 0.0 }; rows];
    for iteration in 0..=iterations {
        let groups = group(&centroids, random, run)?;
        nearest(&centroids, groups.as_ref(), vectors, &mut nearest_of, run.threads, run.cancel)?;
        if iteration == iterations {
            break;
        }
        let members = Members::new(&nearest_of, centroids.len(), held_out);
        let mut values = means(&centroids, &members, vectors, run)?;
        // The last two rounds only settle what is there.
        if iteration + 2 < iterations {
            balance(&mut values, &members, vectors, dimension, random, run)?;
        }
        centroids = Centroids::new(dimension, values);
    }
    Ok(without_empty(centroids, nearest_of))
}

/// The upper level for these centroids; none while there are few.
pub(crate) fn group(centroids: &Centroids, random: &mut Random, run: &Run<'_>) -> Result<Option<Groups>> {
    if centroids.len() < TWO_LEVELS_FROM {
        return Ok(None);
    }
    let clusters = kmeans(
        centroids.values(),
        centroids.dimension(),
        group_count(centroids.len()),
        GROUP_ITERATIONS,
        |_| false,
        random,
        run,
    )?;
    let group_of: Vec<u32> = clusters.nearest.iter().map(|nearest| nearest.cell).collect();
    Ok(Some(Groups::new(centroids, &group_of, clusters.centroids.len())))
}

/// Groups for a number of cells: twice their root, which with an eighth of the groups visited costs the least for 99 rows
/// in 100 in their true nearest cell.
fn group_count(cells: usize) -> usize {
    2 * cells.isqrt()
}

/// The rows of each cell that are not held out, cell after cell, ascending within each.
struct Members {
    first: Vec<usize>,
    rows: Vec<u32>,
}

impl Members {
    fn new(nearest: &[Nearest], cells: usize, held_out: HeldOut) -> Self {
        let counted = || (0_u32..).zip(nearest).filter(|(row, _)| !held_out(*row as usize));
        let mut first = vec![0_usize; cells + 1];
        for (_, nearest) in counted() {
            first[nearest.cell as usize + 1] += 1;
        }
        for cell in 0..cells {
            first[cell + 1] += first[cell];
        }
        let mut next = first.clone();
        let mut rows = vec![0; first[cells]];
        for (row, nearest) in counted() {
            rows[next[nearest.cell as usize]] = row;
            next[nearest.cell as usize] += 1;
        }
        Self { first, rows }
    }

    fn of(&self, cell: usize) -> &[u32] {
        &self.rows[self.first[cell]..self.first[cell + 1]]
    }
}

/// The mean of each cell's rows; an empty cell keeps its centroid. Each cell is summed by one thread in the order of its
/// rows, so that the result does not depend on how many threads there are.
fn means(centroids: &Centroids, members: &Members, vectors: &[f32], run: &Run<'_>) -> Result<Vec<f32>> {
    let dimension = centroids.dimension();
    let mut values = centroids.values().to_vec();
    let cells: Vec<_> = values.chunks_exact_mut(dimension).enumerate().collect();
    parallel::each(
        cells,
        run.threads,
        || (),
        |(), (cell, mean)| {
            let rows = members.of(cell);
            if rows.is_empty() {
                return Ok(());
            }
            mean.fill(0.0);
            for rows in rows.chunks(ROWS_PER_CHECK) {
                run.cancel.check()?;
                for &row in rows {
                    for (sum, value) in mean.iter_mut().zip(&vectors[row as usize * dimension..][..dimension]) {
                        *sum += value;
                    }
                }
            }
            #[allow(clippy::cast_precision_loss)]
            let share = 1.0 / rows.len() as f32;
            for sum in mean {
                *sum *= share;
            }
            Ok(())
        },
    )?;
    Ok(values)
}

/// Gives up small cells, the smallest first, to cut giant ones in two, the largest first.
#[allow(clippy::cast_precision_loss)]
fn balance(
    values: &mut [f32],
    members: &Members,
    vectors: &[f32],
    dimension: usize,
    random: &mut Random,
    run: &Run<'_>,
) -> Result<()> {
    let cells = values.len() / dimension;
    let mean = members.rows.len() as f32 / cells as f32;
    let mut by_size: Vec<usize> = (0..cells).collect();
    by_size.sort_by_key(|&cell| (members.of(cell).len(), cell));
    let mut small = by_size.iter().copied().peekable();
    for &giant in by_size.iter().rev() {
        run.cancel.check()?;
        let Some(&given_up) = small.peek() else { break };
        let (few, many) = (members.of(given_up).len() as f32, members.of(giant).len() as f32);
        if given_up == giant || (few > 0.0 && (few >= SMALL * mean || many <= GIANT * mean)) {
            break;
        }
        let rows: Vec<&[f32]> =
            members.of(giant).iter().map(|&row| &vectors[row as usize * dimension..][..dimension]).collect();
        if let Some([lower, upper]) = halves(&rows, random) {
            values[giant * dimension..][..dimension].copy_from_slice(&lower);
            values[given_up * dimension..][..dimension].copy_from_slice(&upper);
            small.next();
        }
    }
    Ok(())
}

/// Drops clusters without rows.
fn without_empty(centroids: Centroids, mut nearest: Vec<Nearest>) -> Clusters {
    let mut used = vec![false; centroids.len()];
    for nearest in &nearest {
        used[nearest.cell as usize] = true;
    }
    if used.iter().all(|&used| used) {
        return Clusters { centroids, nearest };
    }
    let mut renamed = vec![0; centroids.len()];
    let mut values = Vec::with_capacity(centroids.values().len());
    let mut kept = 0;
    for cell in 0..centroids.len() {
        if used[cell] {
            renamed[cell] = kept;
            kept += 1;
            values.extend_from_slice(centroids.get(cell));
        }
    }
    for nearest in &mut nearest {
        nearest.cell = renamed[nearest.cell as usize];
    }
    Clusters { centroids: Centroids::new(centroids.dimension(), values), nearest }
}
