//! The page cache: one for the whole process, shared by all stores and spaces.
//!
//! A hit takes a read lock of one of 256 shards, clones an `Arc`, and notes the use in a buffer of the thread's stripe; the
//! eviction order is brought up to date from these buffers in batches, by whoever finds the bookkeeping free (the
//! scheme of Ding, Jiang & Zhang's BP-Wrapper, ICDE 2009). Only what changes the set of pages takes the one lock of the
//! bookkeeping; such a call has read or is about to read a page from disk.
//!
//! When room is needed, pages of the last [`Class`] leave first, in the order of the policy; those of a better class
//! leave once the worse ones are gone. A page that would have to push out better ones is not kept at all.

mod flights;
mod pin;
mod stats;
mod stripes;
mod table;

#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tiercel_base::error::{Error, Result};

use crate::page::{Class, Mixed, PageKey, Weight};
use crate::policy::PolicyKind;
use flights::{Flights, Outcome, Role};
pub use pin::Pin;
pub use stats::{CacheStats, ClassStats};
use stripes::Stripes;
use table::{Handle, Table};

/// Enough that two threads of a scan seldom meet.
const SHARDS: usize = 256;

struct Resident {
    value: Arc<dyn Weight>,
    handle: Handle,
}

type Pages = HashMap<PageKey, Resident, BuildHasherDefault<Mixed>>;

/// Aligned to two cache lines, which processors fetch in pairs: neighbours have locks of their own.
#[derive(Default)]
#[repr(align(128))]
struct Shard {
    pages: RwLock<Pages>,
    flights: Flights,
}

struct Shared {
    shards: Vec<Shard>,
    stripes: Stripes,
    table: Mutex<Table>,
}

/// Pages in memory within a budget of bytes. Clones share the same pages.
#[derive(Clone)]
pub struct Cache {
    shared: Arc<Shared>,
}

impl Cache {
    /// An empty cache of so many bytes.
    #[must_use]
    pub fn new(budget_bytes: u64, policy: PolicyKind) -> Self {
        Self {
            shared: Arc::new(Shared {
                shards: (0..SHARDS).map(|_| Shard::default()).collect(),
                stripes: Stripes::default(),
                table: Mutex::new(Table::new(budget_bytes, policy)),
            }),
        }
    }

    /// The page, if it is in memory. Counts a hit or a miss. A page of another type than `V` counts as absent.
    #[must_use]
    pub fn get<V: Weight>(&self, key: &PageKey) -> Option<Arc<V>> {
        let hash = key.mixed();
        if let Some((page, handle)) = self.shared.find(key, hash) {
            if self.shared.stripes.hit(key.class, handle) {
                self.shared.catch_up_if_free();
            }
            return Some(page);
        }
        if self.shared.stripes.miss(key.class, hash) {
            self.shared.catch_up_if_free();
        }
        None
    }

    /// The page if it is in memory. Counts nothing: for those who look, not for those who search.
    #[must_use]
    pub fn peek<V: Weight>(&self, key: &PageKey) -> Option<Arc<V>> {
        self.shared.find(key, key.mixed()).map(|(page, _)| page)
    }

    /// Whether the page is in memory. Counts nothing.
    #[must_use]
    pub fn contains(&self, key: &PageKey) -> bool {
        read(&self.shared.shard(key.mixed()).pages).contains_key(key)
    }

    /// The page from memory, or else by `load`. Of several callers who miss the same page at once, one loads and the
    /// others wait for it. The page is given even where the cache has no room to keep it.
    ///
    /// # Errors
    /// What `load` returns. An [`Error::Cancelled`] reaches only the caller whose own `load` was cancelled: another one
    /// takes over.
    pub fn get_or_load<V: Weight>(&self, key: &PageKey, load: impl FnOnce() -> Result<V>) -> Result<Arc<V>> {
        if let Some(page) = self.get(key) {
            return Ok(page);
        }
        let hash = key.mixed();
        let shard = self.shared.shard(hash);
        loop {
            match shard.flights.join(key) {
                Role::Lead(duty) => {
                    // It may have come in between the miss and the lead.
                    if let Some((page, _)) = self.shared.find::<V>(key, hash) {
                        duty.land(Outcome::Page(page.clone()));
                        return Ok(page);
                    }
                    let loaded = load().map(Arc::new);
                    match &loaded {
                        Ok(page) => {
                            self.keep(key, page.clone());
                            // The file may have been removed meanwhile, and nobody would ask for the page again.
                            if !duty.land(Outcome::Page(page.clone())) {
                                self.shared.remove_where(|other| other == key);
                            }
                        }
                        Err(Error::Cancelled) => drop(duty),
                        Err(error) => {
                            duty.land(Outcome::Failed(error.clone()));
                        }
                    }
                    return loaded;
                }
                Role::Follow(flight) => match flight.wait() {
                    Outcome::Page(page) => {
                        if let Some(page) = downcast(page) {
                            return Ok(page);
                        }
                    }
                    Outcome::Failed(error) => return Err(error),
                    Outcome::Abandoned => {}
                },
            }
        }
    }

    /// Offers a page; true when it is kept. What is in memory under this key already stays, as pages do not change.
    pub fn insert<V: Weight>(&self, key: &PageKey, page: Arc<V>) -> bool {
        self.keep(key, page)
    }

    /// Holds a page in memory for as long as the guard lives; none when it is not there. Pinned pages count against the
    /// budget.
    #[must_use]
    pub fn pin(&self, key: &PageKey) -> Option<Pin> {
        let hash = key.mixed();
        let mut table = self.shared.table();
        let handle = read(&self.shared.shard(hash).pages).get(key)?.handle;
        table.pin(handle).then(|| Pin::new(self.clone(), *key, handle))
    }

    /// Drops all pages of a space, pinned ones as well, and those that are being loaded once they arrive.
    pub fn remove_space(&self, space: u64) {
        self.shared.remove_where(|key| key.space == space);
    }

    /// Drops all pages of a file, pinned ones as well, and those that are being loaded once they arrive.
    pub fn remove_file(&self, space: u64, file: u32) {
        self.shared.remove_where(|key| key.space == space && key.file == file);
    }

    /// Drops the chosen pages, pinned ones as well, and those that are being loaded once they arrive.
    pub fn remove_pages(&self, chosen: impl Fn(&PageKey) -> bool) {
        self.shared.remove_where(chosen);
    }

    /// Bytes the cache may hold.
    #[must_use]
    pub fn budget(&self) -> u64 {
        self.shared.table().budget()
    }

    /// Changes what the cache may hold, and evicts at once what is above it.
    pub fn set_budget(&self, bytes: u64) {
        self.shared.shed(|table, evicted| table.set_budget(bytes, evicted));
    }

    /// Whether pages of a class may stay. Those of a class that is not admitted leave at once (pinned ones when their
    /// pin goes), and are not kept until it is admitted again.
    pub fn admit(&self, class: Class, admitted: bool) {
        self.shared.shed(|table, evicted| table.admit(class, admitted, evicted));
    }

    /// Whether pages of a class may stay.
    #[must_use]
    pub fn admits(&self, class: Class) -> bool {
        self.shared.table().admits(class)
    }

    /// Changes the policy. Pages stay; the order in which they were used is forgotten.
    pub fn set_policy(&self, policy: PolicyKind) {
        self.shared.shed(|table, _| table.set_policy(policy));
    }

    /// Whether a page that is not in memory has been asked for often enough to deserve a place: there is room for it, or
    /// it is asked for more often than what would leave for it. For loading cold pages in the background.
    #[must_use]
    pub fn wants(&self, key: &PageKey) -> bool {
        let mut table = self.shared.table();
        self.shared.catch_up(&mut table);
        !self.contains(key) && table.wants(key.class, key.mixed())
    }

    /// Bytes in memory: all, and of those the pinned ones.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        let table = self.shared.table();
        (table.bytes(), table.pinned())
    }

    /// Everything counted, since the cache was made.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        let mut stats = self.shared.table().stats();
        self.shared.stripes.count_into(&mut stats);
        stats
    }

    /// Bytes of the cache's own bookkeeping, apart from the pages.
    #[must_use]
    pub fn overhead_bytes(&self) -> u64 {
        let entries: usize = self.shared.shards.iter().map(|shard| read(&shard.pages).capacity()).sum();
        let entry = size_of::<(PageKey, Resident)>() + 1;
        (entries * entry + self.shared.stripes.bytes() + self.shared.table().overhead_bytes()) as u64
    }

    fn keep(&self, key: &PageKey, page: Arc<dyn Weight>) -> bool {
        let hash = key.mixed();
        let bytes = page.bytes() as u64;
        let mut evicted = Vec::new();
        // Declared before the lock is taken, so that memory is given back after it is released.
        let mut dropped = Vec::new();
        let mut table = self.shared.table();
        self.shared.catch_up(&mut table);
        let shard = self.shared.shard(hash);
        let present =
            read(&shard.pages).get(key).map(|found| (type_of(&*found.value) == type_of(&*page), found.handle));
        if let Some((same_type, handle)) = present {
            if same_type {
                return true;
            }
            table.remove(handle);
            dropped.extend(write(&shard.pages).remove(key));
        }
        let handle = table.insert(*key, hash, bytes, &mut evicted);
        for key in &evicted {
            dropped.extend(write(&self.shared.shard(key.mixed()).pages).remove(key));
        }
        if let Some(handle) = handle {
            write(&shard.pages).insert(*key, Resident { value: page, handle });
        }
        drop(table);
        handle.is_some()
    }

    fn unpin(&self, handle: Handle) {
        self.shared.shed(|table, evicted| table.unpin(handle, evicted));
    }
}

impl Shared {
    fn shard(&self, hash: u64) -> &Shard {
        // Above the bits by which the table of a shard places its entries.
        &self.shards[(hash >> 40) as usize % SHARDS]
    }

    fn find<V: Weight>(&self, key: &PageKey, hash: u64) -> Option<(Arc<V>, Handle)> {
        let pages = read(&self.shard(hash).pages);
        let found = pages.get(key)?;
        Some((downcast(found.value.clone())?, found.handle))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn catch_up(&self, table: &mut Table) {
        self.stripes.drain(|used| table.used(used));
    }

    fn catch_up_if_free(&self) {
        if let Ok(mut table) = self.table.try_lock() {
            self.stripes.drain_mine(|used| table.used(used));
        }
    }

    fn shed(&self, change: impl FnOnce(&mut Table, &mut Vec<PageKey>)) {
        let mut evicted = Vec::new();
        let mut dropped = Vec::new();
        let mut table = self.table();
        self.catch_up(&mut table);
        change(&mut table, &mut evicted);
        for key in &evicted {
            dropped.extend(write(&self.shard(key.mixed()).pages).remove(key));
        }
        drop(table);
    }

    fn remove_where(&self, chosen: impl Fn(&PageKey) -> bool) {
        for shard in &self.shards {
            shard.flights.divert(&chosen);
        }
        let mut dropped = Vec::new();
        let mut table = self.table();
        for key in table.remove_where(&chosen) {
            dropped.extend(write(&self.shard(key.mixed()).pages).remove(&key));
        }
        drop(table);
    }
}

fn downcast<V: Weight>(page: Arc<dyn Weight>) -> Option<Arc<V>> {
    let page: Arc<dyn Any + Send + Sync> = page;
    page.downcast().ok()
}

fn type_of(page: &dyn Weight) -> std::any::TypeId {
    let page: &dyn Any = page;
    page.type_id()
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
