//! How long searches take while rows are appended, codes are made and files are merged beside them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tiercel_base::Key;
use tiercel_base::cancel::Cancel;
use tiercel_base::rows::RowSet;
use tiercel_vectors::{SearchOptions, VectorIndex};

use crate::K;
use crate::source::Source;

/// Rows of a commit.
const BATCH: usize = 100;
/// Queries that are timed before the inserts begin.
const IDLE: usize = 2000;

/// Times searches alone and beside inserts for `seconds`; prints both and their ratio.
pub fn measure(
    index: &VectorIndex,
    source: &Source,
    queries: &[f32],
    dimension: usize,
    seconds: u64,
    key: fn(u64) -> Key,
) {
    let all = RowSet::up_to(index.reader().end());
    let ask = |at: usize| {
        let query = &queries[at % (queries.len() / dimension) * dimension..][..dimension];
        let begun = Instant::now();
        let reader = index.reader();
        reader.search(query, K, &SearchOptions::default(), &all, &Cancel::new()).expect("hits");
        begun.elapsed().as_secs_f64() * 1e3
    };
    let idle = sorted((0..IDLE).map(ask).collect());
    let (stop, appended) = (AtomicBool::new(false), AtomicUsize::new(0));
    let first = u64::from(index.reader().end());
    let busy = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut vectors = vec![0.0; BATCH * dimension];
            while !stop.load(Ordering::Relaxed) {
                let next = first + appended.load(Ordering::Relaxed) as u64;
                // The same rows again, a little turned: their keys are new.
                for (row, out) in (next..).zip(vectors.chunks_exact_mut(dimension)) {
                    source.row(row % first, out);
                    out[row as usize % dimension] += 0.01;
                }
                let keys: Vec<Key> = (next..).take(BATCH).map(key).collect();
                index.append(&keys, &vectors).expect("appended");
                index.publish();
                appended.fetch_add(BATCH, Ordering::Relaxed);
            }
        });
        let begun = Instant::now();
        let mut times = Vec::new();
        while begun.elapsed() < Duration::from_secs(seconds) {
            times.push(ask(times.len()));
        }
        stop.store(true, Ordering::Relaxed);
        sorted(times)
    });
    let p99 = |times: &[f64]| times[times.len() * 99 / 100];
    println!(
        "beside inserts: {:.0} rows/s in commits of {BATCH}, {} searches: p50 {:.3} ms, p99 {:.3} ms; alone p50 {:.3}, p99 {:.3}: {:.2} times",
        appended.load(Ordering::Relaxed) as f64 / seconds as f64,
        busy.len(),
        busy[busy.len() / 2],
        p99(&busy),
        idle[idle.len() / 2],
        p99(&idle),
        p99(&busy) / p99(&idle)
    );
}

fn sorted(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times
}
