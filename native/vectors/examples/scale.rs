//! Builds an index of synthetic vectors, streamed, and prints recall, latency, memory, disk, and loading time.
//!
//!   cargo run --release -p tiercel-vectors --example scale -- FOLDER ROWS DIMENSION [--budget MB] [--no-planes]
//!     [--queries N] [--batch ROWS] [--cells N] [--cells-from ROWS] [--json FILE]
//!
//! The exact neighbours are found in f32 while the rows stream by, and kept in FOLDER.truth: with that file there the index
//! is measured again instead of being built. `--built` measures an index that was built without it against its own
//! exhaustive int8 search.
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, missing_docs)]

mod mixture;

use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::time::Instant;

use mixture::Mixture;
use rayon::prelude::*;
use tiercel_base::Key;
use tiercel_base::cancel::Cancel;
use tiercel_base::rows::RowSet;
use tiercel_codec::{Kernel, normalise};
use tiercel_tier::machine::this_machine;
use tiercel_tier::{Governor, MonitorConfig, PolicyKind};
use tiercel_vectors::{IndexOptions, SearchOptions, Spec, VectorIndex};

const K: usize = 10;
const QUERY_NUMBERS: u64 = 1 << 40;

struct Arguments {
    folder: PathBuf,
    rows: usize,
    dimension: usize,
    budget: u64,
    planes: bool,
    queries: usize,
    batch: usize,
    cells: Option<u32>,
    cells_from: Option<u32>,
    built: bool,
    json: Option<PathBuf>,
}

fn arguments() -> Arguments {
    let mut given = std::env::args().skip(1);
    let mut next = |what: &str| given.next().unwrap_or_else(|| panic!("missing: {what}"));
    let mut arguments = Arguments {
        folder: next("FOLDER").into(),
        rows: next("ROWS").parse().expect("a number of rows"),
        dimension: next("DIMENSION").parse().expect("a dimension"),
        budget: 2048 << 20,
        planes: true,
        queries: 200,
        batch: 1000,
        cells: None,
        cells_from: None,
        built: false,
        json: None,
    };
    while let Some(flag) = given.next() {
        let mut value = || given.next().expect("a value");
        match flag.as_str() {
            "--budget" => arguments.budget = value().parse::<u64>().expect("megabytes") << 20,
            "--no-planes" => arguments.planes = false,
            "--queries" => arguments.queries = value().parse().expect("a number"),
            "--batch" => arguments.batch = value().parse().expect("a number"),
            "--cells" => arguments.cells = Some(value().parse().expect("a number")),
            "--cells-from" => arguments.cells_from = Some(value().parse().expect("a number")),
            "--built" => arguments.built = true,
            "--json" => arguments.json = Some(value().into()),
            other => panic!("unknown: {other}"),
        }
    }
    arguments
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn key(number: u64) -> Key {
    let mut key = [0; 16];
    for (half, seed) in key.chunks_exact_mut(8).zip([number, number ^ 0xabcd_ef01_2345]) {
        let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        half.copy_from_slice(&(z ^ (z >> 27)).to_le_bytes());
    }
    key
}

/// The exact nearest rows, kept while rows stream by.
struct Truth {
    queries: Vec<f32>,
    best: Vec<BinaryHeap<std::cmp::Reverse<(u32, u32)>>>,
}

impl Truth {
    fn see(&mut self, kernel: Kernel, first: u32, rows: &[f32], dimension: usize) {
        let queries = self.queries.par_chunks_exact(dimension);
        self.best.par_iter_mut().zip(queries).for_each(|(best, query)| {
            for (row, vector) in (first..).zip(rows.chunks_exact(dimension)) {
                let score = kernel.dot_f32(query, vector);
                // Positive floats order as their bits; cosines are moved above zero.
                let entry = std::cmp::Reverse(((score + 2.0).to_bits(), u32::MAX - row));
                if best.len() < K {
                    best.push(entry);
                } else if best.peek().is_some_and(|worst| entry < *worst) {
                    best.pop();
                    best.push(entry);
                }
            }
        });
    }

    /// Kept beside the index, so that it can be measured again.
    fn store(&self, path: &std::path::Path) {
        let words =
            self.best.iter().flat_map(|best| best.iter().map(|entry| entry.0)).flat_map(|(score, row)| [score, row]);
        std::fs::write(path, words.flat_map(u32::to_le_bytes).collect::<Vec<u8>>()).expect("written");
    }

    /// The index's own exhaustive search, where nothing better is known.
    fn ask(&mut self, index: &VectorIndex, dimension: usize) {
        println!("recall is against the index's own exhaustive int8 search");
        let reader = index.reader();
        let all = RowSet::up_to(reader.end());
        let exact = SearchOptions { recall: 1.0, exact: true };
        for (best, query) in self.best.iter_mut().zip(self.queries.chunks_exact(dimension)) {
            let hits = reader.search(query, K, &exact, &all, &Cancel::new()).expect("hits");
            best.extend(hits.iter().map(|hit| std::cmp::Reverse((0, u32::MAX - hit.row))));
        }
    }

    fn load(&mut self, path: &std::path::Path) {
        let bytes = std::fs::read(path).expect("read");
        let words: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        for (best, entries) in self.best.iter_mut().zip(words.chunks_exact(2 * K)) {
            best.extend(entries.chunks_exact(2).map(|entry| std::cmp::Reverse((entry[0], entry[1]))));
        }
    }

    fn rows(&self, query: usize) -> Vec<u32> {
        self.best[query].iter().map(|entry| u32::MAX - entry.0.1).collect()
    }
}

fn main() {
    let arguments = arguments();
    let dimension = arguments.dimension;
    let config = MonitorConfig { memory_budget: arguments.budget, disk_budget: None, max_vectors: 0 };
    let governor = Governor::new(config, PolicyKind::default(), this_machine());
    let options = IndexOptions {
        planes: arguments.planes,
        cells: arguments.cells,
        cells_from: arguments.cells_from.unwrap_or(IndexOptions::default().cells_from),
        background_share: 1.0,
        ..IndexOptions::default()
    };
    let spec = Spec { dimension, number: 0, halves: false };
    let kernel = Kernel::detect();
    let mixture = Mixture::new(arguments.rows, dimension, 42);
    let unit = |number: u64, out: &mut [f32]| {
        let mut raw = vec![0.0; dimension];
        mixture.row(number, &mut raw);
        normalise(&raw, out).expect("a direction");
    };
    let mut queries = vec![0.0; arguments.queries * dimension];
    queries.chunks_exact_mut(dimension).zip(QUERY_NUMBERS..).for_each(|(out, number)| unit(number, out));
    let mut truth = Truth { queries: queries.clone(), best: vec![BinaryHeap::new(); arguments.queries] };
    println!("{} x {dimension}, kernel {}, budget {} MB", arguments.rows, kernel.name(), arguments.budget >> 20);

    let truth_file = arguments.folder.with_extension("truth");
    let built = arguments.built || truth_file.exists();
    let committed = if built { arguments.rows as u32 } else { 0 };
    let index = VectorIndex::open(&arguments.folder, &spec, committed, &governor, &options).expect("opened");
    let mut commits = if built {
        Vec::new()
    } else {
        build(&index, &arguments, &unit, |first, rows| truth.see(kernel, first, rows, dimension))
    };
    let appending: f64 = commits.iter().sum();
    let settling = Instant::now();
    index.settle().expect("settled");
    let settled = settling.elapsed().as_secs_f64();
    if built {
        if truth_file.exists() {
            truth.load(&truth_file);
        } else {
            truth.ask(&index, dimension);
        }
    } else {
        truth.store(&truth_file);
    }
    commits.sort_by(f64::total_cmp);
    let rate = if built { 0.0 } else { arguments.rows as f64 / appending };
    if !built {
        println!(
            "appended {rate:.0} rows/s durable (commits of {}: p50 {:.1} ms, p99 {:.1} ms), background work done {settled:.1} s later",
            arguments.batch,
            commits[commits.len() / 2] * 1e3,
            commits[commits.len() * 99 / 100] * 1e3
        );
    }
    let mut report = Vec::new();
    report.push(format!("\"rows\":{},\"dimension\":{dimension},\"budgetMB\":{},\"kernel\":\"{}\",\"appendRowsPerSecond\":{rate:.0},\"settleSeconds\":{settled:.1}", arguments.rows, arguments.budget >> 20, kernel.name()));
    measure(&index, &governor, &queries, &truth, dimension, &mut report, "warm");
    let stats = index.stats().expect("stats");
    println!("{stats:?}");
    for (name, bytes) in governor.monitor().parts() {
        println!("  {name}: {:.1} MB", bytes as f64 / 1e6);
    }
    let cache = governor.cache().stats();
    println!("  cache {cache:?}");
    println!(
        "  RSS {:.0} MB, disk {:.0} MB = {:.0} B/vector",
        resident(),
        stats.bytes_on_disk as f64 / 1e6,
        stats.bytes_on_disk as f64 / arguments.rows as f64
    );
    report.push(format!(
        "\"kind\":\"{}\",\"cells\":{},\"bytesOnDisk\":{},\"residentMB\":{:.0}",
        stats.kind,
        stats.cells,
        stats.bytes_on_disk,
        resident()
    ));
    let closing = Instant::now();
    index.close().expect("closed");
    println!("closed in {:.0} ms", closing.elapsed().as_secs_f64() * 1e3);

    load(&arguments, &spec, config, &options, &queries[..dimension], &mut report);
    if let Some(path) = arguments.json {
        std::fs::write(path, format!("{{{}}}\n", report.join(","))).expect("written");
    }
}

/// Appends all rows, one commit after the other, and shows each to `see`; gives the seconds that each commit took.
fn build(
    index: &VectorIndex,
    arguments: &Arguments,
    unit: &(impl Fn(u64, &mut [f32]) + Sync),
    mut see: impl FnMut(u32, &[f32]),
) -> Vec<f64> {
    let begun = Instant::now();
    let mut commits = Vec::new();
    let mut at = 0;
    while at < arguments.rows {
        let count = arguments.batch.min(arguments.rows - at);
        let mut rows = vec![0.0; count * arguments.dimension];
        rows.par_chunks_exact_mut(arguments.dimension)
            .zip(at..at + count)
            .for_each(|(out, number)| unit(number as u64, out));
        let keys: Vec<Key> = (at as u64..).take(count).map(key).collect();
        let commit = Instant::now();
        index.append(&keys, &rows).expect("appended");
        index.publish();
        commits.push(commit.elapsed().as_secs_f64());
        see(at as u32, &rows);
        at += count;
        if at % 500_000 < arguments.batch {
            let stats = index.stats().expect("stats");
            println!(
                "  {at} rows after {:.0} s: {}, {} cells, RSS {:.0} MB",
                begun.elapsed().as_secs_f64(),
                stats.kind,
                stats.cells,
                resident()
            );
        }
    }
    commits
}

/// Opens the index as a new process would, twice: with its files in the system's cache, and without.
fn load(
    arguments: &Arguments,
    spec: &Spec,
    config: MonitorConfig,
    options: &IndexOptions,
    query: &[f32],
    report: &mut Vec<String>,
) {
    let all = RowSet::up_to(arguments.rows as u32);
    for temperature in ["warm", "cold"] {
        if temperature == "cold" {
            forget(&arguments.folder);
        }
        let governor = Governor::new(config, PolicyKind::default(), this_machine());
        let begun = Instant::now();
        let index =
            VectorIndex::open(&arguments.folder, spec, arguments.rows as u32, &governor, options).expect("opened");
        let opened = begun.elapsed().as_secs_f64() * 1e3;
        let hits = index.reader().search(query, K, &SearchOptions::default(), &all, &Cancel::new()).expect("hits");
        let first = begun.elapsed().as_secs_f64() * 1e3;
        assert_eq!(hits.len(), K);
        index.settle().expect("settled");
        println!(
            "load {temperature}: open {opened:.1} ms, first answer after {first:.1} ms, all in memory after {:.1} ms",
            begun.elapsed().as_secs_f64() * 1e3
        );
        report.push(format!("\"{temperature}OpenMs\":{opened:.2},\"{temperature}FirstAnswerMs\":{first:.2}"));
        index.close().expect("closed");
    }
}

fn measure(
    index: &VectorIndex,
    governor: &Governor,
    queries: &[f32],
    truth: &Truth,
    dimension: usize,
    report: &mut Vec<String>,
    label: &str,
) {
    let reader = index.reader();
    let all = RowSet::up_to(reader.end());
    for (name, options) in [
        ("0.95", SearchOptions { recall: 0.95, exact: false }),
        ("0.985", SearchOptions { recall: 0.985, exact: false }),
        ("0.995", SearchOptions { recall: 0.995, exact: false }),
        ("exact", SearchOptions { recall: 1.0, exact: true }),
    ] {
        let ask = |query: &[f32]| reader.search(query, K, &options, &all, &Cancel::new()).expect("hits");
        let rounds = if options.exact { 1 } else { 3 };
        queries.chunks_exact(dimension).take(30).for_each(|query| drop(ask(query)));
        let (mut times, mut found) = (Vec::new(), 0);
        for _ in 0..rounds {
            found = 0;
            for (at, query) in queries.chunks_exact(dimension).enumerate() {
                let begun = Instant::now();
                let hits = ask(query);
                times.push(begun.elapsed().as_secs_f64() * 1e3);
                let expected = truth.rows(at);
                found += hits.iter().filter(|hit| expected.contains(&hit.row)).count();
            }
        }
        times.sort_by(f64::total_cmp);
        let recall = found as f64 / (K * truth.best.len()) as f64;
        let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        println!("{label} {name}: recall@10 {recall:.4}, p50 {p50:.3} ms, p99 {p99:.3} ms");
        report.push(format!("\"{label} {name}\":{{\"recall\":{recall:.4},\"p50\":{p50:.4},\"p99\":{p99:.4}}}"));
    }
    let _ = governor;
}

/// Asks the system to forget what it has of the files, so that the next opening reads the disk.
fn forget(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = format!("of={}", entry.path().display());
        let arguments = ["if=/dev/null", &path, "oflag=nocache", "conv=notrunc,fdatasync", "count=0"];
        let status = std::process::Command::new("dd").args(arguments).stderr(std::process::Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()), "dd works");
    }
}
