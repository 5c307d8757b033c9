//! What one commit changes, and the checks it must pass.

use std::collections::HashSet;

use tiercel_base::error::{Error, Result};
use tiercel_base::{KEY_BYTES, Key};

/// Longest path, in bytes.
const LONGEST_PATH: usize = 4096;

/// A chunk of a file that is new or changed.
#[derive(Debug, Clone)]
pub struct Chunk<'a> {
    /// Hash of the text that is embedded.
    pub key: Key,
    /// First line, 1-based.
    pub start_line: u32,
    /// Last line, inclusive.
    pub end_line: u32,
    /// Opaque; given back with the chunk.
    pub payload: &'a [u8],
    /// Nested symbol path.
    pub symbol: &'a str,
    /// Documentation comment.
    pub doc: &'a str,
    /// Text to find it by.
    pub body: &'a str,
}

/// A file that is new or changed: replaces all that is known of its path.
#[derive(Debug, Clone)]
pub struct File<'a> {
    /// Path within the tree, with `/`.
    pub path: &'a str,
    /// Language id.
    pub language: &'a str,
    /// Bytes.
    pub size: f64,
    /// Milliseconds since 1970.
    pub mtime_ms: f64,
    /// Hash of the content.
    pub content_hash: [u8; 16],
    /// Why it has no chunks or not the parser's.
    pub outcome: &'a str,
    /// Its chunks.
    pub chunks: Vec<Chunk<'a>>,
}

/// Vectors of one space.
#[derive(Debug, Clone)]
pub struct Vectors<'a> {
    /// Name of the space.
    pub space: &'a str,
    /// `n x 16` bytes.
    pub keys: &'a [u8],
    /// `n x dimension`, row-major.
    pub vectors: &'a [f32],
}

/// One commit.
#[derive(Debug, Clone)]
pub struct Batch<'a> {
    /// Root path of the tree.
    pub tree: &'a str,
    /// New and changed files.
    pub put: Vec<File<'a>>,
    /// Paths that are gone; unknown ones are ignored.
    pub remove: Vec<&'a str>,
    /// New vectors. A key that has a vector keeps it; of equal keys the first counts.
    pub vectors: Vec<Vectors<'a>>,
}

impl Batch<'_> {
    /// Bytes of text the lexical index is given.
    #[must_use]
    pub fn text_bytes(&self) -> u64 {
        let chunks = self.put.iter().flat_map(|file| &file.chunks);
        chunks.map(|chunk| (chunk.body.len() + chunk.symbol.len() + chunk.doc.len()) as u64).sum()
    }

    /// # Errors
    /// [`Error::FixTheCall`] for what no store could accept.
    pub fn check(&self) -> Result<()> {
        check_tree(self.tree)?;
        let mut seen = HashSet::new();
        for path in self.put.iter().map(|file| file.path).chain(self.remove.iter().copied()) {
            check_path(path)?;
            if !seen.insert(path) {
                return wrong(format!("The path {path:?} is in the batch twice."));
            }
        }
        for file in &self.put {
            if file.language.is_empty() {
                return wrong(format!("The file {:?} has no language.", file.path));
            }
            if !file.size.is_finite() || !file.mtime_ms.is_finite() {
                return wrong(format!("Size and time of {:?} must be finite numbers.", file.path));
            }
            if let Some(chunk) = file.chunks.iter().find(|chunk| chunk.end_line < chunk.start_line) {
                return wrong(format!("A chunk of {:?} ends before its line {}.", file.path, chunk.start_line));
            }
        }
        Ok(())
    }
}

impl<'a> Vectors<'a> {
    /// The rows: keys, and `dimension` numbers for each, all of which have a direction.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] when keys and vectors do not fit together or a vector cannot be compared.
    pub fn rows(&self, dimension: usize) -> Result<&'a [Key]> {
        let (keys, rest) = self.keys.as_chunks::<KEY_BYTES>();
        if !rest.is_empty() {
            return wrong(format!("Keys of {KEY_BYTES} bytes each cannot make {} bytes.", self.keys.len()));
        }
        if self.vectors.len() != keys.len() * dimension {
            return wrong(format!(
                "{} keys of the space {:?} need {} numbers ({dimension} each), not {}.",
                keys.len(),
                self.space,
                keys.len() * dimension,
                self.vectors.len()
            ));
        }
        self.vectors.chunks_exact(dimension).try_for_each(check_direction)?;
        Ok(keys)
    }
}

/// # Errors
/// [`Error::FixTheCall`] when a component is not finite or all are zero.
pub fn check_direction(vector: &[f32]) -> Result<()> {
    if vector.iter().any(|value| !value.is_finite()) {
        return wrong("A vector has a component that is not a finite number.".into());
    }
    if vector.iter().all(|&value| value == 0.0) {
        return wrong("A vector is all zeros: it has no direction to compare.".into());
    }
    Ok(())
}

/// # Errors
/// [`Error::FixTheCall`] when `tree` cannot be a root path.
pub fn check_tree(tree: &str) -> Result<()> {
    if tree.is_empty() || tree.len() > LONGEST_PATH || tree.contains('\0') {
        return wrong(format!("{tree:?} is not the path of a tree."));
    }
    Ok(())
}

/// # Errors
/// [`Error::FixTheCall`] when `path` is not a clean path within a tree.
pub fn check_path(path: &str) -> Result<()> {
    let bytes = path.as_bytes();
    let drive = matches!(bytes, [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic());
    let unclean = path.split('/').any(|part| matches!(part, "" | "." | ".."));
    if unclean || drive || path.len() > LONGEST_PATH || path.contains('\0') {
        return wrong(format!("{path:?} is not a path within a tree (relative, with /, without . and ..)."));
    }
    Ok(())
}

fn wrong<T>(message: String) -> Result<T> {
    Err(Error::FixTheCall(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_relative_paths_pass_and_others_do_not() {
        for good in ["a", "a/b c/ü.ts", ".gitignore", "a/...", "C:", "a:b"] {
            assert!(check_path(good).is_ok(), "{good:?}");
        }
        let long = "x".repeat(LONGEST_PATH + 1);
        for bad in ["", "/a", "a//b", "a/", "../a", "a/../b", "./a", "C:/a", "c:\\a", "a\0b", long.as_str()] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
    }
}
