//! Codes files.

use std::path::Path;

use proptest::prelude::*;
use tiercel_base::cancel::Cancel;
use tiercel_base::error::Error;

use crate::{Codes, CodesHeader, CodesWriter, Throttle};

/// Cell, rows, bits, planes.
pub(super) type Page<'a> = (u32, u32, &'a [u8], &'a [u8]);

pub(super) const PAGES: [Page; 3] = [(0, 3, b"bits of three", b"planes"), (4, 0, b"", b""), (4, 1, &[7; 64], &[8; 70])];

pub(super) fn header(with_planes: bool) -> CodesHeader {
    CodesHeader { padded: 64, with_planes, generation: 1 << 40 }
}

pub(super) fn write_codes(
    folder: &Path,
    number: u32,
    header: &CodesHeader,
    pages: &[Page],
    attachment: &[u8],
) -> Codes {
    let mut writer = CodesWriter::create(folder, number, header).expect("created");
    for (cell, rows, bits, planes) in pages {
        writer.page(*cell, *rows, bits, header.with_planes.then_some(planes)).expect("written");
    }
    writer.finish(attachment).expect("finished")
}

fn check(codes: &Codes, header: &CodesHeader, pages: &[Page], attachment: &[u8]) {
    assert_eq!((codes.header(), codes.pages().len()), (header, pages.len()));
    assert_eq!(codes.attachment().expect("readable"), attachment);
    for (at, (entry, (cell, rows, bits, planes))) in codes.pages().iter().zip(pages).enumerate() {
        assert_eq!((entry.cell, entry.rows), (*cell, *rows));
        assert_eq!((entry.bits.offset % 64, entry.planes.offset % 64), (0, 0));
        let mut read = vec![1; entry.bits.bytes as usize];
        codes.read_bits(at, &mut read).expect("readable");
        assert_eq!(read, *bits);
        let mut read = vec![1; entry.planes.bytes as usize];
        if header.with_planes {
            codes.read_planes(at, &mut read).expect("readable");
            assert_eq!(read, *planes);
        } else {
            assert!(matches!(codes.read_planes(at, &mut read), Err(Error::FixTheCall(_))));
        }
        assert!(matches!(codes.read_bits(at, &mut vec![0; bits.len() + 1]), Err(Error::FixTheCall(_))));
    }
    assert!(matches!(codes.read_bits(pages.len(), &mut []), Err(Error::FixTheCall(_))));
    codes.verify(&Throttle::unlimited(), &Cancel::new()).expect("sound");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_was_written_is_read(
        pages in prop::collection::vec((any::<u32>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..300), prop::collection::vec(any::<u8>(), 0..300)), 0..20),
        attachment in prop::collection::vec(any::<u8>(), 0..200),
        with_planes in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pages: Vec<Page> = pages.iter().map(|(cell, rows, bits, planes)| (*cell, *rows, bits.as_slice(), planes.as_slice())).collect();
        let codes = write_codes(folder.path(), 3, &header(with_planes), &pages, &attachment);
        check(&codes, &header(with_planes), &pages, &attachment);
        drop(codes);
        check(&Codes::open(folder.path(), 3).expect("opened"), &header(with_planes), &pages, &attachment);
    }
}

#[test]
fn streams_longer_than_every_buffer() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let long: Vec<u8> = (0..3_000_000_u32).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
    let pages: [Page; 2] = [(1, 9, &long, &long[..1_048_577]), (2, 9, &long[..64], &long[1..])];
    let codes = write_codes(folder.path(), 1, &header(true), &pages, &long);
    check(&codes, &header(true), &pages, &long);
    assert_eq!(codes.bytes_on_disk(), std::fs::metadata(folder.path().join("1.codes")).expect("there").len());
}

#[test]
fn an_unfinished_file_leaves_nothing_and_planes_are_all_or_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut writer = CodesWriter::create(folder.path(), 1, &header(true)).expect("created");
    assert!(matches!(writer.page(0, 1, b"bits", None), Err(Error::FixTheCall(_))));
    writer.page(0, 1, b"bits", Some(b"planes")).expect("written");
    drop(writer);
    assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 0);
    let wrong = CodesHeader { padded: 0, ..header(true) };
    assert!(matches!(CodesWriter::create(folder.path(), 1, &wrong), Err(Error::FixTheCall(_))));
}

#[test]
fn a_retired_file_goes_with_its_last_reader() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let codes = write_codes(folder.path(), 1, &header(false), &PAGES, b"");
    let clone = codes.clone();
    codes.retire();
    drop(codes);
    check(&clone, &header(false), &PAGES, b"");
    drop(clone);
    assert!(!folder.path().join("1.codes").exists());
}
