//! Compaction: what stays, what goes, what stops it.

use std::cell::Cell;
use std::path::Path;

use proptest::prelude::*;
use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};

use super::{SHAPE, Sample, WITH_HALVES, key, needs_rebuild, verify, write};
use crate::{Segment, Shape, Throttle, Writer, compact};

fn compacted(inputs: &[Segment], keep: &dyn Fn(u32) -> bool, folder: &Path, shape: &Shape) -> Result<Segment> {
    compact(inputs, keep, folder, 100, shape, &Throttle::unlimited(), &Cancel::new())
}

fn files(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).expect("listed");
    let mut names: Vec<String> =
        names.map(|entry| entry.expect("entry").file_name().into_string().expect("a name")).collect();
    names.sort();
    names
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Rows are dealt to files at random, so that their ranges interleave as after many compactions.
    #[test]
    fn it_holds_the_kept_rows_of_interleaved_files(
        dealt in prop::collection::vec((0_usize..4, any::<bool>()), 0..600),
        block in 1_usize..50,
        sealed in prop::collection::vec(any::<bool>(), 4),
        (from_halves, to_halves) in prop_oneof![Just((false, false)), Just((true, true)), Just((true, false))],
    ) {
        let (from, to) = (Shape { halves: from_halves, ..SHAPE }, Shape { halves: to_halves, ..SHAPE });
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut inputs = Vec::new();
        for (file, sealed) in sealed.into_iter().enumerate() {
            let rows: Vec<u32> = (0..).zip(&dealt).filter(|(_, (to, _))| *to == file).map(|(row, _)| row).collect();
            let batches: Vec<Vec<u32>> = rows.chunks(block).map(<[u32]>::to_vec).collect();
            let mut writer = write(folder.path(), u32::try_from(file).expect("small"), &from, &batches);
            inputs.push(if sealed { writer.seal().expect("sealed") } else { writer.view() });
        }
        let keep = |row: u32| dealt[row as usize].1;
        let output = compacted(&inputs, &keep, folder.path(), &to).expect("compacted");
        let kept = Sample::of(&to, (0..).zip(&dealt).filter(|(_, (_, kept))| *kept).map(|(row, _)| row));
        prop_assert_eq!(&Sample::read(&output).expect("readable"), &kept);
        verify(&output).expect("sound");
        drop(output);
        let output = Segment::open(folder.path(), 100, &to).expect("opened");
        prop_assert_eq!(&Sample::read(&output).expect("readable"), &kept);
        for row in 0..u32::try_from(dealt.len()).expect("small") {
            prop_assert_eq!(output.find(&key(row)).expect("asked"), keep(row).then_some(row));
        }
        // Once more, of the compacted file alone: its runs have gaps.
        let again = compact(&[output], &|row| row % 3 == 0, folder.path(), 101, &to, &Throttle::unlimited(), &Cancel::new());
        let third = Sample::of(&to, kept.rows.iter().copied().filter(|row| row % 3 == 0));
        prop_assert_eq!(Sample::read(&again.expect("compacted")).expect("readable"), third);
    }
}

#[test]
fn of_nothing_comes_an_empty_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = write(folder.path(), 1, &SHAPE, &[vec![1, 2, 3]]).view();
    let output = compacted(&[input], &|_| false, folder.path(), &SHAPE).expect("compacted");
    assert_eq!((output.rows(), output.first_row(), output.find(&key(1))), (0, None, Ok(None)));
    verify(&output).expect("sound");
    assert_eq!(compacted(&[], &|_| true, folder.path(), &SHAPE).expect("compacted").rows(), 0);
}

#[test]
fn other_shapes_and_shared_rows_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (one, other) = (write(folder.path(), 1, &SHAPE, &[vec![1, 2]]), write(folder.path(), 2, &SHAPE, &[vec![2, 3]]));
    let before = files(folder.path());
    let refuse = |inputs: &[Segment], shape: &Shape| {
        matches!(compacted(inputs, &|_| true, folder.path(), shape), Err(Error::FixTheCall(_)))
    };
    assert!(refuse(&[one.view()], &Shape { padded: 128, ..SHAPE }));
    assert!(refuse(&[one.view()], &Shape { space: 6, ..SHAPE }));
    assert!(refuse(&[one.view()], &WITH_HALVES));
    assert!(refuse(&[one.view(), other.view()], &SHAPE));
    assert_eq!(files(folder.path()), before);
}

#[test]
fn a_cancel_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = write(folder.path(), 1, &SHAPE, &[(0..20_000).collect()]).view();
    let before = files(folder.path());
    // Raised at the first row, in the middle, and after the last row, while the keys are merged.
    for at in [0, 10_000, 19_999] {
        let cancel = Cancel::new();
        let asked = Cell::new(0);
        let keep = |row: u32| {
            asked.set(asked.get() + 1);
            if row == at {
                cancel.cancel();
            }
            true
        };
        let unlimited = Throttle::unlimited();
        let outcome = compact(std::slice::from_ref(&input), &keep, folder.path(), 3, &SHAPE, &unlimited, &cancel);
        assert!(matches!(outcome, Err(Error::Cancelled)), "{outcome:?}");
        assert!(asked.get() < at + 4_000, "it went on for {} rows", asked.get() - at);
        assert_eq!(files(folder.path()), before);
    }
}

#[test]
fn a_damaged_row_stops_it_only_when_it_is_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = write(folder.path(), 1, &SHAPE, &[(0..10).collect()]).seal().expect("sealed");
    let path = folder.path().join("1.vec");
    let mut bytes = std::fs::read(&path).expect("readable");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, &bytes).expect("written");
    assert!(needs_rebuild(&compacted(std::slice::from_ref(&input), &|_| true, folder.path(), &SHAPE)));
    assert!(!folder.path().join("100.vec").exists());
    assert_eq!(compacted(&[input], &|row| row < 9, folder.path(), &SHAPE).expect("compacted").rows(), 9);
}

#[test]
fn retired_files_go_with_their_last_reader() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut writer: Writer = write(folder.path(), 1, &SHAPE, &[(0..100).collect()]);
    let old_view = writer.view();
    let sealed = writer.seal().expect("sealed");
    drop(writer);
    let clone = sealed.clone();
    sealed.retire();
    drop(sealed);
    assert_eq!(files(folder.path()), ["1.idx", "1.vec"]);
    assert_eq!(Sample::read(&clone).expect("readable"), Sample::of(&SHAPE, 0..100));
    drop(clone);
    assert_eq!(files(folder.path()), ["1.vec"]);
    assert_eq!(Sample::read(&old_view).expect("readable"), Sample::of(&SHAPE, 0..100));
    drop(old_view);
    assert!(files(folder.path()).is_empty());
}
