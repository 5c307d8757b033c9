//! The self-check: the GPU against the CPU on pages of the store, for equality and for time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;
use tiercel_codec::Kernel;
use tiercel_codec::bits::{BitsQuery, BitsView};
use tiercel_codec::candidates::{Candidate, Candidates};

use crate::live::Live;
use crate::options::GpuMode;
use crate::scan::{Asked, Job, Target, submit};
use crate::status::Check;

/// As many as a search keeps of its scan.
const BEST: usize = 1024;
/// Runs of each; the fastest counts.
const RUNS: usize = 3;
const QUERY_BITS: u32 = 2;
/// From so many rows on, a GPU that is slower per byte is slower for good.
const TELLING_ROWS: usize = 50_000;
/// Two scores of rows at the edge of the selection may differ by so much: a driver may fuse a multiplication and an
/// addition while it selects.
const EDGE: f32 = 1e-6;

/// A page in both memories.
pub struct Sample<'a> {
    pub target: Target,
    pub view: BitsView<'a>,
}

/// What scans cost, in nanoseconds, from which searches of other sizes are judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// Per byte of codes on the CPU, by all threads of a search.
    cpu: f64,
    /// Per search on the GPU.
    fixed: f64,
    /// Per byte of codes on the GPU.
    gpu: f64,
}

impl Costs {
    /// Whether the GPU is expected to be faster with `gpu` bytes of codes than the CPU with `cpu` bytes.
    pub fn favour_gpu(&self, gpu: u64, cpu: u64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let (gpu, cpu) = (gpu as f64, cpu as f64);
        self.fixed + self.gpu * gpu < self.cpu * cpu
    }
}

/// A check and what follows from it.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub check: Check,
    pub costs: Costs,
}

impl Verdict {
    /// Whether a search uses the GPU for `gpu` bytes of codes, where the CPU would look at `cpu` bytes for the same answer.
    pub fn allows(&self, mode: GpuMode, gpu: u64, cpu: u64) -> bool {
        self.check.equal && (mode == GpuMode::On || self.costs.favour_gpu(gpu, cpu))
    }

    /// Whether the GPU will not be used for any number of bytes, as far as this check can tell.
    pub fn rules_out(&self, mode: GpuMode) -> bool {
        let slower = mode != GpuMode::On && self.costs.gpu >= self.costs.cpu;
        !self.check.equal || (slower && self.check.rows >= TELLING_ROWS)
    }
}

/// Compares both on the samples, which are of one dimension and not empty.
pub fn run(live: &Live, samples: &[Sample<'_>], mode: GpuMode, threads: usize) -> Result<Verdict> {
    let padded = samples[0].view.padded();
    let query = BitsQuery::new(&direction(padded), QUERY_BITS);
    let asked = Asked { query: &query, bases: &[0.0] };
    let rows = samples.iter().map(|sample| sample.view.rows()).sum();
    let (cpu_time, cpu) = fastest(|| {
        let mut found = Candidates::new(BEST);
        for sample in samples {
            Kernel::detect().scan_bits(&query, 0.0, &sample.view, sample.target.place, |_| true, &mut found);
        }
        Ok(found.into_sorted())
    })?;
    let (one_time, _) = fastest(|| on_gpu(live, &samples[..1], asked))?;
    let (gpu_time, gpu) = fastest(|| on_gpu(live, samples, asked))?;

    #[expect(clippy::cast_precision_loss, reason = "times for people and estimates")]
    let (first, bytes, threads) = (
        samples[0].target.resident.bytes as f64,
        samples.iter().map(|sample| sample.target.resident.bytes).sum::<u64>() as f64,
        threads.max(1) as f64,
    );
    let nanos = |time: Duration| time.as_secs_f64() * 1e9;
    let per_byte = if bytes > first { (nanos(gpu_time) - nanos(one_time)).max(0.0) / (bytes - first) } else { 0.0 };
    let costs = Costs {
        cpu: nanos(cpu_time) / threads / bytes.max(1.0),
        fixed: (nanos(gpu_time) - per_byte * bytes).max(0.0),
        gpu: per_byte,
    };
    let (equal, cpu_ms, gpu_ms) = (same_candidates(&cpu, &gpu), nanos(cpu_time) / threads / 1e6, nanos(gpu_time) / 1e6);
    let used = equal && (mode == GpuMode::On || gpu_ms < cpu_ms);
    let times = format!("CPU {cpu_ms:.2} ms, GPU {gpu_ms:.2} ms for {rows} vectors");
    let sentence = match (equal, used, gpu_ms < cpu_ms) {
        (false, ..) => "The GPU does not compute what the CPU computes: it is not used. Update its driver.".to_owned(),
        (true, true, true) => format!("{times}: the GPU is used."),
        (true, true, false) => {
            format!("{times}: the GPU is slower at this size, and used because tiercel.gpu.search is \"on\".")
        }
        (true, false, _) => format!("{times}: the GPU is not used at this size, it would be slower."),
    };
    Ok(Verdict { check: Check { rows, equal, cpu_ms, gpu_ms, used, sentence }, costs })
}

fn on_gpu(live: &Live, samples: &[Sample<'_>], asked: Asked<'_>) -> Result<Vec<Candidate>> {
    let job = Job { searches: &[asked], accept: None, best: BEST };
    let targets = samples
        .iter()
        .map(|sample| Target { resident: sample.target.resident.clone(), place: sample.target.place, base: 0 })
        .collect();
    let mut found = [Candidates::new(BEST)];
    submit(&live.device, &live.pool, &job, targets)?.collect(&live.device, &job, &Cancel::new(), &mut found)?;
    let [found] = found;
    Ok(found.into_sorted())
}

fn fastest<T>(run: impl Fn() -> Result<T>) -> Result<(Duration, T)> {
    // The first run warms caches and pools.
    let mut best = (Duration::MAX, run()?);
    for _ in 0..RUNS {
        let start = Instant::now();
        let value = run()?;
        if start.elapsed() < best.0 {
            best = (start.elapsed(), value);
        }
    }
    Ok(best)
}

/// Whether both found the same: the same scores for the same rows, but for rows within 1e-6 of the last one.
#[must_use]
pub fn same_candidates(cpu: &[Candidate], gpu: &[Candidate]) -> bool {
    let Some(edge) = cpu.last().map(|last| last.score) else { return gpu.is_empty() };
    let mut by_row: HashMap<(u32, u32), u32> =
        cpu.iter().map(|one| ((one.row, one.place), one.score.to_bits())).collect();
    cpu.len() == gpu.len()
        && gpu.iter().all(|one| match by_row.remove(&(one.row, one.place)) {
            Some(score) => score == one.score.to_bits(),
            None => (one.score - edge).abs() <= EDGE,
        })
}

/// A direction of length 1 that is none of the axes: components of a Weyl sequence.
fn direction(padded: usize) -> Vec<f32> {
    let mut state = 0_u32;
    let values: Vec<f32> = (0..padded)
        .map(|_| {
            state = state.wrapping_add(0x9E37_79B9);
            #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
            let high = (state >> 8) as f32;
            high / 8_388_608.0 - 1.0
        })
        .collect();
    let norm = values.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    values.iter().map(|x| x / norm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_tell_the_size_from_which_the_gpu_is_faster() {
        let costs = Costs { cpu: 0.05, fixed: 400_000.0, gpu: 0.01 };
        assert!(!costs.favour_gpu(9_000_000, 9_000_000));
        assert!(costs.favour_gpu(11_000_000, 11_000_000));
        assert!(!costs.favour_gpu(20_000_000, 9_000_000), "the CPU looks at fewer cells");
    }

    #[test]
    fn a_gpu_is_ruled_out_when_it_is_wrong_or_slower_on_many_rows() {
        let verdict = |equal, rows, gpu| {
            let (cpu_ms, gpu_ms, used, sentence) = (1.0, 1.0, false, String::new());
            let check = Check { rows, equal, cpu_ms, gpu_ms, used, sentence };
            Verdict { check, costs: Costs { cpu: 0.05, fixed: 400_000.0, gpu } }
        };
        assert!(verdict(false, 100, 0.01).rules_out(GpuMode::On));
        assert!(!verdict(true, 100_000, 0.01).rules_out(GpuMode::Auto));
        assert!(!verdict(true, 10_000, 0.06).rules_out(GpuMode::Auto), "too few to tell");
        assert!(verdict(true, 100_000, 0.06).rules_out(GpuMode::Auto));
        assert!(!verdict(true, 100_000, 0.06).rules_out(GpuMode::On));
    }

    #[test]
    fn rows_may_differ_at_the_edge_and_nowhere_else() {
        let of = |score, row| Candidate { score, row, place: row };
        let cpu = [of(0.9, 1), of(0.8, 2), of(0.7, 3)];
        assert!(same_candidates(&cpu, &cpu));
        assert!(same_candidates(&cpu, &[of(0.9, 1), of(0.8, 2), of(0.7, 4)]));
        assert!(!same_candidates(&cpu, &[of(0.9, 1), of(0.7, 4)]));
        assert!(!same_candidates(&cpu, &[of(0.9, 1), of(0.8, 5), of(0.7, 3)]));
        assert!(!same_candidates(&cpu, &[of(0.9, 1), of(0.800_000_1, 2), of(0.7, 3)]));
        assert!(!same_candidates(&cpu, &[of(0.9, 1), of(0.9, 1), of(0.7, 3)]), "one row twice");
        assert!(same_candidates(&[], &[]) && !same_candidates(&[], &cpu));
    }
}
