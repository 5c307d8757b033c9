//! The memory monitor: from books and machine to a pressure, from the pressure to a level, from the level to what stays
//! in memory, and to whether writers may go on. docs/memory.md describes it for users.

mod alerts;
mod level;
mod patience;
mod reading;
mod watch;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tiercel_base::error::{Error, Result};

use crate::books::Books;
use crate::cache::Cache;
use crate::machine::{MachineProbe, MachineReading};
use crate::page::Class;
pub use alerts::Alert;
use alerts::Alerts;
use level::{Ladder, Tiers};
pub use level::{Level, Levels, REFUSE_ABOVE};
use patience::Patience;
pub use reading::{Cause, Reading};
use reading::{Figures, megabytes};
use watch::Watchers;
pub use watch::{Hook, Watch};

/// The machine is read at most this often; the books are read each time.
pub const MACHINE_INTERVAL: Duration = Duration::from_millis(250);

/// What may be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonitorConfig {
    /// Bytes of memory for everything: what cannot be given back, and the page cache in what is left.
    pub memory_budget: u64,
    /// Bytes on disk; none for no limit.
    pub disk_budget: Option<u64>,
    /// Vectors; 0 for no limit.
    pub max_vectors: u64,
}

/// Watches over memory. Clones share their state.
#[derive(Clone)]
pub struct Monitor {
    inner: Arc<Inner>,
}

struct Inner {
    books: Books,
    cache: Cache,
    probe: Arc<dyn MachineProbe>,
    state: Mutex<State>,
    alerts: Mutex<Alerts>,
    watchers: Watchers,
}

struct State {
    config: MonitorConfig,
    machine: Option<(Instant, MachineReading)>,
    ladder: Ladder,
    tiers: Tiers,
    patience: Patience,
}

impl Monitor {
    /// A monitor over these books and this cache, whose budget it sets from now on.
    #[must_use]
    pub fn new(config: MonitorConfig, books: Books, cache: Cache, probe: Arc<dyn MachineProbe>) -> Self {
        let state = State {
            config,
            machine: None,
            ladder: Ladder::default(),
            tiers: Tiers::default(),
            patience: Patience::default(),
        };
        let monitor = Self {
            inner: Arc::new(Inner {
                books,
                cache,
                probe,
                state: Mutex::new(state),
                alerts: Mutex::new(Alerts::default()),
                watchers: Watchers::default(),
            }),
        };
        monitor.sample_now();
        monitor
    }

    /// Changes what may be held, and acts on it at once.
    pub fn configure(&self, config: MonitorConfig) {
        self.inner.state().config = config;
        self.sample_now();
    }

    /// What may be held.
    #[must_use]
    pub fn config(&self) -> MonitorConfig {
        self.inner.state().config
    }

    /// How things stand, and acts on it: the books as they are now, the machine as it was at most 250 ms ago.
    #[must_use]
    pub fn reading(&self) -> Reading {
        self.inner.sample(Instant::now(), false)
    }

    /// The same, reading the machine as well.
    #[expect(clippy::must_use_candidate, reason = "also called for what it does")]
    pub fn sample_now(&self) -> Reading {
        self.inner.sample(Instant::now(), true)
    }

    /// Asks before a write that adds so many vectors and so many bytes of memory that cannot be given back. Removing is
    /// always allowed and needs no question. Readers never ask.
    ///
    /// # Errors
    /// [`Error::MemoryPressure`] while the pressure is above 0.8 and until it has fallen to 0.75, or when this write does
    /// not fit. The time to wait grows from 250 ms to 10 s with the pressure and with every refusal in a row.
    pub fn check_write(&self, vectors_to_add: u64, bytes_to_add: u64) -> Result<()> {
        self.inner.check_write(Instant::now(), vectors_to_add, bytes_to_add)
    }

    /// Calls `hook` whenever a level changes, until the guard is dropped: for caches outside of the page cache, which
    /// follow [`Levels::tiers`]. While there is a guard, a thread looks once a second. Calls come one at a time, from the
    /// thread that noticed, and without any lock of the monitor that a hook could need.
    pub fn on_level(&self, hook: impl Fn(Levels) + Send + Sync + 'static) -> Hook {
        watch::hook(&self.inner, Arc::new(hook))
    }

    /// Looks once a second, from a thread of its own, until the guard is dropped: so that memory is given back, and
    /// taken again, while nobody searches or writes.
    pub fn watch(&self) -> Watch {
        watch::watch(&self.inner)
    }

    /// Crossings since the one with number `seq`, the oldest first; the latest 64 are kept. 0 gives all of them.
    #[must_use]
    pub fn alerts_since(&self, seq: u64) -> Vec<Alert> {
        self.inner.alerts.lock().unwrap_or_else(PoisonError::into_inner).since(seq)
    }

    /// Bytes of memory by part: the books, and the page cache by class.
    #[must_use]
    pub fn parts(&self) -> Vec<(String, u64)> {
        let stats = self.inner.cache.stats();
        let mut parts = self.inner.books.parts();
        parts.extend(Class::ALL.map(|class| (format!("page cache: {}", class.name()), stats.of(class).bytes)));
        parts.push(("page cache: bookkeeping".into(), self.inner.cache.overhead_bytes()));
        parts
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sample(self: &Arc<Self>, now: Instant, fresh: bool) -> Reading {
        let reading = self.measure(&mut self.state(), now, fresh);
        watch::deliver(self);
        reading
    }

    /// Reads, climbs or descends, and applies. The lock of the state is held throughout: two threads cannot apply in
    /// another order than they have read.
    fn measure(&self, state: &mut State, now: Instant, fresh: bool) -> Reading {
        let due =
            |(read_at, _): &(Instant, MachineReading)| now.saturating_duration_since(*read_at) >= MACHINE_INTERVAL;
        if fresh || state.machine.as_ref().is_none_or(due) {
            state.machine = Some((now, self.probe.read()));
        }
        let (held, pinned) = self.cache.bytes();
        let figures = Figures {
            unevictable: self.books.memory() + pinned,
            other_caches: self.books.caches(),
            cache: held,
            vectors: self.books.vectors(),
            disk: self.books.disk(),
        };
        let machine = state.machine.as_ref().map(|(_, machine)| machine.clone()).unwrap_or_default();
        let mut reading = Reading::new(&state.config, figures, &machine);
        let before = state.ladder.levels().level;
        state.ladder.step(reading.own.max(reading.machine), reading.vectors.max(reading.disk), now);
        Levels { level: reading.level, tiers: reading.tiers } = state.ladder.levels();
        let allowance = state.config.memory_budget.saturating_sub(figures.unevictable + figures.other_caches);
        // The cache's budget includes what is pinned in it.
        state.tiers.apply(&self.cache, &reading, allowance, pinned);
        if before >= Level::RefuseWrites && reading.level < Level::RefuseWrites {
            state.patience.recover();
        }
        if reading.level != before {
            let mut alerts = self.alerts.lock().unwrap_or_else(PoisonError::into_inner);
            alerts.cross(before, &reading);
        }
        reading
    }

    fn check_write(self: &Arc<Self>, now: Instant, vectors: u64, bytes: u64) -> Result<()> {
        let mut state = self.state();
        let reading = self.measure(&mut state, now, false);
        let config = state.config;
        let refusal = never_fits(&config, &reading, vectors, bytes)
            .or_else(|| (reading.level >= Level::RefuseWrites).then(|| reading.explain()));
        let outcome = match refusal {
            None => {
                state.patience.recover();
                Ok(())
            }
            Some(message) => Err(Error::MemoryPressure { message, after_ms: state.patience.refuse(reading.pressure) }),
        };
        drop(state);
        watch::deliver(self);
        outcome
    }
}

/// Why a write cannot be accepted however long it waits, unless something is removed or a setting changed.
fn never_fits(config: &MonitorConfig, reading: &Reading, vectors: u64, bytes: u64) -> Option<String> {
    let after = reading.vector_count.saturating_add(vectors);
    if config.max_vectors > 0 && vectors > 0 && after > config.max_vectors {
        return Some(format!(
            "{} vectors are stored and {vectors} more would exceed the limit of {}. Raise the limit of vectors, or remove folders from the index.",
            reading.vector_count, config.max_vectors
        ));
    }
    let budget = config.memory_budget;
    if bytes > budget {
        return Some(format!(
            "This write alone needs {}, and the memory budget is {}. Write in smaller batches, or raise the memory budget.",
            megabytes(bytes),
            megabytes(budget)
        ));
    }
    if bytes > 0 && reading.unevictable.saturating_add(bytes) > budget {
        return Some(format!(
            "This write needs {} of memory, of the budget of {} there are {} left. Write in smaller batches, raise the memory budget, or remove folders from the index.",
            megabytes(bytes),
            megabytes(budget),
            megabytes(budget.saturating_sub(reading.unevictable))
        ));
    }
    None
}
