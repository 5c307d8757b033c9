//! The hot tier: pages of 1-bit codes in the GPU's memory, and searches over them.
//!
//! A search calls [`Hot::submit`], scans what the ticket says is missing while the device is at work, offers those pages
//! ([`Hot::offer`]), and collects ([`Ticket::collect`]). No call on this path copies a page, opens a device or waits for
//! a promotion; that is the affair of a thread of its own. An error of the device is never one of the search: its pages
//! are given back to be scanned on the CPU.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};
use tiercel_base::rows::RowSet;
use tiercel_codec::candidates::Candidates;
use tiercel_tier::{Account, PageKey};

use crate::arena::Resident;
use crate::live::Live;
use crate::options::GpuOptions;
use crate::queue::Offer;
use crate::scan::{self, Asked, Flight, Job, Target};
use crate::shared::Shared;
use crate::status::GpuStatus;
use crate::worker;

/// A page that a search wants scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRef {
    /// Its name, of [`tiercel_tier::Class::Bits`].
    pub key: PageKey,
    /// What is added to a row's position to give [`tiercel_codec::candidates::Candidate::place`].
    pub place: u32,
    /// Which of each search's bases is of the page's centroid.
    pub base: u32,
}

/// Searches over the same pages.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The pages. Of equal scores at the edge of what is selected, the earlier page's row is taken.
    pub pages: &'a [PageRef],
    /// What each search asks for. All are of one dimension, number of bits and of centroids.
    pub searches: &'a [Asked<'a>],
    /// Accepted row numbers, and the end of all row numbers; none accepts every row.
    pub accept: Option<(&'a RowSet, u32)>,
    /// Rows to select for each search.
    pub best: usize,
}

/// A search that the device is at; dropping it gives it up.
#[must_use = "the pages that are not missing are only scanned when it is collected"]
pub struct Ticket<'a> {
    shared: Arc<Shared>,
    ask: Ask<'a>,
    missing: Vec<usize>,
    flight: Option<(Arc<Live>, Flight, Vec<usize>)>,
}

/// The hot tier of a process.
pub struct Hot {
    shared: Arc<Shared>,
    worker: Option<JoinHandle<()>>,
}

impl Hot {
    /// Opens the device and starts the tier's thread. Takes tens of milliseconds, at times a second: not on a query's path.
    /// Every buffer on the device is entered in `account`, which belongs to books of its own unless the device's memory
    /// is the processor's.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] when the GPU is off, [`Error::InstallWhatIsMissing`] without an adapter that may be used,
    /// [`Error::FixTheMachine`] when the driver or the system refuses.
    pub fn open(options: GpuOptions, account: Account) -> Result<Self> {
        let shared = Arc::new(Shared::open(options, account)?);
        let own = shared.clone();
        let worker = std::thread::Builder::new()
            .name("tiercel-gpu".into())
            .spawn(move || worker::run(&own))
            .map_err(|error| Error::FixTheMachine(format!("No thread for the GPU: {error}.")))?;
        Ok(Self { shared, worker: Some(worker) })
    }

    /// Sends a search to the device, for those of its pages that are there, and says which are not.
    pub fn submit<'a>(&self, ask: Ask<'a>) -> Ticket<'a> {
        let nothing = |missing| Ticket { shared: self.shared.clone(), ask, missing, flight: None };
        let everything = || (0..ask.pages.len()).collect();
        let job = ask.job();
        let Some(live) = self.shared.live().filter(|_| scan::fits(&job)) else { return nothing(everything()) };
        let padded = job.searches[0].query.padded();
        let (mut targets, mut here, mut missing, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for (at, page) in ask.pages.iter().enumerate() {
            match live.cache.get::<Resident>(&page.key) {
                Some(resident)
                    if resident.padded as usize == padded && (page.base as usize) < job.searches[0].bases.len() =>
                {
                    bytes += resident.bytes;
                    targets.push(Target { resident, place: page.place, base: page.base });
                    here.push(at);
                }
                _ => missing.push(at),
            }
        }
        let allowed = live.allows(self.shared.options.mode, bytes, bytes) == Some(true);
        if targets.is_empty() || !allowed {
            return nothing(everything());
        }
        match scan::submit(&live.device, &live.pool, &job, targets) {
            Ok(flight) => Ticket { shared: self.shared.clone(), ask, missing, flight: Some((live, flight, here)) },
            Err(error) => {
                self.shared.failed(&error);
                nothing(everything())
            }
        }
    }

    /// Offers a page that a search has scanned on the CPU. It is promoted later if the policy wants it; this call looks at
    /// the books and returns.
    pub fn offer(&self, key: PageKey, rows: usize, padded: usize, page: Arc<dyn AsRef<[u8]> + Send + Sync>) {
        let Some(live) = self.shared.live().filter(|live| !live.is_ruled_out(self.shared.options.mode)) else { return };
        if !live.cache.contains(&key) && !self.shared.queue.knows(&key) && live.cache.wants(&key) {
            self.shared.queue.push(Offer { key, rows, padded, ahead: false, page });
        }
    }

    /// Brings a page into the device's memory ahead of searches: waits while others are before it. False once the tier has
    /// no room left, or has found that it is no faster with `bytes` bytes of codes, which is what all pages of a search have.
    pub fn warm(
        &self,
        key: PageKey,
        rows: usize,
        padded: usize,
        bytes: u64,
        page: Arc<dyn AsRef<[u8]> + Send + Sync>,
    ) -> bool {
        let Some(live) = self.shared.live() else { return false };
        let useful = live.allows(self.shared.options.mode, bytes, bytes) != Some(false);
        if !useful || !live.has_room((*page).as_ref().len()) {
            return false;
        }
        if !live.cache.contains(&key) {
            drop(live);
            self.shared.queue.push_when_free(Offer { key, rows, padded, ahead: true, page });
        }
        true
    }

    /// Whether the GPU is expected to be faster, or is to be used in any case, with `gpu` bytes of codes in its memory than
    /// the CPU with `cpu` bytes.
    #[must_use]
    pub fn favours(&self, gpu: u64, cpu: u64) -> bool {
        self.shared.live().and_then(|live| live.allows(self.shared.options.mode, gpu, cpu)) == Some(true)
    }

    /// Drops the pages of a space that is closed.
    pub fn remove_space(&self, space: u64) {
        self.shared.queue.retain(|key| key.space != space);
        if let Some(live) = self.shared.live() {
            live.cache.remove_space(space);
        }
    }

    /// Drops the pages of a file that is removed.
    pub fn remove_file(&self, space: u64, file: u32) {
        self.shared.queue.retain(|key| (key.space, key.file) != (space, file));
        if let Some(live) = self.shared.live() {
            live.cache.remove_file(space, file);
        }
    }

    /// Waits until what was offered so far is promoted or refused, a lost device is open again or was tried again, and the
    /// self-check is up to date. For warm starts, benches and tests; never on a query's path.
    pub fn settle(&self) {
        self.shared.queue.settle();
    }

    /// Devices opened since the start: when it rises, what was in memory is gone.
    #[must_use]
    pub fn devices(&self) -> u64 {
        self.shared.devices()
    }

    /// Everything counted.
    #[must_use]
    pub fn status(&self) -> GpuStatus {
        self.shared.status()
    }

    /// Loses the device, as a driver's reset does.
    #[cfg(any(test, feature = "faults"))]
    pub fn lose_device(&self) {
        if let Some(live) = self.shared.live() {
            live.device.lose();
            self.shared.queue.kick();
        }
    }

    /// Lets the device's next `count` allocations fail.
    #[cfg(any(test, feature = "faults"))]
    pub fn fail_allocations(&self, count: u64) {
        if let Some(live) = self.shared.live() {
            live.device.fail_allocations(count);
        }
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Drop for Hot {
    fn drop(&mut self) {
        self.shared.queue.stop();
        if let Some(worker) = self.worker.take() {
            // A worker that panicked has told so on stderr; there is nobody to tell here.
            drop(worker.join());
        }
    }
}

impl<'a> Ask<'a> {
    fn job(&self) -> Job<'a> {
        let accept = self.accept.filter(|(rows, end)| rows.len() < *end as usize);
        Job { searches: self.searches, accept, best: self.best }
    }
}

impl Ticket<'_> {
    /// Positions in [`Ask::pages`] of what the caller scans itself, ascending.
    #[must_use]
    pub fn missing(&self) -> &[usize] {
        &self.missing
    }

    /// Waits for the device and offers what it found to `candidates`, one for each search. Gives the positions in
    /// [`Ask::pages`] that the caller must scan after all, because the device failed: most often none.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when the caller cancelled.
    ///
    /// # Panics
    /// When there are not as many candidates as searches.
    pub fn collect(self, cancel: &Cancel, candidates: &mut [Candidates]) -> Result<Vec<usize>> {
        assert_eq!(candidates.len(), self.ask.searches.len(), "candidates for each search");
        let Some((live, flight, here)) = self.flight else { return Ok(Vec::new()) };
        match flight.collect(&live.device, &self.ask.job(), cancel, candidates) {
            Ok(()) => {
                self.shared.searches.fetch_add(1, Ordering::Relaxed);
                Ok(Vec::new())
            }
            Err(Error::Cancelled) => Err(Error::Cancelled),
            Err(error) => {
                self.shared.failed(&error);
                Ok(here)
            }
        }
    }
}

#[cfg(test)]
mod tests;
