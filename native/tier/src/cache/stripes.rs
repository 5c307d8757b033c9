//! Uses on their way to the bookkeeping, and the counters of hits and misses: striped over threads, so that two threads
//! write to different cache lines.
//!
//! A buffer that is full while somebody else holds the bookkeeping is overwritten: a lost use makes the order a little
//! less exact and nothing wrong.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::stats::CacheStats;
use super::table::Handle;
use crate::page::{CLASSES, Class};

const STRIPES: usize = 32;
/// One lane for the hits of each class, and one for its misses: the lane's counter is also its cursor.
const LANES: usize = 2 * CLASSES;
/// A power of two. Long, so that what the bookkeeping touches is fetched from another core's cache once for many uses.
const SLOTS: usize = 128;

/// What a buffer holds.
#[derive(Clone, Copy)]
pub(super) enum Used {
    /// A page in memory was used.
    Hit(Handle),
    /// A page with this hash was asked for and is not in memory.
    Miss(u64),
}

/// Aligned to two cache lines, which processors fetch in pairs.
#[repr(align(128))]
struct Lane {
    count: AtomicU64,
    /// Up to here the slots have been emptied. Written under the lock of the bookkeeping.
    drained: AtomicU64,
    slots: [AtomicU64; SLOTS],
}

pub(super) struct Stripes {
    stripes: Vec<[Lane; LANES]>,
}

impl Default for Stripes {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        let lane = || Lane { count: zero(), drained: zero(), slots: std::array::from_fn(|_| zero()) };
        Self { stripes: (0..STRIPES).map(|_| std::array::from_fn(|_| lane())).collect() }
    }
}

impl Stripes {
    /// Notes a hit; true when the buffer is full.
    pub(super) fn hit(&self, class: Class, handle: Handle) -> bool {
        self.mine()[class.index()].note(handle.raw())
    }

    /// Notes a miss; true when the buffer is full.
    pub(super) fn miss(&self, class: Class, hash: u64) -> bool {
        // A hash of 0 would be an empty slot.
        self.mine()[CLASSES + class.index()].note(hash.max(1))
    }

    /// Empties all buffers.
    pub(super) fn drain(&self, mut take: impl FnMut(Used)) {
        self.stripes.iter().for_each(|stripe| drain(stripe, &mut take));
    }

    /// Empties the buffers of this thread.
    pub(super) fn drain_mine(&self, mut take: impl FnMut(Used)) {
        drain(self.mine(), &mut take);
    }

    pub(super) fn count_into(&self, stats: &mut CacheStats) {
        for stripe in &self.stripes {
            for (class, counts) in stats.classes.iter_mut().enumerate() {
                counts.hits += stripe[class].count.load(Ordering::Relaxed);
                counts.misses += stripe[CLASSES + class].count.load(Ordering::Relaxed);
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.stripes.capacity() * size_of::<[Lane; LANES]>()
    }

    fn mine(&self) -> &[Lane; LANES] {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static MINE: Cell<Option<usize>> = const { Cell::new(None) };
        }
        let index = MINE.with(|mine| {
            mine.get().unwrap_or_else(|| {
                let index = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
                mine.set(Some(index));
                index
            })
        });
        &self.stripes[index]
    }
}

fn drain(stripe: &[Lane; LANES], take: &mut impl FnMut(Used)) {
    for (at, lane) in stripe.iter().enumerate() {
        let (count, drained) = (lane.count.load(Ordering::Relaxed), lane.drained.load(Ordering::Relaxed));
        if count == drained {
            continue;
        }
        for turn in drained.max(count.saturating_sub(SLOTS as u64))..count {
            // A use that is counted and not yet written is lost, like one that is overwritten.
            match lane.slot(turn).swap(0, Ordering::Relaxed) {
                0 => {}
                raw if at < CLASSES => take(Used::Hit(Handle::from_raw(raw))),
                hash => take(Used::Miss(hash)),
            }
        }
        lane.drained.store(count, Ordering::Relaxed);
    }
}

impl Lane {
    fn note(&self, noted: u64) -> bool {
        let turn = self.count.fetch_add(1, Ordering::Relaxed);
        self.slot(turn).store(noted, Ordering::Relaxed);
        turn % SLOTS as u64 == SLOTS as u64 - 1
    }

    #[expect(clippy::cast_possible_truncation, reason = "the remainder is below the number of slots")]
    fn slot(&self, turn: u64) -> &AtomicU64 {
        &self.slots[(turn % SLOTS as u64) as usize]
    }
}
