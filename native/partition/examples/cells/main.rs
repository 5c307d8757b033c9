//! Measures cells and the hash index: what training and assignment take, how even cells are, the recall that probing
//! brings, and the same for locality-sensitive hashing.
//!
//! ```text
//! cells [--rows 100000] [--dimension 768] [--cells 1024] [--per-cell 40] [--queries 300] [--vectors FILE] [--json FILE]
//! ```
//!
//! FILE holds little-endian f32 vectors; without it a seeded mixture is drawn.

#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod clock;
mod data;
mod report;
mod store;

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use clock::Clock;
use report::Report;
use store::Store;
use tiercel_base::cancel::Cancel;
use tiercel_partition::lsh::{LshIndex, LshOptions};
use tiercel_partition::{Partition, ProbeRule, Training};

const RECALLS: [f32; 6] = [0.9, 0.95, 0.97, 0.985, 0.99, 0.995];
const THREADS: usize = 2;
/// Queries put to the hash index, which is slower.
const HASHED_QUERIES: usize = 100;

struct Settings {
    rows: usize,
    dimension: usize,
    cells: usize,
    per_cell: usize,
    queries: usize,
    vectors: Option<PathBuf>,
    json: Option<PathBuf>,
}

fn settings() -> Result<Settings, Box<dyn Error>> {
    let mut settings =
        Settings { rows: 100_000, dimension: 768, cells: 1_024, per_cell: 40, queries: 300, vectors: None, json: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
        match name.as_str() {
            "--rows" => settings.rows = value.parse()?,
            "--dimension" => settings.dimension = value.parse()?,
            "--cells" => settings.cells = value.parse()?,
            "--per-cell" => settings.per_cell = value.parse()?,
            "--queries" => settings.queries = value.parse()?,
            "--vectors" => settings.vectors = Some(value.into()),
            "--json" => settings.json = Some(value.into()),
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    Ok(settings)
}

fn main() -> Result<(), Box<dyn Error>> {
    let settings = settings()?;
    let data = match &settings.vectors {
        Some(path) => data::file(path, settings.rows, settings.queries, settings.dimension)?,
        None => data::mixture(settings.rows, settings.queries, settings.dimension, 1),
    };
    let store = Store::new(&data);
    let mut report = Report::default();
    report.line("store", &[("rows", store.rows() as f64), ("dimension", store.dimension as f64)]);
    let partition = train(&store, &settings, &mut report)?;
    let members = assign(&store, &partition, &mut report)?;
    rank(&store, &partition, &mut report);
    probe(&store, &partition, &members, &mut report);
    hash(&store, &mut report)?;
    if let Some(path) = settings.json {
        std::fs::write(path, report.json())?;
    }
    Ok(())
}

fn train(store: &Store, settings: &Settings, report: &mut Report) -> Result<Partition, Box<dyn Error>> {
    let sample = store.sample(settings.cells * settings.per_cell);
    let training = Training { cells: settings.cells, iterations: 8, seed: 1, threads: THREADS };
    let clock = Clock::start();
    let partition = Partition::train(&sample, store.dimension, &training, &Cancel::new())?;
    report.line(
        "train",
        &[
            ("seconds", clock.elapsed()),
            ("processor seconds", clock.processor()),
            ("sample", (sample.len() / store.dimension) as f64),
            ("cells", f64::from(partition.cells())),
            ("megabytes", partition.bytes_in_memory() as f64 / 1e6),
        ],
    );
    Ok(partition)
}

/// The rows of each cell.
fn assign(store: &Store, partition: &Partition, report: &mut Report) -> Result<Vec<Vec<usize>>, Box<dyn Error>> {
    let mut cells = vec![0; store.rows()];
    let clock = Clock::start();
    partition.assign(&store.vectors, &mut cells, THREADS, &Cancel::new())?;
    let (seconds, processor) = (clock.elapsed(), clock.processor());
    let looked_at: Vec<usize> = (0..store.rows()).step_by((store.rows() / 1_000).max(1)).collect();
    let is_nearest = |row: usize| {
        let distance = |cell: u32| partition.squared_residual(cell, store.row(row));
        (0..partition.cells()).min_by(|&a, &b| distance(a).total_cmp(&distance(b))) == Some(cells[row])
    };
    let right = looked_at.iter().filter(|&&row| is_nearest(row)).count();
    let mut members = vec![Vec::new(); partition.cells() as usize];
    for (row, &cell) in cells.iter().enumerate() {
        members[cell as usize].push(row);
    }
    let mut sizes: Vec<usize> = members.iter().map(Vec::len).collect();
    sizes.sort_unstable();
    let size = |percent: usize| sizes[(sizes.len() - 1) * percent / 100] as f64;
    report.line(
        "assign",
        &[
            ("seconds", seconds),
            ("processor seconds", processor),
            ("processor microseconds a row", processor / store.rows() as f64 * 1e6),
            ("share in the true nearest", right as f64 / looked_at.len() as f64),
        ],
    );
    report.line(
        "rows of a cell",
        &[("least", size(0)), ("5%", size(5)), ("median", size(50)), ("95%", size(95)), ("most", size(100))],
    );
    Ok(members)
}

fn rank(store: &Store, partition: &Partition, report: &mut Report) {
    let mut ranked = Vec::new();
    for best in [1, 48, 256] {
        let begun = Instant::now();
        store.queries().for_each(|query| partition.rank(query, best, &mut ranked));
        let seconds = begun.elapsed().as_secs_f64() / store.queries().count() as f64;
        report.line("rank", &[("best", best as f64), ("milliseconds", seconds * 1e3)]);
    }
}

fn probe(store: &Store, partition: &Partition, members: &[Vec<usize>], report: &mut Report) {
    let needed = store.needed_probes(partition, members);
    for recall in RECALLS {
        let adaptive = store.probe(partition, members, ProbeRule { recall, least: 0, max: u32::MAX });
        let as_good = needed[((adaptive.recall * needed.len() as f64).ceil() as usize).clamp(1, needed.len()) - 1];
        report.line(
            "adaptive",
            &[
                ("asked", f64::from(recall)),
                ("recall", adaptive.recall),
                ("probes", adaptive.probes),
                ("most probes", adaptive.most),
                ("rows", adaptive.rows),
                ("fixed probes for the same", as_good as f64),
            ],
        );
    }
    for recall in RECALLS {
        let at = (f64::from(recall) * needed.len() as f64).ceil() as usize;
        let probes = needed[at.clamp(1, needed.len()) - 1];
        let rows = store.rows_of_probes(partition, members, probes);
        report.line("fixed", &[("recall", f64::from(recall)), ("probes", probes as f64), ("rows", rows)]);
    }
}

fn hash(store: &Store, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let mut index = LshIndex::new(store.dimension, &LshOptions::default())?;
    for row in 0..store.rows() {
        index.insert(u32::try_from(row)?, store.row(row))?;
    }
    report.line(
        "hash index",
        &[
            ("seconds", begun.elapsed().as_secs_f64()),
            ("bytes a row", index.bytes_in_memory() as f64 / store.rows() as f64),
        ],
    );
    for share in [0.003, 0.01, 0.03, 0.1, 0.3] {
        let want = (store.rows() as f64 * share) as usize;
        let begun = Instant::now();
        let found = store
            .queries()
            .take(HASHED_QUERIES)
            .map(|query| index.candidates(query, want, &|_| true))
            .collect::<Result<Vec<_>, _>>()?;
        let milliseconds = begun.elapsed().as_secs_f64() * 1e3 / found.len() as f64;
        let looked_at = found.iter().map(Vec::len).sum::<usize>() as f64 / found.len() as f64;
        report.line(
            "hash",
            &[
                ("candidates", looked_at),
                ("milliseconds", milliseconds),
                ("recall", store.recall_of(&found, usize::MAX)),
                ("recall of the best 500", store.recall_of(&found, 500)),
                ("of the best 2000", store.recall_of(&found, 2_000)),
            ],
        );
    }
    Ok(())
}
