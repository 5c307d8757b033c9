//! A device for tests, and seeded data.

use std::sync::{Arc, LazyLock};

use tiercel_base::error::Error;
use tiercel_codec::aligned::Buffer;
use tiercel_codec::bits::BitsBuilder;
use tiercel_codec::vector::normalise;
use tiercel_tier::Books;

use crate::{Device, GpuMode, GpuOptions};

/// Points the Vulkan loader to `SwiftShader` where it is installed and nothing else was chosen.
fn choose_driver() {
    static CHOSEN: LazyLock<()> = LazyLock::new(|| {
        // SAFETY: done once, before the first device of this process is opened; the other threads are those of the test
        // harness, which wait for a test or for this lock.
        unsafe { crate::software::choose() };
    });
    LazyLock::force(&CHOSEN);
}

pub fn options() -> GpuOptions {
    choose_driver();
    GpuOptions {
        mode: GpuMode::On,
        allow_software: true,
        memory_budget: Some(64 << 20),
        cpu_threads: 1,
        ..GpuOptions::default()
    }
}

/// Whether this machine must have an adapter, or the tests that need one may report that they were skipped.
pub fn skip<T>(error: &Error) -> Option<T> {
    assert!(std::env::var_os("CI").is_none(), "CI must have a Vulkan driver (Debian: chromium): {error}");
    eprintln!("SKIPPED, no adapter: {error}");
    None
}

/// A device of its own, for tests that lose it.
pub fn own_device() -> Option<Arc<Device>> {
    match Device::open(&options(), Books::new().account("test")) {
        Ok(device) => Some(Arc::new(device)),
        Err(error @ Error::InstallWhatIsMissing(_)) => skip(&error),
        Err(error) => panic!("{error}"),
    }
}

/// The device that most tests share; none where the machine has no adapter.
pub fn device() -> Option<Arc<Device>> {
    static SHARED: LazyLock<Option<Arc<Device>>> = LazyLock::new(own_device);
    SHARED.clone()
}

/// `SplitMix64`.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below the end")
    }

    /// In -1 .. 1.
    #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
    pub fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 8_388_608.0 - 1.0
    }

    pub fn unit(&mut self, length: usize) -> Vec<f32> {
        let values: Vec<f32> = (0..length).map(|_| self.float()).collect();
        let mut out = vec![0.0; length];
        normalise(&values, &mut out).expect("not all zeros");
        out
    }
}

/// A page of random rows, numbered from `first`.
pub fn page(random: &mut Random, rows: usize, first: u32, centroid: &[f32]) -> Buffer {
    let mut builder = BitsBuilder::new(centroid.len());
    for row in (first..).take(rows) {
        builder.push(row, &random.unit(centroid.len()), centroid);
    }
    builder.finish()
}
