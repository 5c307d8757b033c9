//! The same work on the processor: by the kernels that searches use, and by a plain loop.

use std::hint::black_box;
use std::ops::Range;
use std::time::Duration;

use tiercel_codec::Kernel;
use tiercel_codec::candidates::{Candidate, Candidates};

use crate::clock::{Runs, Timing};
use crate::data::Random;

/// Rows that are compared with all queries before the next ones: few enough to stay in a core's own cache.
const BLOCK: usize = 64;
/// What the scalar loop is timed on at most; its time grows with vectors and queries alike.
const SCALAR_ROWS: usize = 20_000;
const SCALAR_QUERIES: usize = 8;
/// Queries from whose time it is judged how many can be waited for.
const TRIED: usize = 16;

/// A time for all queries, and the work from which it was extrapolated.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub time: Duration,
    pub rows: usize,
    pub queries: usize,
}

impl Cost {
    fn of(timing: Timing, (rows, queries): (usize, usize), (all_rows, all_queries): (usize, usize)) -> Self {
        let count = |one: usize, other: usize| {
            f64::from(u32::try_from(one).unwrap_or(u32::MAX)) * f64::from(u32::try_from(other).unwrap_or(u32::MAX))
        };
        Self { time: timing.time.mul_f64(count(all_rows, all_queries) / count(rows, queries)), rows, queries }
    }
}

/// The share of `rows` that a thread has.
pub fn share(rows: usize, thread: usize, threads: usize) -> Range<usize> {
    rows * thread / threads..rows * (thread + 1) / threads
}

/// Writes the scores of a query with consecutive rows.
pub type Scores<'a> = dyn Fn(usize, Range<usize>, &mut [f32]) + Sync + 'a;

/// A comparison of queries with rows.
pub struct Comparison<'a> {
    pub rows: usize,
    pub queries: usize,
    pub best: usize,
    pub scores: &'a Scores<'a>,
}

impl Comparison<'_> {
    /// The best of `rows` for the first `queries`.
    fn search(&self, rows: Range<usize>, queries: usize) -> Vec<Candidates> {
        let mut found: Vec<Candidates> = (0..queries).map(|_| Candidates::new(self.best)).collect();
        let mut scores = [0.0; BLOCK];
        for first in rows.clone().step_by(BLOCK) {
            let block = first..rows.end.min(first + BLOCK);
            for (query, found) in found.iter_mut().enumerate() {
                let scores = &mut scores[..block.len()];
                (self.scores)(query, block.clone(), scores);
                let place = u32::try_from(first).unwrap_or(u32::MAX);
                for (row, &score) in (place..).zip(&*scores) {
                    if score >= found.threshold() {
                        found.push(Candidate { score, row, place: row });
                    }
                }
            }
        }
        found
    }

    /// The best rows of one query over all rows, best first.
    pub fn best_of(&self, query: usize) -> Vec<Candidate> {
        let one = Comparison { scores: &|_, rows, scores| (self.scores)(query, rows, scores), queries: 1, ..*self };
        one.search(0..self.rows, 1).remove(0).into_sorted()
    }

    /// Time on so many threads, which share the rows. Of many queries as many are timed as `patience` allows.
    pub fn time(&self, threads: usize, runs: Runs) -> Cost {
        let time = |queries: usize, runs: Runs| {
            runs.time_threads(threads, |thread| {
                black_box(self.search(share(self.rows, thread, threads), queries));
            })
            .0
        };
        let tried = TRIED.min(self.queries);
        let whole = (self.rows, self.queries);
        let first = time(tried, Runs { most: if tried == self.queries { runs.most } else { 1 }, ..runs });
        if tried == self.queries {
            return Cost::of(first, (self.rows, tried), whole);
        }
        let affordable = runs.patience.div_duration_f64(first.time.max(Duration::from_nanos(1)));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of queries")]
        let affordable = (affordable * 1e3).min(1e9) as usize * tried / 1_000;
        let queries = affordable.clamp(tried, self.queries);
        Cost::of(time(queries, Runs { most: 1, ..runs }), (self.rows, queries), whole)
    }
}

/// What a loop over floats costs, without SIMD: sums in the order of the components, which no compiler may change.
/// Timed on a part, as its [`Cost`] says, with one thread.
pub fn scalar(rows: usize, queries: usize, dimension: usize, runs: Runs) -> Cost {
    let part = (rows.min(SCALAR_ROWS), queries.min(SCALAR_QUERIES));
    let (table, asked) = (Random(5).units(part.0, dimension), Random(6).units(part.1, dimension));
    let mut scores = vec![0.0; part.0];
    let (timing, ()) = runs
        .time(|| {
            for query in asked.chunks(dimension) {
                for (score, row) in scores.iter_mut().zip(table.chunks(dimension)) {
                    *score = row.iter().zip(query).fold(0.0, |sum, (a, b)| sum + a * b);
                }
                black_box(&mut scores);
            }
            Ok(())
        })
        .expect("a loop does not fail");
    Cost::of(timing, part, (rows, queries))
}

/// The kernels of this processor.
pub fn kernel() -> Kernel {
    Kernel::detect()
}
