//! The files checked in under `test/fixtures/vectors-v2` are read as they were written, and are still written like that.

use std::fs;
use std::path::{Path, PathBuf};

use tiercel_base::cancel::Cancel;
use tiercel_segment::{Codes, Manifest, Segment, Throttle, Writer, sweep};

#[path = "../examples/fixture/content.rs"]
mod content;

const NAMES: [&str; 5] = ["manifest", "1.vec", "1.idx", "2.vec", "3.codes"];

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/fixtures/vectors-v2")
}

/// A copy: opening cuts off what was not committed.
fn copied() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in NAMES {
        fs::copy(fixture().join(name), folder.path().join(name)).expect("copied");
    }
    folder
}

fn check(segment: &Segment, batches: &[&[u32]]) {
    let rows = batches.concat();
    assert_eq!(segment.rows() as usize, rows.len());
    for (position, row) in (0..).zip(rows) {
        assert_eq!((segment.row_at(position), segment.position(row)), (Some(row), Some(position)));
        let (mut codes, mut halves) = ([0; 64], [0; 64]);
        let scale = segment.read_row(position, &mut codes).expect("readable");
        segment.read_halves(position, &mut halves).expect("readable");
        assert_eq!(scale.to_bits(), content::scale(row).to_bits());
        assert_eq!((codes.to_vec(), halves.to_vec()), (content::codes(row), content::halves(row)));
        assert_eq!(segment.find(&content::key(row)), Ok(Some(row)));
    }
    segment.verify(&Throttle::unlimited(), &Cancel::new()).expect("sound");
}

#[test]
fn it_is_read_as_it_was_written() {
    let folder = copied();
    let manifest = Manifest::load(folder.path()).expect("loaded").expect("there is one");
    assert_eq!(manifest, content::manifest());
    assert_eq!(sweep(folder.path(), &manifest), Ok(0));
    check(&Segment::open(folder.path(), 1, &manifest.shape).expect("opened"), &content::SEALED);
    let writer = Writer::open(folder.path(), 2, &manifest.shape, 3).expect("opened");
    check(&writer.view(), &content::COMMITTED);
    let codes = Codes::open(folder.path(), 3).expect("opened");
    assert_eq!((codes.header(), codes.pages().len()), (&content::CODES, content::PAGES.len()));
    assert_eq!(codes.attachment().expect("readable"), content::ATTACHMENT);
    for (at, (cell, rows, bits, planes)) in content::PAGES.iter().enumerate() {
        let page = codes.pages()[at];
        assert_eq!((page.cell, page.rows), (*cell, *rows));
        let (mut read_bits, mut read_planes) = (vec![0; bits.len()], vec![0; planes.len()]);
        codes.read_bits(at, &mut read_bits).expect("readable");
        codes.read_planes(at, &mut read_planes).expect("readable");
        assert_eq!((read_bits.as_slice(), read_planes.as_slice()), (*bits, *planes));
    }
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    content::generate(folder.path()).expect("written");
    for name in NAMES {
        let (written, expected) = (fs::read(folder.path().join(name)), fs::read(fixture().join(name)));
        assert!(
            written.expect("readable") == expected.expect("readable"),
            "{name} is written differently: a changed format needs a new version and a new fixture"
        );
    }
}
