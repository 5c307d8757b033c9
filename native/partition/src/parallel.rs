//! Work shared between threads, item by item.

use std::sync::Mutex;
use std::thread;

use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;

/// What every step of a training is given.
pub(crate) struct Run<'a> {
    pub(crate) threads: usize,
    pub(crate) cancel: &'a Cancel,
}

/// Runs `work` on every item on up to `threads` threads, each with its own `state`; after an error no further item is
/// begun.
///
/// # Errors
/// The first error of `work`.
pub(crate) fn each<T: Send, S>(
    items: Vec<T>,
    threads: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, T) -> Result<()> + Sync,
) -> Result<()> {
    let threads = threads.min(items.len()).max(1);
    let queue = Mutex::new((items.into_iter(), Ok(())));
    let worker = || {
        let mut state = state();
        loop {
            let next = queue.lock().ok().and_then(|mut queue| if queue.1.is_ok() { queue.0.next() } else { None });
            let Some(item) = next else { return };
            if let Err(error) = work(&mut state, item)
                && let Ok(mut queue) = queue.lock()
                && queue.1.is_ok()
            {
                queue.1 = Err(error);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(worker);
        }
        worker();
    });
    queue.into_inner().map_or(Ok(()), |queue| queue.1)
}
