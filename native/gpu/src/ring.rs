//! The way of pages into the device: a few mapped buffers that take turns, so that one is filled while others are copied.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tiercel_base::error::Result;

use crate::device::Device;
use crate::pool::{Kind, Pool, Pooled};

/// Buffers that take turns.
const SLOTS: usize = 4;
/// Bytes of each; longer pages go in several.
const SEGMENT: usize = 512 << 10;
/// The ring's own memory in bytes.
pub const RING_BYTES: u64 = (SLOTS * SEGMENT) as u64;

/// A ring of mapped buffers. The oldest is used next.
pub struct Ring {
    slots: VecDeque<(Pooled, Option<wgpu::SubmissionIndex>)>,
    pool: Pool,
}

impl Ring {
    pub fn new() -> Self {
        Self { slots: VecDeque::new(), pool: Pool::new(RING_BYTES) }
    }

    /// Copies `bytes` (a multiple of 4) to `offset` of `target`. What is submitted later sees them.
    ///
    /// # Errors
    /// [`tiercel_base::error::Error::RetryLater`] when the device is lost, and those of [`Device::allocate`].
    pub fn upload(&mut self, device: &Device, bytes: &[u8], target: &wgpu::Buffer, offset: u64) -> Result<()> {
        let mut at = offset;
        for part in bytes.chunks(SEGMENT) {
            let slot = self.next(device)?;
            slot.write(part)?;
            let mut encoder = device.gpu.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encoder.copy_buffer_to_buffer(slot.buffer(), 0, target, at, part.len() as u64);
            let submission = device.queue.submit([encoder.finish()]);
            slot.map();
            self.slots.push_back((slot, Some(submission)));
            at += part.len() as u64;
        }
        device.check()
    }

    fn next(&mut self, device: &Device) -> Result<Pooled> {
        if self.slots.len() < SLOTS {
            return self.pool.take(device, Kind::Upload, SEGMENT as u64);
        }
        let Some((slot, submission)) = self.slots.pop_front() else {
            return self.pool.take(device, Kind::Upload, SEGMENT as u64);
        };
        let start = Instant::now();
        while !slot.is_mapped() {
            if let Some(submission) = &submission {
                device.wait(submission, Duration::from_millis(100))?;
            }
            device.check()?;
            if device.hangs(start.elapsed()) {
                device.check()?;
            }
        }
        Ok(slot)
    }
}
