//! Spaces that go when nobody keeps them.

use super::*;

const OTHER: &str = "other";

fn open_with(folder: &Path, names: &[&str], keep: Option<&[&str]>) -> Store {
    let specs: Vec<SpaceSpec> =
        names.iter().map(|name| SpaceSpec { name: (*name).into(), dimension: DIMENSION }).collect();
    let keep = keep.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    Store::open(folder, &specs, &governor(), &StoreOptions { keep, ..StoreOptions::default() }).expect("opened")
}

fn commit_to(store: &Store, space: &str) {
    let version = Version::new("a.rs", 1);
    let vectors = vec![Vectors { space, keys: &version.key, vectors: &version.vector }];
    store.commit(&Batch { vectors, ..version.batch() }).expect("committed");
}

fn folders(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("vectors")).expect("listed").count()
}

fn vectors_in(store: &Store, space: &str) -> u32 {
    let stats = store.stats(TREE).expect("counted");
    stats.spaces.iter().find(|found| found.name == space).map_or(0, |found| found.vectors)
}

#[test]
fn a_space_that_is_neither_opened_nor_kept_leaves_no_trace() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open_with(folder.path(), &[SPACE, OTHER], None);
    commit_to(&store, SPACE);
    commit_to(&store, OTHER);
    drop(store);
    assert_eq!(folders(folder.path()), 2);
    drop(open_with(folder.path(), &[SPACE], None));
    assert_eq!(folders(folder.path()), 2, "without being told to nothing is deleted");
    drop(open_with(folder.path(), &[SPACE], Some(&[OTHER])));
    assert_eq!(folders(folder.path()), 2, "what is kept stays");
    let store = open_with(folder.path(), &[SPACE], Some(&[]));
    assert_eq!((folders(folder.path()), vectors_in(&store, SPACE)), (1, 1));
    drop(store);
    let store = open_with(folder.path(), &[SPACE, OTHER], None);
    assert_eq!((vectors_in(&store, SPACE), vectors_in(&store, OTHER)), (1, 0));
}

#[test]
fn a_deletion_that_was_cut_off_is_finished() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open_with(folder.path(), &[SPACE, OTHER], None);
    commit_to(&store, OTHER);
    drop(store);
    let trace = folder.path().join("vectors").join("1");
    let saved = folder.path().join("saved");
    std::fs::rename(&trace, &saved).expect("set aside");
    drop(open_with(folder.path(), &[SPACE], Some(&[])));
    std::fs::rename(&saved, &trace).expect("put back");
    drop(open_with(folder.path(), &[SPACE], Some(&[])));
    assert!(!trace.exists());
}
