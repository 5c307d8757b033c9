//! Nanoseconds of a hit in the page cache, at one thread and more: `cargo run --release -p tiercel-tier --example hits`.
//!
//! Runs are short, and many: only those count in which all threads ran at the same time, and of those the first quartile
//! of the slowest thread, so that other programs on the machine disturb little.

#![expect(clippy::cast_precision_loss, reason = "shares and times for people")]

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tiercel_tier::{Cache, Class, PageKey, PolicyKind};

const PAGES: u32 = 512;
const HITS: u32 = 8_192;
const RUNS: usize = 300;

fn main() {
    for threads in [1, 2] {
        for kind in PolicyKind::ALL {
            for (order, spread) in [("the same pages at once", 0), ("different pages", 1)].into_iter().take(threads) {
                let cache = filled(kind);
                let threads = u32::try_from(threads).unwrap_or(1);
                let mut times: Vec<Duration> = (0..RUNS).filter_map(|_| run(&cache, threads, spread)).collect();
                times.sort();
                let nanos = times.get(times.len() / 4).map_or(f64::NAN, |time| time.as_nanos() as f64);
                let (each, name) = (nanos / f64::from(HITS), kind.name());
                println!("{threads} threads, {order}, {name}: {each:.0} ns per hit ({} of {RUNS} runs)", times.len());
            }
        }
    }
}

fn key(page: u32) -> PageKey {
    PageKey { space: 1, file: 0, page, class: Class::Bits }
}

fn filled(kind: PolicyKind) -> Cache {
    let cache = Cache::new(u64::MAX, kind);
    for page in 0..PAGES {
        cache.insert(&key(page), Arc::new(vec![0_u8; 64]));
    }
    cache
}

/// The slowest thread's time, if all ran at the same time. They go through all pages, each from another start when
/// `spread` is 1.
fn run(cache: &Cache, threads: u32, spread: u32) -> Option<Duration> {
    let ready = AtomicU32::new(0);
    let hit = |thread: u32| {
        ready.fetch_add(1, Ordering::AcqRel);
        while ready.load(Ordering::Acquire) < threads {
            spin_loop();
        }
        let first = thread * spread * PAGES / threads;
        let started = Instant::now();
        for at in 0..HITS {
            black_box(cache.get::<Vec<u8>>(&key((first + at) % PAGES)));
        }
        (started, Instant::now())
    };
    let spans: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let hit = &hit;
        let runs: Vec<_> = (0..threads).map(|thread| scope.spawn(move || hit(thread))).collect();
        runs.into_iter().filter_map(|run| run.join().ok()).collect()
    });
    let slowest = spans.iter().map(|(from, to)| to.duration_since(*from)).max()?;
    let (from, to) = (spans.iter().map(|span| span.0).max()?, spans.iter().map(|span| span.1).min()?);
    (to.saturating_duration_since(from) >= slowest.mul_f64(0.9)).then_some(slowest)
}
