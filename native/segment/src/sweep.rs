//! Deleting what a crash, or a file that was in use, left behind.

use std::fs;
use std::path::Path;

use tiercel_base::error::{Error, Result};

use crate::manifest::Manifest;

/// Deletes the files of a space's folder that its manifest does not name; returns how many. Only names of this room's
/// patterns are touched: `N.vec`, `N.idx`, `N.codes`, these with `.tmp` behind them, and `manifest.tmp`. For the opening
/// of a space, before anything is written.
///
/// # Errors
/// [`Error::FixTheMachine`].
pub fn sweep(folder: &Path, manifest: &Manifest) -> Result<usize> {
    let failed = |error: std::io::Error| Error::io("sweep", folder, &error);
    let mut swept = 0;
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let left = entry.file_name().to_str().is_some_and(|name| is_left(name, manifest));
        if left && entry.file_type().map_err(failed)?.is_file() {
            fs::remove_file(entry.path()).map_err(|error| Error::io("delete", &entry.path(), &error))?;
            swept += 1;
        }
    }
    Ok(swept)
}

fn is_left(name: &str, manifest: &Manifest) -> bool {
    let (name, temporary) = name.strip_suffix(".tmp").map_or((name, false), |name| (name, true));
    if name == "manifest" {
        return temporary;
    }
    let Some((stem, kind)) = name.split_once('.') else { return false };
    // Only the way we write numbers: "7", not "07" or "+7".
    let Some(number) = stem.parse::<u32>().ok().filter(|number| number.to_string() == stem) else { return false };
    let file = manifest.files.iter().find(|file| file.number == number);
    let named = match kind {
        "vec" => file.is_some(),
        "idx" => file.is_some_and(|file| file.sealed),
        "codes" => manifest.codes.contains(&number),
        _ => return false,
    };
    temporary || !named
}
