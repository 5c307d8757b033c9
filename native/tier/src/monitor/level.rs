//! Levels, when they are entered and left, and what each leaves in memory.

use std::time::{Duration, Instant};

use super::Reading;
use crate::cache::Cache;
use crate::page::Class;

/// Writers wait above this pressure.
pub const REFUSE_ABOVE: f64 = 0.8;
/// A level is left this far below where it is entered.
const HYSTERESIS: f64 = 0.05;
/// The tiers recover by one level in this time. What they take back is itself part of the machine's pressure, so that a
/// quicker recovery would swing.
const STEP: Duration = Duration::from_secs(2);

/// How short memory is. Each level implies those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Nothing is short.
    #[default]
    Normal,
    /// From 0.60: caches hold half.
    ShrinkCaches,
    /// From 0.70: f16 and int8 leave memory, searches read them from disk.
    DropBytes,
    /// From 0.75: only 1-bit codes stay in memory.
    BitsOnly,
    /// Above 0.80: writers wait, and caches hold a quarter. Readers go on.
    RefuseWrites,
}

impl Level {
    const ALL: [Self; 5] = [Self::Normal, Self::ShrinkCaches, Self::DropBytes, Self::BitsOnly, Self::RefuseWrites];

    /// The pressure above which it is entered.
    #[must_use]
    pub fn rises_above(self) -> f64 {
        match self {
            Self::Normal => f64::NEG_INFINITY,
            Self::ShrinkCaches => 0.6,
            Self::DropBytes => 0.7,
            Self::BitsOnly => 0.75,
            Self::RefuseWrites => REFUSE_ABOVE,
        }
    }

    /// The pressure at which it is left again.
    #[must_use]
    pub fn falls_at(self) -> f64 {
        self.rises_above() - HYSTERESIS
    }

    /// The word used in answers to clients.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::ShrinkCaches => "shrink-caches",
            Self::DropBytes => "drop-int8",
            Self::BitsOnly => "bits-only",
            Self::RefuseWrites => "refuse-writes",
        }
    }

    /// Whether pages of a class may be in memory.
    #[must_use]
    pub fn admits(self, class: Class) -> bool {
        match class {
            Class::Bits => true,
            Class::Planes => self < Self::BitsOnly,
            Class::Bytes | Class::Halves => self < Self::DropBytes,
        }
    }

    /// What the page cache may hold of what it could: a half, and a quarter at the last level.
    fn divisor(self) -> u64 {
        match self {
            Self::Normal => 1,
            Self::ShrinkCaches | Self::DropBytes | Self::BitsOnly => 2,
            Self::RefuseWrites => 4,
        }
    }

    /// The level for a pressure, coming from this one.
    fn next(self, pressure: f64) -> Self {
        let holds = |level: &Self| {
            if *level <= self { pressure > level.falls_at() } else { pressure > level.rises_above() }
        };
        Self::ALL.into_iter().rev().find(holds).unwrap_or_default()
    }
}

/// Where things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Levels {
    /// The level as a whole: from [`Level::RefuseWrites`], writers wait.
    pub level: Level,
    /// What may be in memory: the same, unless only the number of vectors or the disk is short.
    pub tiers: Level,
}

/// Two ladders: what is short of memory moves the tiers; a full disk, or too many vectors, only makes writers wait, as
/// giving memory back would not help.
#[derive(Default)]
pub(super) struct Ladder {
    tiers: Level,
    limits: Level,
    /// The last time that the tiers climbed, stayed for good reason, or descended.
    held: Option<Instant>,
}

impl Ladder {
    pub(super) fn step(&mut self, memory: f64, limits: f64, now: Instant) {
        let wanted = self.tiers.next(memory);
        if wanted >= self.tiers {
            self.tiers = wanted;
            self.held = Some(now);
        } else if self.tiers == Level::RefuseWrites {
            // Writers are let in at once, the tiers recover after them.
            self.tiers = Level::BitsOnly;
            self.held = Some(now);
        } else {
            let calm = self.held.map_or(Duration::MAX, |held| now.saturating_duration_since(held));
            let steps = usize::try_from(calm.as_nanos() / STEP.as_nanos()).unwrap_or(usize::MAX);
            if steps > 0 {
                self.tiers = wanted.max(Level::ALL[(self.tiers as usize).saturating_sub(steps)]);
                self.held = Some(now);
            }
        }
        let refusing = self.limits == Level::RefuseWrites;
        let threshold = if refusing { Level::RefuseWrites.falls_at() } else { Level::RefuseWrites.rises_above() };
        self.limits = if limits > threshold { Level::RefuseWrites } else { Level::Normal };
    }

    pub(super) fn levels(&self) -> Levels {
        Levels { level: self.tiers.max(self.limits), tiers: self.tiers }
    }
}

/// While the machine is short, the page cache is never taken below this share of what it could hold, so that one that was
/// empty then can still work.
const FLOOR: u64 = 16;

/// What was last asked of the cache.
#[derive(Default)]
pub(super) struct Tiers {
    applied: Option<Level>,
    budget: Option<u64>,
    /// Bytes that the cache held when the machine became short: half of a budget that was never used up would give
    /// nothing back to it.
    held: Option<u64>,
}

impl Tiers {
    /// Sets the cache's budget and classes. `allowance` is what it could hold unpinned beside everything else; what is
    /// pinned comes on top.
    pub(super) fn apply(&mut self, cache: &Cache, reading: &Reading, allowance: u64, pinned: u64) {
        let level = reading.tiers;
        self.held = (level > Level::Normal && reading.machine > Level::ShrinkCaches.falls_at())
            .then(|| self.held.unwrap_or(reading.cache.saturating_sub(pinned)));
        let most = self.held.map_or(allowance, |held| held.max(allowance / FLOOR).min(allowance));
        let budget = most / level.divisor() + pinned;
        for class in Class::ALL.into_iter().rev() {
            if self.applied.is_none_or(|before| before.admits(class) != level.admits(class)) {
                cache.admit(class, level.admits(class));
            }
        }
        if self.budget != Some(budget) {
            cache.set_budget(budget);
            self.budget = Some(budget);
        }
        self.applied = Some(level);
    }
}
