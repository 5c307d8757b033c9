//! One open device with the pages in its memory. A device that is lost is dropped whole, and another one is opened.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use tiercel_base::error::{Error, Result};
use tiercel_tier::{Account, Cache, PageKey};

use crate::PAGE_ROWS;
use crate::arena::{Arenas, Resident};
use crate::budget::budget;
use crate::check::Verdict;
use crate::device::Device;
use crate::options::{GpuMode, GpuOptions};
use crate::pool::Pool;
use crate::ring::{RING_BYTES, Ring};

/// The buffers of running searches take at most this share of the budget, and so many bytes.
const POOL_SHARE: u64 = 4;
const MOST_POOL: u64 = 256 << 20;
/// Pages that leave to make a place for one, at most: then its place was taken again by searches that still read.
const MOST_VICTIMS: usize = 16;

/// A page to be copied into the device's memory.
pub struct Promotion<'a> {
    pub key: PageKey,
    pub rows: usize,
    pub padded: usize,
    /// Whether it takes free room only, and whether it was asked for does not matter.
    pub ahead: bool,
    pub bytes: &'a [u8],
}

/// An open device and what lies in its memory.
pub struct Live {
    pub device: Device,
    pub pool: Pool,
    pub cache: Cache,
    arenas: Mutex<Arenas>,
    ring: Mutex<Ring>,
    budget: AtomicU64,
    verdict: RwLock<Option<Verdict>>,
    /// The device had less room than its budget.
    refused: AtomicBool,
}

/// What pages and buffers may take of a budget.
fn shares(budget: u64) -> (u64, u64) {
    let rest = budget.saturating_sub(RING_BYTES);
    let pool = (rest / POOL_SHARE).min(MOST_POOL);
    (rest - pool, pool)
}

impl Live {
    pub fn open(options: &GpuOptions, account: Account) -> Result<Self> {
        let device = Device::open(options, account)?;
        let budget = budget(options.memory_budget, device.memory(), 0);
        let (pages, pool) = shares(budget);
        let arenas = Arenas::new(pages);
        Ok(Self {
            device,
            pool: Pool::new(pool),
            cache: Cache::new(arenas.capacity(), options.policy),
            arenas: Mutex::new(arenas),
            ring: Mutex::new(Ring::new()),
            budget: AtomicU64::new(budget),
            verdict: RwLock::new(None),
            refused: AtomicBool::new(false),
        })
    }

    fn arenas(&self) -> MutexGuard<'_, Arenas> {
        self.arenas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn budget(&self) -> u64 {
        self.budget.load(Ordering::Relaxed)
    }

    pub fn verdict(&self) -> Option<Verdict> {
        self.verdict.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a search uses the device, by the latest self-check; none when there was none.
    pub fn allows(&self, mode: GpuMode, gpu: u64, cpu: u64) -> Option<bool> {
        let verdict = self.verdict.read().unwrap_or_else(PoisonError::into_inner);
        verdict.as_ref().map(|verdict| verdict.allows(mode, gpu, cpu))
    }

    pub fn judge(&self, verdict: Verdict) {
        *self.verdict.write().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
    }

    /// Whether the device will take no part in searches.
    pub fn is_ruled_out(&self, mode: GpuMode) -> bool {
        let verdict = self.verdict.read().unwrap_or_else(PoisonError::into_inner);
        verdict.as_ref().is_some_and(|verdict| verdict.rules_out(mode))
    }

    /// Gives the memory of all pages back.
    pub fn clear(&self) {
        self.cache.remove_pages(|_| true);
        self.arenas().release_empty();
    }

    /// Whether the device refused memory since the budget was last set.
    pub fn was_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// Changes what the device may hold. Pages in arenas that are given up leave at once.
    pub fn set_budget(&self, budget: u64) {
        let (pages, pool) = shares(budget);
        self.budget.store(budget, Ordering::Relaxed);
        self.refused.store(false, Ordering::Relaxed);
        self.pool.set_budget(pool);
        let mut arenas = self.arenas();
        let leaving: HashSet<PageKey> = arenas.set_budget(pages).into_iter().collect();
        if !leaving.is_empty() {
            self.cache.remove_pages(|key| leaving.contains(key));
        }
        self.cache.set_budget(arenas.capacity());
        arenas.release_empty();
    }

    /// Copies a page into the device's memory if it is worth its place; whether it is there now.
    ///
    /// # Errors
    /// [`Error::RetryLater`] when the device is lost, [`Error::MemoryPressure`] when it has no room for an arena.
    pub fn promote(&self, page: &Promotion<'_>) -> Result<bool> {
        if self.cache.contains(&page.key) {
            return Ok(true);
        }
        let fits = page.rows <= PAGE_ROWS && page.bytes.len() == tiercel_codec::bits::bytes(page.rows, page.padded);
        let worth = if page.ahead { self.has_room(page.bytes.len()) } else { self.cache.wants(&page.key) };
        if page.rows == 0 || !fits || !worth {
            return Ok(false);
        }
        let Some(resident) = self.place(page)? else { return Ok(false) };
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.upload(&self.device, page.bytes, resident.arena.buffer(), resident.offset)?;
        drop(ring);
        Ok(self.cache.insert(&page.key, std::sync::Arc::new(resident)))
    }

    /// Whether so many bytes more are within the budget.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.cache.bytes().0 + bytes as u64 <= self.cache.budget()
    }

    fn place(&self, page: &Promotion<'_>) -> Result<Option<Resident>> {
        let (Ok(rows), Ok(padded)) = (u32::try_from(page.rows), u32::try_from(page.padded)) else { return Ok(None) };
        let bytes = page.bytes.len() as u64;
        let mut arenas = self.arenas();
        for _ in 0..MOST_VICTIMS {
            match arenas.place(&self.device, page.key, bytes, rows, padded) {
                Ok(Some(resident)) => return Ok(Some(resident)),
                Ok(None) => {}
                Err(error @ Error::MemoryPressure { .. }) => {
                    // What the device refused now it would refuse again: the budget is what it has given.
                    self.refused.store(true, Ordering::Relaxed);
                    let given = arenas.bytes();
                    arenas.set_budget(given);
                    self.cache.set_budget(arenas.capacity());
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
            // There is no gap that is long enough: the next victims leave, in the policy's order, as if there were less room.
            let (held, _) = self.cache.bytes();
            if held == 0 {
                return Ok(None);
            }
            self.cache.set_budget(held.saturating_sub(bytes));
            self.cache.set_budget(arenas.capacity());
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_add_up_to_the_budget() {
        for budget in [0, 1, RING_BYTES, 64 << 20, 1536 << 20] {
            let (pages, pool) = shares(budget);
            assert_eq!(pages + pool, budget.saturating_sub(RING_BYTES));
            assert!(pool <= MOST_POOL);
        }
    }
}
