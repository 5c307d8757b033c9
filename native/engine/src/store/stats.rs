//! Figures of the store and of one tree.

use std::collections::BTreeMap;

use tiercel_base::error::Result;
use tiercel_tier::Reading;

use super::Store;
use super::batch::check_tree;
use super::budget::folder_bytes;
use crate::memory::column::NONE;
use crate::memory::snapshot::Snapshot;
use crate::memory::tree::Tree;

/// Figures of one space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceStats {
    /// Its name.
    pub name: String,
    /// Components of a vector.
    pub dimension: usize,
    /// Vectors stored, for all trees.
    pub vectors: u32,
    /// Vectors that no chunk of any tree refers to.
    pub unreferenced: u32,
    /// Chunks of the tree that have one.
    pub covered: usize,
    /// Bytes held in memory outside the page cache.
    pub bytes_in_memory: usize,
    /// How vectors are found now: `empty`, `int8`, `1-bit`, `cells` or `lsh`.
    pub index: &'static str,
    /// Cells of the partition, 0 without one.
    pub cells: u32,
    /// Vectors found by int8 codes only, since their other codes are not made yet.
    pub raw: u64,
    /// Bytes of its files.
    pub bytes_on_disk: u64,
    /// Why the last background work stopped, until one succeeds.
    pub trouble: Option<String>,
}

/// Figures of the store and of one tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Stats {
    /// Number of the last commit.
    pub generation: u64,
    /// Files of the tree with chunks.
    pub files: usize,
    /// All files of the tree.
    pub known_files: usize,
    /// Chunks of the tree.
    pub chunks: usize,
    /// Size of the store's folder.
    pub bytes_on_disk: u64,
    /// All of `memory`; without the page cache, which all open stores share.
    pub bytes_in_memory: usize,
    /// What this store holds in memory, by part.
    pub memory: Vec<(String, u64)>,
    /// By space, as opened.
    pub spaces: Vec<SpaceStats>,
    /// Files by outcome, without the empty one.
    pub outcomes: BTreeMap<String, usize>,
    /// Files with chunks by language.
    pub languages: BTreeMap<String, usize>,
    /// How memory stands in the whole process.
    pub pressure: Reading,
}

impl Store {
    /// Figures of the store and of one tree, which may be unknown.
    ///
    /// # Errors
    /// [`tiercel_base::error::Error::FixTheMachine`] when the folder cannot be read.
    pub fn stats(&self, tree: &str) -> Result<Stats> {
        check_tree(tree)?;
        let snapshot = self.current.load_full();
        let tree = snapshot.trees.get(tree);
        let mut memory: BTreeMap<String, u64> = self.accounts.parts().into_iter().collect();
        let mut spaces = Vec::with_capacity(snapshot.spaces.len());
        for position in 0..snapshot.spaces.len() {
            let (space, parts) = self.space_stats(&snapshot, position, tree.map(|tree| &**tree))?;
            spaces.push(space);
            for (name, bytes) in parts {
                *memory.entry(name).or_default() += bytes;
            }
        }
        let (mut outcomes, mut languages) = (BTreeMap::new(), BTreeMap::new());
        let files = tree.into_iter().flat_map(|tree| tree.files().iter()).filter(|file| file.path.is_some());
        for file in files {
            let outcome = snapshot.names.name(file.outcome);
            if !outcome.is_empty() {
                *outcomes.entry(outcome.to_owned()).or_insert(0) += 1;
            }
            if file.chunks > 0 {
                *languages.entry(snapshot.names.name(file.language).to_owned()).or_insert(0) += 1;
            }
        }
        let bytes_in_memory: u64 = memory.values().sum();
        Ok(Stats {
            generation: snapshot.generation,
            files: tree.map_or(0, |tree| tree.files_with_chunks()),
            known_files: tree.map_or(0, |tree| tree.known_files()),
            chunks: tree.map_or(0, |tree| tree.chunks()),
            bytes_on_disk: folder_bytes(&self.folder)?,
            bytes_in_memory: usize::try_from(bytes_in_memory).unwrap_or(usize::MAX),
            memory: memory.into_iter().collect(),
            spaces,
            outcomes,
            languages,
            pressure: self.governor.monitor().reading(),
        })
    }

    /// Figures of the space at this position, and what its index holds in memory by part.
    fn space_stats(
        &self,
        snapshot: &Snapshot,
        position: usize,
        tree: Option<&Tree>,
    ) -> Result<(SpaceStats, Vec<(String, u64)>)> {
        let space = &snapshot.spaces[position];
        let index = self.rows.indexes[position].stats()?;
        let slots = tree.into_iter().flat_map(|tree| tree.files().iter().flat_map(|file| tree.slots_of(file)));
        let key_of = |slot| tree.map_or(NONE, |tree| tree.key_of(slot));
        let covered = slots.filter(|&slot| space.row_of(key_of(slot)) != NONE).count();
        let held: u64 = index.memory.iter().map(|(_, bytes)| bytes).sum();
        let vectors = u32::try_from(index.rows).unwrap_or(u32::MAX);
        let stats = SpaceStats {
            name: space.name.to_string(),
            dimension: space.dimension,
            vectors,
            unreferenced: vectors.saturating_sub(u32::try_from(space.referenced()).unwrap_or(u32::MAX)),
            covered,
            bytes_in_memory: space.bytes() + usize::try_from(held).unwrap_or(usize::MAX),
            index: index.kind,
            cells: index.cells,
            raw: index.raw_rows,
            bytes_on_disk: index.bytes_on_disk,
            trouble: index.trouble,
        };
        Ok((stats, index.memory))
    }
}
