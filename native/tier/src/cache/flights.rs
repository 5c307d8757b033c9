//! Single flight: of several callers who need the same page at once, one loads it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tiercel_base::error::Error;

use crate::page::{PageKey, Weight};

/// How a load ended.
#[derive(Clone)]
pub(super) enum Outcome {
    /// Here is the page.
    Page(Arc<dyn Weight>),
    /// It cannot be loaded.
    Failed(Error),
    /// The caller who loaded gave up, or panicked: somebody else has to.
    Abandoned,
}

/// A load that is under way.
pub(super) struct Flight {
    outcome: Mutex<Option<Outcome>>,
    landed: Condvar,
    welcome: AtomicBool,
}

impl Flight {
    pub(super) fn wait(&self) -> Outcome {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(outcome) = &*outcome {
                return outcome.clone();
            }
            outcome = self.landed.wait(outcome).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

pub(super) enum Role<'a> {
    Lead(Lead<'a>),
    Follow(Arc<Flight>),
}

/// The duty to load a page. Dropped without landing, the load counts as abandoned.
pub(super) struct Lead<'a> {
    flights: &'a Flights,
    key: PageKey,
    flight: Arc<Flight>,
    landed: bool,
}

impl Lead<'_> {
    /// Hands the outcome to those who wait; false when the page was removed while it was being loaded.
    pub(super) fn land(mut self, outcome: Outcome) -> bool {
        self.finish(outcome);
        self.flight.welcome.load(Ordering::Acquire)
    }

    fn finish(&mut self, outcome: Outcome) {
        self.landed = true;
        self.flights.open().remove(&self.key);
        *self.flight.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        self.flight.landed.notify_all();
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        if !self.landed {
            self.finish(Outcome::Abandoned);
        }
    }
}

/// The loads under way in one shard.
#[derive(Default)]
pub(super) struct Flights {
    open: Mutex<HashMap<PageKey, Arc<Flight>>>,
}

impl Flights {
    pub(super) fn join(&self, key: &PageKey) -> Role<'_> {
        let mut open = self.open();
        if let Some(flight) = open.get(key) {
            return Role::Follow(flight.clone());
        }
        let flight =
            Arc::new(Flight { outcome: Mutex::new(None), landed: Condvar::new(), welcome: AtomicBool::new(true) });
        open.insert(*key, flight.clone());
        Role::Lead(Lead { flights: self, key: *key, flight, landed: false })
    }

    /// Marks loads whose page is not to stay.
    pub(super) fn divert(&self, chosen: &impl Fn(&PageKey) -> bool) {
        for (_, flight) in self.open().iter().filter(|(key, _)| chosen(key)) {
            flight.welcome.store(false, Ordering::Release);
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<PageKey, Arc<Flight>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
