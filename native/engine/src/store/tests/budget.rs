//! Budgets of disk and memory: what goes, who is refused, and that it ends.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};

use tiercel_base::error::Error;
use tiercel_tier::Settings;

use super::*;

/// So many chunks with vectors in one file, their keys from `first` on.
fn commit_file(store: &Store, path: &str, first: u32, count: u32) -> Result<()> {
    let keys: Vec<Key> = (first..first + count).map(key).collect();
    let chunk = |key: &Key| Chunk {
        key: *key,
        start_line: 1,
        end_line: 1,
        payload: b"",
        symbol: "",
        doc: "",
        body: "a few words",
    };
    let file = File {
        path,
        language: "rust",
        size: 1.0,
        mtime_ms: 1.0,
        content_hash: [0; 16],
        outcome: "",
        chunks: keys.iter().map(chunk).collect(),
    };
    let numbers: Vec<f32> = (first..first + count).flat_map(numbers).collect();
    let vectors = vec![Vectors { space: SPACE, keys: keys.as_flattened(), vectors: &numbers }];
    store.commit(&Batch { tree: TREE, put: vec![file], remove: Vec::new(), vectors }).map(|_| ())
}

fn remove(store: &Store, path: &str) -> Result<()> {
    store.commit(&Batch { tree: TREE, put: Vec::new(), remove: vec![path], vectors: Vec::new() }).map(|_| ())
}

fn key(number: u32) -> Key {
    std::array::from_fn(|at| number.wrapping_mul(2_654_435_761).to_le_bytes()[at % 4])
}

/// Wide vectors, so that they are most of what the folder holds.
const WIDE: usize = 1024;

fn numbers(seed: u32) -> Vec<f32> {
    let mut state = u64::from(seed) + 1;
    (0..WIDE)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f32::from(u8::try_from(state >> 56).unwrap_or(0)) - 127.5
        })
        .collect()
}

fn open_wide(folder: &Path, governor: &Governor, disk_budget: Option<u64>) -> Store {
    let spaces = [SpaceSpec { name: SPACE.into(), dimension: WIDE }];
    Store::open(folder, &spaces, governor, &StoreOptions { disk_budget, ..StoreOptions::default() }).expect("opened")
}

fn found(store: &Store, seed: u32) -> Option<f32> {
    let hits = store.search_vectors(TREE, SPACE, &numbers(seed), 1, &Filter::default(), &Cancel::new());
    hits.expect("searched")[0].first().map(|hit| hit.score)
}

#[test]
fn over_the_disk_budget_unreferenced_vectors_go_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open_wide(folder.path(), &governor(), None);
    commit_file(&store, "old.rs", 0, 1500).expect("committed");
    commit_file(&store, "kept.rs", 10_000, 500).expect("committed");
    remove(&store, "old.rs").expect("removed");
    store.settle().expect("settled");
    let before = store.stats(TREE).expect("counted");
    assert_eq!((before.spaces[0].vectors, before.spaces[0].unreferenced), (2000, 1500));

    store.rows.break_promises();
    let budget = before.bytes_on_disk * 8 / 10;
    store.set_options(&StoreOptions { disk_budget: Some(budget), ..StoreOptions::default() });
    store.settle().expect("settled");
    let after = store.stats(TREE).expect("counted");
    assert!(after.bytes_on_disk <= budget, "{} of {budget}", after.bytes_on_disk);
    assert!(after.spaces[0].unreferenced < 1500 && after.spaces[0].unreferenced > 0, "{:?}", after.spaces);
    assert_eq!(after.spaces[0].covered, 500);
    assert!(found(&store, 10_499).is_some_and(|score| score > 0.99));
    let missing =
        |number: u32| store.missing(SPACE, &crate::store::Missing::Keys(&key(number)), 9).expect("asked").0.len();
    assert_eq!((missing(0), missing(1499)), (1, 0), "the oldest went first");

    commit_file(&store, "old.rs", 0, 1500).expect("a branch that comes back is committed again");
    assert!(found(&store, 0).is_some_and(|score| score > 0.99));
    assert!(found(&store, 1499).is_some_and(|score| score > 0.99));
    store.close().expect("closed");
    let store = open_wide(folder.path(), &governor(), None);
    assert_eq!(store.stats(TREE).expect("counted").spaces[0].covered, 2000);
}

#[test]
fn when_all_is_in_use_writers_are_refused_until_there_is_room_and_readers_go_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open_wide(folder.path(), &governor(), None);
    commit_file(&store, "a.rs", 0, 1000).expect("committed");
    commit_file(&store, "b.rs", 5000, 1000).expect("committed");
    store.settle().expect("settled");
    let budget = store.stats(TREE).expect("counted").bytes_on_disk * 9 / 10;
    store.set_options(&StoreOptions { disk_budget: Some(budget), ..StoreOptions::default() });
    store.settle().expect("settled");
    match commit_file(&store, "c.rs", 9000, 10) {
        Err(Error::MemoryPressure { message, after_ms }) => {
            assert!(message.contains("disk budget") && after_ms > 0, "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert!(found(&store, 5).is_some_and(|score| score > 0.99));
    remove(&store, "a.rs").expect("removing makes room and is not refused");
    store.rows.break_promises();
    store.keeper.wake();
    store.settle().expect("settled");
    commit_file(&store, "c.rs", 9000, 10).expect("there is room again");
    assert!(found(&store, 9005).is_some_and(|score| score > 0.99));
    assert!(found(&store, 5500).is_some_and(|score| score > 0.99));
}

#[test]
fn writers_go_on_as_soon_as_the_budget_is_raised_beyond_what_was_measured() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open_wide(folder.path(), &governor(), None);
    commit_file(&store, "a.rs", 0, 1000).expect("committed");
    store.settle().expect("settled");
    let size = store.stats(TREE).expect("counted").bytes_on_disk;
    let set = |disk_budget| store.set_options(&StoreOptions { disk_budget, ..StoreOptions::default() });
    set(Some(size / 4));
    store.settle().expect("settled");
    set(Some(size / 2));
    assert!(matches!(commit_file(&store, "b.rs", 5000, 1), Err(Error::MemoryPressure { .. })), "still too large");
    set(Some(size * 2));
    commit_file(&store, "b.rs", 5000, 1).expect("there is room");
    set(Some(size / 4));
    store.settle().expect("settled");
    set(None);
    commit_file(&store, "c.rs", 6000, 1).expect("there is no budget");
}

#[test]
fn a_row_somebody_was_told_of_is_not_thrown_away() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open_wide(folder.path(), &governor(), None);
    commit_file(&store, "old.rs", 0, 100).expect("committed");
    remove(&store, "old.rs").expect("removed");
    store.rows.break_promises();
    let keys: Vec<u8> = (0..50).flat_map(key).collect();
    let (missing, _) = store.missing(SPACE, &crate::store::Missing::Keys(&keys), 100).expect("asked");
    assert!(missing.is_empty());
    store.set_options(&StoreOptions { disk_budget: Some(1), ..StoreOptions::default() });
    store.settle().expect("settled");
    assert_eq!(store.stats(TREE).expect("counted").spaces[0].vectors, 50);
}

#[test]
fn under_memory_pressure_writers_are_refused_unchanged_and_succeed_after_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let governor = governor();
    let store = open_wide(folder.path(), &governor, None);
    commit_file(&store, "a.rs", 0, 50).expect("committed");
    let hog = governor.books().account("somebody else");
    hog.set(60 << 20);
    governor.monitor().sample_now();
    let generation = store.stats(TREE).expect("counted").generation;
    for _ in 0..3 {
        match commit_file(&store, "b.rs", 1000, 50) {
            Err(Error::MemoryPressure { after_ms, .. }) => assert!(after_ms > 0),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(store.stats(TREE).expect("counted").generation, generation);
    assert!(found(&store, 5).is_some_and(|score| score > 0.99));
    remove(&store, "a.rs").expect("removing is not refused");
    hog.set(0);
    governor.monitor().sample_now();
    commit_file(&store, "b.rs", 1000, 50).expect("committed");
    assert!(found(&store, 1005).is_some_and(|score| score > 0.99));
}

#[test]
fn the_limit_of_vectors_is_kept_and_the_books_follow_the_store() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let governor = governor();
    governor.configure(Settings { max_vectors: Some(120), ..Settings::default() });
    let store = open_wide(folder.path(), &governor, None);
    commit_file(&store, "a.rs", 0, 100).expect("committed");
    assert_eq!(governor.books().vectors(), 100);
    assert!(matches!(commit_file(&store, "b.rs", 1000, 50), Err(Error::MemoryPressure { .. })));
    let stats = store.stats(TREE).expect("counted");
    for part in ["key table", "files and chunks", "row sets", "rows of keys", "catalog cache", "lexical writer"] {
        assert!(stats.memory.iter().any(|(name, _)| name == part), "{part} is missing in {:?}", stats.memory);
    }
    assert_eq!(stats.bytes_in_memory as u64, stats.memory.iter().map(|(_, bytes)| bytes).sum::<u64>());
    assert!(governor.books().memory() >= stats.bytes_in_memory as u64);
    store.close().expect("closed");
    assert_eq!((governor.books().vectors(), governor.books().memory()), (0, 0));
}

#[test]
fn two_writers_and_readers_beside_them_see_whole_commits() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(folder.path()).expect("opened");
    let writing = AtomicU32::new(2);
    let commit = |path: &'static str, versions: RangeInclusive<u8>| {
        for version in versions {
            store.commit(&Version::new(path, version).batch()).expect("committed");
        }
        writing.fetch_sub(1, Ordering::Relaxed);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| commit("a.rs", 1..=12));
        scope.spawn(|| commit("b.rs", 21..=32));
        for _ in 0..2 {
            scope.spawn(|| {
                while writing.load(Ordering::Relaxed) > 0 {
                    let hits = store.search_vectors(TREE, SPACE, &vector(5), 10, &Filter::default(), &Cancel::new());
                    let hits = &hits.expect("searched")[0];
                    assert!(hits.len() <= 2 && hits.windows(2).all(|pair| pair[0].score >= pair[1].score), "{hits:?}");
                    let chunks = store.chunks_by_id(hits.iter().map(|hit| hit.id)).expect("read");
                    assert!(chunks.len() <= 2);
                }
            });
        }
    });
    assert_eq!(store.stats(TREE).expect("counted").generation, 24);
    assert_eq!(store.chunks_of_file(TREE, "a.rs").expect("read")[0].1.key, [12; 16]);
    assert_eq!(store.chunks_of_file(TREE, "b.rs").expect("read")[0].1.key, [32; 16]);
}
