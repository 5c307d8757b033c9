//! Builds an index of synthetic vectors, streamed, and prints recall, latency, memory, disk, and loading time.
//!
//!   cargo run --release -p tiercel-vectors --example scale -- FOLDER ROWS DIMENSION [--budget MB] [--no-planes]
//!     [--queries N] [--batch ROWS] [--cells N] [--cells-from ROWS] [--threads N]
//!     [--data FOLDER] [--only RECALL] [--beside SECONDS] [--rounds N] [--json FILE]
//!
//! FOLDER of `--data` holds `base.f32` and `queries.f32` (row-major, little-endian); without it a mixture is made.//!
//! The exact neighbours are found in f32 while the rows stream by, and kept in FOLDER.truth: with that file there the index
//! is measured again instead of being built. `--built` measures an index that was built without it against its own
//! exhaustive int8 search.
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, missing_docs)]

mod arguments;
mod beside;
mod mixture;
mod source;
mod truth;

use std::time::Instant;

use arguments::{Arguments, arguments};
use rayon::prelude::*;
use source::Source;
use tiercel_base::Key;
use tiercel_base::cancel::Cancel;
use tiercel_base::rows::RowSet;
use tiercel_codec::Kernel;
use tiercel_tier::machine::this_machine;
use tiercel_tier::{Governor, MonitorConfig, PolicyKind};
use tiercel_vectors::{IndexOptions, SearchOptions, Spec, VectorIndex, workers};
use truth::Truth;

const K: usize = 10;

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

fn main() {
    let arguments = arguments();
    workers::configure(arguments.threads).expect("threads");
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
    let source = Source::new(arguments.data.as_deref(), arguments.rows, dimension);
    let queries = source.queries(arguments.queries, dimension);
    let mut truth = Truth::new(&queries, dimension);
    println!("{} x {dimension}, kernel {}, budget {} MB", arguments.rows, kernel.name(), arguments.budget >> 20);

    let truth_file = arguments.folder.with_extension("truth");
    let built = arguments.built || truth_file.exists();
    let committed = if built { arguments.rows as u32 } else { 0 };
    let index = VectorIndex::open(&arguments.folder, &spec, committed, &governor, &options).expect("opened");
    let mut commits = if built {
        Vec::new()
    } else {
        build(&index, &arguments, &source, |first, rows| truth.see(kernel, first, rows, dimension))
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
    measure(&index, &arguments, &queries, &truth, &mut report, "warm");
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
    if arguments.beside > 0 {
        beside::measure(&index, &source, &queries, dimension, arguments.beside, key);
        return;
    }
    let closing = Instant::now();
    index.close().expect("closed");
    println!("closed in {:.0} ms", closing.elapsed().as_secs_f64() * 1e3);

    load(&arguments, &spec, config, &options, &queries[..dimension], &mut report);
    if let Some(path) = arguments.json {
        std::fs::write(path, format!("{{{}}}\n", report.join(","))).expect("written");
    }
}

/// Appends all rows, one commit after the other, and shows each to `see`; gives the seconds that each commit took.
fn build(index: &VectorIndex, arguments: &Arguments, source: &Source, mut see: impl FnMut(u32, &[f32])) -> Vec<f64> {
    let begun = Instant::now();
    let mut commits = Vec::new();
    let mut at = 0;
    while at < arguments.rows {
        let count = arguments.batch.min(arguments.rows - at);
        let mut rows = vec![0.0; count * arguments.dimension];
        rows.par_chunks_exact_mut(arguments.dimension)
            .zip(at..at + count)
            .for_each(|(out, number)| source.row(number as u64, out));
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
    arguments: &Arguments,
    queries: &[f32],
    truth: &Truth,
    report: &mut Vec<String>,
    label: &str,
) {
    let reader = index.reader();
    let all = RowSet::up_to(reader.end());
    let dimension = arguments.dimension;
    for (name, options) in [
        ("0.95", SearchOptions { recall: 0.95, exact: false }),
        ("0.985", SearchOptions { recall: 0.985, exact: false }),
        ("0.995", SearchOptions { recall: 0.995, exact: false }),
        ("exact", SearchOptions { recall: 1.0, exact: true }),
    ] {
        let ask = |query: &[f32]| reader.search(query, K, &options, &all, &Cancel::new()).expect("hits");
        if arguments.only.is_some_and(|only| (only - options.recall).abs() > 1e-6) {
            continue;
        }
        let rounds = if options.exact { 1 } else { arguments.rounds };
        queries.chunks_exact(dimension).take(30).for_each(|query| drop(ask(query)));
        let (mut times, mut found) = (Vec::new(), 0);
        for _ in 0..rounds {
            found = 0;
            for (at, query) in queries.chunks_exact(dimension).enumerate() {
                let begun = Instant::now();
                let hits = ask(query);
                times.push(begun.elapsed().as_secs_f64() * 1e3);
                found += truth.found(at, &hits);
            }
        }
        times.sort_by(f64::total_cmp);
        let recall = found as f64 / truth.count() as f64;
        let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        println!("{label} {name}: recall@10 {recall:.4}, p50 {p50:.3} ms, p99 {p99:.3} ms");
        report.push(format!("\"{label} {name}\":{{\"recall\":{recall:.4},\"p50\":{p50:.4},\"p99\":{p99:.4}}}"));
    }
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
