//! The version of a store's folder, in a file of its own that is read before anything else is touched.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use tiercel_base::error::{Error, Result};

/// The version this code writes.
pub const VERSION: u32 = 3;

const NAME: &str = "format";
const PREFIX: &str = "tiercel store ";

/// The version of the store in `folder`; `None` when there is no store yet.
///
/// # Errors
/// [`Error::UpdateTiercel`] for a newer version, [`Error::RebuildIndex`] when the file cannot be understood.
pub fn check(folder: &Path) -> Result<Option<u32>> {
    let path = folder.join(NAME);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidData => return Err(not_understood(&path)),
        Err(error) => return Err(Error::io("read", &path, &error)),
    };
    let version: u32 = text
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.trim_end().parse().ok())
        .filter(|&version| version > 0)
        .ok_or_else(|| not_understood(&path))?;
    if version > VERSION {
        return Err(Error::UpdateTiercel(format!(
            "The index in {} was written by a newer version (format {version}, this one reads up to {VERSION}). \
             Update Tiercel. Nothing was changed.",
            folder.display()
        )));
    }
    Ok(Some(version))
}

/// Marks `folder` as a store of this version, durably.
///
/// # Errors
/// [`Error::FixTheMachine`].
pub fn mark(folder: &Path) -> Result<()> {
    let (path, draft) = (folder.join(NAME), folder.join("format.new"));
    let write = || {
        let mut file = File::create(&draft)?;
        writeln!(file, "{PREFIX}{VERSION}")?;
        file.sync_all()?;
        std::fs::rename(&draft, &path)
    };
    write().map_err(|error| Error::io("write", &path, &error))?;
    sync_folder(folder)
}

/// Makes new names in `folder` durable, where the system asks for that.
///
/// # Errors
/// [`Error::FixTheMachine`].
pub fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| Error::io("write", folder, &error))?;
    }
    Ok(())
}

fn not_understood(path: &Path) -> Error {
    Error::RebuildIndex(format!("{} does not name a store's version. Rebuild the index.", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_written_is_read_and_others_are_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(check(folder.path()), Ok(None));
        mark(folder.path()).expect("marked");
        assert_eq!(check(folder.path()), Ok(Some(VERSION)));
        for (text, code) in [
            ("tiercel store 4\n", "UpdateTiercel"),
            ("tiercel store 0\n", "RebuildIndex"),
            ("something else", "RebuildIndex"),
            ("", "RebuildIndex"),
        ] {
            std::fs::write(folder.path().join(NAME), text).expect("written");
            assert_eq!(check(folder.path()).expect_err("refused").code(), code, "{text:?}");
        }
    }
}
