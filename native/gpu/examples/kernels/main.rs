//! Times of the GPU's kernels beside the processor's, one JSON object a line: `npm run bench -- gpu` runs it and shows them
//! as tables (docs/bench.md).
//!
//! `--rows 10000,100000`, `--queries 1024` (of the batch), `--dimension 768`; `--software` takes software Vulkan, which
//! proves that the results are right and nothing about speed, and leaves out what would take hours there.

mod bits;
mod clock;
mod cpu;
mod data;
mod peak;
mod products;
mod report;

use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use tiercel_base::error::{Error, Result};
use tiercel_gpu::{Device, GpuMode, GpuOptions, software};
use tiercel_tier::Books;

use clock::Runs;

/// A batch is measured up to so many rows.
const MOST_ROWS_OF_A_BATCH: usize = 100_000;
/// Components of pairs that software Vulkan is asked for in one call: half a minute of work where it is slow.
const MOST_ON_SOFTWARE: usize = 768 << 20;
/// Queries that the kernel of products works on at once, whether there are as many or not.
const TILE: usize = 64;

/// What all parts of the bench share.
struct Setup {
    dimension: usize,
    /// Threads of the processor.
    threads: usize,
    options: GpuOptions,
    /// The device is a program on the processor.
    software: bool,
    runs: Runs,
}

impl Setup {
    /// A device that is a program runs everything once or twice.
    fn device_runs(&self) -> Runs {
        if self.software { Runs { most: 1, patience: Duration::from_millis(200) } } else { self.runs }
    }

    fn can_wait_for_scan(&self, rows: usize, queries: usize) -> bool {
        !self.software || rows * queries * self.dimension <= MOST_ON_SOFTWARE
    }

    fn can_wait_for_product(&self, rows: usize, queries: usize) -> bool {
        !self.software || rows * queries.next_multiple_of(TILE) * self.dimension <= MOST_ON_SOFTWARE
    }
}

fn whole(arguments: &[String], name: &str, otherwise: &str) -> Result<Vec<usize>> {
    let given = arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
    given
        .map_or(otherwise, String::as_str)
        .split(',')
        .map(|word| word.parse().ok().filter(|&number| number > 0))
        .collect::<Option<_>>()
        .ok_or_else(|| Error::FixTheCall(format!("{name} wants whole numbers from 1.")))
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let sizes = whole(&arguments, "--rows", "10000,100000,1000000")?;
    let queries = whole(&arguments, "--queries", "1024")?[0];
    let dimension = whole(&arguments, "--dimension", "768")?[0];
    if !dimension.is_multiple_of(64) || dimension > 1_024 {
        return Err(Error::FixTheCall("--dimension is a multiple of 64, 1,024 at most.".into()));
    }
    let allow_software = arguments.iter().any(|argument| argument == "--software");
    if allow_software {
        // SAFETY: there is no other thread yet.
        unsafe { software::choose() };
    }
    let options =
        GpuOptions { mode: GpuMode::On, allow_software, memory_budget: Some(1 << 30), ..GpuOptions::default() };
    let device = Device::open(&options, Books::new().account("GPU"))?;
    let adapter = device.report();
    let threads = options.cpu_threads;
    report::print(&json!({
        "type": "device",
        "name": adapter.name,
        "vendor": adapter.vendor_name(),
        "driver": format!("{} {}", adapter.driver, adapter.driver_version).trim(),
        "backend": adapter.backend,
        "kind": adapter.kind,
        "packed": device.packed(),
        "dimension": dimension,
        "simd": cpu::kernel().name(),
        "threads": threads,
    }));
    let software = adapter.is_software();
    let runs = Runs { most: 21, patience: Duration::from_secs(5) };
    let setup = Setup { dimension, threads, options, software, runs };
    peak::measure(&setup, &device)?;
    for &rows in &sizes {
        bits::measure(&setup, rows)?;
        products::measure(&setup, &device, rows, 1)?;
        if queries > 1 && rows <= MOST_ROWS_OF_A_BATCH {
            products::measure(&setup, &device, rows, queries)?;
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
