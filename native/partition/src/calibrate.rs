//! How far probing must reach for a recall: measured at training time, with rows of the sample that the training has not
//! seen, and again on the whole store once it has its codes ([`crate::Calibrator`]).

use tiercel_base::error::Result;

use crate::centroids::{Centroids, Nearest};
use crate::kmeans::HeldOut;
use crate::parallel::{self, Run};
use crate::probe::PATIENCE;
use crate::product::{LANES, Panel, STEP};
use crate::random::Random;
use crate::rank::promise;
use crate::reach::{Demand, Spread};
use crate::size::rows_meant;

/// Rows asked with.
const QUERIES: usize = 1024;
/// Neighbours asked for in the whole store. In a sample of half of it, the best five stand for them; fewer are not asked
/// for, because the score of the very best ends the probing sooner than that of a tenth.
pub(crate) const NEIGHBOURS: usize = 10;
const FEWEST_NEIGHBOURS: usize = 5;
/// Scores kept for each query: rows beyond are no neighbours, nor near enough to end the probing.
pub(crate) const KEPT: usize = 256;
/// Steps of a curve, and the reach from one to the next.
const STEPS: usize = 64;
const STEP_REACH: f32 = 0.04;
/// Curves: for all rows, and for filters that let one row in 4, 16 and 64 pass.
pub(crate) const SHARES: usize = 4;
pub(crate) const FEWER: usize = 4;
/// Numbers of all curves.
pub(crate) const CURVE_STEPS: usize = SHARES * STEPS;

/// The recall that probing brought, by the reach up to which cells were visited, one curve for each share of rows that
/// may be returned. No curve falls.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Curves {
    pub(crate) recall: Vec<f32>,
    /// The mean share of the cells that probing up to each reach visited.
    pub(crate) visited: Vec<f32>,
    /// Rows of the store that they were measured on; 0 for a sample.
    pub(crate) rows: u64,
}

impl Curves {
    /// Where nothing was measured, every recall takes all cells.
    pub(crate) fn unknown() -> Self {
        Self { recall: vec![0.0; CURVE_STEPS], visited: vec![1.0; CURVE_STEPS], rows: 0 }
    }

    /// The reach that brings `recall` of the nearest among the `share` of rows that may be returned, between the steps
    /// in proportion. Infinite where nothing less is known to.
    pub(crate) fn reach_for(&self, recall: f32, share: f32) -> f32 {
        curve_of(share).map_or(f32::INFINITY, |curve| on(&self.recall[curve * STEPS..][..STEPS], recall))
    }

    /// The share of the cells that probing for `recall` visits on average; 1 where nothing less is known.
    pub(crate) fn visited_for(&self, recall: f32, share: f32) -> f32 {
        let found = curve_of(share).and_then(|curve| {
            let step = self.recall[curve * STEPS..][..STEPS].iter().position(|&reached| reached >= recall)?;
            Some(self.visited[curve * STEPS + step])
        });
        found.unwrap_or(1.0)
    }
}

/// The curve of the nearest smaller share that was measured.
fn curve_of(share: f32) -> Option<usize> {
    let mut measured = 1.0_f32;
    for curve in 0..SHARES {
        if measured <= share {
            return Some(curve);
        }
        #[expect(clippy::cast_precision_loss, reason = "4")]
        let fewer = FEWER as f32;
        measured /= fewer;
    }
    None
}

/// Where a curve reaches `recall`.
fn on(curve: &[f32], recall: f32) -> f32 {
    let Some(step) = curve.iter().position(|&reached| reached >= recall) else { return f32::INFINITY };
    let Some(&before) = step.checked_sub(1).and_then(|before| curve.get(before)) else { return reach(0) };
    let share = (recall - before) / (curve[step] - before).max(f32::MIN_POSITIVE);
    reach(step) - STEP_REACH * (1.0 - share)
}

fn reach(step: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "few steps")]
    let step = (step + 1) as f32;
    step * STEP_REACH
}

/// One row of the sample in this many is held out of the training to calibrate with. Rows that were trained on lie nearer
/// to their centroids than any that come later: calibrated with them, probing would stop too early.
const HELD_OUT_OF: usize = 4;
/// Rows of the sample per cell below which every row is needed for the training, and nothing is calibrated.
const FEWEST_PER_CELL: usize = 16;

/// Which rows of a sample of `rows` are held out when it is trained into `cells`.
pub(crate) fn held_out(rows: usize, cells: usize) -> HeldOut {
    if cells < 2 || rows < cells.saturating_mul(FEWEST_PER_CELL) {
        |_| false
    } else {
        |row| row % HELD_OUT_OF == HELD_OUT_OF - 1
    }
}

/// Measures the curves on the rows of `sample` that are held out; `nearest` has the cell of every row.
pub(crate) fn calibrate(
    centroids: &Centroids,
    spreads: &[Spread],
    sample: &[f32],
    nearest: &[Nearest],
    held_out: HeldOut,
    random: &mut Random,
    run: &Run<'_>,
) -> Result<Curves> {
    let dimension = centroids.dimension();
    let vector = |row: usize| &sample[row * dimension..][..dimension];
    let store: Vec<usize> = (0..nearest.len()).filter(|&row| held_out(row)).collect();
    let neighbours = neighbours(store.len(), centroids.len());
    if store.len() <= neighbours || centroids.len() < 2 {
        return Ok(Curves::unknown());
    }
    let queries = random.sample(QUERIES, store.len());
    let mut found = vec![Found::default(); queries.len()];
    let work: Vec<_> = queries.chunks(LANES).zip(found.chunks_mut(LANES)).collect();
    parallel::each(
        work,
        run.threads,
        || Panel::new(dimension),
        |panel, (queries, found)| {
            panel.pack(queries.iter().map(|&query| vector(store[query])));
            let scores = products(panel, |at| vector(store[at]), store.len(), queries.len(), run)?;
            let dots = products(panel, |cell| centroids.get(cell), centroids.len(), queries.len(), run)?;
            for (((&query, found), mut scores), dots) in queries.iter().zip(found).zip(scores).zip(dots) {
                run.cancel.check()?;
                scores[query] = f32::NEG_INFINITY;
                let order = demands(&dots, centroids, spreads);
                let mut passing: Vec<(f32, u32)> =
                    scores.iter().zip(&store).map(|(&score, &row)| (score, nearest[row].cell)).collect();
                for found in &mut found.0 {
                    walk(&order, &best(&passing), neighbours, found, run)?;
                    passing = passing.into_iter().step_by(FEWER).collect();
                }
            }
            Ok(())
        },
    )?;
    Ok(curves(&found, neighbours, centroids.len(), 0))
}

/// The curves of what all queries found.
pub(crate) fn curves(found: &[Found], neighbours: usize, cells: usize, rows: u64) -> Curves {
    #[expect(clippy::cast_precision_loss, reason = "shares")]
    let [of_neighbours, of_cells] = [neighbours, cells].map(|count| 1.0 / (found.len() * count).max(1) as f32);
    let (mut recall, mut visited) = (Vec::with_capacity(CURVE_STEPS), Vec::with_capacity(CURVE_STEPS));
    for curve in 0..SHARES {
        let mut so_far = 0.0_f32;
        for step in 0..STEPS {
            let total =
                |of: fn(&Steps) -> &[u32; STEPS]| found.iter().map(|found| of(&found.0[curve])[step]).sum::<u32>();
            #[expect(clippy::cast_precision_loss, reason = "shares")]
            let (recalled, share) =
                (total(|steps| &steps.found) as f32 * of_neighbours, total(|steps| &steps.visited) as f32 * of_cells);
            so_far = so_far.max(recalled);
            recall.push(so_far);
            visited.push(share);
        }
    }
    Curves { recall, visited, rows }
}

/// What probing up to each step of a curve brings: neighbours found, and cells visited for them.
#[derive(Debug, Clone)]
pub(crate) struct Steps {
    found: [u32; STEPS],
    visited: [u32; STEPS],
}

/// What one query found, by curve.
#[derive(Debug, Clone)]
pub(crate) struct Found(pub(crate) [Steps; SHARES]);

impl Default for Found {
    fn default() -> Self {
        let none = || Steps { found: [0; STEPS], visited: [0; STEPS] };
        Self(std::array::from_fn(|_| none()))
    }
}

/// How many neighbours in the sample stand for [`NEIGHBOURS`] in a store of the size that the cells are meant for.
fn neighbours(sample: usize, cells: usize) -> usize {
    let rows = rows_meant(cells).max(sample).max(1);
    (NEIGHBOURS * sample).div_ceil(rows).clamp(FEWEST_NEIGHBOURS, NEIGHBOURS)
}

/// The cells in the order of their promise, each with what it demands.
pub(crate) fn demands(dots: &[f32], centroids: &Centroids, spreads: &[Spread]) -> Vec<(u32, Demand)> {
    let mut order: Vec<(f32, u32)> = (0_u32..)
        .zip(dots)
        .map(|(cell, &dot)| (promise(dot, centroids.half_norm(cell as usize), spreads[cell as usize].radius), cell))
        .collect();
    order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let demand = |(rank, (_, cell)): (usize, (f32, u32))| {
        let at = cell as usize;
        (cell, Demand::new(dots[at], centroids.half_norm(at), spreads[at].radius, rank))
    };
    order.into_iter().enumerate().map(demand).collect()
}

/// The best of scores with their cells, best first.
pub(crate) fn best(scores: &[(f32, u32)]) -> Vec<(f32, u32)> {
    let mut best = scores.to_vec();
    if best.len() > KEPT {
        best.select_nth_unstable_by(KEPT, |a, b| b.0.total_cmp(&a.0));
        best.truncate(KEPT);
    }
    best.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    best
}

/// Probes up to every reach of the curve; `found` takes how many of the nearest neighbours each brings, and how many cells
/// it visits.
pub(crate) fn walk(
    order: &[(u32, Demand)],
    best: &[(f32, u32)],
    neighbours: usize,
    found: &mut Steps,
    run: &Run<'_>,
) -> Result<()> {
    let mut scores_of = std::collections::HashMap::<u32, Vec<f32>>::new();
    for &(score, cell) in best {
        scores_of.entry(cell).or_default().push(score);
    }
    let Some(&(kth, _)) = best.get(neighbours - 1) else { return Ok(()) };
    let mut reached: Vec<f32> = Vec::with_capacity(KEPT);
    for step in 0..STEPS {
        run.cancel.check()?;
        reached.clear();
        let (mut passed_over, mut visited) = (0, 0);
        for &(cell, demand) in order {
            let so_far = reached.get(neighbours - 1).copied().unwrap_or(f32::NEG_INFINITY);
            if demand.reach(so_far) > reach(step) {
                passed_over += 1;
                if passed_over == PATIENCE {
                    break;
                }
                continue;
            }
            passed_over = 0;
            visited += 1;
            for &score in scores_of.get(&cell).into_iter().flatten() {
                let at = reached.partition_point(|&better| better >= score);
                reached.insert(at, score);
            }
        }
        let count = reached.iter().take(neighbours).filter(|&&score| score >= kth).count();
        // Reaching farther finds no less, and visits no fewer cells.
        found.found[step..].fill(u32::try_from(count).unwrap_or(u32::MAX));
        found.visited[step..].fill(visited);
        if visited as usize >= order.len() {
            break;
        }
    }
    Ok(())
}

/// The products of each of the panel's first `lanes` vectors with all of `count` others.
fn products<'a>(
    panel: &Panel,
    other: impl Fn(usize) -> &'a [f32],
    count: usize,
    lanes: usize,
    run: &Run<'_>,
) -> Result<Vec<Vec<f32>>> {
    let mut scores: Vec<Vec<f32>> = (0..lanes).map(|_| Vec::with_capacity(count)).collect();
    for first in (0..count).step_by(STEP) {
        if first % (STEP * 64) == 0 {
            run.cancel.check()?;
        }
        let products = panel.products(std::array::from_fn(|at| other((first + at).min(count - 1))));
        for products in products.iter().take(count - first) {
            for (scores, product) in scores.iter_mut().zip(products) {
                scores.push(*product);
            }
        }
    }
    Ok(scores)
}
