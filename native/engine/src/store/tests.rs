//! What the interface's contract tests cannot reach: crashes between two steps of a commit, damage in each file.

use std::path::Path;

use super::batch::{Batch, Chunk, File, Vectors};
use super::{SpaceSpec, Store};
use crate::cancel::Cancel;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::memory::keys::Key;

const TREE: &str = "/repository";
const SPACE: &str = "space";
const DIMENSION: usize = 8;

fn open(folder: &Path) -> Result<Store> {
    Store::open(folder, &[SpaceSpec { name: SPACE.into(), dimension: DIMENSION }])
}

fn vector(seed: u8) -> Vec<f32> {
    (0..DIMENSION)
        .map(|at| f32::from(seed.wrapping_mul(37).wrapping_add(u8::try_from(at * 11).unwrap_or(0))) - 90.0)
        .collect()
}

/// A word of its own for each version, in one part.
fn word(version: u8) -> String {
    format!("version{}", char::from(b'a' + version))
}

/// One version of one file: a chunk whose body and vector say which.
struct Version {
    path: &'static str,
    number: u8,
    key: Key,
    body: String,
    vector: Vec<f32>,
}

impl Version {
    fn new(path: &'static str, version: u8) -> Self {
        Self { path, number: version, key: [version; 16], body: word(version), vector: vector(version) }
    }

    fn batch(&self) -> Batch<'_> {
        let chunk = Chunk {
            key: self.key,
            start_line: 1,
            end_line: 2,
            payload: b"payload",
            symbol: "",
            doc: "",
            body: &self.body,
        };
        let file = File {
            path: self.path,
            language: "rust",
            size: 1.0,
            mtime_ms: 2.0,
            content_hash: [self.number; 16],
            outcome: "",
            chunks: vec![chunk],
        };
        let vectors = Vectors { space: SPACE, keys: &self.key, vectors: &self.vector };
        Batch { tree: TREE, put: vec![file], remove: Vec::new(), vectors: vec![vectors] }
    }
}

/// The version of `path` that catalog, lexical index and vectors agree on; `None` when they agree there is none.
fn version_of(store: &Store, path: &str) -> Option<u8> {
    let chunks = store.chunks_of_file(TREE, path).expect("readable");
    let texts: Vec<String> = (0..=9).map(word).collect();
    let found = store.search_text(TREE, &texts, 10, &Filter::default(), &Cancel::new()).expect("searched");
    let version = chunks.first().map(|(_, chunk)| chunk.key[0]);
    let ids: Vec<u64> = chunks.iter().map(|(id, _)| *id).collect();
    for (at, hits) in (0..).zip(&found) {
        let expected: &[u64] = if Some(at) == version { &ids } else { &[] };
        let hits: Vec<u64> = hits.iter().map(|hit| hit.id).collect();
        assert_eq!(hits, expected, "the lexical index disagrees about version {at}");
    }
    if let Some(version) = version {
        let query = vector(version);
        let nearest = store.search_vectors(TREE, SPACE, &query, 9, &Filter::default(), &Cancel::new());
        let nearest = nearest.expect("searched");
        assert_eq!(nearest[0].iter().map(|hit| hit.id).collect::<Vec<_>>(), ids, "vectors disagree");
        assert!(nearest[0][0].score > 0.999, "{nearest:?}");
    }
    version
}

/// Runs a commit up to some step and stops there, as a crash does.
fn crash(store: Store, batch: &Batch<'_>, steps: usize) {
    let snapshot = store.current.load_full();
    let mut writer = store.writer();
    let plan = store.plan(batch, &snapshot, &writer).expect("planned");
    let extents = super::commit::append_vectors(&mut writer, &plan).expect("appended");
    let changes = super::commit::changes(&plan, &snapshot, &extents);
    if steps >= 2 {
        store.catalog.stage(plan.generation, &changes).expect("staged");
    }
    if steps >= 3 {
        super::commit::index(writer.lexical().expect("open"), &plan).expect("indexed");
    }
    if steps >= 4 {
        store.catalog.apply(&changes, false).expect("applied");
    }
    drop(writer);
    drop(store);
}

#[test]
fn a_crash_after_any_step_leaves_the_old_state_or_the_new_one() {
    for (steps, expected) in [(1, 1), (2, 1), (3, 2), (4, 2)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = open(folder.path()).expect("opened");
        store.commit(&Version::new("a.rs", 1).batch()).expect("committed");
        crash(store, &Version::new("a.rs", 2).batch(), steps);
        let store = open(folder.path()).expect("opened again");
        assert_eq!(version_of(&store, "a.rs"), Some(expected), "after step {steps}");
        store.commit(&Version::new("a.rs", 3).batch()).expect("committed again");
        assert_eq!(version_of(&store, "a.rs"), Some(3));
        store.close().expect("closed");
        assert_eq!(version_of(&open(folder.path()).expect("opened a third time"), "a.rs"), Some(3));
    }
}

#[test]
fn a_crash_in_the_first_commit_leaves_an_empty_store_or_the_commit() {
    for (steps, expected) in [(1, None), (2, None), (3, Some(1)), (4, Some(1))] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        crash(open(folder.path()).expect("opened"), &Version::new("a.rs", 1).batch(), steps);
        let store = open(folder.path()).expect("opened again");
        assert_eq!(version_of(&store, "a.rs"), expected, "after step {steps}");
    }
}

#[test]
fn a_process_that_ends_without_closing_loses_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for version in 1..=5 {
        let store = open(folder.path()).expect("opened");
        store.commit(&Version::new("a.rs", version).batch()).expect("committed");
        drop(store);
    }
    assert_eq!(version_of(&open(folder.path()).expect("opened"), "a.rs"), Some(5));
}

#[test]
fn a_lexical_index_of_another_commit_asks_for_a_rebuild() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(folder.path()).expect("opened");
    store.commit(&Version::new("a.rs", 1).batch()).expect("committed");
    store.close().expect("closed");
    std::fs::remove_dir_all(folder.path().join("lexical")).expect("removed");
    assert!(matches!(open(folder.path()).err(), Some(Error::RebuildIndex(_))));
}

#[test]
fn removed_chunks_are_compacted_away_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(folder.path()).expect("opened");
    let body = "steady".to_owned();
    let chunk = |at: u16| Chunk {
        key: std::array::from_fn(|byte| if byte < 2 { at.to_le_bytes()[byte] } else { 0 }),
        start_line: u32::from(at) + 1,
        end_line: u32::from(at) + 1,
        payload: b"",
        symbol: "",
        doc: "",
        body: &body,
    };
    let file = |path: &'static str, chunks: u16| File {
        path,
        language: "rust",
        size: 0.0,
        mtime_ms: 0.0,
        content_hash: [0; 16],
        outcome: "",
        chunks: (0..chunks).map(chunk).collect(),
    };
    let commit = |put: Vec<File<'_>>| {
        store.commit(&Batch { tree: TREE, put, remove: Vec::new(), vectors: Vec::new() }).expect("committed")
    };
    commit(vec![file("small.rs", 10), file("large.rs", 3000)]);
    for _ in 0..3 {
        commit(vec![file("large.rs", 3000)]);
    }
    let tree = store.current.load().trees[TREE].clone();
    assert!(tree.slots().len() < 7000, "{} slots", tree.slots().len());
    assert_eq!((tree.files_with_chunks(), tree.chunks()), (2, 3010));
    let small = store.chunks_of_file(TREE, "small.rs").expect("readable");
    assert!(small.iter().all(|(id, _)| tree.find(*id).is_some()));
    let receipt = commit(vec![file("small.rs", 11)]);
    assert_eq!((receipt.files, receipt.chunks), (2, 3011));
}

#[test]
fn a_damaged_catalog_gives_a_typed_error_or_is_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(folder.path()).expect("opened");
    store.commit(&Version::new("a.rs", 1).batch()).expect("committed");
    store.close().expect("closed");
    let path = folder.path().join("catalog.redb");
    let whole = std::fs::read(&path).expect("read");
    for at in (0..whole.len()).step_by(97) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        std::fs::write(&path, &bytes).expect("written");
        if let Err(error) = open(folder.path()) {
            assert!(matches!(error, Error::RebuildIndex(_) | Error::UpdateTiercel(_)), "byte {at}: {error:?}");
        }
    }
}
