//! What the callers and the tier's thread share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tiercel_base::error::{Error, Result};
use tiercel_tier::{Account, Class, ClassStats};

use crate::adapter::AdapterReport;
use crate::check::Verdict;
use crate::events::Events;
use crate::live::Live;
use crate::options::GpuOptions;
use crate::pool;
use crate::queue::Queue;
use crate::status::GpuStatus;

/// The open device, if there is one, and everything that outlives it.
pub struct Shared {
    pub options: GpuOptions,
    pub account: Account,
    pub events: Events,
    pub queue: Queue,
    pub searches: AtomicU64,
    failed_over: AtomicU64,
    devices: AtomicU64,
    live: RwLock<Option<Arc<Live>>>,
    /// Counts of devices that are gone.
    past: Mutex<ClassStats>,
    /// What the self-check found on the device before this one: it holds for the same adapter and driver.
    known: Mutex<Option<(AdapterReport, Verdict)>>,
}

fn add(sum: &mut ClassStats, more: &ClassStats) {
    sum.hits += more.hits;
    sum.misses += more.misses;
    sum.evictions += more.evictions;
    sum.promotions += more.promotions;
}

impl Shared {
    pub fn open(options: GpuOptions, account: Account) -> Result<Self> {
        let live = Live::open(&options, account.clone())?;
        let shared = Self {
            options,
            account,
            events: Events::default(),
            queue: Queue::default(),
            searches: AtomicU64::new(0),
            failed_over: AtomicU64::new(0),
            devices: AtomicU64::new(0),
            live: RwLock::new(None),
            past: Mutex::new(ClassStats::default()),
            known: Mutex::new(None),
        };
        shared.put(live);
        Ok(shared)
    }

    /// The device; none while it is lost.
    pub fn live(&self) -> Option<Arc<Live>> {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner).clone();
        live.filter(|live| live.device.lost().is_none())
    }

    /// The device takes part from now on.
    pub fn put(&self, live: Live) {
        self.devices.fetch_add(1, Ordering::Relaxed);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((_, verdict)) = known.filter(|(report, _)| report == live.device.report()) {
            live.judge(verdict);
        }
        self.events.record(format!("{} is open, {} MiB may be used.", live.device.report(), live.budget() >> 20));
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(live));
    }

    /// Takes a lost device out; why it was lost.
    pub fn take_lost(&self) -> Option<String> {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        let reason = live.as_ref()?.device.lost()?;
        let gone = live.take()?;
        add(&mut self.past.lock().unwrap_or_else(PoisonError::into_inner), gone.cache.stats().of(Class::Bits));
        let known = gone.verdict().map(|verdict| (gone.device.report().clone(), verdict));
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        drop(live);
        Some(reason)
    }

    /// Whether a device is there or was there until now.
    pub fn has_device(&self) -> bool {
        self.live.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    pub fn devices(&self) -> u64 {
        self.devices.load(Ordering::Relaxed)
    }

    /// Notes that a search went back to the CPU.
    pub fn failed(&self, error: &Error) {
        self.failed_over.fetch_add(1, Ordering::Relaxed);
        // A pool that is busy is no event: it says only that many searches run.
        if !pool::is_busy(error) {
            self.events.record(format!("A search went on without the GPU: {error}"));
            self.queue.kick();
        }
    }

    pub fn status(&self) -> GpuStatus {
        let live = self.live();
        let mut pages = *self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = live.as_ref().and_then(|live| live.verdict());
        if let Some(live) = &live {
            let now = live.cache.stats();
            let now = now.of(Class::Bits);
            add(&mut pages, now);
            (pages.bytes, pages.pages) = (now.bytes, now.pages);
        }
        let sentence = match (&live, &verdict) {
            (None, _) => "The GPU is lost for now: searches run on the CPU.".to_owned(),
            (Some(live), None) if pages.pages == 0 => format!("{} has no pages yet.", live.device.report()),
            (Some(live), None) => format!("{} was not compared with the CPU yet.", live.device.report()),
            (Some(live), Some(verdict)) => format!("{}: {}", live.device.report(), verdict.check.sentence),
        };
        GpuStatus {
            adapter: live.as_ref().map(|live| live.device.report().clone()),
            sentence,
            budget: live.as_ref().map_or(0, |live| live.budget()),
            held: self.account.bytes(),
            pages,
            queued: self.queue.len(),
            allocations: live.as_ref().map_or(0, |live| live.device.allocations()),
            searches: self.searches.load(Ordering::Relaxed),
            failed_over: self.failed_over.load(Ordering::Relaxed),
            devices: self.devices.load(Ordering::Relaxed),
            check: verdict.map(|verdict| verdict.check),
            events: self.events.all(),
        }
    }
}
