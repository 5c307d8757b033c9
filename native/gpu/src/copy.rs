//! How fast the device copies from one place of its memory to another: the most that a kernel can hope to read.

use std::time::{Duration, Instant};

use tiercel_base::error::Result;

use crate::device::{Allocated, Device};
use crate::ring::Ring;

/// Two buffers of one size in the device's memory.
pub struct CopyProbe<'d> {
    device: &'d Device,
    from: Allocated,
    to: Allocated,
    bytes: u64,
}

impl<'d> CopyProbe<'d> {
    /// Brings `content` (a multiple of 4 bytes) into the device's memory, and takes as much beside it.
    ///
    /// # Errors
    /// [`tiercel_base::error::Error::MemoryPressure`] when the device has no room,
    /// [`tiercel_base::error::Error::RetryLater`] when it is lost.
    pub fn new(device: &'d Device, content: &[u8]) -> Result<Self> {
        let bytes = content.len() as u64;
        let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let (from, to) = (device.allocate(bytes, usage, false)?, device.allocate(bytes, usage, false)?);
        let probe = Self { device, from, to, bytes };
        Ring::new().upload(device, content, &probe.from.buffer, 0)?;
        Ok(probe)
    }

    /// Copies the whole content `copies` times in one submission: the time from there until the device is done. Each copy
    /// reads and writes all bytes.
    ///
    /// # Errors
    /// [`tiercel_base::error::Error::RetryLater`] when the device is lost.
    pub fn time(&self, copies: u32) -> Result<Duration> {
        let mut encoder = self.device.gpu.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        for _ in 0..copies {
            encoder.copy_buffer_to_buffer(&self.from.buffer, 0, &self.to.buffer, 0, self.bytes);
        }
        let commands = encoder.finish();
        let start = Instant::now();
        let submission = self.device.queue.submit([commands]);
        while !self.device.wait(&submission, Duration::from_millis(100))? {
            if self.device.hangs(start.elapsed()) {
                self.device.check()?;
            }
        }
        Ok(start.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{Kind, Pool};
    use crate::testing;

    #[test]
    fn everything_is_copied() {
        let Some(device) = testing::device() else { return };
        let content: Vec<u8> = (0..1_u32 << 18).flat_map(u32::to_le_bytes).collect();
        let probe = CopyProbe::new(&device, &content).expect("room");
        assert!(probe.time(3).expect("a device") > Duration::ZERO);

        let found = Pool::new(4 << 20).take(&device, Kind::Readback, probe.bytes).expect("room");
        let mut encoder = device.gpu.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&probe.to.buffer, 0, found.buffer(), 0, probe.bytes);
        let submission = device.queue.submit([encoder.finish()]);
        found.map();
        while !device.wait(&submission, Duration::from_secs(1)).expect("a device") || !found.is_mapped() {}
        assert!(*found.read(probe.bytes).expect("mapped") == content[..]);
    }
}
