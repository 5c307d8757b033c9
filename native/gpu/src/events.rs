//! What happened to the device, kept for the status.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::status::Event;

/// How many are kept.
const KEPT: usize = 64;

/// The latest events, numbered from 1.
#[derive(Default)]
pub struct Events {
    state: Mutex<(u64, VecDeque<Event>)>,
}

impl Events {
    /// What happens again and again is kept once, with the time of the last.
    pub fn record(&self, message: impl Into<String>) {
        let (message, at) = (message.into(), SystemTime::now());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = state.1.back_mut().filter(|last| last.message == message) {
            last.at = at;
            return;
        }
        state.0 += 1;
        let event = Event { seq: state.0, at, message };
        if state.1.len() == KEPT {
            state.1.pop_front();
        }
        state.1.push_back(event);
    }

    pub fn all(&self) -> Vec<Event> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept_and_their_numbers_go_on() {
        let events = Events::default();
        for at in 1..=100 {
            events.record(format!("event {at}"));
        }
        let kept = events.all();
        assert_eq!((kept.len(), kept[0].seq, kept[KEPT - 1].seq), (KEPT, 37, 100));
        assert_eq!(kept[KEPT - 1].message, "event 100");
        events.record("event 100");
        assert_eq!(events.all().len(), KEPT);
        assert_eq!(events.all()[KEPT - 1].seq, 100);
    }
}
