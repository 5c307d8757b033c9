//! The files and chunks of one work tree in memory: what filters and searches need, nothing else.
//!
//! A chunk is a *slot*: eight bytes, the number of its key and the next slot of the same key. Its id and its file
//! follow from the file table, because the chunks of a file have consecutive ids and slots, and both grow from file to
//! file.

use std::sync::Arc;

use tiercel_base::rows::RowSet;

use super::column::{Column, NONE};
use super::paged::Paged;

/// One known file.
#[derive(Debug, Clone)]
pub struct FileEntry {
    /// Path within the tree; `None` once the file is gone.
    pub path: Option<Arc<str>>,
    /// Id of its first chunk.
    pub first_id: u64,
    /// Its chunks are the slots `first_slot .. first_slot + chunks`.
    pub first_slot: u32,
    /// How many chunks it has.
    pub chunks: u32,
    /// Number of its language in [`super::snapshot::Names`].
    pub language: u16,
    /// Number of its outcome.
    pub outcome: u16,
}

/// Files and chunks of a tree. Cloning shares the pages.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Its number in the catalog.
    pub number: u32,
    files: Paged<FileEntry>,
    /// By slot; [`NONE`] once the chunk is gone.
    keys: Column,
    /// By slot: an earlier slot of the same key.
    next: Column,
    /// By key: its latest slot.
    first: Column,
    /// By space: the rows of the keys that chunks refer to.
    rows: Vec<RowSet>,
    slots: u32,
    known_files: usize,
    files_with_chunks: usize,
    chunks: usize,
    path_bytes: usize,
}

impl Tree {
    /// A tree without files, in a store with this many spaces.
    #[must_use]
    pub fn new(number: u32, spaces: usize) -> Self {
        Self {
            number,
            files: Paged::default(),
            keys: Column::default(),
            next: Column::default(),
            first: Column::default(),
            rows: vec![RowSet::default(); spaces],
            slots: 0,
            known_files: 0,
            files_with_chunks: 0,
            chunks: 0,
            path_bytes: 0,
        }
    }

    /// Adds a file with the numbers of its chunks' keys; the chunks' ids are `first_id ..` and greater than all
    /// before. Gives the file's number. The rows of the keys are the caller's to [`Tree::add_row`].
    pub fn add(&mut self, path: Arc<str>, language: u16, outcome: u16, first_id: u64, keys: &[u32]) -> u32 {
        let number = u32::try_from(self.files.len()).unwrap_or(NONE);
        let chunks = u32::try_from(keys.len()).unwrap_or(NONE);
        self.path_bytes += path_bytes(&path);
        let entry = FileEntry { path: Some(path), first_id, first_slot: self.slots, chunks, language, outcome };
        self.files.push(entry);
        for (slot, &key) in (self.slots..).zip(keys) {
            self.keys.set(slot, key);
            self.next.set(slot, self.first.get(key));
            self.first.set(key, slot);
        }
        self.slots += chunks;
        self.known_files += 1;
        self.files_with_chunks += usize::from(chunks > 0);
        self.chunks += keys.len();
        number
    }

    /// Takes files and their chunks out; gives the keys that no chunk of the tree has any more.
    pub fn remove(&mut self, files: &[u32]) -> Vec<u32> {
        let mut touched = Vec::new();
        for &file in files {
            let Some(entry) = self.files.get_mut(file as usize) else { continue };
            let Some(path) = entry.path.take() else { continue };
            self.path_bytes -= path_bytes(&path);
            let slots = entry.first_slot..entry.first_slot + entry.chunks;
            self.known_files -= 1;
            self.files_with_chunks -= usize::from(!slots.is_empty());
            self.chunks -= slots.len();
            for slot in slots {
                touched.push(self.keys.get(slot));
                self.keys.set(slot, NONE);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        touched.retain(|&key| !self.relink(key));
        touched
    }

    /// Takes the slots that are gone out of a key's chain; whether any is left. Once per key and commit, however many
    /// of its chunks went: a text that a thousand files share is walked once.
    fn relink(&mut self, key: u32) -> bool {
        let (mut kept, mut slot) = (NONE, self.first.get(key));
        let mut any = false;
        while slot != NONE {
            if self.keys.get(slot) != NONE {
                if any {
                    self.next.set(kept, slot);
                } else {
                    self.first.set(key, slot);
                }
                (kept, any) = (slot, true);
            }
            slot = self.next.get(slot);
        }
        if any {
            self.next.set(kept, NONE);
        } else {
            self.first.set(key, NONE);
        }
        any
    }

    /// A copy without the traces of removed files, when these outweigh what is there; file numbers change.
    #[must_use]
    pub fn compacted(&self) -> Option<Self> {
        let gone = self.slots as usize - self.chunks + self.files.len() - self.known_files;
        if gone < 4096 || gone < self.chunks + self.known_files {
            return None;
        }
        let mut fresh = Self::new(self.number, 0);
        for file in self.files.iter() {
            let Some(path) = &file.path else { continue };
            let keys: Vec<u32> = self.slots_of(file).map(|slot| self.keys.get(slot)).collect();
            fresh.add(Arc::clone(path), file.language, file.outcome, file.first_id, &keys);
        }
        fresh.rows.clone_from(&self.rows);
        Some(fresh)
    }

    /// Whether a chunk of the tree has the key with this number.
    #[must_use]
    pub fn refers_to(&self, key: u32) -> bool {
        self.first.get(key) != NONE
    }

    /// Notes that a row of a space (by position) belongs to chunks of the tree.
    pub fn add_row(&mut self, space: usize, row: u32) {
        if let Some(rows) = self.rows.get_mut(space) {
            rows.insert(row);
        }
    }

    /// Notes that no chunk of the tree has this row any more.
    pub fn remove_row(&mut self, space: usize, row: u32) {
        if let Some(rows) = self.rows.get_mut(space) {
            rows.remove(row);
        }
    }

    /// The rows of a space (by position) that chunks of the tree have.
    #[must_use]
    pub fn rows(&self, space: usize) -> Option<&RowSet> {
        self.rows.get(space)
    }

    /// All files by number, removed ones included.
    #[must_use]
    pub fn files(&self) -> &Paged<FileEntry> {
        &self.files
    }

    /// The path of a file that is there.
    #[must_use]
    pub fn path(&self, file: u32) -> Option<&str> {
        self.files.get(file as usize)?.path.as_deref()
    }

    /// The slots of a file that is there, ascending as their ids.
    pub fn slots_of(&self, file: &FileEntry) -> impl Iterator<Item = u32> + use<> {
        let chunks = if file.path.is_some() { file.chunks } else { 0 };
        file.first_slot..file.first_slot + chunks
    }

    /// The number of a chunk's key.
    #[must_use]
    #[inline]
    pub fn key_of(&self, slot: u32) -> u32 {
        self.keys.get(slot)
    }

    /// The chunks with a key, latest first.
    pub fn slots_with(&self, key: u32) -> impl Iterator<Item = u32> {
        let slot = |slot| (slot != NONE).then_some(slot);
        std::iter::successors(slot(self.first.get(key)), move |&at| slot(self.next.get(at)))
    }

    /// The file of a chunk that is there, with its number.
    #[must_use]
    pub fn file_of(&self, slot: u32) -> Option<(u32, &FileEntry)> {
        // A file without chunks begins where the next one does and comes before it.
        let after = self.files.partition_point(|file| file.first_slot <= slot);
        self.file_before(after).filter(|(_, file)| slot - file.first_slot < file.chunks)
    }

    /// The live chunk with this id, if it belongs to the tree: its slot and the number of its file.
    #[must_use]
    pub fn find(&self, id: u64) -> Option<(u32, u32)> {
        let after = self.files.partition_point(|file| file.first_id <= id);
        let (number, file) = self.file_before(after)?;
        let at = u32::try_from(id - file.first_id).ok().filter(|&at| at < file.chunks)?;
        Some((file.first_slot + at, number))
    }

    fn file_before(&self, after: usize) -> Option<(u32, &FileEntry)> {
        let number = after.checked_sub(1)?;
        let file = self.files.get(number).filter(|file| file.path.is_some())?;
        Some((u32::try_from(number).ok()?, file))
    }

    /// Slots in use, those of removed chunks included.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots as usize
    }

    /// Files the store knows of, with chunks or without.
    #[must_use]
    pub fn known_files(&self) -> usize {
        self.known_files
    }

    /// Files with at least one chunk.
    #[must_use]
    pub fn files_with_chunks(&self) -> usize {
        self.files_with_chunks
    }

    /// Chunks of all files.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.chunks
    }

    /// Bytes held in memory by the files and chunks, paths included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.files.bytes() + self.keys.bytes() + self.next.bytes() + self.first.bytes() + self.path_bytes
    }

    /// Bytes held in memory by the row sets.
    #[must_use]
    pub fn row_bytes(&self) -> usize {
        self.rows.iter().map(RowSet::bytes).sum()
    }
}

/// A shared string has two counts before its text.
fn path_bytes(path: &str) -> usize {
    path.len() + 2 * size_of::<usize>()
}
