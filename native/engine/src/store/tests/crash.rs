//! Crashes between two steps of a commit, damage, and traces of removed files.

use tiercel_base::error::Error;

use super::super::{commit, plan};
use super::*;
use crate::catalog::change;
use crate::lexical::Document;

/// Runs a commit up to some step and stops there, as a crash does.
fn crash(store: Store, batch: &Batch<'_>, steps: usize) {
    let snapshot = store.current.load_full();
    let mut writer = store.writer();
    let plan = store.plan(batch, &snapshot, &writer).expect("planned");
    let rows = store.append(&plan).map_err(|(error, _)| error).expect("appended");
    let changes = plan::changes(&plan, &snapshot, &rows);
    if steps >= 2 {
        store.catalog.stage(plan.generation, &change::encode(&changes)).expect("staged");
    }
    if steps >= 3 {
        commit::index(writer.lexical().expect("open"), &plan).expect("indexed");
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
fn files_that_no_commit_names_are_gone_after_an_opening() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(folder.path()).expect("opened");
    store.commit(&Version::new("a.rs", 1).batch()).expect("committed");
    store.commit(&Version::new("b.rs", 1).batch()).expect("committed");
    store.close().expect("closed");
    let lexical = folder.path().join("lexical");
    let files = || -> Vec<std::ffi::OsString> {
        std::fs::read_dir(&lexical).expect("listed").map(|entry| entry.expect("listed").file_name()).collect()
    };
    let before = files();
    // The next removals are written under one of these names.
    for segment in before.iter().filter_map(|name| name.to_str()?.strip_suffix(".idx")) {
        for opstamp in 0..20 {
            std::fs::write(lexical.join(format!("{segment}.{opstamp}.del")), "cut off").expect("written");
        }
    }
    std::fs::write(lexical.join("0123456789abcdef0123456789abcdef.idx"), "cut off").expect("written");
    std::fs::write(lexical.join(".tmpAbCdEf"), "cut off").expect("written");
    let store = open(folder.path()).expect("opened again");
    assert!(files().iter().all(|name| before.contains(name)), "{:?}", files());
    store.commit(&Version::new("a.rs", 2).batch()).expect("committed");
    let found = store.search_text(TREE, &[word(1), word(2)], 10, &Filter::default(), &Cancel::new());
    let found: Vec<Vec<u64>> =
        found.expect("searched").iter().map(|hits| hits.iter().map(|hit| hit.id).collect()).collect();
    assert_eq!(found, [[2], [3]], "a.rs was replaced, b.rs was not");
}

#[test]
fn what_only_the_lexical_index_knows_is_not_found() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(folder.path()).expect("opened");
    store.commit(&Version::new("a.rs", 1).batch()).expect("committed");
    let mut writer = store.writer();
    let lexical = writer.lexical().expect("open");
    let lost = Document { id: 77, first: 77, tree: 0, path: "gone.rs", symbol: "", doc: "", body: "version" };
    lexical.add(&lost).expect("added");
    lexical.commit(1).expect("indexed");
    drop(writer);
    store.commit(&Version::new("b.rs", 2).batch()).expect("committed");
    let texts = ["version".to_owned()];
    let found = store.search_text(TREE, &texts, 10, &Filter::default(), &Cancel::new()).expect("searched");
    assert!(found[0].is_empty(), "{found:?}");
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
    assert!(tree.slots() < 7000, "{} slots", tree.slots());
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
