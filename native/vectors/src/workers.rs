//! The threads that scan, shared by all indexes of the process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tiercel_base::error::{Error, Result};

/// More threads than this share one memory bus without going faster.
const MOST: usize = 8;

static POOL: OnceLock<RwLock<Arc<ThreadPool>>> = OnceLock::new();

/// Sets how many threads a search may use; 0 means by the machine. Running searches finish on the threads they have.
///
/// # Errors
/// [`Error::FixTheMachine`] when the system gives no threads.
pub fn configure(threads: usize) -> Result<()> {
    let pool = Arc::new(build(threads)?);
    match POOL.get() {
        Some(current) => *current.write().unwrap_or_else(PoisonError::into_inner) = pool,
        None => drop(POOL.set(RwLock::new(pool))),
    }
    Ok(())
}

/// The pool to scan with.
///
/// # Errors
/// As [`configure`].
pub fn pool() -> Result<Arc<ThreadPool>> {
    if POOL.get().is_none() {
        configure(0)?;
    }
    let pool = POOL.get().map(|pool| Arc::clone(&pool.read().unwrap_or_else(PoisonError::into_inner)));
    pool.ok_or_else(|| Error::Report("The scan threads vanished.".into()))
}

/// Runs `take_part` on up to `most` threads at once, the calling one among them: it begins at once, the others join as they
/// wake. Gives what each returned.
///
/// # Errors
/// The first one that `take_part` returns, or as [`configure`].
pub fn together<S: Send>(most: usize, take_part: impl Fn() -> Result<S> + Sync) -> Result<Vec<S>> {
    let pool = pool()?;
    let helpers = pool.current_num_threads().min(most).saturating_sub(1);
    if helpers == 0 {
        return Ok(vec![take_part()?]);
    }
    let others = Mutex::new(Vec::with_capacity(helpers));
    let own = pool.in_place_scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|_| {
                let other = take_part();
                others.lock().unwrap_or_else(PoisonError::into_inner).push(other);
            });
        }
        take_part()
    });
    let mut all = vec![own?];
    for other in others.into_inner().unwrap_or_else(PoisonError::into_inner) {
        all.push(other?);
    }
    Ok(all)
}

/// Works through `tasks` numbered tasks with all threads, each with a state of its own, made by `make`; gives all states.
/// After an error no further task is begun.
///
/// # Errors
/// As [`together`].
pub fn share<S: Send>(
    tasks: usize,
    make: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> Result<()> + Sync,
) -> Result<Vec<S>> {
    let next = AtomicUsize::new(0);
    together(tasks, || {
        let mut own = make();
        loop {
            let task = next.fetch_add(1, Ordering::Relaxed);
            if task >= tasks {
                return Ok(own);
            }
            if let Err(error) = work(&mut own, task) {
                next.store(tasks, Ordering::Relaxed);
                return Err(error);
            }
        }
    })
}

fn build(threads: usize) -> Result<ThreadPool> {
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if threads == 0 { available.min(MOST) } else { threads };
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|at| format!("tiercel-scan-{at}"))
        .build()
        .map_err(|error| Error::FixTheMachine(format!("Cannot start {threads} search threads: {error}.")))
}
