//! Writing, reading, reopening and sealing vectors files.

use proptest::prelude::*;
use tiercel_base::error::Error;

use super::{SHAPE, Sample, WITH_HALVES, batches, key, verify, write};
use crate::{LARGEST_BLOCK, Rows, Segment, Shape, Writer};

/// Every way to ask agrees with a list of rows.
fn check(segment: &Segment, rows: &[u32]) {
    let shape = *segment.shape();
    let expected = Sample::of(&shape, rows.iter().copied());
    assert_eq!(Sample::read(segment).expect("readable"), expected);
    assert_eq!((segment.first_row(), segment.last_row()), (rows.first().copied(), rows.last().copied()));
    assert_eq!(segment.rows() as usize, rows.len());
    for row in 0..rows.last().map_or(5, |last| last + 5) {
        let position = rows.iter().position(|&other| other == row);
        assert_eq!(segment.position(row).map(|position| position as usize), position);
        assert_eq!(segment.find(&key(row)).expect("asked"), position.map(|_| row));
        if let Some(position) = position {
            assert!(segment.may_contain(&key(row)));
            let mut codes = vec![0; shape.padded];
            let scale = segment.read_row(u32::try_from(position).expect("small"), &mut codes).expect("readable");
            assert_eq!(scale.to_bits(), expected.scales[position].to_bits());
            assert_eq!(codes, expected.codes[position * shape.padded..(position + 1) * shape.padded]);
        }
    }
    verify(segment).expect("sound");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn growing_reopened_and_sealed_files_hold_what_was_appended(batches in batches(), halves in any::<bool>()) {
        let shape = Shape { halves, ..SHAPE };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let all = batches.concat();
        let writer = write(folder.path(), 7, &shape, &batches);
        check(&writer.view(), &all);
        let rows = writer.rows();
        drop(writer);
        let mut reopened = Writer::open(folder.path(), 7, &shape, rows).expect("opened");
        check(&reopened.view(), &all);
        check(&reopened.seal().expect("sealed"), &all);
        drop(reopened);
        let sealed = Segment::open(folder.path(), 7, &shape).expect("opened");
        check(&sealed, &all);
        let on_disk: u64 = std::fs::read_dir(folder.path()).expect("listed").map(|entry| entry.expect("entry").metadata().expect("data").len()).sum();
        prop_assert_eq!(sealed.bytes_on_disk(), on_disk);
    }

    #[test]
    fn a_view_keeps_what_it_saw_and_a_cut_forgets_the_rest(batches in batches(), kept in 0_usize..12, more in batches()) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let kept = &batches[..kept.min(batches.len())];
        let mut writer = write(folder.path(), 1, &SHAPE, kept);
        let (before, rows) = (writer.view(), writer.rows());
        for batch in &batches[kept.len()..] {
            writer.append(&Sample::of(&SHAPE, batch.iter().copied()).rows(&SHAPE)).expect("appended");
        }
        check(&before, &kept.concat());
        writer.cut(rows).expect("cut");
        let mut all = kept.concat();
        let start = all.last().map_or(0, |last| last + 1);
        for batch in &more {
            let batch: Vec<u32> = batch.iter().map(|row| row + start).collect();
            writer.append(&Sample::of(&SHAPE, batch.iter().copied()).rows(&SHAPE)).expect("appended");
            all.extend(batch);
        }
        check(&before, &kept.concat());
        check(&writer.view(), &all);
        check(&writer.seal().expect("sealed"), &all);
    }

    #[test]
    fn any_range_is_read(sizes in prop::collection::vec(1_u32..700, 1..5), start in any::<prop::sample::Index>(), length in any::<prop::sample::Index>()) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut next = 0;
        let batches: Vec<Vec<u32>> = sizes.iter().map(|size| { next += size; (next - size..next).collect() }).collect();
        let view = write(folder.path(), 1, &SHAPE, &batches).view();
        let start = u32::try_from(start.index(next as usize)).expect("small");
        let count = u32::try_from(length.index((next - start) as usize + 1)).expect("small");
        let mut codes = vec![0; count as usize * 64];
        let mut scales = vec![0.0; count as usize];
        view.read(start..start + count, &mut codes, &mut scales).expect("readable");
        let expected = Sample::of(&SHAPE, start..start + count);
        prop_assert_eq!(codes, expected.codes);
        prop_assert_eq!(scales, expected.scales);
    }
}

/// Views cross threads and are read while the file grows, is sealed and retired.
#[test]
fn readers_beside_the_writer_see_whole_snapshots() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::thread::scope(|scope| {
        let (send, receive) = std::sync::mpsc::channel::<Segment>();
        let reader = scope.spawn(move || {
            receive
                .into_iter()
                .filter(|view| view.rows() > 0)
                .map(|view| {
                    assert_eq!(Sample::read(&view).expect("readable"), Sample::of(&SHAPE, 0..view.rows()));
                    verify(&view).expect("sound");
                })
                .count()
        });
        let mut writer = Writer::create(folder.path(), 1, &SHAPE).expect("created");
        for batch in 0..150 {
            writer.append(&Sample::of(&SHAPE, batch * 9..batch * 9 + 9).rows(&SHAPE)).expect("appended");
            send.send(writer.view()).expect("the reader is there");
        }
        let sealed = writer.seal().expect("sealed");
        sealed.retire();
        send.send(sealed).expect("the reader is there");
        drop((writer, send));
        assert_eq!(reader.join().expect("no reader failed"), 151);
    });
    assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 0);
}

#[test]
fn large_batches_are_split_and_read_in_spans() {
    let shape = Shape { padded: 1024, ..WITH_HALVES };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut writer = write(folder.path(), 1, &shape, &[(0..1500).collect()]);
    check(&writer.view(), &(0..1500).collect::<Vec<_>>());
    let narrow = Shape { padded: 1, ..SHAPE };
    let rows: Vec<u32> = (0..2 * u32::try_from(LARGEST_BLOCK).expect("small") + 10).collect();
    check(&write(folder.path(), 2, &narrow, std::slice::from_ref(&rows)).view(), &rows);
    check(&writer.seal().expect("sealed"), &(0..1500).collect::<Vec<_>>());
}

#[test]
fn thousands_of_small_commits_seal_and_reopen() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let batches: Vec<Vec<u32>> = (0..1500).map(|at| (at * 8..at * 8 + 8).collect()).collect();
    let mut writer = write(folder.path(), 1, &SHAPE, &batches);
    check(&writer.seal().expect("sealed"), &(0..12_000).collect::<Vec<_>>());
    assert!(writer.view().bytes_in_memory() < 12_000 * 24 + 20_000);
}

#[test]
fn the_last_row_of_a_key_is_found() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut writer = Writer::create(folder.path(), 1, &SHAPE).expect("created");
    let mut sample = Sample::of(&SHAPE, 0..1000);
    // Blocks of the key table that all start with the same eight bytes, and one key many times.
    for (at, key) in sample.keys.iter_mut().enumerate() {
        key[..8].fill(9);
        key[8..].copy_from_slice(&(at as u64 / 300).to_le_bytes());
    }
    writer.append(&sample.rows(&SHAPE)).expect("appended");
    for segment in [writer.view(), writer.seal().expect("sealed")] {
        for (at, last) in [(0, 299), (300, 599), (600, 899), (999, 999)] {
            assert_eq!(segment.find(&sample.keys[at]), Ok(Some(last)));
        }
        assert_eq!(segment.find(&[9; 16]), Ok(None));
        assert_eq!(segment.find(&[0; 16]), Ok(None));
        verify(&segment).expect("sound");
    }
}

#[test]
fn the_bloom_filter_counts_its_answers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sealed = write(folder.path(), 1, &SHAPE, &[(0..5000).collect()]).seal().expect("sealed");
    for row in 4000..30_000 {
        sealed.find(&key(row)).expect("asked");
    }
    let counts = sealed.bloom_counts();
    assert_eq!((counts.asked, counts.passed - counts.wrong), (26_000, 1000));
    assert!((100..500).contains(&counts.wrong), "{counts:?}: about 1% of 25000 is documented");
    assert!(sealed.bytes_in_memory() < 5000 * 2 + 3000);
}

#[test]
fn wrong_calls_are_refused_and_change_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut writer = write(folder.path(), 1, &SHAPE, &[vec![5, 6]]);
    let good = Sample::of(&SHAPE, [7, 8]);
    let rows = good.rows(&SHAPE);
    let refused = |writer: &mut Writer, rows: Rows| matches!(writer.append(&rows), Err(Error::FixTheCall(_)));
    assert!(refused(&mut writer, Rows { keys: &good.keys[..1], ..rows }));
    assert!(refused(&mut writer, Rows { scales: &good.scales[..1], ..rows }));
    assert!(refused(&mut writer, Rows { codes: &good.codes[..64], ..rows }));
    assert!(refused(&mut writer, Rows { halves: Some(&[0; 128]), ..rows }));
    assert!(refused(&mut writer, Rows { rows: &[6, 7], ..rows }));
    assert!(refused(&mut writer, Rows { rows: &[8, 8], ..rows }));
    assert!(refused(&mut writer, Rows { rows: &[8, u32::MAX], ..rows }));
    assert!(matches!(writer.cut(1), Err(Error::FixTheCall(_))));
    check(&writer.view(), &[5, 6]);
    let view = writer.view();
    let (mut codes, mut scales) = ([0; 128], [0.0; 2]);
    assert!(matches!(view.read(1..3, &mut codes, &mut scales), Err(Error::FixTheCall(_))));
    assert!(matches!(view.read(0..2, &mut codes[..64], &mut scales), Err(Error::FixTheCall(_))));
    assert!(matches!(view.read_row(2, &mut codes[..64]), Err(Error::FixTheCall(_))));
    assert!(matches!(view.read_halves(0, &mut [0; 64]), Err(Error::FixTheCall(_))));
    for padded in [0, 8193] {
        assert!(matches!(Writer::create(folder.path(), 9, &Shape { padded, ..SHAPE }), Err(Error::FixTheCall(_))));
    }
    writer.append(&Rows { rows: &[], keys: &[], scales: &[], codes: &[], halves: None }).expect("nothing to do");
    writer.seal().expect("sealed");
    assert!(matches!(writer.append(&rows), Err(Error::Report(_))));
    assert!(matches!(writer.seal(), Err(Error::Report(_))));
}
