//! Floats and bytes as a product of matrices, the best rows selected on the device.

use std::ops::Range;

use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;
use tiercel_codec::int8;
use tiercel_gpu::Device;
use tiercel_gpu::matrix::{Batches, Dots, Hit};

use crate::Setup;
use crate::clock::Timing;
use crate::cpu::{Comparison, Cost, Scores, kernel, scalar};
use crate::data::Random;
use crate::report::{Line, print_skipped, skip_without_room};

pub const FLOATS: &str = "f32";
pub const UNPACKED: &str = "int8, unpacked";
pub const PACKED: &str = "int8, packed";

const BEST: usize = 10;
/// Memory of the buffers of a search.
const POOL: u64 = 512 << 20;
/// Queries whose answers are compared with the processor's over all rows, spread over the batch.
const COMPARED: usize = 8;
/// Two roundings of a float: what scaling an exact integer may differ by. A sum that is off by one differs by more.
const SCALING: f32 = 2.0 * f32::EPSILON;

/// The same rows and queries for all kernels of one size.
struct Work<'a> {
    setup: &'a Setup,
    rows: usize,
    queries: usize,
    table: Vec<f32>,
    asked: Vec<f32>,
    scalar: Cost,
}

/// Each kernel with these rows and numbers of queries.
pub fn measure(setup: &Setup, device: &Device, rows: usize, queries: usize) -> Result<()> {
    if !setup.can_wait_for_product(rows, queries) {
        for kernel in [FLOATS, UNPACKED, PACKED] {
            print_skipped(kernel, rows, queries, "too slow on software Vulkan");
        }
        return Ok(());
    }
    let dimension = setup.dimension;
    let (table, asked) = (Random(3).units(rows, dimension), Random(4).units(queries, dimension));
    let work = Work { setup, rows, queries, table, asked, scalar: scalar(rows, queries, dimension, setup.runs) };
    let batches = Batches::new(device, POOL);
    floats(&work, &batches).or_else(|error| skip_without_room(error, FLOATS, rows, queries))?;
    bytes(&work, &batches).or_else(|error| skip_without_room(error, "int8", rows, queries))
}

fn floats(work: &Work<'_>, batches: &Batches<'_>) -> Result<()> {
    let dimension = work.setup.dimension;
    let matrix = batches.floats(&work.table, dimension)?;
    let cancel = Cancel::new();
    let (gpu, found) = work.setup.device_runs().time(|| batches.cosine(&matrix, &work.asked, BEST, &cancel))?;
    drop(matrix);
    let scores = |query: usize, rows: Range<usize>, scores: &mut [f32]| {
        let query = &work.asked[query * dimension..][..dimension];
        kernel().dots_f32(query, &work.table[rows.start * dimension..rows.end * dimension], scores);
    };
    let comparison = work.comparison(&scores);
    #[expect(clippy::cast_precision_loss, reason = "a tolerance")]
    let tolerance = 1e-7 * (dimension + 10) as f32;
    work.print(
        FLOATS,
        size_of_val(&*work.table),
        gpu,
        work.simd(&comparison),
        agrees(&comparison, &found, |_| tolerance),
    );
    Ok(())
}

fn bytes(work: &Work<'_>, batches: &Batches<'_>) -> Result<()> {
    let dimension = work.setup.dimension;
    let ((codes, scales), (asked, asked_scales)) = (encode(&work.table, dimension), encode(&work.asked, dimension));
    let queries: Vec<int8::Query> = work.asked.chunks(dimension).map(int8::Query::new).collect();
    let simd = work.simd(&work.comparison(&|query, rows: Range<usize>, scores| {
        let mut dots = [0; 64];
        let query = &queries[query];
        for (scores, rows) in scores.chunks_mut(dots.len()).zip((rows.start..rows.end).step_by(64)) {
            let dots = &mut dots[..scores.len()];
            kernel().dots_i8(query, &codes[rows * dimension..][..scores.len() * dimension], dots);
            for ((score, dot), scale) in scores.iter_mut().zip(dots).zip(&scales[rows..]) {
                *score = query.score(*dot, *scale);
            }
        }
    }));
    // A query of searches on the processor has sixteen bits; these are the device's eight.
    let scores = |query: usize, rows: Range<usize>, scores: &mut [f32]| {
        let (codes_of_query, scale) = (&asked[query * dimension..][..dimension], asked_scales[query]);
        for (score, row) in scores.iter_mut().zip(rows) {
            let dot: i32 =
                codes[row * dimension..].iter().zip(codes_of_query).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
            #[expect(clippy::cast_precision_loss, reason = "below 2^24 for as many dimensions as are measured")]
            let dot = dot as f32;
            *score = dot * scale * scales[row];
        }
    };
    let exact = work.comparison(&scores);
    let matrix = batches.bytes(&codes, &scales, dimension)?;
    let cancel = Cancel::new();
    for (name, way) in [(UNPACKED, Dots::Unpacked), (PACKED, Dots::Packed)] {
        let run = || batches.dots(&matrix, (&asked, &asked_scales), way, BEST, &cancel);
        let (gpu, found) = work.setup.device_runs().time(run)?;
        let verdict = agrees(&exact, &found, |score| SCALING * score.abs());
        work.print(name, codes.len(), gpu, simd, verdict);
    }
    Ok(())
}

/// Codes, and a scale for each vector.
fn encode(vectors: &[f32], dimension: usize) -> (Vec<i8>, Vec<f32>) {
    let mut codes = vec![0; vectors.len()];
    let rows = codes.chunks_mut(dimension).zip(vectors.chunks(dimension));
    let scales = rows.map(|(codes, vector)| int8::encode(vector, codes)).collect();
    (codes, scales)
}

impl Work<'_> {
    fn comparison<'c>(&self, scores: &'c Scores<'c>) -> Comparison<'c> {
        Comparison { rows: self.rows, queries: self.queries, best: BEST, scores }
    }

    /// By one thread, and by all.
    fn simd(&self, comparison: &Comparison<'_>) -> [Cost; 2] {
        [1, self.setup.threads].map(|threads| comparison.time(threads, self.setup.runs))
    }

    fn print(&self, kernel: &str, bytes: usize, gpu: Timing, simd: [Cost; 2], (compared, equal): (usize, bool)) {
        let (rows, queries, scalar) = (self.rows, self.queries, self.scalar);
        Line { kernel, rows, queries, bytes, gpu, simd, scalar, compared, equal }.print();
    }
}

/// How many queries were compared over all rows, and whether everything agrees: of those queries the scores of the best
/// rows, place by place, and of all queries the score of each row found.
fn agrees(comparison: &Comparison<'_>, found: &[Vec<Hit>], tolerance: impl Fn(f32) -> f32) -> (usize, bool) {
    let near = |one: f32, other: f32| (one - other).abs() <= tolerance(other);
    let sound = found.len() == comparison.queries
        && found.iter().enumerate().all(|(query, hits)| {
            let mut rows: Vec<u32> = hits.iter().map(|hit| hit.row).collect();
            rows.sort_unstable();
            rows.dedup();
            rows.len() == BEST.min(comparison.rows)
                && hits.iter().all(|hit| {
                    let (row, mut score) = (hit.row as usize, [f32::NAN]);
                    if row < comparison.rows {
                        (comparison.scores)(query, row..row + 1, &mut score);
                    }
                    near(hit.score, score[0])
                })
        });
    let compared = COMPARED.min(comparison.queries);
    // The first and the last are among them.
    let step = |at: usize| at * (comparison.queries - 1) / (compared - 1).max(1);
    let equal = sound
        && (0..compared).map(step).all(|query| {
            let best = comparison.best_of(query);
            best.len() == found[query].len()
                && best.iter().zip(&found[query]).all(|(best, hit)| near(hit.score, best.score))
        });
    (compared, equal)
}
