//! Background work on one index: sealing full files, making codes, training cells, merging, warming the cache
//! and the memory of the GPU.
//!
//! One thread per index, asleep when there is nothing to do. Each piece of work takes the writer's lock only to swap
//! the state and the manifest; readers never wait.

mod balance;
mod build;
mod calibrate;
pub mod coder;
pub mod compact;
mod heat;
mod merge;
mod seal;
mod warm;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};

use crate::hints::Hints;
use crate::index::Inner;
use crate::options::IndexKind;

/// After work that failed the next attempt waits this long, or for the next commit.
const RETRY: Duration = Duration::from_secs(30);

/// How the thread is told, and what it says of itself.
#[derive(Default)]
struct Signal {
    status: Mutex<Status>,
    changed: Condvar,
}

#[derive(Default)]
struct Status {
    /// Something may have to be done.
    due: bool,
    working: bool,
    stop: bool,
    trouble: Option<Error>,
}

impl Signal {
    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.status().due = true;
        self.changed.notify_all();
    }
}

/// The thread of one index.
pub struct Background {
    signal: Arc<Signal>,
    hints: Arc<Hints>,
    cancel: Cancel,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts the thread; it looks for work at once.
    pub fn start(inner: &Arc<Inner>) -> Result<Self> {
        let signal = Arc::new(Signal::default());
        signal.status().due = true;
        let told = Arc::downgrade(&signal);
        let hints = Arc::new(Hints::new(move || {
            if let Some(signal) = told.upgrade() {
                signal.wake();
            }
        }));
        let cancel = Cancel::new();
        let worker = Worker {
            inner: Arc::clone(inner),
            signal: Arc::clone(&signal),
            hints: Arc::clone(&hints),
            cancel: cancel.clone(),
            warmed: warm::Warmed::default(),
            heated: heat::Heated::default(),
            looked: balance::Looked::default(),
        };
        let thread = std::thread::Builder::new()
            .name("tiercel-index".into())
            .spawn(move || worker.run())
            .map_err(|error| Error::FixTheMachine(format!("Cannot start a thread: {error}.")))?;
        Ok(Self { signal, hints, cancel, thread: Some(thread) })
    }

    pub fn wake(&self) {
        self.signal.wake();
    }

    pub fn hints(&self) -> Arc<Hints> {
        Arc::clone(&self.hints)
    }

    /// Up once the index is being closed.
    pub fn stopping(&self) -> &Cancel {
        &self.cancel
    }

    /// Whether work is under way, and what stopped the last one.
    pub fn report(&self) -> (bool, Option<String>) {
        let status = self.signal.status();
        (status.working || status.due, status.trouble.as_ref().map(ToString::to_string))
    }

    /// Waits until nothing is left to do or something cannot be done.
    pub fn settle(&self) -> Result<()> {
        self.wake();
        let busy = |status: &mut Status| (status.due || status.working) && !status.stop;
        let status = self.signal.changed.wait_while(self.signal.status(), busy).unwrap_or_else(PoisonError::into_inner);
        status.trouble.clone().map_or(Ok(()), Err)
    }

    /// Ends the thread; work under way is given up and done again another time.
    pub fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        self.cancel.cancel();
        self.signal.status().stop = true;
        self.signal.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed; what it worked on is left as it was.
            drop(thread.join());
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.halt();
    }
}

/// What the thread owns.
struct Worker {
    inner: Arc<Inner>,
    signal: Arc<Signal>,
    hints: Arc<Hints>,
    cancel: Cancel,
    warmed: warm::Warmed,
    heated: heat::Heated,
    looked: balance::Looked,
}

impl Worker {
    fn run(mut self) {
        while self.wait() {
            // A defect in the work must not leave those who wait for it waiting.
            let outcome = catch_unwind(AssertUnwindSafe(|| self.work()))
                .unwrap_or_else(|_| Err(Error::Report("Background work on the vectors stopped in the middle.".into())));
            let mut status = self.signal.status();
            status.working = false;
            status.trouble = match outcome {
                Err(Error::Cancelled) | Ok(()) => None,
                Err(error) => Some(error),
            };
            drop(status);
            self.signal.changed.notify_all();
        }
    }

    /// Waits for something to do; false when the index is closed.
    fn wait(&self) -> bool {
        let mut status = self.signal.status();
        loop {
            if status.stop {
                return false;
            }
            if status.due {
                status.due = false;
                status.working = true;
                return true;
            }
            status = if status.trouble.is_some() {
                let (mut status, waited) =
                    self.signal.changed.wait_timeout(status, RETRY).unwrap_or_else(PoisonError::into_inner);
                status.due |= waited.timed_out();
                status
            } else {
                self.signal.changed.wait(status).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    /// Does what there is to do until nothing is left. Damaged codes are made again, once.
    fn work(&mut self) -> Result<()> {
        if self.hints.take_damage() {
            build::forget(&self.inner)?;
        }
        match self.steps() {
            Err(Error::RebuildIndex(_)) if self.inner.state().codes.is_some() => {
                build::forget(&self.inner)?;
                self.steps()
            }
            outcome => outcome,
        }
    }

    /// Step after step, the most useful first.
    fn steps(&mut self) -> Result<()> {
        loop {
            self.cancel.check()?;
            let inner = &*self.inner;
            let auto = inner.options.kind == IndexKind::Auto;
            let more = seal::seal(inner)?
                || (auto && build::build(inner, &self.cancel)?)
                || (auto && build::flush(inner, &self.cancel)?)
                || (auto && build::catch_up(inner)?)
                || (inner.options.kind == IndexKind::Lsh && build::hash(inner, &self.cancel)?)
                || self.warmed.step(inner)?
                || self.heated.step(inner, &self.cancel)?
                || (auto && merge::merge(inner, &self.cancel)?)
                || (auto && self.looked.step(inner, &self.cancel)?)
                || (auto && calibrate::calibrate(inner, &self.cancel)?)
                || compact::tidy(inner, &self.cancel)?
                || warm::promote(inner, &self.hints)?;
            if !more {
                return Ok(());
            }
        }
    }
}
