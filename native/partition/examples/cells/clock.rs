//! Time taken, by the wall and by the processor: on a shared machine only the latter says what the work costs.

use std::time::Instant;

pub struct Clock {
    begun: Instant,
    processor: f64,
}

impl Clock {
    pub fn start() -> Self {
        Self { begun: Instant::now(), processor: processor_seconds() }
    }

    pub fn elapsed(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// Processor seconds of all threads, to a hundredth; 0 where the system does not tell.
    pub fn processor(&self) -> f64 {
        processor_seconds() - self.processor
    }
}

/// Of this process so far: the 14th and 15th field of Linux's `stat`, in hundredths.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
