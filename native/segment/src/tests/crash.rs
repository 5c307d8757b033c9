//! What a crash can leave: files cut at any length, drafts, an index without its manifest.

use super::{SHAPE, Sample, key, needs_rebuild, write};
use crate::{Segment, Shape, Writer};

const SMALL: Shape = Shape { padded: 8, ..SHAPE };

/// The committed rows are in the file whatever lies behind them; without all of them there is no opening.
#[test]
fn a_growing_file_cut_at_every_length() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("1.vec");
    let committed_bytes = write(folder.path(), 1, &SMALL, &[vec![0, 1], vec![2, 3, 4]]).bytes();
    write(folder.path(), 1, &SMALL, &[vec![0, 1], vec![2, 3, 4], vec![5], vec![6, 7]]);
    let all = std::fs::read(&path).expect("readable");
    for length in 0..=all.len() {
        std::fs::write(&path, &all[..length]).expect("written");
        let opened = Writer::open(folder.path(), 1, &SMALL, 5);
        if (length as u64) < committed_bytes {
            assert!(needs_rebuild(&opened), "length {length}");
            assert_eq!(std::fs::metadata(&path).expect("there").len(), length as u64, "nothing is changed");
            continue;
        }
        let mut writer = opened.expect("opened");
        assert_eq!(Sample::read(&writer.view()).expect("readable"), Sample::of(&SMALL, 0..5));
        assert_eq!(std::fs::metadata(&path).expect("there").len(), committed_bytes);
        // Row numbers of the lost commit are given again, to other content.
        let mut other = Sample::of(&SMALL, 90..92);
        other.rows = vec![5, 6];
        writer.append(&other.rows(&SMALL)).expect("appended");
        writer.sync().expect("synced");
        drop(writer);
        let view = Writer::open(folder.path(), 1, &SMALL, 7).expect("opened").view();
        assert_eq!((view.find(&key(91)), view.find(&key(5))), (Ok(Some(6)), Ok(None)));
    }
}

/// Bytes behind the committed rows may be anything, not only a shorter version of what was written.
#[test]
fn garbage_behind_the_committed_rows_is_cut() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("1.vec");
    let bytes = write(folder.path(), 1, &SMALL, &[vec![0, 1]]).bytes();
    for garbage in [vec![0_u8; 5000], vec![0xff; 3]] {
        let all = [std::fs::read(&path).expect("readable"), garbage].concat();
        std::fs::write(&path, all).expect("written");
        let view = Writer::open(folder.path(), 1, &SMALL, 2).expect("opened").view();
        assert_eq!(Sample::read(&view).expect("readable"), Sample::of(&SMALL, 0..2));
        assert_eq!(std::fs::metadata(&path).expect("there").len(), bytes);
    }
}

#[test]
fn commits_end_where_blocks_do() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), 1, &SMALL, &[vec![0, 1], vec![2, 3]]);
    for rows in [1, 3, 5] {
        assert!(needs_rebuild(&Writer::open(folder.path(), 1, &SMALL, rows)), "{rows} rows");
    }
    for rows in [4, 2, 0] {
        assert_eq!(Writer::open(folder.path(), 1, &SMALL, rows).expect("opened").rows(), rows);
    }
}

/// Sealing stopped before the manifest: the file goes on growing, and is sealed again later.
#[test]
fn an_index_nobody_names_is_replaced() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), 1, &SMALL, &[vec![0, 1]]).seal().expect("sealed");
    std::fs::write(folder.path().join("1.idx.tmp"), b"half").expect("written");
    let mut writer = Writer::open(folder.path(), 1, &SMALL, 2).expect("opened");
    writer.append(&Sample::of(&SMALL, [2]).rows(&SMALL)).expect("appended");
    assert!(needs_rebuild(&Segment::open(folder.path(), 1, &SMALL)), "the index is of an earlier length");
    assert_eq!(Sample::read(&writer.seal().expect("sealed")).expect("readable"), Sample::of(&SMALL, 0..3));
    assert!(!folder.path().join("1.idx.tmp").exists());
}

/// The vectors file says everything: a lost index is written again.
#[test]
fn a_lost_index_is_made_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), 1, &SMALL, &[vec![0, 1], vec![5, 6]]).seal().expect("sealed");
    let index = folder.path().join("1.idx");
    let before = std::fs::read(&index).expect("readable");
    std::fs::remove_file(&index).expect("removed");
    Writer::open(folder.path(), 1, &SMALL, 4).expect("opened").seal().expect("sealed");
    assert_eq!(std::fs::read(&index).expect("readable"), before);
}
