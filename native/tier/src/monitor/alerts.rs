//! Crossings of levels, for people.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Cause, Level, Reading};

/// Alerts that are kept.
const KEPT: usize = 64;

/// The level changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Number of this alert in the process, from 1.
    pub seq: u64,
    /// Milliseconds since 1970.
    pub at: u64,
    /// The level now.
    pub level: Level,
    /// The level before.
    pub from: Level,
    /// The pressure now, 0 to 1.
    pub pressure: f64,
    /// What the pressure comes from.
    pub cause: Cause,
    /// What happened and what helps, in a few sentences.
    pub message: String,
}

#[derive(Default)]
pub(super) struct Alerts {
    ring: VecDeque<Alert>,
    last: u64,
}

impl Alerts {
    pub(super) fn cross(&mut self, from: Level, reading: &Reading) {
        self.last += 1;
        if self.ring.len() == KEPT {
            self.ring.pop_front();
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.ring.push_back(Alert {
            seq: self.last,
            at: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            level: reading.level,
            from,
            pressure: reading.pressure,
            cause: reading.cause,
            message: describe(from, reading),
        });
    }

    pub(super) fn since(&self, seq: u64) -> Vec<Alert> {
        self.ring.iter().filter(|alert| alert.seq > seq).cloned().collect()
    }
}

fn describe(from: Level, reading: &Reading) -> String {
    if reading.level < from {
        let now = match reading.level {
            Level::Normal => "everything may be in memory again",
            Level::ShrinkCaches => "all codes may be in memory again, caches stay small",
            Level::DropBytes => "4-bit codes may be in memory again, int8 codes are read from disk",
            Level::BitsOnly | Level::RefuseWrites if from == Level::RefuseWrites => {
                "writing goes on, only 1-bit codes stay in memory"
            }
            Level::BitsOnly | Level::RefuseWrites => "only 1-bit codes stay in memory",
        };
        return format!("Memory recovers: {now}.");
    }
    let effect = match reading.level {
        Level::Normal => "nothing changes",
        Level::ShrinkCaches => "caches shrink to half",
        Level::DropBytes => "int8 codes leave memory, searches read them from disk",
        Level::BitsOnly => "only 1-bit codes stay in memory, searches read the rest from disk",
        Level::RefuseWrites => "writing waits until it recovers, searches go on",
    };
    let subject = match reading.cause {
        Cause::Vectors => "The index is nearly full",
        Cause::Disk => "Disk space is short",
        _ => "Memory is short",
    };
    format!("{subject}: {effect}. {}", reading.explain())
}
