//! The manifest, and sweeping by it.

use std::path::Path;

use proptest::prelude::*;
use tiercel_base::error::Error;

use super::SHAPE;
use crate::{Manifest, Shape, VectorsFile, sweep};

pub(super) fn sample() -> Manifest {
    Manifest {
        shape: SHAPE,
        dimension: 50,
        seed: 0x1234_5678_9abc_def0,
        generation: 7,
        files: vec![
            VectorsFile { number: 3, sealed: true, first_row: 0 },
            VectorsFile { number: 9, sealed: false, first_row: 4000 },
        ],
        codes: vec![4, 5],
        settings: b"opaque".to_vec(),
    }
}

fn stored(folder: &Path) -> Manifest {
    Manifest::load(folder).expect("loaded").expect("there is one")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_was_stored_is_loaded(
        (padded, halves, space, dimension) in (1_usize..8193, any::<bool>(), any::<u32>(), any::<u32>()),
        (seed, generation) in (any::<u64>(), any::<u64>()),
        files in prop::collection::vec((any::<u32>(), any::<bool>(), any::<u32>()), 0..40),
        codes in prop::collection::vec(any::<u32>(), 0..40),
        settings in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = files.into_iter().map(|(number, sealed, first_row)| VectorsFile { number, sealed, first_row }).collect();
        let manifest = Manifest { shape: Shape { padded, halves, space }, dimension, seed, generation, files, codes, settings };
        sample().store(folder.path()).expect("stored");
        manifest.store(folder.path()).expect("replaced");
        prop_assert_eq!(stored(folder.path()), manifest);
        prop_assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 1);
    }
}

#[test]
fn none_is_not_an_error_and_an_impossible_one_is_not_stored() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(Manifest::load(folder.path()), Ok(None));
    let impossible = Manifest { shape: Shape { padded: 0, ..SHAPE }, ..sample() };
    assert!(matches!(impossible.store(folder.path()), Err(Error::FixTheCall(_))));
    assert_eq!(Manifest::load(folder.path()), Ok(None));
}

#[test]
fn a_draft_that_a_crash_left_does_not_hide_the_manifest() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    sample().store(folder.path()).expect("stored");
    std::fs::write(folder.path().join("manifest.tmp"), b"half of anoth").expect("written");
    assert_eq!(stored(folder.path()), sample());
    let next = Manifest { generation: 8, ..sample() };
    next.store(folder.path()).expect("stored");
    assert_eq!(stored(folder.path()), next);
}

#[test]
fn sweeping_deletes_our_unnamed_files_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let named = ["3.vec", "3.idx", "9.vec", "4.codes", "5.codes", "manifest"];
    let left = ["9.idx", "1.vec", "1.idx", "3.codes", "4.vec", "3.vec.tmp", "3.idx.tmp", "6.codes.tmp", "manifest.tmp"];
    let foreign =
        ["07.vec", "+7.vec", "x.vec", "7.vec.old", "7.txt", "vec", ".vec", "7.", "manifests", "7.tmp", "notes.tmp"];
    for name in named.iter().chain(&left).chain(&foreign) {
        std::fs::write(folder.path().join(name), b"x").expect("written");
    }
    std::fs::create_dir(folder.path().join("8.vec")).expect("made");
    assert_eq!(sweep(folder.path(), &sample()), Ok(left.len()));
    for name in left {
        assert!(!folder.path().join(name).exists(), "{name}");
    }
    for name in named.iter().chain(&foreign).chain(&["8.vec"]) {
        assert!(folder.path().join(name).exists(), "{name}");
    }
    assert!(matches!(sweep(&folder.path().join("gone"), &sample()), Err(Error::FixTheMachine(_))));
}
