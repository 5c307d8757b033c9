//! Changes to what is in memory: keys, trees and spaces move together.
//!
//! What holds between two changes: a key has a number exactly if a chunk of some tree has it; a space knows the row of
//! every such key that has one; and the row set of a tree and a space is the rows of the keys of the tree's chunks.

use std::sync::Arc;

use tiercel_base::Key;

use super::column::NONE;
use super::keys::KeyTable;
use super::snapshot::Snapshot;
use super::tree::Tree;

/// A file to add.
#[derive(Debug, Clone)]
pub struct NewFile<'a> {
    /// Path within the tree.
    pub path: Arc<str>,
    /// Number of its language.
    pub language: u16,
    /// Number of its outcome.
    pub outcome: u16,
    /// Id of its first chunk.
    pub first_id: u64,
    /// Keys of its chunks.
    pub keys: &'a [Key],
}

/// Changes one snapshot on its way to the next.
pub struct Update<'a> {
    keys: &'a mut KeyTable,
    next: &'a mut Snapshot,
    /// Numbers of keys that lost their last chunk in some tree.
    loosened: Vec<u32>,
}

impl<'a> Update<'a> {
    /// Begins to change `next`.
    pub fn new(keys: &'a mut KeyTable, next: &'a mut Snapshot) -> Self {
        Self { keys, next, loosened: Vec::new() }
    }

    /// Adds a tree without files, if the snapshot has none with this root.
    pub fn add_tree(&mut self, root: &str, number: u32) {
        if !self.next.trees.contains_key(root) {
            self.next.trees.insert(root.into(), Arc::new(Tree::new(number, self.next.spaces.len())));
        }
    }

    /// Takes files (by number) of a tree out.
    pub fn remove_files(&mut self, root: &str, files: &[u32]) {
        let Some(tree) = self.next.trees.get_mut(root) else { return };
        let tree = Arc::make_mut(tree);
        let loosened = tree.remove(files);
        for (position, space) in self.next.spaces.iter().enumerate() {
            for row in loosened.iter().map(|&key| space.row_of(key)).filter(|&row| row != NONE) {
                tree.remove_row(position, row);
            }
        }
        self.loosened.extend(loosened);
    }

    /// Adds a file to a tree; `row` is asked for the rows of keys that had no number: by position of the space and
    /// key, [`NONE`] if there is no row. Gives the file's number, or nothing if there is no such tree.
    pub fn add_file(&mut self, root: &str, file: &NewFile<'_>, row: impl Fn(usize, &Key) -> u32) -> Option<u32> {
        let mut ordinals = Vec::with_capacity(file.keys.len());
        for key in file.keys {
            let (ordinal, new) = self.keys.intern(key);
            ordinals.push(ordinal);
            if new {
                for (position, space) in self.next.spaces.iter_mut().enumerate() {
                    let row = row(position, key);
                    if row != NONE {
                        Arc::make_mut(space).bind(ordinal, row);
                    }
                }
            }
        }
        let tree = Arc::make_mut(self.next.trees.get_mut(root)?);
        for (position, space) in self.next.spaces.iter().enumerate() {
            for row in ordinals.iter().map(|&key| space.row_of(key)).filter(|&row| row != NONE) {
                tree.add_row(position, row);
            }
        }
        Some(tree.add(Arc::clone(&file.path), file.language, file.outcome, file.first_id, &ordinals))
    }

    /// Notes that a key has a row in a space (by position). Nothing happens if no chunk has the key.
    pub fn bind(&mut self, position: usize, key: &Key, row: u32) {
        let Some(ordinal) = self.keys.get(key) else { return };
        let Some(space) = self.next.spaces.get_mut(position) else { return };
        if Arc::make_mut(space).bind(ordinal, row) {
            for tree in self.next.trees.values_mut().filter(|tree| tree.refers_to(ordinal)) {
                Arc::make_mut(tree).add_row(position, row);
            }
        }
    }

    /// Ends the change: keys that no chunk of any tree has any more lose their numbers.
    pub fn finish(self) {
        for ordinal in self.loosened {
            if self.next.trees.values().any(|tree| tree.refers_to(ordinal)) {
                continue;
            }
            for space in &mut self.next.spaces {
                if space.row_of(ordinal) != NONE {
                    Arc::make_mut(space).unbind(ordinal);
                }
            }
            self.keys.release(ordinal);
        }
    }
}
