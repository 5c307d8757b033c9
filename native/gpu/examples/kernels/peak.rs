//! What the device's memory gives at most: a copy from one buffer to another, measured in the same run as the kernels.

use std::time::Duration;

use serde_json::json;
use tiercel_base::error::{Error, Result};
use tiercel_gpu::{CopyProbe, Device};

use crate::Setup;
use crate::clock::milliseconds;
use crate::data::Random;
use crate::report::print;

/// More than the caches of any device, so that its memory is measured.
const LARGEST: usize = 256 << 20;
const SMALLEST: usize = 16 << 20;
/// Shorter measurements are of submitting, not of copying.
const LEAST: Duration = Duration::from_millis(200);
const MOST_COPIES: u32 = 4_096;
const RUNS: usize = 5;

/// The fastest of some runs: a peak is the most that was seen.
pub fn measure(setup: &Setup, device: &Device) -> Result<()> {
    let largest = if setup.software { SMALLEST } else { LARGEST };
    let mut random = Random(9);
    let content: Vec<u8> = (0..largest / 8).flat_map(|_| random.next().to_le_bytes()).collect();
    let mut bytes = largest;
    let probe = loop {
        match CopyProbe::new(device, &content[..bytes]) {
            Err(Error::MemoryPressure { .. }) if bytes > SMALLEST => bytes /= 2,
            probe => break probe?,
        }
    };
    // The first copies wait for the content to be there.
    probe.time(1)?;
    let mut copies = 1;
    while copies < MOST_COPIES && probe.time(copies)? < LEAST {
        copies *= 2;
    }
    let mut fastest = Duration::MAX;
    for _ in 0..RUNS {
        fastest = fastest.min(probe.time(copies)?);
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = 2.0 * bytes as f64 * f64::from(copies) / fastest.as_secs_f64() / 1e9;
    print(&json!({
        "type": "peak",
        "bytes": bytes,
        "copies": copies,
        "ms": milliseconds(fastest),
        "gbPerSecond": rate,
    }));
    Ok(())
}
