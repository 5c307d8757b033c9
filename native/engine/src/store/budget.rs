//! Keeping the store's folder within its disk budget, beside the writer: after commits the folder is measured, and when
//! it is too large, vectors that nothing refers to are thrown away, oldest first. When none is left, writers are
//! refused until something made room; readers go on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use tiercel_base::error::{Error, Result};

use super::rows::Rows;
use crate::memory::snapshot::Snapshot;

/// What is too large is brought below nine tenths of the budget, so that not every commit throws something away.
const TARGET: (u64, u64) = (9, 10);
/// Milliseconds after which a refused writer tries again: removed files give room only once the lexical index merges.
const RETRY_MS: u32 = 10_000;

/// The thread that measures and throws away; there is none until a budget is set.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    folder: PathBuf,
    rows: Arc<Rows>,
    current: Arc<ArcSwap<Snapshot>>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    budget: Option<u64>,
    wanted: bool,
    busy: bool,
    stopped: bool,
    full: Option<Full>,
}

/// Why writers are refused.
struct Full {
    message: String,
    /// What the folder took when it was measured; none when that failed.
    bytes: Option<u64>,
}

impl Full {
    fn is_over(&self, budget: Option<u64>) -> bool {
        budget.is_some_and(|budget| self.bytes.is_none_or(|bytes| bytes > budget))
    }
}

impl Keeper {
    pub fn new(folder: &Path, rows: Arc<Rows>, current: Arc<ArcSwap<Snapshot>>, budget: Option<u64>) -> Self {
        let state = Mutex::new(State { budget, ..State::default() });
        let shared = Shared { folder: folder.to_owned(), rows, current, state, changed: Condvar::new() };
        let keeper = Self { shared: Arc::new(shared), thread: Mutex::new(None) };
        keeper.wake();
        keeper
    }

    /// Has the folder measured soon.
    pub fn wake(&self) {
        let mut state = self.shared.state();
        if state.budget.is_none() {
            return;
        }
        state.wanted = true;
        drop(state);
        self.shared.changed.notify_all();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let shared = Arc::clone(&self.shared);
            let work = move || shared.work();
            // Without a thread the budget is not kept until the system gives one: the next commit asks again.
            *thread = std::thread::Builder::new().name("tiercel-budget".into()).spawn(work).ok();
        }
    }

    pub fn set_budget(&self, budget: Option<u64>) {
        let mut state = self.shared.state();
        // Whoever raised it tries again at once, and would wait for long if refused until the folder is measured anew.
        state.full.take_if(|full| !full.is_over(budget));
        state.budget = budget;
        drop(state);
        self.wake();
    }

    /// Whether a writer that adds something may go on.
    pub fn check(&self) -> Result<()> {
        let full = self.shared.state().full.as_ref().map(|full| full.message.clone());
        let Some(message) = full else { return Ok(()) };
        self.wake();
        Err(Error::MemoryPressure { message, after_ms: RETRY_MS })
    }

    /// Waits until the folder has been measured since the last [`Keeper::wake`].
    pub fn settle(&self) {
        let is_busy = |state: &mut State| state.budget.is_some() && (state.wanted || state.busy) && !state.stopped;
        drop(self.shared.changed.wait_while(self.shared.state(), is_busy).unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.state().stopped = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            // A panic of the thread has no one left to hear of it.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        loop {
            let is_idle = |state: &mut State| !state.wanted && !state.stopped;
            let mut state = self.changed.wait_while(self.state(), is_idle).unwrap_or_else(PoisonError::into_inner);
            if state.stopped {
                return;
            }
            (state.wanted, state.busy) = (false, true);
            let budget = state.budget;
            drop(state);
            let unmeasured = |error: Error| Some(Full { message: error.to_string(), bytes: None });
            let full = budget.and_then(|budget| self.keep(budget).unwrap_or_else(unmeasured));
            let mut state = self.state();
            state.busy = false;
            // The budget may have been raised meanwhile.
            state.full = full.filter(|full| full.is_over(state.budget));
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Measures and throws away. Gives why writers must be refused, if they must.
    fn keep(&self, budget: u64) -> Result<Option<Full>> {
        let mut size = folder_bytes(&self.folder)?;
        if size <= budget {
            return Ok(None);
        }
        let target = budget / TARGET.1 * TARGET.0;
        while size > target && !self.state().stopped {
            let freed = self.rows.throw_away(size - target, || self.current.load_full())?;
            if freed == 0 {
                break;
            }
            size = size.saturating_sub(freed);
        }
        let size = folder_bytes(&self.folder)?;
        Ok((size > budget).then(|| Full {
            message: format!(
                "The index in {} takes {} MiB, and the disk budget (setting tiercel.disk.budget) is {} MiB: everything \
                 in it is in use. Raise the budget, or exclude files from the index.",
                self.folder.display(),
                size.div_ceil(1 << 20),
                budget >> 20
            ),
            bytes: Some(size),
        }))
    }
}

/// Sizes of all files below. A file that goes away meanwhile (a merged segment) counts nothing.
pub(super) fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut total = 0;
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(Error::io("read", folder, &error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| Error::io("read", folder, &error))?;
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => total += folder_bytes(&entry.path())?,
            Ok(metadata) => total += metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("read", &entry.path(), &error)),
        }
    }
    Ok(total)
}
