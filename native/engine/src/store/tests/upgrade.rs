//! Stores of earlier versions: opened as they are, after an upgrade that was interrupted anywhere, and not at all when
//! they are newer.

use std::path::PathBuf;

use tiercel_base::error::Error;

use super::*;
use crate::catalog::Catalog;
use crate::format;
use crate::upgrade;

const TREE_OF_FIXTURE: &str = "/home/somebody/a project";
const SPACE_OF_FIXTURE: &str = "instant:test";

fn fixture(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../test/fixtures/store-v{version}"))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("listed") {
        let entry = entry.expect("listed");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

fn copied(version: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&fixture(version), folder.path());
    folder
}

fn open_fixture(folder: &Path) -> Result<Store> {
    let spaces = [SpaceSpec { name: SPACE_OF_FIXTURE.into(), dimension: 32 }];
    Store::open(folder, &spaces, &governor(), &StoreOptions::default())
}

/// Keys and vectors of the fixture of version 1, read without a store.
fn vectors_of_fixture() -> Vec<(Key, Vec<f32>)> {
    let folder = copied(1);
    let spaces = Catalog::open(&folder.path().join("catalog.redb")).expect("opened").spaces().expect("read");
    let (_, space) = &spaces[0];
    let mut rows = Vec::new();
    let path = folder.path().join("vectors/0.vec");
    upgrade::file::read(&path, 32, space.number, space.extent, |keys, vectors| {
        rows.extend(keys.into_iter().zip(vectors.chunks_exact(32).map(<[f32]>::to_vec)));
        Ok(())
    })
    .expect("read");
    rows
}

/// The store knows no file, has all vectors of version 1 and `more` of its own, and finds a chunk by its old vector once
/// the file is indexed again.
fn has_its_vectors(folder: &Path, generation: u64, more: usize) {
    let store = open_fixture(folder).expect("opened");
    let stats = store.stats(TREE_OF_FIXTURE).expect("counted");
    assert_eq!((stats.generation, stats.known_files, stats.chunks), (generation, 0, 0));
    let rows = vectors_of_fixture();
    assert_eq!(stats.spaces[0].vectors as usize, rows.len() + more);
    let before = store.search_text(TREE_OF_FIXTURE, &["listen".into()], 5, &Filter::default(), &Cancel::new());
    assert!(before.expect("searched")[0].is_empty());
    let chunk = |key: &Key| Chunk {
        key: *key,
        start_line: 1,
        end_line: 1,
        payload: b"",
        symbol: "HttpServer",
        doc: "",
        body: "listen on a port",
    };
    let file = File {
        path: "src/server.ts",
        language: "typescript",
        size: 1.0,
        mtime_ms: 1.0,
        content_hash: [0; 16],
        outcome: "",
        chunks: rows.iter().map(|(key, _)| chunk(key)).collect(),
    };
    store
        .commit(&Batch { tree: TREE_OF_FIXTURE, put: vec![file], remove: vec![], vectors: vec![] })
        .expect("committed");
    for (key, vector) in &rows {
        let hits = store
            .search_vectors(TREE_OF_FIXTURE, SPACE_OF_FIXTURE, vector, 1, &Filter::default(), &Cancel::new())
            .expect("searched");
        assert!(hits[0][0].score > 0.999, "{hits:?}");
        assert_eq!(store.chunks_by_id([hits[0][0].id]).expect("read")[0].1.key, *key);
    }
    let texts = ["http_server".to_owned()];
    let found = store.search_text(TREE_OF_FIXTURE, &texts, 50, &Filter::default(), &Cancel::new()).expect("searched");
    assert_eq!(found[0].len(), rows.len());
    store.close().expect("closed");
    assert!(!folder.join("vectors/0.vec").exists());
    let store = open_fixture(folder).expect("opened again");
    assert_eq!(store.stats(TREE_OF_FIXTURE).expect("counted").spaces[0].covered as usize, rows.len());
}

#[test]
fn a_store_of_version_1_keeps_its_vectors_and_forgets_its_files() {
    has_its_vectors(copied(1).path(), 2, 0);
}

#[test]
fn a_store_of_version_2_keeps_its_vectors_and_forgets_its_files() {
    has_its_vectors(copied(2).path(), 4, 1);
}

#[test]
fn an_upgrade_that_was_interrupted_anywhere_is_finished() {
    let upgraded = copied(1);
    open_fixture(upgraded.path()).expect("upgraded").close().expect("closed");
    let new = upgraded.path().join("vectors/0");

    let begun = copied(1);
    std::fs::create_dir(begun.path().join("vectors/0")).expect("made");
    has_its_vectors(begun.path(), 2, 0);

    for entry in std::fs::read_dir(&new).expect("listed") {
        let name = entry.expect("listed").file_name();
        for cut in [false, true] {
            let partly = copied(1);
            let target = partly.path().join("vectors/0");
            copy(&new, &target);
            if cut {
                let bytes = std::fs::read(target.join(&name)).expect("read");
                std::fs::write(target.join(&name), &bytes[..bytes.len() / 2]).expect("cut");
            } else {
                std::fs::remove_file(target.join(&name)).expect("removed");
            }
            has_its_vectors(partly.path(), 2, 0);
        }
    }

    let unmarked = copied(1);
    copy(&new, &unmarked.path().join("vectors/0"));
    has_its_vectors(unmarked.path(), 2, 0);

    let catalog = |folder: &Path| Catalog::open(&folder.join("catalog.redb")).expect("opened");
    for lexical_gone in [false, true] {
        let forgotten = copied(2);
        if lexical_gone {
            upgrade::forget_files(&catalog(forgotten.path()), &forgotten.path().join("lexical")).expect("forgotten");
        } else {
            catalog(forgotten.path()).forget_files().expect("forgotten");
        }
        has_its_vectors(forgotten.path(), 4, 1);
    }

    let marked = copied(1);
    copy(&new, &marked.path().join("vectors/0"));
    upgrade::forget_files(&catalog(marked.path()), &marked.path().join("lexical")).expect("forgotten");
    format::mark(marked.path()).expect("marked");
    has_its_vectors(marked.path(), 2, 0);
}

#[test]
fn a_commit_of_version_1_that_stood_staged_is_forgotten() {
    let folder = copied(1);
    let catalog = Catalog::open(&folder.path().join("catalog.redb")).expect("opened");
    catalog.stage(99, &crate::catalog::change::encode(&[])).expect("staged");
    drop(catalog);
    has_its_vectors(folder.path(), 2, 0);
}

#[test]
fn damaged_vectors_of_version_1_ask_for_a_rebuild_and_stay_as_they_are() {
    let folder = copied(1);
    let path = folder.path().join("vectors/0.vec");
    let mut bytes = std::fs::read(&path).expect("read");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, &bytes).expect("written");
    assert!(matches!(open_fixture(folder.path()), Err(Error::RebuildIndex(_))));
    assert_eq!(std::fs::read(&path).expect("read"), bytes);
    assert_eq!(format::check(folder.path()), Ok(Some(1)));
}

#[test]
fn a_newer_version_is_refused_untouched() {
    let folder = copied(1);
    std::fs::write(folder.path().join("format"), "tiercel store 4\n").expect("written");
    assert!(matches!(open_fixture(folder.path()), Err(Error::UpdateTiercel(_))));
    assert!(folder.path().join("vectors/0.vec").exists() && !folder.path().join("vectors/0").exists());
}
