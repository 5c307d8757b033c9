//! Looking up: files, chunks, and what lacks vectors.

use std::collections::{BTreeSet, HashSet};
use std::sync::PoisonError;

use tiercel_base::error::{Error, Result};
use tiercel_base::{KEY_BYTES, Key};

use super::Store;
use super::batch::{check_path, check_tree};
use crate::catalog::record::{ChunkRow, FileRow};
use crate::memory::column::NONE;
use crate::memory::space::Space;
use crate::memory::tree::Tree;

/// A chunk and its id.
pub type ChunkInfo = (u64, ChunkRow);

/// One page of a tree's files.
#[derive(Debug)]
pub struct FilePage {
    /// Path and record of each, in path order.
    pub files: Vec<(String, FileRow)>,
    /// Whether more follow.
    pub more: bool,
}

/// Which vectors to look for.
#[derive(Debug)]
pub enum Missing<'a> {
    /// Of these keys, `n x 16` bytes: those without a vector.
    Keys(&'a [u8]),
    /// Of this tree: the files with such chunks.
    Tree(&'a str),
}

impl Store {
    /// The chunks with these ids, in that order; unknown ones are left out.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`] for a damaged catalog.
    pub fn chunks_by_id(&self, ids: impl IntoIterator<Item = u64>) -> Result<Vec<ChunkInfo>> {
        self.catalog.chunks(ids)
    }

    /// The chunks of one file, by start line; none if the file is unknown.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for what is not a path, [`Error::RebuildIndex`] for a damaged catalog.
    pub fn chunks_of_file(&self, tree: &str, path: &str) -> Result<Vec<ChunkInfo>> {
        check_tree(tree)?;
        check_path(path)?;
        let snapshot = self.current.load_full();
        let Some(tree) = snapshot.trees.get(tree) else { return Ok(Vec::new()) };
        let Some(file) = self.catalog.file(tree.number, path)? else { return Ok(Vec::new()) };
        let mut chunks = self.catalog.chunks(file.first_chunk..file.first_chunk + file.keys.len() as u64)?;
        chunks.sort_by_key(|(id, chunk)| (chunk.start_line, chunk.end_line, *id));
        Ok(chunks)
    }

    /// Up to `limit` known files of a tree in path order, from after `after`.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for a limit of 0, [`Error::RebuildIndex`] for a damaged catalog.
    pub fn files(&self, tree: &str, limit: usize, after: Option<&str>) -> Result<FilePage> {
        check_tree(tree)?;
        if limit == 0 {
            return Err(Error::FixTheCall("A page of 0 files never ends.".into()));
        }
        let snapshot = self.current.load_full();
        let Some(tree) = snapshot.trees.get(tree) else { return Ok(FilePage { files: Vec::new(), more: false }) };
        let (files, more) = self.catalog.files(tree.number, after, limit)?;
        Ok(FilePage { files, more })
    }

    /// Up to `limit` keys (in the order asked, without duplicates) or paths (in path order) that lack vectors of a
    /// space.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for an unknown space or keys that are not, [`Error::RebuildIndex`] for damaged vectors.
    pub fn missing(&self, space: &str, of: &Missing<'_>, limit: usize) -> Result<(Vec<Key>, Vec<String>)> {
        match of {
            Missing::Keys(bytes) => Ok((self.missing_keys(space, bytes, limit)?, Vec::new())),
            Missing::Tree(root) => {
                check_tree(root)?;
                let snapshot = self.current.load_full();
                let (_, space) = snapshot.space(space)?;
                let tree = snapshot.trees.get(*root);
                Ok((Vec::new(), tree.map_or_else(Vec::new, |tree| missing_paths(space, tree, limit))))
            }
        }
    }

    fn missing_keys(&self, space: &str, bytes: &[u8], limit: usize) -> Result<Vec<Key>> {
        // The lock is held over the look at the snapshot: numbers of keys mean what the snapshot says as long as it is.
        let table = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.current.load_full();
        let (position, space) = snapshot.space(space)?;
        let (keys, rest) = bytes.as_chunks::<KEY_BYTES>();
        if !rest.is_empty() {
            return Err(Error::FixTheCall(format!(
                "Keys of {KEY_BYTES} bytes each cannot make {} bytes.",
                bytes.len()
            )));
        }
        let mut seen = HashSet::new();
        let asked = keys.iter().filter(|key| seen.insert(**key));
        let known: Vec<(Key, Option<u32>)> = asked.map(|key| (*key, table.get(key))).collect();
        drop(table);
        let mut missing = Vec::new();
        for (key, ordinal) in known {
            if missing.len() == limit {
                break;
            }
            // A key that a chunk refers to has its row in memory; any other may have one on the disk.
            let has_row = match ordinal {
                Some(ordinal) => space.row_of(ordinal) != NONE,
                None => self.rows.holds(position, &key)?,
            };
            if !has_row {
                missing.push(key);
            }
        }
        Ok(missing)
    }
}

fn missing_paths(space: &Space, tree: &Tree, limit: usize) -> Vec<String> {
    let mut paths = BTreeSet::new();
    for file in tree.files().iter() {
        let Some(path) = &file.path else { continue };
        if tree.slots_of(file).any(|slot| space.row_of(tree.key_of(slot)) == NONE) {
            paths.insert(&**path);
            if paths.len() > limit {
                paths.pop_last();
            }
        }
    }
    paths.into_iter().map(str::to_owned).collect()
}
