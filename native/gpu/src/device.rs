//! An open device: buffers that are counted, and one flag that says whether it is still there.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tiercel_base::error::{Error, Result};
use tiercel_tier::{Account, Charge};

use crate::adapter::{AdapterReport, choose};
use crate::block_on::block_on;
use crate::memory::{self, DeviceMemory};
use crate::options::GpuOptions;
use crate::pipelines::Pipelines;

/// A device that does not answer for so long is taken for lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// A software device works for as long as the processor needs.
const SOFTWARE_PATIENCE: Duration = Duration::from_secs(600);

#[derive(Default)]
struct Health {
    lost: AtomicBool,
    reason: Mutex<Option<String>>,
}

impl Health {
    fn lose(&self, reason: String) {
        let mut known = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert(reason);
        self.lost.store(true, Ordering::Release);
    }
}

/// An open device with its compiled kernels.
pub struct Device {
    /// Keeps the driver's library loaded.
    _instance: wgpu::Instance,
    adapter: wgpu::Adapter,
    pub(crate) gpu: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) pipelines: Pipelines,
    report: AdapterReport,
    health: Arc<Health>,
    allocations: AtomicU64,
    account: Account,
    /// Bytes that `wgpu` holds for itself.
    own: u64,
    /// Allocations that are made to fail.
    #[cfg(any(test, feature = "faults"))]
    failing: AtomicU64,
}

/// A buffer in the books for as long as it lives.
pub(crate) struct Allocated {
    pub buffer: wgpu::Buffer,
    _charge: Charge,
}

impl Device {
    /// Opens the best adapter that the options allow and compiles the kernels. What it allocates is entered in `account`.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] when the GPU is off, [`Error::InstallWhatIsMissing`] without an adapter that may be used,
    /// [`Error::FixTheMachine`] when the driver refuses.
    pub fn open(options: &GpuOptions, account: Account) -> Result<Self> {
        let chosen = choose(options)?;
        let offered = chosen.adapter.features();
        let limits = chosen.adapter.limits();
        let required_limits = wgpu::Limits {
            max_storage_buffer_binding_size: limits.max_storage_buffer_binding_size,
            max_buffer_size: limits.max_buffer_size,
            ..wgpu::Limits::default()
        };
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("tiercel"),
            required_features: offered & wgpu::Features::PIPELINE_CACHE,
            required_limits,
            // Pages are allocated in large arenas anyway; what the allocator keeps beyond them is not ours to count.
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..wgpu::DeviceDescriptor::default()
        };
        let (device, queue) = block_on(chosen.adapter.request_device(&descriptor))
            .map_err(|error| Error::FixTheMachine(format!("The driver of {} refuses: {error}.", chosen.report)))?;
        let health = Arc::new(Health::default());
        let told = health.clone();
        device.set_device_lost_callback(move |reason, message| {
            told.lose(format!("The GPU was lost ({reason:?}): {message}"));
        });
        let told = health.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| told.lose(format!("The GPU failed: {error}"))));
        let packed =
            chosen.instance.wgsl_language_features().contains(wgpu::WgslLanguageFeatures::Packed4x8IntegerDotProduct);
        let pipelines = Pipelines::compile(&device, &chosen.adapter, options.pipeline_cache.as_deref(), packed)?;
        let own = buffer_bytes(&device);
        let opened = Self {
            _instance: chosen.instance,
            adapter: chosen.adapter,
            gpu: device,
            queue,
            pipelines,
            report: chosen.report,
            health,
            allocations: AtomicU64::new(0),
            account,
            own,
            #[cfg(any(test, feature = "faults"))]
            failing: AtomicU64::new(0),
        };
        opened.check()?;
        Ok(opened)
    }

    /// The adapter.
    #[must_use]
    pub fn report(&self) -> &AdapterReport {
        &self.report
    }

    /// Whether the kernels of bytes use the device's packed dot products.
    #[must_use]
    pub fn packed(&self) -> bool {
        self.pipelines.packed
    }

    /// Buffers allocated so far.
    #[must_use]
    pub fn allocations(&self) -> u64 {
        self.allocations.load(Ordering::Relaxed)
    }

    /// Bytes of the buffers that live.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.account.bytes()
    }

    /// Bytes in our buffers by the count of `wgpu`, to compare the books with.
    #[must_use]
    pub fn counted_by_wgpu(&self) -> u64 {
        buffer_bytes(&self.gpu).saturating_sub(self.own)
    }

    /// The device's memory, measured now.
    pub(crate) fn memory(&self) -> Option<DeviceMemory> {
        memory::read(&self.adapter)
    }

    /// Why the device is lost; none while it is there.
    #[must_use]
    pub fn lost(&self) -> Option<String> {
        if !self.health.lost.load(Ordering::Acquire) {
            return None;
        }
        self.health.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// # Errors
    /// [`Error::RetryLater`] when the device is lost.
    pub(crate) fn check(&self) -> Result<()> {
        self.lost().map_or(Ok(()), |message| Err(Error::RetryLater { message, after_ms: 1_000 }))
    }

    /// A buffer of `bytes` (a multiple of 4).
    ///
    /// # Errors
    /// [`Error::MemoryPressure`] when the device has no room, [`Error::RetryLater`] when it is lost.
    pub(crate) fn allocate(&self, bytes: u64, usage: wgpu::BufferUsages, mapped: bool) -> Result<Allocated> {
        self.check()?;
        #[cfg(any(test, feature = "faults"))]
        if self.failing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return Err(full(bytes, "forced"));
        }
        let room = self.gpu.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let sound = self.gpu.push_error_scope(wgpu::ErrorFilter::Validation);
        let descriptor = wgpu::BufferDescriptor { label: None, size: bytes, usage, mapped_at_creation: mapped };
        let buffer = self.gpu.create_buffer(&descriptor);
        let (invalid, short) = (block_on(sound.pop()), block_on(room.pop()));
        if let Some(error) = short.or(invalid) {
            self.check()?;
            return Err(full(bytes, &error.to_string()));
        }
        self.allocations.fetch_add(1, Ordering::Relaxed);
        Ok(Allocated { buffer, _charge: self.account.charge(bytes) })
    }

    /// Waits until a submission is done, `timeout` at most; whether it is.
    ///
    /// # Errors
    /// [`Error::RetryLater`] when the device is lost.
    pub(crate) fn wait(&self, submission: &wgpu::SubmissionIndex, timeout: Duration) -> Result<bool> {
        let poll = wgpu::PollType::Wait { submission_index: Some(submission.clone()), timeout: Some(timeout) };
        let done = self.gpu.poll(poll);
        self.check()?;
        match done {
            Ok(_) => Ok(true),
            Err(wgpu::PollError::Timeout) => Ok(false),
            Err(error) => {
                Err(Error::RetryLater { message: format!("The GPU cannot be waited for: {error}"), after_ms: 1_000 })
            }
        }
    }

    /// Runs the callbacks of what is done.
    pub(crate) fn poll(&self) {
        // The one error of such a call is a timeout, which it does not have.
        drop(self.gpu.poll(wgpu::PollType::Poll));
    }

    /// Notes that a submission took longer than any can.
    pub(crate) fn hangs(&self, waited: Duration) -> bool {
        let patience = if self.report.is_software() { SOFTWARE_PATIENCE } else { PATIENCE };
        if waited >= patience {
            self.health.lose(format!("The GPU has not answered for {} s.", waited.as_secs()));
        }
        waited >= patience
    }

    /// Loses the device, as a driver's reset does.
    #[cfg(any(test, feature = "faults"))]
    pub fn lose(&self) {
        self.gpu.destroy();
        self.health.lose("The GPU was lost (forced).".into());
    }

    /// Lets the next `count` allocations fail.
    #[cfg(any(test, feature = "faults"))]
    pub fn fail_allocations(&self, count: u64) {
        self.failing.store(count, Ordering::Relaxed);
    }
}

fn buffer_bytes(device: &wgpu::Device) -> u64 {
    u64::try_from(device.get_internal_counters().hal.buffer_memory.read()).unwrap_or(0)
}

fn full(bytes: u64, why: &str) -> Error {
    Error::MemoryPressure { message: format!("The GPU has no room for {bytes} bytes: {why}."), after_ms: 1_000 }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tiercel_tier::Books;

    use super::*;
    use crate::testing;

    #[test]
    fn compiled_kernels_are_kept_and_damage_to_them_only_costs_time() {
        let Some(device) = testing::device() else { return };
        let free = device.memory().map(|memory| memory.free <= memory.total && memory.total > 0);
        assert_ne!(free, Some(false));
        let folder = tempfile::tempdir().expect("a folder");
        let options = GpuOptions { pipeline_cache: Some(folder.path().join("gpu")), ..testing::options() };
        let open = || Device::open(&options, Books::new().account("test")).map(|device| device.gpu.features());
        let kept = open().expect("a device").contains(wgpu::Features::PIPELINE_CACHE);
        let files = || fs::read_dir(folder.path().join("gpu")).map_or(0, Iterator::count);
        assert_eq!(files(), usize::from(kept));
        if kept {
            let file = fs::read_dir(folder.path().join("gpu")).expect("it is there").next().expect("one").expect("it");
            fs::write(file.path(), b"damaged").expect("written");
            assert!(open().is_ok());
            assert!(fs::read(file.path()).expect("it is there").len() > 7, "made again");
        }
    }
}
