//! What the operating system can refuse.

use tiercel_base::cancel::Cancel;
use tiercel_base::error::Error;

use super::codes::header;
use super::manifest::sample;
use super::{SHAPE, Sample, write};
use crate::{CodesWriter, Segment, Throttle, Writer, compact};

#[test]
fn a_folder_that_is_not_there_is_for_the_machine() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let gone = folder.path().join("gone");
    assert!(matches!(Writer::create(&gone, 1, &SHAPE), Err(Error::FixTheMachine(_))));
    assert!(matches!(CodesWriter::create(&gone, 1, &header(false)), Err(Error::FixTheMachine(_))));
    assert!(matches!(sample().store(&gone), Err(Error::FixTheMachine(_))));
    // What a manifest names and is not there is damage.
    assert!(matches!(Writer::open(&gone, 1, &SHAPE, 0), Err(Error::RebuildIndex(_))));
    assert!(matches!(Segment::open(&gone, 1, &SHAPE), Err(Error::RebuildIndex(_))));
}

/// A folder in the place of the file stands for every name that cannot be opened for writing, whoever runs the tests.
#[test]
fn a_name_that_cannot_be_written_is_for_the_machine() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["1.vec", "2.idx", "3.codes", "3.codes.tmp", "manifest"] {
        std::fs::create_dir(folder.path().join(name)).expect("made");
    }
    assert!(matches!(Writer::create(folder.path(), 1, &SHAPE), Err(Error::FixTheMachine(_))));
    assert!(matches!(Writer::open(folder.path(), 1, &SHAPE, 0), Err(Error::FixTheMachine(_))));
    assert!(matches!(CodesWriter::create(folder.path(), 3, &header(false)), Err(Error::FixTheMachine(_))));
    assert!(matches!(sample().store(folder.path()), Err(Error::FixTheMachine(_))));
    assert!(!folder.path().join("manifest.tmp").exists());
    // A seal that fails can be tried again.
    let mut writer = write(folder.path(), 2, &SHAPE, &[vec![0, 1]]);
    assert!(matches!(writer.seal(), Err(Error::FixTheMachine(_))));
    std::fs::remove_dir(folder.path().join("2.idx")).expect("removed");
    writer.append(&Sample::of(&SHAPE, [2]).rows(&SHAPE)).expect("appended");
    assert_eq!(Sample::read(&writer.seal().expect("sealed")).expect("readable"), Sample::of(&SHAPE, 0..3));
}

/// A compaction whose index cannot be written takes its vectors file with it.
#[test]
fn a_failed_compaction_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = write(folder.path(), 1, &SHAPE, &[vec![0, 1]]).view();
    std::fs::create_dir(folder.path().join("2.idx")).expect("made");
    let (free, cancel) = (Throttle::unlimited(), Cancel::new());
    let outcome = compact(&[input], &|_| true, folder.path(), 2, &SHAPE, &free, &cancel);
    assert!(matches!(outcome, Err(Error::FixTheMachine(_))), "{outcome:?}");
    assert!(!folder.path().join("2.vec").exists() && !folder.path().join("2.vec.tmp").exists());
}

/// `/dev/full` answers every write as a full disk does.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let full = |name: &str| std::os::unix::fs::symlink("/dev/full", folder.path().join(name)).expect("linked");
    let says_so = |outcome: Result<(), Error>| match outcome {
        Err(Error::FixTheMachine(message)) => message.contains("the disk is full"),
        _ => false,
    };
    full("1.vec");
    full("2.codes.tmp");
    full("3.vec.tmp");
    full("manifest.tmp");
    assert!(says_so(Writer::create(folder.path(), 1, &SHAPE).map(|_| ())));
    let codes = CodesWriter::create(folder.path(), 2, &header(false)).and_then(|writer| writer.finish(b""));
    assert!(says_so(codes.map(|_| ())));
    let (free, cancel) = (Throttle::unlimited(), Cancel::new());
    assert!(says_so(compact(&[], &|_| true, folder.path(), 3, &SHAPE, &free, &cancel).map(|_| ())));
    assert!(says_so(sample().store(folder.path())));
}
