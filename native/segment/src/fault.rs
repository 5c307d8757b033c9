//! The errors of this room, in words that say what to do.

use std::io::{self, ErrorKind};
use std::path::Path;

use tiercel_base::error::Error;

/// The file's content is not what was written.
pub(crate) fn damaged(path: &Path, why: &str) -> Error {
    Error::RebuildIndex(format!("{} cannot be read: {why}. Rebuild the index.", path.display()))
}

/// What the operating system said while `doing` something to a file that has to be there in its full length.
pub(crate) fn system(doing: &str, path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => damaged(path, "it is gone"),
        ErrorKind::UnexpectedEof => damaged(path, "it ends too early"),
        _ => writing(doing, path, error),
    }
}

/// What the operating system said while making or writing a file.
pub(crate) fn writing(doing: &str, path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::FixTheMachine(format!(
            "Cannot {doing} {}: the disk is full. Free some space and try again.",
            path.display()
        )),
        _ => Error::io(doing, path, error),
    }
}
