//! The whole index against brute force over the vectors it was given.

use tiercel_base::Key;
use tiercel_base::cancel::Cancel;
use tiercel_base::error::Error;
use tiercel_base::rows::RowSet;
use tiercel_tier::machine::this_machine;
use tiercel_tier::{Governor, MonitorConfig, PolicyKind};

mod gpu;

use crate::{IndexKind, IndexOptions, SearchOptions, Spec, VectorIndex};

const DIMENSION: usize = 96;

/// A small generator with a fixed sequence (`SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    #[expect(clippy::cast_precision_loss, reason = "24 bits")]
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// Sum of uniforms: near enough to a normal distribution.
    fn normal(&mut self) -> f32 {
        (0..6).map(|_| self.unit()).sum::<f32>() * 2.0_f32.sqrt() - 3.0 * 2.0_f32.sqrt()
    }
}

/// Vectors around centers, so that they have neighbours.
fn vectors(count: usize, seed: u64) -> Vec<f32> {
    let mut centers = Random(1);
    let centers: Vec<Vec<f32>> = (0..64).map(|_| (0..DIMENSION).map(|_| centers.normal()).collect()).collect();
    let mut random = Random(seed);
    let mut all = Vec::with_capacity(count * DIMENSION);
    for _ in 0..count {
        let center = &centers[usize::try_from(random.next() % 64).expect("small")];
        all.extend(center.iter().map(|value| value + 0.8 * random.normal()));
    }
    all
}

fn keys(count: usize, first: u64) -> Vec<Key> {
    (0..count as u64)
        .map(|at| {
            let mut random = Random(first + at);
            let mut key = [0; 16];
            key[..8].copy_from_slice(&random.next().to_le_bytes());
            key[8..].copy_from_slice(&random.next().to_le_bytes());
            key
        })
        .collect()
}

fn small() -> IndexOptions {
    IndexOptions {
        flat_from: 1500,
        cells_from: 6000,
        cells: Some(64),
        seal_rows: 2500,
        recent_rows: 1000,
        background_share: 1.0,
        ..IndexOptions::default()
    }
}

fn governor() -> Governor {
    let config = MonitorConfig { memory_budget: 256 << 20, disk_budget: None, max_vectors: 0 };
    Governor::new(config, PolicyKind::default(), this_machine())
}

fn spec() -> Spec {
    Spec { dimension: DIMENSION, number: 0, halves: false }
}

fn truth(base: &[f32], query: &[f32], k: usize, allow: &RowSet) -> Vec<u32> {
    let cosine = |row: &[f32]| {
        let dot: f64 = row.iter().zip(query).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        let norm: f64 = row.iter().map(|a| f64::from(*a) * f64::from(*a)).sum();
        dot / norm.sqrt()
    };
    let mut scored: Vec<(f64, u32)> = (0_u32..)
        .zip(base.chunks_exact(DIMENSION))
        .filter(|(row, _)| allow.contains(*row))
        .map(|(row, vector)| (cosine(vector), row))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.truncate(k);
    scored.into_iter().map(|(_, row)| row).collect()
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn recall(index: &VectorIndex, base: &[f32], allow: &RowSet, options: SearchOptions) -> f64 {
    let queries = vectors(40, 999);
    let reader = index.reader();
    let mut found = 0;
    for query in queries.chunks_exact(DIMENSION) {
        let hits = reader.search(query, 10, &options, allow, &Cancel::new()).expect("an answer");
        assert!(hits.is_sorted_by(|a, b| a.score >= b.score));
        let expected = truth(base, query, 10, allow);
        assert_eq!(hits.len(), expected.len());
        found += hits.iter().filter(|hit| expected.contains(&hit.row)).count();
    }
    found as f64 / 400.0
}

fn add(index: &VectorIndex, base: &mut Vec<f32>, count: usize, seed: u64) {
    let fresh = vectors(count, seed);
    let first = u64::try_from(base.len() / DIMENSION).expect("small");
    index.append(&keys(count, 1_000_000 + first), &fresh).expect("appended");
    index.publish();
    base.extend(fresh);
}

#[test]
fn answers_keep_their_recall_as_the_index_grows_through_its_kinds() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = VectorIndex::open(folder.path(), &spec(), 0, &governor(), &small()).expect("opened");
    let mut base = Vec::new();
    let mut kinds = Vec::new();
    for step in 0..20 {
        add(&index, &mut base, 700, 50 + step);
        if step % 4 == 3 {
            index.settle().expect("settled");
        }
        let rows = u32::try_from(base.len() / DIMENSION).expect("small");
        let all = RowSet::up_to(rows);
        let kind = index.stats().expect("stats").kind;
        if kinds.last() != Some(&kind) {
            kinds.push(kind);
        }
        let recall = recall(&index, &base, &all, SearchOptions::default());
        assert!(recall >= 0.95, "{recall} with {rows} rows, {kind}");
    }
    assert_eq!(kinds, ["int8", "1-bit", "cells"]);
    let every_third: RowSet = (0..14_000).filter(|row| row % 3 == 0).collect();
    assert!(recall(&index, &base, &every_third, SearchOptions::default()) >= 0.95);
    let few: RowSet = (0..14_000).filter(|row| row % 97 == 0).collect();
    assert!(recall(&index, &base, &few, SearchOptions::default()) >= 0.97);
    let exact = SearchOptions { exact: true, ..SearchOptions::default() };
    assert!(recall(&index, &base, &RowSet::up_to(14_000), exact) >= 0.97);
    index.close().expect("closed");

    let index = VectorIndex::open(folder.path(), &spec(), 14_000, &governor(), &small()).expect("opened again");
    assert_eq!(index.stats().expect("stats").kind, "cells");
    assert!(recall(&index, &base, &RowSet::up_to(14_000), SearchOptions::default()) >= 0.95);
    index.settle().expect("settled");
    assert!(recall(&index, &base, &RowSet::up_to(14_000), SearchOptions::default()) >= 0.95);
}

#[test]
fn appended_rows_are_visible_when_published_and_gone_when_retracted() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = VectorIndex::open(folder.path(), &spec(), 0, &governor(), &small()).expect("opened");
    let base = vectors(30, 5);
    let names = keys(30, 0);
    assert_eq!(index.append(&names[..10], &base[..10 * DIMENSION]).expect("appended"), 0..10);
    assert_eq!((index.reader().end(), index.find(&names[3]).expect("found")), (0, None));
    index.publish();
    assert_eq!((index.reader().end(), index.find(&names[3]).expect("found")), (10, Some(3)));
    assert_eq!(index.append(&names[10..20], &base[..10 * DIMENSION]).expect("appended"), 10..20);
    index.retract().expect("retracted");
    index.publish();
    assert_eq!(index.reader().end(), 10);
    assert_eq!(index.append(&names[20..], &base[20 * DIMENSION..]).expect("appended"), 10..20);
    index.publish();
    assert_eq!(index.find(&names[15]).expect("found"), None);
    assert_eq!(index.find(&names[25]).expect("found"), Some(15));
    drop(index);
    // The caller committed only ten rows: the rest is cut.
    let index = VectorIndex::open(folder.path(), &spec(), 10, &governor(), &small()).expect("opened again");
    assert_eq!((index.reader().end(), index.find(&names[25]).expect("found")), (10, None));
}

#[test]
fn dropped_rows_are_gone_and_the_rest_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = VectorIndex::open(folder.path(), &spec(), 0, &governor(), &small()).expect("opened");
    let mut base = Vec::new();
    for step in 0..10 {
        add(&index, &mut base, 900, step);
    }
    index.settle().expect("settled");
    let before = index.stats().expect("stats").bytes_on_disk;
    let dropped: RowSet = (0..9000).filter(|row| row % 2 == 0).collect();
    assert!(index.drop_rows(&dropped).expect("dropped") > 0);
    index.settle().expect("settled");
    let kept: RowSet = (0..9000).filter(|row| row % 2 == 1).collect();
    assert!(recall(&index, &base, &kept, SearchOptions::default()) >= 0.95);
    let stats = index.stats().expect("stats");
    assert_eq!(stats.rows, 4500);
    assert!(stats.bytes_on_disk * 10 < before * 7, "{} of {before}", stats.bytes_on_disk);
    let names = keys(1, 1_000_000);
    assert_eq!(index.find(&names[0]).expect("asked"), None);
    drop(index);
    let index = VectorIndex::open(folder.path(), &spec(), 9000, &governor(), &small()).expect("opened again");
    assert!(recall(&index, &base, &kept, SearchOptions::default()) >= 0.95);
}

#[test]
fn the_other_kinds_answer_too() {
    for kind in [IndexKind::Exact, IndexKind::Lsh] {
        let folder = tempfile::tempdir().expect("a folder");
        let options = IndexOptions { kind, ..small() };
        let spec = Spec { halves: true, ..spec() };
        let index = VectorIndex::open(folder.path(), &spec, 0, &governor(), &options).expect("opened");
        let mut base = Vec::new();
        add(&index, &mut base, 3000, 1);
        index.settle().expect("settled");
        add(&index, &mut base, 500, 2);
        let least = if kind == IndexKind::Exact { 0.999 } else { 0.8 };
        let found = recall(&index, &base, &RowSet::up_to(3500), SearchOptions::default());
        assert!(found >= least, "{found} of {kind:?}");
    }
}

#[test]
fn what_cannot_be_is_refused_and_the_rest_has_an_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = VectorIndex::open(folder.path(), &spec(), 0, &governor(), &small()).expect("opened");
    let query = vectors(1, 3);
    let search = |index: &VectorIndex, query: &[f32], k: usize, allow: &RowSet| {
        index.reader().search(query, k, &SearchOptions::default(), allow, &Cancel::new())
    };
    assert_eq!(search(&index, &query, 5, &RowSet::up_to(10)).expect("an answer"), []);
    let mut base = Vec::new();
    add(&index, &mut base, 20, 1);
    assert_eq!(search(&index, &query, 0, &RowSet::up_to(20)).expect("an answer"), []);
    assert_eq!(search(&index, &query, 100, &RowSet::up_to(20)).expect("an answer").len(), 20);
    assert_eq!(search(&index, &query, 5, &RowSet::default()).expect("an answer"), []);
    for bad in [vec![0.0; DIMENSION], vec![f32::NAN; DIMENSION], vec![1.0; DIMENSION - 1]] {
        assert!(matches!(search(&index, &bad, 5, &RowSet::up_to(20)), Err(Error::FixTheCall(_))));
        assert!(matches!(index.append(&keys(1, 77), &bad), Err(Error::FixTheCall(_))));
    }
    assert!(matches!(index.append(&keys(2, 77), &query), Err(Error::FixTheCall(_))));
    let cancelled = Cancel::new();
    cancelled.cancel();
    let outcome = index.reader().search(&query, 5, &SearchOptions::default(), &RowSet::up_to(20), &cancelled);
    assert_eq!(outcome, Err(Error::Cancelled));
    drop(index);
    let other = Spec { dimension: 64, ..spec() };
    assert!(matches!(VectorIndex::open(folder.path(), &other, 20, &governor(), &small()), Err(Error::FixTheCall(_))));
    assert!(matches!(
        VectorIndex::open(&folder.path().join("lost"), &spec(), 20, &governor(), &small()),
        Err(Error::RebuildIndex(_))
    ));
}

#[test]
fn a_reader_stays_as_it_is_while_files_are_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = VectorIndex::open(folder.path(), &spec(), 0, &governor(), &small()).expect("opened");
    let mut base = Vec::new();
    add(&index, &mut base, 5000, 1);
    index.settle().expect("settled");
    let reader = index.reader();
    let query = base[..DIMENSION].to_vec();
    let ask = || reader.search(&query, 10, &SearchOptions::default(), &RowSet::up_to(5000), &Cancel::new());
    let before = ask().expect("an answer");
    index.drop_rows(&RowSet::up_to(4000)).expect("dropped");
    add(&index, &mut base, 5000, 2);
    index.settle().expect("settled");
    assert_eq!(ask().expect("an answer"), before);
}

#[test]
fn cells_are_split_when_new_rows_crowd_into_few_of_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = VectorIndex::open(folder.path(), &spec(), 0, &governor(), &small()).expect("opened");
    let mut base = Vec::new();
    add(&index, &mut base, 7000, 1);
    index.settle().expect("settled");
    let before = index.stats().expect("stats");
    assert_eq!((before.kind, before.cells), ("cells", 64));
    // All of them near one old row.
    let mut random = Random(77);
    let near: Vec<f32> = (0..6000 * DIMENSION).map(|at| base[at % DIMENSION] + 0.5 * random.normal()).collect();
    for part in 0..6 {
        let rows = &near[part * 1000 * DIMENSION..(part + 1) * 1000 * DIMENSION];
        index.append(&keys(1000, 5_000_000 + part as u64 * 1000), rows).expect("appended");
        index.publish();
        index.settle().expect("settled");
    }
    base.extend(near);
    assert!(index.stats().expect("stats").cells > 64);
    let found = recall(&index, &base, &RowSet::up_to(13_000), SearchOptions::default());
    assert!(found >= 0.95, "{found}");
    drop(index);
    let index = VectorIndex::open(folder.path(), &spec(), 13_000, &governor(), &small()).expect("opened again");
    assert!(recall(&index, &base, &RowSet::up_to(13_000), SearchOptions::default()) >= 0.95);
}

#[test]
fn damaged_codes_are_answered_around_and_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = IndexOptions { planes: false, ..small() };
    let index = VectorIndex::open(folder.path(), &spec(), 0, &governor(), &options).expect("opened");
    let mut base = Vec::new();
    add(&index, &mut base, 5000, 1);
    index.settle().expect("settled");
    index.close().expect("closed");
    let largest = std::fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "codes"))
        .max_by_key(|path| path.metadata().expect("a file").len())
        .expect("a file of codes");
    let mut bytes = std::fs::read(&largest).expect("read");
    bytes[1000] ^= 1;
    std::fs::write(&largest, bytes).expect("written");
    let index = VectorIndex::open(folder.path(), &spec(), 5000, &governor(), &options).expect("opened again");
    let all = RowSet::up_to(5000);
    assert!(recall(&index, &base, &all, SearchOptions::default()) >= 0.95);
    index.settle().expect("settled");
    let stats = index.stats().expect("stats");
    assert_eq!((stats.kind, stats.raw_rows, stats.trouble), ("1-bit", 0, None));
    assert!(recall(&index, &base, &all, SearchOptions::default()) >= 0.95);
}
