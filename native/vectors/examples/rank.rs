//! Ranks the same vectors with every code, for a comparison of what the codes lose (`test/quality/codes.mjs`).
//!
//!   cargo run --release -p tiercel-vectors --example rank -- FOLDER DIMENSION [ROTATIONS]
//!
//! FOLDER holds `base.f32` and `queries.f32` (row-major, little-endian, any length but 0) and `base.groups.u32` and
//! `queries.groups.u32` (a number per vector: a query ranks the rows of its own group). Writes `ranks.u32`, per way of
//! ranking and query `DEPTH` positions of rows, best first, filled up with `NONE`, and `ranks.json`, which names the ways
//! with the bytes per vector that every search reads, and those of all codes that a way needs. What a code
//! loses depends on the rotation: each ranks with ROTATIONS of them (default 1), the engine with its own.
#![allow(clippy::cast_possible_truncation, missing_docs)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tiercel_base::Key;
use tiercel_base::cancel::Cancel;
use tiercel_base::rows::RowSet;
use tiercel_codec::aligned::Buffer;
use tiercel_codec::bits::{BitsBuilder, BitsQuery, BitsView};
use tiercel_codec::candidates::Candidates;
use tiercel_codec::planes::{PlanesBuilder, PlanesQuery, PlanesView};
use tiercel_codec::{Kernel, Rotation, half, int8, normalise};
use tiercel_tier::machine::this_machine;
use tiercel_tier::{Governor, MonitorConfig, PolicyKind};
use tiercel_vectors::{IndexOptions, SearchOptions, Spec, VectorIndex};

/// Rows of a ranking that are written.
const DEPTH: usize = 100;
const NONE: u32 = u32::MAX;
/// Rows a search is asked for.
const K: usize = 10;
/// Bits of a query's component against 1-bit codes, as the engine does it.
const QUERY_BITS: u32 = 2;
/// Bytes of a row's number beside its 1-bit code.
const NUMBER: usize = 4;
/// Rows of one append.
const BATCH: usize = 1000;

/// One way of ranking: what it is called, what it costs, and the rows it finds per query.
struct Way {
    name: &'static str,
    /// Bytes per vector that every search reads.
    scanned: usize,
    /// Bytes per vector of all codes that are needed.
    stored: usize,
    note: Option<String>,
    ranks: Vec<Vec<u32>>,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().expect("FOLDER"));
    let dimension = arguments.next().expect("DIMENSION").parse().expect("a dimension");
    let rotations: u64 = arguments.next().map_or(1, |count| count.parse().expect("a count"));
    let mut space = Space::new(&folder, dimension, 1);
    let mut ways = space.by_codes();
    for seed in 2..=rotations {
        space = Space::new(&folder, dimension, seed);
        ways.extend(space.by_codes());
    }
    for (name, recall, planes, halves) in [
        ("engine, fast", 0.95, false, false),
        ("engine, balanced", 0.985, true, false),
        ("engine, precise", 0.995, true, true),
    ] {
        ways.push(space.by_engine(name, recall, planes, halves));
    }
    store(&folder, &ways);
}

fn store(folder: &Path, ways: &[Way]) {
    let mut bytes = Vec::new();
    let mut facts = Vec::new();
    for way in ways {
        for rank in &way.ranks {
            let rows = rank.iter().copied().chain(std::iter::repeat(NONE)).take(DEPTH);
            bytes.extend(rows.flat_map(u32::to_le_bytes));
        }
        let note = way.note.as_ref().map_or(String::new(), |note| format!(",\"note\":\"{note}\""));
        let Way { name, scanned, stored, .. } = way;
        facts.push(format!("{{\"name\":\"{name}\",\"scanned\":{scanned},\"stored\":{stored}{note}}}"));
    }
    let json = format!("{{\"depth\":{DEPTH},\"none\":{NONE},\"ways\":[{}]}}\n", facts.join(","));
    std::fs::write(folder.join("ranks.u32"), bytes).expect("written");
    std::fs::write(folder.join("ranks.json"), json).expect("written");
}

fn words<T>(path: &Path, word: impl Fn([u8; 4]) -> T) -> Vec<T> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    bytes.as_chunks::<4>().0.iter().map(|bytes| word(*bytes)).collect()
}

/// Vectors of length 1, as they came and rotated, and the codes of all rows around their mean.
struct Space {
    kernel: Kernel,
    dimension: usize,
    padded: usize,
    base: Vec<f32>,
    queries: Vec<f32>,
    rotated_queries: Vec<f32>,
    /// Of each query.
    groups: Vec<u32>,
    /// Of each row.
    row_groups: Vec<u32>,
    members: HashMap<u32, Vec<u32>>,
    centroid: Vec<f32>,
    bits: Buffer,
    planes: Buffer,
    bytes: Vec<i8>,
    scales: Vec<f32>,
    halves: Vec<u16>,
}

impl Space {
    fn new(folder: &Path, dimension: usize, seed: u64) -> Self {
        let units = |name: &str| {
            let raw = words(&folder.join(name), f32::from_le_bytes);
            let mut units = vec![0.0; raw.len()];
            for (vector, unit) in raw.chunks_exact(dimension).zip(units.chunks_exact_mut(dimension)) {
                normalise(vector, unit).expect("a direction");
            }
            units
        };
        let (base, queries) = (units("base.f32"), units("queries.f32"));
        let rotation = Rotation::new(dimension, seed);
        let padded = rotation.padded();
        let rotate = |units: &[f32]| {
            let mut rotated = vec![0.0; units.len() / dimension * padded];
            for (unit, out) in units.chunks_exact(dimension).zip(rotated.chunks_exact_mut(padded)) {
                rotation.apply(unit, out);
            }
            rotated
        };
        let rows = rotate(&base);
        let count = rows.len() / padded;
        let mut centroid = vec![0.0_f64; padded];
        for row in rows.chunks_exact(padded) {
            centroid.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        let divisor = f64::from(u32::try_from(count).expect("fewer than 2^32 rows"));
        let centroid: Vec<f32> = centroid.into_iter().map(|sum| (sum / divisor) as f32).collect();
        let (mut bits, mut planes) = (BitsBuilder::new(padded), PlanesBuilder::new(padded));
        let (mut bytes, mut halves, mut scales) = (vec![0; rows.len()], vec![0; rows.len()], Vec::new());
        for (number, row) in (0..).zip(rows.chunks_exact(padded)) {
            bits.push(number, row, &centroid);
            planes.push(row, &centroid);
            let at = number as usize * padded..(number as usize + 1) * padded;
            scales.push(int8::encode(row, &mut bytes[at.clone()]));
            half::encode(row, &mut halves[at]);
        }
        let row_groups = words(&folder.join("base.groups.u32"), u32::from_le_bytes);
        let groups = words(&folder.join("queries.groups.u32"), u32::from_le_bytes);
        assert_eq!((row_groups.len(), groups.len() * dimension), (count, queries.len()), "one group per vector");
        let mut members: HashMap<u32, Vec<u32>> = HashMap::new();
        for (row, &group) in (0..).zip(&row_groups) {
            members.entry(group).or_default().push(row);
        }
        Self {
            kernel: Kernel::detect(),
            dimension,
            padded,
            rotated_queries: rotate(&queries),
            base,
            queries,
            groups,
            row_groups,
            members,
            centroid,
            bits: bits.finish(),
            planes: planes.finish(),
            bytes,
            scales,
            halves,
        }
    }

    fn by_codes(&self) -> Vec<Way> {
        let bits = self.padded / 8 + 4;
        let planes = 3 * self.padded / 8 + 4;
        let bytes = self.padded + 4;
        let halves = 2 * self.padded;
        let one = bits + NUMBER;
        let mut ways: Vec<Way> = [
            ("f32", 4 * self.dimension, 4 * self.dimension),
            ("f16", halves, halves),
            ("8 bits", bytes, bytes),
            ("8 bits, then f16 of 25", bytes, bytes + halves),
            ("4 bits", one + planes, one + planes),
            ("1 bit", one, one),
            ("1 bit, then 8 bits of 100", one, one + bytes),
            ("1 bit, then 8 bits of 200", one, one + bytes),
            ("1 bit, then 4 bits of 200, then 8 bits of 24", one, one + planes + bytes),
        ]
        .into_iter()
        .map(|(name, scanned, stored)| Way { name, scanned, stored, note: None, ranks: Vec::new() })
        .collect();
        for query in 0..self.groups.len() {
            for (way, rank) in ways.iter_mut().zip(self.rank(query)) {
                way.ranks.push(rank);
            }
        }
        ways
    }

    /// The rankings of one query, in the order of [`Space::by_codes`].
    fn rank(&self, query: usize) -> [Vec<u32>; 9] {
        let (dimension, padded) = (self.dimension, self.padded);
        let unit = &self.queries[query * dimension..(query + 1) * dimension];
        let rotated = &self.rotated_queries[query * padded..(query + 1) * padded];
        let group = self.groups[query];
        let all = self.members.get(&group).map_or(&[][..], Vec::as_slice);
        let kernel = self.kernel;
        let coded = int8::Query::new(rotated);
        let by_bytes = |row: usize| {
            coded.score(kernel.dot_i8(&coded, &self.bytes[row * padded..(row + 1) * padded]), self.scales[row])
        };
        let by_halves = |row: usize| kernel.dot_f16(rotated, &self.halves[row * padded..(row + 1) * padded]);
        let bits = BitsView::new(&self.bits, self.scales.len(), padded).expect("whole");
        let planes = PlanesView::new(&self.planes, self.scales.len(), padded).expect("whole");
        let base = kernel.dot_f32(rotated, &self.centroid);
        let of_planes = PlanesQuery::new(rotated);
        let by_planes = |row: usize| kernel.score_planes(&of_planes, base, &bits, &planes, row as u32);
        let of_bits = BitsQuery::new(rotated, QUERY_BITS);
        let mut found = Candidates::new(200);
        kernel.scan_bits(&of_bits, base, &bits, 0, |row| self.row_groups[row as usize] == group, &mut found);
        let found: Vec<u32> = found.into_sorted().into_iter().map(|candidate| candidate.row).collect();
        let first = &found[..found.len().min(100)];
        let bytes = best(all, DEPTH, by_bytes);
        [
            best(all, DEPTH, |row| kernel.dot_f32(unit, &self.base[row * dimension..(row + 1) * dimension])),
            best(all, DEPTH, by_halves),
            bytes.clone(),
            best(&bytes[..bytes.len().min(25)], DEPTH, by_halves),
            best(all, DEPTH, by_planes),
            first.to_vec(),
            best(first, DEPTH, by_bytes),
            best(&found, DEPTH, by_bytes),
            best(&best(&found, 24, by_planes), DEPTH, by_bytes),
        ]
    }

    /// By the engine itself, made to begin with 1-bit codes when it has all rows.
    fn by_engine(&self, name: &'static str, recall: f32, planes: bool, halves: bool) -> Way {
        let folder = tempfile::tempdir().expect("a folder");
        let config = MonitorConfig { memory_budget: 1 << 30, disk_budget: None, max_vectors: 0 };
        let governor = Governor::new(config, PolicyKind::default(), this_machine());
        let flat_from = u32::try_from(self.scales.len()).expect("fewer than 2^32 rows");
        let options = IndexOptions { planes, flat_from, background_share: 1.0, ..IndexOptions::default() };
        let spec = Spec { dimension: self.dimension, number: 0, halves };
        let index = VectorIndex::open(folder.path(), &spec, 0, &governor, &options).expect("opened");
        for (batch, vectors) in (0_u128..).zip(self.base.chunks(BATCH * self.dimension)) {
            let first = batch * BATCH as u128;
            let count = (vectors.len() / self.dimension) as u128;
            let keys: Vec<Key> = (first..first + count).map(u128::to_be_bytes).collect();
            index.append(&keys, vectors).expect("appended");
            index.publish();
        }
        index.settle().expect("settled");
        let stats = index.stats().expect("figures");
        let reader = index.reader();
        let allow: HashMap<u32, RowSet> = self
            .members
            .iter()
            .map(|(&group, rows)| {
                let mut allowed = RowSet::default();
                for &row in rows {
                    allowed.insert(row);
                }
                (group, allowed)
            })
            .collect();
        let nothing = RowSet::default();
        let how = SearchOptions { recall, exact: false };
        let ranks = self
            .queries
            .chunks_exact(self.dimension)
            .zip(&self.groups)
            .map(|(query, group)| {
                let allow = allow.get(group).unwrap_or(&nothing);
                let hits = reader.search(query, K, &how, allow, &Cancel::new()).expect("hits");
                hits.into_iter().map(|hit| hit.row).collect()
            })
            .collect();
        drop(reader);
        index.close().expect("closed");
        let bits = self.padded / 8 + 4 + NUMBER;
        let further = if planes { 3 * self.padded / 8 + 4 } else { 0 } + if halves { 2 * self.padded } else { 0 };
        let stored = bits + self.padded + 4 + further;
        let note = Some(format!("recall {recall}, index {}, {} rows without 1-bit codes", stats.kind, stats.raw_rows));
        Way { name, scanned: bits, stored, note, ranks }
    }
}

/// The `count` of `rows` with the highest scores, best first, ties by row.
fn best(rows: &[u32], count: usize, score: impl Fn(usize) -> f32) -> Vec<u32> {
    let mut scored: Vec<(f32, u32)> = rows.iter().map(|&row| (score(row as usize), row)).collect();
    scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.into_iter().take(count).map(|(_, row)| row).collect()
}
