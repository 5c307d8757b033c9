//! The threads that scan, shared by all indexes of the process.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

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

fn build(threads: usize) -> Result<ThreadPool> {
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if threads == 0 { available.min(MOST) } else { threads };
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|at| format!("tiercel-scan-{at}"))
        .build()
        .map_err(|error| Error::FixTheMachine(format!("Cannot start {threads} search threads: {error}.")))
}
