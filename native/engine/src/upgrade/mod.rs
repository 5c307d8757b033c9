//! From version 1 of the store to version 2: the vectors move from one file per space (`vectors/N.vec`) to a folder per
//! space (`vectors/N/`). Everything else is the same.
//!
//! The old files stay until the folder is marked as version 2, and the catalog counts the same rows in both, so an
//! upgrade that is interrupted anywhere starts over, or is finished by deleting the old files.

pub(crate) mod file;

use std::io::ErrorKind;
use std::path::Path;

use tiercel_base::error::{Error, Result};
use tiercel_tier::Governor;
use tiercel_vectors::{IndexOptions, Spec, VectorIndex};

use crate::catalog::SpaceRow;

/// How the files of version 1 end.
const OLD: &str = "vec";

/// Writes the vectors of all spaces anew, durably. `folder` is the one of the vectors.
///
/// # Errors
/// [`Error::RebuildIndex`] when an old file is damaged, [`Error::FixTheMachine`] when the disk refuses.
pub fn rewrite_vectors(folder: &Path, spaces: &[(String, SpaceRow)], governor: &Governor) -> Result<()> {
    for (_, space) in spaces {
        let fresh = folder.join(space.number.to_string());
        remove_folder(&fresh)?;
        let dimension = usize::try_from(space.dimension).unwrap_or(usize::MAX);
        let spec = Spec { dimension, number: space.number, halves: false };
        let index = VectorIndex::open(&fresh, &spec, 0, governor, &IndexOptions::default())?;
        let old = folder.join(format!("{}.{OLD}", space.number));
        file::read(&old, dimension, space.number, space.extent, |keys, vectors| {
            index.append(&keys, &vectors)?;
            index.publish();
            Ok(())
        })?;
        index.close()?;
    }
    crate::format::sync_folder(folder)
}

/// Deletes what version 1 left in the folder of the vectors.
///
/// # Errors
/// [`Error::FixTheMachine`].
pub fn remove_old_vectors(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(|error| Error::io("read", folder, &error))? {
        let path = entry.map_err(|error| Error::io("read", folder, &error))?.path();
        if path.extension().is_some_and(|extension| extension == OLD) {
            std::fs::remove_file(&path).map_err(|error| Error::io("delete", &path, &error))?;
        }
    }
    Ok(())
}

/// Deletes a folder, if it is there.
///
/// # Errors
/// [`Error::FixTheMachine`].
pub fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("delete", folder, &error)),
        _ => Ok(()),
    }
}
