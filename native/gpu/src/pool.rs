//! Buffers that are used again, within a budget of bytes: a search in steady state allocates none.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tiercel_base::error::{Error, Result};
use wgpu::BufferUsages;

use crate::device::{Allocated, Device};

/// The smallest buffer: sizes are powers of two from here on.
const LEAST: u64 = 64 << 10;
/// When buffers that are all in use are worth asking for again.
const BUSY_MS: u32 = 10;

/// What a buffer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The CPU writes it while it is mapped, the device copies from it.
    Upload,
    /// Filled from an [`Kind::Upload`], read by kernels.
    Input,
    /// Written and read by kernels.
    Work,
    /// The device copies into it, the CPU reads it while it is mapped.
    Readback,
}

impl Kind {
    fn usage(self) -> BufferUsages {
        match self {
            Self::Upload => BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC,
            Self::Input => BufferUsages::STORAGE | BufferUsages::UNIFORM | BufferUsages::COPY_DST,
            Self::Work => BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
            Self::Readback => BufferUsages::MAP_READ | BufferUsages::COPY_DST,
        }
    }
}

const UNMAPPED: u8 = 0;
const PENDING: u8 = 1;
const MAPPED: u8 = 2;
const FAILED: u8 = 3;

struct Entry {
    kind: Kind,
    bytes: u64,
    state: Arc<AtomicU8>,
    memory: Allocated,
}

impl Entry {
    fn state(&self) -> u8 {
        self.state.load(Ordering::Acquire)
    }

    /// Whether it can be used now. One whose reader went away while it was being mapped is unmapped here.
    fn ready(&self) -> bool {
        if self.kind == Kind::Readback && self.state() == MAPPED {
            self.memory.buffer.unmap();
            self.state.store(UNMAPPED, Ordering::Release);
        }
        self.state() == if self.kind == Kind::Upload { MAPPED } else { UNMAPPED }
    }
}

#[derive(Default)]
struct State {
    free: Vec<Entry>,
    /// Bytes of all entries, those in use included.
    held: u64,
    budget: u64,
}

/// The pool. Clones share the buffers.
#[derive(Clone)]
pub struct Pool {
    state: Arc<Mutex<State>>,
}

/// A buffer from the pool, which it goes back to.
pub struct Pooled {
    pool: Pool,
    entry: Option<Entry>,
}

impl Pool {
    /// An empty pool of so many bytes.
    pub fn new(budget: u64) -> Self {
        Self { state: Arc::new(Mutex::new(State { budget, ..State::default() })) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that the pool holds.
    #[cfg(test)]
    pub fn held(&self) -> u64 {
        self.state().held
    }

    /// Changes the budget; what is free and above it goes at once, the rest as it comes back.
    pub fn set_budget(&self, budget: u64) {
        let mut state = self.state();
        state.budget = budget;
        let dropped = state.make_room(0);
        drop(state);
        drop(dropped);
    }

    /// A buffer of at least `bytes`; an upload is mapped.
    ///
    /// # Errors
    /// [`Error::RetryLater`] when the buffers in use leave no room, and those of [`Device::allocate`].
    pub fn take(&self, device: &Device, kind: Kind, bytes: u64) -> Result<Pooled> {
        let bytes = bytes.max(LEAST).next_power_of_two();
        let found = self.find(kind, bytes).or_else(|| {
            // Callbacks of what was submitted earlier run here.
            device.poll();
            self.find(kind, bytes)
        });
        if let Some(entry) = found {
            return Ok(Pooled { pool: self.clone(), entry: Some(entry) });
        }
        let mut state = self.state();
        let dropped = state.make_room(bytes);
        if state.held + bytes > state.budget {
            let message = format!("The buffers of running searches take all {} bytes they may.", state.budget);
            return Err(Error::RetryLater { message, after_ms: BUSY_MS });
        }
        // Entered before the lock is released, so that two searches do not take the same room.
        state.held += bytes;
        drop(state);
        drop(dropped);
        match device.allocate(bytes, kind.usage(), kind == Kind::Upload) {
            Ok(memory) => {
                let mapped = if kind == Kind::Upload { MAPPED } else { UNMAPPED };
                let entry = Entry { kind, bytes, state: Arc::new(AtomicU8::new(mapped)), memory };
                Ok(Pooled { pool: self.clone(), entry: Some(entry) })
            }
            Err(error) => {
                self.state().held -= bytes;
                Err(error)
            }
        }
    }

    fn find(&self, kind: Kind, bytes: u64) -> Option<Entry> {
        let mut state = self.state();
        // One of the next size serves as well, instead of a second buffer.
        let fits = |entry: &Entry| entry.kind == kind && (bytes..=2 * bytes).contains(&entry.bytes) && entry.ready();
        let at = state.free.iter().position(fits)?;
        Some(state.free.swap_remove(at))
    }
}

impl State {
    /// Takes out free buffers until `bytes` fit, or none is left.
    fn make_room(&mut self, bytes: u64) -> Vec<Entry> {
        let mut dropped = Vec::new();
        while self.held + bytes > self.budget {
            let Some(entry) = self.free.pop() else { break };
            self.held -= entry.bytes;
            dropped.push(entry);
        }
        dropped
    }
}

impl Pooled {
    fn entry(&self) -> &Entry {
        self.entry.as_ref().expect("it is only taken out when dropped")
    }

    /// The buffer.
    pub fn buffer(&self) -> &wgpu::Buffer {
        &self.entry().memory.buffer
    }

    /// Writes `bytes` (a multiple of 4) to the start of an upload and hands it to the device.
    ///
    /// # Errors
    /// [`Error::RetryLater`] when the device is gone.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        let mut view = self.buffer().get_mapped_range_mut(..bytes.len() as u64).map_err(|error| unmapped(&error))?;
        view.copy_from_slice(bytes);
        drop(view);
        self.buffer().unmap();
        self.entry().state.store(UNMAPPED, Ordering::Release);
        Ok(())
    }

    /// Maps it as soon as what was submitted is done with it.
    pub fn map(&self) {
        let mode = if self.entry().kind == Kind::Upload { wgpu::MapMode::Write } else { wgpu::MapMode::Read };
        let state = self.entry().state.clone();
        state.store(PENDING, Ordering::Release);
        self.buffer().map_async(mode, .., move |mapped| {
            state.store(if mapped.is_ok() { MAPPED } else { FAILED }, Ordering::Release);
        });
    }

    /// Whether it is mapped.
    pub fn is_mapped(&self) -> bool {
        self.entry().state() == MAPPED
    }

    /// The first `bytes` of a readback that is mapped.
    ///
    /// # Errors
    /// [`Error::RetryLater`] when the device is gone.
    pub fn read(&self, bytes: u64) -> Result<wgpu::BufferView> {
        self.buffer().get_mapped_range(..bytes).map_err(|error| unmapped(&error))
    }
}

/// Whether an error only says that buffers are in use: the device is well.
pub fn is_busy(error: &Error) -> bool {
    matches!(error, Error::RetryLater { after_ms: BUSY_MS, .. })
}

fn unmapped(error: &wgpu::MapRangeError) -> Error {
    Error::RetryLater { message: format!("The GPU has taken a buffer away: {error}."), after_ms: 1_000 }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let Some(entry) = self.entry.take() else { return };
        let mut state = self.pool.state();
        // An upload that was written and never mapped again is of no use.
        let lost = entry.state() == FAILED || (entry.kind == Kind::Upload && entry.state() == UNMAPPED);
        if lost || state.held > state.budget {
            state.held -= entry.bytes;
            drop(state);
            drop(entry);
        } else {
            state.free.push(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn buffers_come_back_and_the_budget_binds() {
        let Some(device) = testing::device() else { return };
        let pool = Pool::new(4 * LEAST);
        let before = device.allocations();
        for _ in 0..5 {
            let one = pool.take(&device, Kind::Work, 10).expect("room");
            let two = pool.take(&device, Kind::Upload, LEAST).expect("room");
            assert!(two.is_mapped());
            drop((one, two));
        }
        assert_eq!((device.allocations() - before, pool.held()), (2, 2 * LEAST));
        let held: Vec<_> = (0..4).map(|_| pool.take(&device, Kind::Input, 1).expect("free ones give way")).collect();
        assert!(matches!(pool.take(&device, Kind::Work, 1), Err(Error::RetryLater { .. })));
        pool.set_budget(LEAST);
        drop(held);
        assert_eq!(pool.held(), LEAST);
    }

    #[test]
    fn memory_that_the_device_refuses_is_not_counted() {
        let Some(device) = testing::own_device() else { return };
        let pool = Pool::new(1 << 30);
        device.fail_allocations(1);
        assert!(matches!(pool.take(&device, Kind::Work, 1), Err(Error::MemoryPressure { .. })));
        assert_eq!(pool.held(), 0);
        assert!(pool.take(&device, Kind::Work, 1).is_ok());
        device.lose();
        assert!(matches!(pool.take(&device, Kind::Readback, 1), Err(Error::RetryLater { .. })));
    }
}
