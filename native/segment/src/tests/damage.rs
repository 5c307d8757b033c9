//! Every flipped byte and every truncation of every kind of file is found.

use std::path::Path;

use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};

use super::codes::{PAGES, header, write_codes};
use super::manifest::sample;
use super::{SHAPE, Sample, WITH_HALVES, needs_rebuild, verify, write};
use crate::handle::Handle;
use crate::{Codes, Manifest, Segment, Shape, Throttle, Writer};

/// Changes every byte of a file in turn, then cuts the file at every length: `read` has to ask for a rebuild each time.
fn every_byte_counts(path: &Path, read: &dyn Fn() -> Result<()>) {
    assert_eq!(read(), Ok(()));
    let original = std::fs::read(path).expect("readable");
    let handle = Handle::open(path, true).expect("opened");
    for (at, &byte) in original.iter().enumerate() {
        handle.write(at as u64, &[byte ^ 1 << (at % 8)]).expect("written");
        let outcome = read();
        assert!(needs_rebuild(&outcome), "byte {at} of {}: {outcome:?}", path.display());
        handle.write(at as u64, &[byte]).expect("written");
    }
    handle.set_length(original.len() as u64 + 1).expect("made longer");
    assert!(needs_rebuild(&read()), "a longer {}", path.display());
    for length in (0..original.len()).rev() {
        handle.set_length(length as u64).expect("made shorter");
        let outcome = read();
        assert!(needs_rebuild(&outcome), "length {length} of {}: {outcome:?}", path.display());
    }
    std::fs::remove_file(path).expect("removed");
    assert!(needs_rebuild(&read()));
    std::fs::write(path, &original).expect("written");
    assert_eq!(read(), Ok(()));
}

fn read_sealed(folder: &Path, shape: &Shape) -> Result<()> {
    let sealed = Segment::open(folder, 1, shape)?;
    Sample::read(&sealed)?;
    verify(&sealed)
}

#[test]
fn sealed_files() {
    for shape in [Shape { padded: 8, ..SHAPE }, Shape { padded: 8, ..WITH_HALVES }] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write(folder.path(), 1, &shape, &[vec![0, 1], vec![2, 7, 8]]).seal().expect("sealed");
        for name in ["1.vec", "1.idx"] {
            every_byte_counts(&folder.path().join(name), &|| read_sealed(folder.path(), &shape));
        }
    }
}

/// Reading rows without asking for everything else finds damage in them just as well.
#[test]
fn codes_scales_and_halves_are_verified_by_every_way_of_reading() {
    let shape = Shape { padded: 8, ..WITH_HALVES };
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), 1, &shape, &[vec![3]]).seal().expect("sealed");
    let path = folder.path().join("1.vec");
    let original = std::fs::read(&path).expect("readable");
    let record = original.len() - (8 + 8 + 4 + 16);
    for at in record..original.len() {
        let mut bytes = original.clone();
        bytes[at] ^= 4;
        std::fs::write(&path, &bytes).expect("written");
        let sealed = Segment::open(folder.path(), 1, &shape).expect("opened");
        let in_codes = at < record + 16;
        let (mut codes, mut scales, mut halves) = ([0; 8], [0.0], [0; 8]);
        assert_eq!(needs_rebuild(&sealed.read_row(0, &mut codes)), in_codes, "byte {at}");
        assert_eq!(needs_rebuild(&sealed.read(0..1, &mut codes, &mut scales)), in_codes, "byte {at}");
        assert_eq!(needs_rebuild(&sealed.read_halves(0, &mut halves)), !in_codes, "byte {at}");
    }
}

#[test]
fn a_growing_file() {
    let shape = Shape { padded: 8, ..WITH_HALVES };
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), 1, &shape, &[vec![0, 1], vec![2, 7, 8]]);
    let path = folder.path().join("1.vec");
    let original = std::fs::read(&path).expect("readable");
    let open = || Writer::open(folder.path(), 1, &shape, 5).map(|_| ());
    for at in 0..original.len() {
        let mut bytes = original.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).expect("written");
        assert!(needs_rebuild(&open()), "byte {at}");
    }
    std::fs::write(&path, &original).expect("written");
    assert_eq!(open(), Ok(()));
}

#[test]
fn codes_files() {
    for with_planes in [false, true] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_codes(folder.path(), 1, &header(with_planes), &PAGES, b"centroids");
        let read = || {
            let codes = Codes::open(folder.path(), 1)?;
            codes.attachment()?;
            codes.verify(&Throttle::unlimited(), &Cancel::new())
        };
        every_byte_counts(&folder.path().join("1.codes"), &read);
    }
}

#[test]
fn the_manifest() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let manifest = sample();
    manifest.store(folder.path()).expect("stored");
    let read = || match Manifest::load(folder.path())? {
        Some(loaded) => {
            assert_eq!(loaded, manifest);
            Ok(())
        }
        None => Err(Error::RebuildIndex("there is none".into())),
    };
    every_byte_counts(&folder.path().join("manifest"), &read);
}

#[test]
fn a_file_in_the_place_of_another_is_found() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let reopen = || read_sealed(folder.path(), &SHAPE);
    write(folder.path(), 1, &SHAPE, &[vec![0, 1]]).seal().expect("sealed");
    let other = tempfile::tempdir().expect("a temporary folder");
    // The same number and length, other rows: only the checksums that begin with the row number tell.
    write(other.path(), 1, &SHAPE, &[vec![4, 5]]).seal().expect("sealed");
    std::fs::copy(other.path().join("1.vec"), at("1.vec")).expect("copied");
    let sealed = Segment::open(folder.path(), 1, &SHAPE).expect("opened");
    assert!(needs_rebuild(&sealed.read_row(0, &mut [0; 64])));
    assert!(needs_rebuild(&reopen()));
    // Other numbers.
    write(folder.path(), 2, &SHAPE, &[vec![0, 1]]).seal().expect("sealed");
    std::fs::copy(at("2.vec"), at("1.vec")).expect("copied");
    assert!(needs_rebuild(&reopen()));
    // Another kind of file.
    std::fs::copy(at("2.idx"), at("1.vec")).expect("copied");
    assert!(needs_rebuild(&reopen()));
    // Another shape.
    for shape in [Shape { padded: 128, ..SHAPE }, Shape { space: 6, ..SHAPE }, WITH_HALVES] {
        assert!(needs_rebuild(&Segment::open(folder.path(), 2, &shape)));
        assert!(needs_rebuild(&Writer::open(folder.path(), 2, &shape, 2)));
    }
}
