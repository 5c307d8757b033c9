//! Those who are told about levels, and the thread that looks while nobody else does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::{Inner, Levels};

/// The thread looks this often.
const INTERVAL: Duration = Duration::from_secs(1);

type Call = Arc<dyn Fn(Levels) + Send + Sync>;

#[derive(Default)]
pub(super) struct Watchers {
    hooks: Mutex<Vec<(u64, Call)>>,
    next_hook: AtomicU64,
    /// What the hooks know; held while they are called.
    told: Mutex<Levels>,
    bell: Arc<Bell>,
}

/// How many watch, and whether the thread runs.
#[derive(Default)]
struct Bell {
    count: Mutex<Count>,
    rings: Condvar,
}

#[derive(Default)]
struct Count {
    watching: usize,
    running: bool,
}

impl Bell {
    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While this lives, the monitor looks once a second.
#[must_use = "the monitor watches only while the guard lives"]
pub struct Watch {
    bell: Arc<Bell>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.bell.count().watching -= 1;
        self.bell.rings.notify_all();
    }
}

/// While this lives, its function is called when the level changes.
#[must_use = "the function is called only while the guard lives"]
pub struct Hook {
    inner: Weak<Inner>,
    number: u64,
    _watch: Watch,
}

impl Drop for Hook {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.upgrade() {
            let mut hooks = inner.watchers.hooks.lock().unwrap_or_else(PoisonError::into_inner);
            hooks.retain(|(number, _)| *number != self.number);
        }
    }
}

pub(super) fn hook(inner: &Arc<Inner>, call: Call) -> Hook {
    let number = inner.watchers.next_hook.fetch_add(1, Ordering::Relaxed);
    inner.watchers.hooks.lock().unwrap_or_else(PoisonError::into_inner).push((number, call));
    Hook { inner: Arc::downgrade(inner), number, _watch: watch(inner) }
}

pub(super) fn watch(inner: &Arc<Inner>) -> Watch {
    let bell = inner.watchers.bell.clone();
    let mut count = bell.count();
    count.watching += 1;
    if !count.running {
        let (inner, bell) = (Arc::downgrade(inner), bell.clone());
        let started = thread::Builder::new().name("tiercel-memory".into()).spawn(move || run(&inner, &bell));
        // A machine that gives no thread is short of everything; readings on demand go on.
        count.running = started.is_ok();
    }
    drop(count);
    Watch { bell }
}

fn run(inner: &Weak<Inner>, bell: &Bell) {
    let mut count = bell.count();
    loop {
        if count.watching == 0 {
            count.running = false;
            return;
        }
        let idle = bell.rings.wait_timeout_while(count, INTERVAL, |count| count.watching > 0);
        drop(idle.unwrap_or_else(PoisonError::into_inner));
        match inner.upgrade() {
            Some(inner) => drop(inner.sample(Instant::now(), true)),
            None => return,
        }
        count = bell.count();
    }
}

/// Tells the hooks until they know the present levels. A hook may itself ask for a reading: that call finds the hooks busy
/// and leaves the telling to the one that is at it.
pub(super) fn deliver(inner: &Arc<Inner>) {
    loop {
        let mut told = match inner.watchers.told.try_lock() {
            Ok(told) => told,
            Err(TryLockError::Poisoned(told)) => told.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let levels = inner.state().ladder.levels();
        if *told != levels {
            *told = levels;
            let hooks = inner.watchers.hooks.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for (_, call) in &hooks {
                call(levels);
            }
        }
        drop(told);
        // Somebody who changed the levels while the hooks were busy has left the telling to us.
        if inner.state().ladder.levels() == levels {
            return;
        }
    }
}
