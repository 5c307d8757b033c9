//! The tier's own thread: promotes pages, opens a lost device again, measures free memory, and runs the self-check.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tiercel_base::error::Result;
use tiercel_codec::bits::BitsView;
use tiercel_tier::{Class, PageKey};

use crate::arena::Resident;
use crate::budget::budget;
use crate::check::{self, Sample, Verdict};
use crate::live::{Live, Promotion};
use crate::options::GpuOptions;
use crate::pool;
use crate::queue::{Next, Offer};
use crate::scan::Target;
use crate::shared::Shared;

/// The wait before a device is opened again grows up to so many times.
const MOST_BACKOFF: u32 = 64;
/// Pages remembered for the self-check: of each, the weak pointer only.
const SAMPLES: usize = 4096;
/// The budget is changed when the measurement moved it by more than this share.
const STEADY: u64 = 16;

/// A promoted page, as it lies in the processor's memory while somebody else keeps it there.
struct Source {
    rows: usize,
    padded: usize,
    page: Weak<dyn AsRef<[u8]> + Send + Sync>,
}

struct Worker<'s> {
    shared: &'s Shared,
    sources: HashMap<PageKey, Source>,
    /// Pages in the device's memory when the self-check last ran.
    checked: u64,
    backoff: u32,
    reopen: Instant,
    measure: Instant,
}

/// Runs until the queue is stopped.
pub fn run(shared: &Shared) {
    let now = Instant::now();
    let measure = now + shared.options.measure_every;
    let mut worker = Worker { shared, sources: HashMap::new(), checked: 0, backoff: 1, reopen: now, measure };
    loop {
        match shared.queue.next(worker.patience()) {
            Next::Promote(offer) => worker.promote(&offer),
            Next::Idle => worker.look_after(),
            Next::Stop => return,
        }
    }
}

impl Worker<'_> {
    fn patience(&self) -> Duration {
        let next = if self.shared.has_device() { self.measure } else { self.reopen };
        next.saturating_duration_since(Instant::now())
    }

    fn promote(&mut self, offer: &Offer) {
        let Some(live) = self.shared.live() else { return };
        let bytes: &[u8] = (*offer.page).as_ref();
        let Offer { key, rows, padded, ahead, .. } = *offer;
        let page = Promotion { key, rows, padded, ahead, bytes };
        match live.promote(&page) {
            Ok(true) => {
                if self.sources.len() >= SAMPLES {
                    self.sources.retain(|_, source| source.page.strong_count() > 0);
                }
                if self.sources.len() < SAMPLES {
                    let source = Source { rows: offer.rows, padded: offer.padded, page: Arc::downgrade(&offer.page) };
                    self.sources.insert(offer.key, source);
                }
            }
            Ok(false) => {}
            Err(error) => self.shared.events.record(format!("A page stays in the processor's memory: {error}")),
        }
        if live.device.lost().is_some() {
            self.shared.queue.kick();
        }
    }

    fn look_after(&mut self) {
        if let Some(reason) = self.shared.take_lost() {
            self.shared.events.record(format!("{reason} Searches run on the CPU until it is back."));
            self.sources.clear();
            self.reopen = Instant::now() + self.shared.options.reopen_after;
        }
        let now = Instant::now();
        match self.shared.live() {
            None if now >= self.reopen => self.open(),
            None => {}
            Some(live) => {
                if now >= self.measure {
                    self.measure = now + self.shared.options.measure_every;
                    measure(self.shared, &live);
                }
                self.check(&live);
            }
        }
    }

    fn open(&mut self) {
        match Live::open(&self.shared.options, self.shared.account.clone()) {
            Ok(live) => {
                self.backoff = 1;
                self.shared.put(live);
            }
            Err(error) => {
                self.reopen = Instant::now() + self.shared.options.reopen_after * self.backoff;
                self.backoff = (self.backoff * 2).min(MOST_BACKOFF);
                self.shared.events.record(format!("The GPU cannot be opened again: {error}"));
            }
        }
    }

    /// Runs the self-check when the pages have doubled since the last one.
    fn check(&mut self, live: &Live) {
        let pages = live.cache.stats().of(Class::Bits).pages;
        let known = live.verdict().is_some();
        if pages == 0 || (known && pages < 2 * self.checked) {
            return;
        }
        let mut held = Vec::new();
        for (key, source) in &self.sources {
            if held.first().is_some_and(|(_, padded, ..): &(_, usize, _, _)| *padded != source.padded) {
                continue;
            }
            if let Some(page) = source.page.upgrade() {
                held.push((*key, source.padded, source.rows, page));
            }
        }
        let samples: Vec<Sample<'_>> = (0_u32..)
            .zip(&held)
            .filter_map(|(at, (key, padded, rows, page))| {
                let resident = live.cache.peek::<Resident>(key)?;
                let bytes: &[u8] = (**page).as_ref();
                let view = BitsView::new(bytes, *rows, *padded).ok()?;
                let place = at.wrapping_mul(u32::try_from(crate::PAGE_ROWS).unwrap_or(u32::MAX));
                Some(Sample { target: Target { resident, place, base: 0 }, view })
            })
            .collect();
        if samples.is_empty() {
            return;
        }
        let options = &self.shared.options;
        match compare(live, &samples, options) {
            Ok(verdict) => {
                self.checked = pages;
                self.shared.events.record(verdict.check.sentence.clone());
                live.judge(verdict);
                if live.is_ruled_out(options.mode) {
                    live.clear();
                    self.sources.clear();
                }
            }
            Err(error) => {
                self.shared.events.record(format!("The GPU's self-check failed: {error}"));
                // A device that is busy is asked again with the next pages; one that is lost is looked after at once.
                if live.device.lost().is_some() {
                    self.shared.queue.kick();
                }
            }
        }
    }
}

/// The self-check, on as many of the samples as the buffers that are free allow.
fn compare(live: &Live, samples: &[Sample<'_>], options: &GpuOptions) -> Result<Verdict> {
    let mut count = samples.len();
    loop {
        match check::run(live, &samples[..count], options.mode, options.cpu_threads) {
            Err(error) if pool::is_busy(&error) && count > 1 => count /= 2,
            done => return done,
        }
    }
}

/// Follows what other processes leave of the device's memory.
fn measure(shared: &Shared, live: &Live) {
    let before = live.budget();
    let after = budget(shared.options.memory_budget, live.device.memory(), shared.account.bytes());
    adopt(shared, live, before, after);
}

fn adopt(shared: &Shared, live: &Live, before: u64, after: u64) {
    // What a device has refused once is asked of it again with every measurement.
    if before.abs_diff(after) <= before / STEADY && !live.was_refused() {
        return;
    }
    let held = shared.account.bytes();
    live.set_budget(after);
    let mib = |bytes: u64| bytes >> 20;
    if after < held {
        shared.events.record(format!(
            "Other programs need the GPU's memory: {} MiB may be used instead of {} MiB.",
            mib(after),
            mib(before)
        ));
    }
}

#[cfg(test)]
pub(crate) fn adopt_budget(shared: &Shared, live: &Live, after: u64) {
    adopt(shared, live, live.budget(), after);
}
