//! Times: of one call, and of threads that start together.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tiercel_base::error::Result;

/// How often something is run: until one of both is reached, but once at least.
#[derive(Debug, Clone, Copy)]
pub struct Runs {
    /// Runs whose median counts.
    pub most: usize,
    /// No run is begun after so long.
    pub patience: Duration,
}

/// A median, and of how many runs.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    pub time: Duration,
    pub runs: usize,
}

impl Runs {
    fn enough(self, times: &[Duration], start: Instant) -> bool {
        times.len() >= self.most || start.elapsed() > self.patience
    }

    /// Median time of `run`, and what its last run gave. The first run warms caches and pools; it counts only where it
    /// takes all the patience there is.
    pub fn time<T>(self, mut run: impl FnMut() -> Result<T>) -> Result<(Timing, T)> {
        let start = Instant::now();
        let mut value = run()?;
        let mut times = Vec::new();
        if start.elapsed() > self.patience {
            times.push(start.elapsed());
        }
        while !self.enough(&times, start) || times.is_empty() {
            let begin = Instant::now();
            value = run()?;
            times.push(begin.elapsed());
        }
        Ok((median(times), value))
    }

    /// [`Runs::time`] of `work(thread)` on so many threads that wait for each other before and after each run: what starting
    /// a thread costs is not in it. Gives what each thread's last run gave.
    pub fn time_threads<T: Send>(self, threads: usize, work: impl Fn(usize) -> T + Sync) -> (Timing, Vec<T>) {
        let (gate, done) = (Barrier::new(threads), AtomicBool::new(false));
        let results: Vec<Mutex<Option<T>>> = (0..threads).map(|_| Mutex::new(None)).collect();
        let run = |thread: usize| {
            gate.wait();
            if done.load(Ordering::Acquire) {
                return false;
            }
            let value = work(thread);
            *results[thread].lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
            gate.wait();
            true
        };
        let timing = std::thread::scope(|scope| {
            for thread in 1..threads {
                let run = &run;
                scope.spawn(move || while run(thread) {});
            }
            let (start, mut times) = (Instant::now(), Vec::new());
            run(0);
            if start.elapsed() > self.patience {
                times.push(start.elapsed());
            }
            while !self.enough(&times, start) || times.is_empty() {
                let begin = Instant::now();
                run(0);
                times.push(begin.elapsed());
            }
            done.store(true, Ordering::Release);
            run(0);
            median(times)
        });
        let values = results.into_iter().filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner));
        (timing, values.collect())
    }
}

fn median(mut times: Vec<Duration>) -> Timing {
    times.sort_unstable();
    Timing { time: times[times.len() / 2], runs: times.len() }
}

pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
