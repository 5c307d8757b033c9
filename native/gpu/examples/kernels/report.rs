//! What is printed: one JSON object a line.

use serde_json::{Value, json};
use tiercel_base::error::Error;

use crate::clock::{Timing, milliseconds};
use crate::cpu::Cost;

/// What one kernel did at one size.
pub struct Line<'a> {
    pub kernel: &'a str,
    pub rows: usize,
    pub queries: usize,
    /// What has to be read of codes, once.
    pub bytes: usize,
    pub gpu: Timing,
    /// The processor's kernels: one thread, and all of them.
    pub simd: [Cost; 2],
    /// A loop over as many floats.
    pub scalar: Cost,
    /// Queries whose answers were compared with the processor's over all rows.
    pub compared: usize,
    pub equal: bool,
}

pub fn print(line: &Value) {
    println!("{line}");
}

impl Line<'_> {
    pub fn print(&self) {
        let cost = |cost: &Cost| json!({ "ms": milliseconds(cost.time), "rows": cost.rows, "queries": cost.queries });
        print(&json!({
            "type": "kernel",
            "kernel": self.kernel,
            "rows": self.rows,
            "queries": self.queries,
            "bytes": self.bytes,
            "gpuMs": milliseconds(self.gpu.time),
            "runs": self.gpu.runs,
            "simd": cost(&self.simd[0]),
            "simdThreads": cost(&self.simd[1]),
            "scalar": cost(&self.scalar),
            "compared": self.compared,
            "equal": self.equal,
        }));
    }
}

/// A size that is not measured, and why.
pub fn print_skipped(kernel: &str, rows: usize, queries: usize, reason: &str) {
    print(&json!({ "type": "skipped", "kernel": kernel, "rows": rows, "queries": queries, "reason": reason }));
}

/// A device without room is no failure of the bench: the row says so.
pub fn skip_without_room(error: Error, kernel: &str, rows: usize, queries: usize) -> Result<(), Error> {
    match error {
        Error::MemoryPressure { message, .. } => {
            print_skipped(kernel, rows, queries, &message);
            Ok(())
        }
        other => Err(other),
    }
}
