//! Which number the file with a path has in its tree.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::tree::Tree;

/// File numbers by path. The paths themselves stand in the tree, which every call is given.
#[derive(Debug, Default)]
pub struct Paths {
    numbers: HashTable<u32>,
    state: RandomState,
}

impl Paths {
    /// All files of a tree.
    #[must_use]
    pub fn of(tree: &Tree) -> Self {
        let mut paths = Self::default();
        for (number, file) in (0..).zip(tree.files().iter()) {
            if file.path.is_some() {
                paths.insert(tree, number);
            }
        }
        paths
    }

    /// The number of the file with this path.
    #[must_use]
    pub fn get(&self, tree: &Tree, path: &str) -> Option<u32> {
        self.numbers.find(self.state.hash_one(path), |&number| tree.path(number) == Some(path)).copied()
    }

    /// Adds a file that is in the tree.
    pub fn insert(&mut self, tree: &Tree, number: u32) {
        let Some(path) = tree.path(number) else { return };
        let hash = |&number: &u32| tree.path(number).map_or(0, |path| self.state.hash_one(path));
        self.numbers.insert_unique(self.state.hash_one(path), number, hash);
    }

    /// Takes a file out that is still in the tree.
    pub fn remove(&mut self, tree: &Tree, number: u32) {
        let Some(path) = tree.path(number) else { return };
        if let Ok(entry) = self.numbers.find_entry(self.state.hash_one(path), |&other| other == number) {
            entry.remove();
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.numbers.allocation_size()
    }
}
