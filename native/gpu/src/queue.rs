//! What the tier's thread has to do.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tiercel_tier::PageKey;

/// Pages that wait at most; further ones are offered again by a later search.
const MOST: usize = 512;

/// A page for the device's memory.
pub struct Offer {
    pub key: PageKey,
    pub rows: usize,
    pub padded: usize,
    /// Brought ahead of searches: it takes free room only, and need not have been asked for.
    pub ahead: bool,
    pub page: Arc<dyn AsRef<[u8]> + Send + Sync>,
}

/// What comes next.
pub enum Next {
    Promote(Offer),
    /// Nothing waits: time to look after device and budget.
    Idle,
    Stop,
}

#[derive(Default)]
struct State {
    offers: VecDeque<Offer>,
    keys: HashSet<PageKey>,
    stopped: bool,
    /// Something happened that the thread should look at.
    kicked: bool,
    /// Rounds of looking after everything that have begun and ended.
    begun: u64,
    ended: u64,
}

/// The queue of the tier's thread.
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    bell: Condvar,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn knows(&self, key: &PageKey) -> bool {
        self.state().keys.contains(key)
    }

    pub fn push(&self, offer: Offer) {
        let mut state = self.state();
        if state.offers.len() < MOST && state.keys.insert(offer.key) {
            state.offers.push_back(offer);
            self.bell.notify_all();
        }
    }

    /// As [`Queue::push`], after waiting for a place.
    pub fn push_when_free(&self, offer: Offer) {
        let full = |state: &mut State| state.offers.len() >= MOST && !state.stopped;
        drop(self.bell.wait_while(self.state(), full).unwrap_or_else(PoisonError::into_inner));
        self.push(offer);
    }

    pub fn retain(&self, keep: impl Fn(&PageKey) -> bool) {
        let mut state = self.state();
        state.offers.retain(|offer| keep(&offer.key));
        state.keys.retain(keep);
    }

    pub fn len(&self) -> usize {
        self.state().offers.len()
    }

    /// Wakes the thread.
    pub fn kick(&self) {
        self.state().kicked = true;
        self.bell.notify_all();
    }

    pub fn stop(&self) {
        self.state().stopped = true;
        self.bell.notify_all();
    }

    /// The next thing to do; waits `patience` at most for one.
    pub fn next(&self, patience: Duration) -> Next {
        let mut state = self.state();
        state.ended = state.begun;
        self.bell.notify_all();
        let end = Instant::now() + patience;
        loop {
            if state.stopped {
                return Next::Stop;
            }
            if let Some(offer) = state.offers.pop_front() {
                state.keys.remove(&offer.key);
                return Next::Promote(offer);
            }
            let left = end.saturating_duration_since(Instant::now());
            if state.kicked || left.is_zero() {
                state.kicked = false;
                state.begun += 1;
                return Next::Idle;
            }
            state = self.bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the thread has done everything that was there, and looked after everything once more.
    pub fn settle(&self) {
        let mut state = self.state();
        // The round that is under way may have begun before what we wait for.
        let wanted = state.begun + 1;
        while state.ended < wanted && !state.stopped {
            state.kicked = true;
            self.bell.notify_all();
            state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
