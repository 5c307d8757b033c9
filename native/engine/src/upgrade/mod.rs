//! From earlier versions of the store to this one.
//!
//! - Version 1 kept the vectors of a space in one file (`vectors/N.vec`), version 2 in a folder (`vectors/N/`). The old
//!   files stay until the folder is marked, and the catalog counts the same rows in both, so an upgrade that is
//!   interrupted anywhere starts over, or is finished by deleting the old files.
//! - Version 3 has another lexical index, and the texts are not kept: files and chunks are forgotten, and the next
//!   comparison with the work tree indexes them again. Vectors stay, so nothing is embedded again.

pub(crate) mod file;

use std::io::ErrorKind;
use std::path::Path;

use tiercel_base::error::{Error, Result};
use tiercel_tier::Governor;
use tiercel_vectors::{IndexOptions, Spec, VectorIndex};

use crate::catalog::{Catalog, SpaceRow};

/// The version that first kept vectors in folders.
pub const FOLDERS_OF_VECTORS: u32 = 2;
/// How the files of version 1 end.
const OLD: &str = "vec";

/// Forgets files and chunks, and a commit that stood staged, then deletes the lexical index in `folder`.
///
/// # Errors
/// [`Error::RebuildIndex`] for damage, [`Error::FixTheMachine`] when the disk refuses.
pub fn forget_files(catalog: &Catalog, folder: &Path) -> Result<()> {
    catalog.forget_files()?;
    remove_folder(folder)
}

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
