//! The files and chunks of one work tree in memory: what filters and scans need, nothing else.

use std::sync::Arc;

use super::paged::Paged;

/// The file of a slot whose chunk is gone.
pub const NO_FILE: u32 = u32::MAX;

/// One chunk. Slots stand in the order of their ids.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// Chunk id.
    pub id: u64,
    /// Number of its file in [`Tree::files`], or [`NO_FILE`].
    pub file: u32,
    /// Number of its key.
    pub key: u32,
}

/// One known file.
#[derive(Debug, Clone)]
pub struct FileEntry {
    /// Path within the tree; `None` once the file is gone.
    pub path: Option<Arc<str>>,
    /// Number of its language in [`super::snapshot::Names`].
    pub language: u16,
    /// Number of its outcome.
    pub outcome: u16,
    /// Its chunks are the slots `first_slot .. first_slot + chunks`.
    pub first_slot: u32,
    /// How many chunks it has.
    pub chunks: u32,
}

/// Files and chunks of a tree. Cloning shares the pages.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Its number in the catalog.
    pub number: u32,
    files: Paged<FileEntry>,
    slots: Paged<Slot>,
    known_files: usize,
    files_with_chunks: usize,
    chunks: usize,
}

impl Tree {
    /// A tree without files.
    #[must_use]
    pub fn new(number: u32) -> Self {
        Self {
            number,
            files: Paged::default(),
            slots: Paged::default(),
            known_files: 0,
            files_with_chunks: 0,
            chunks: 0,
        }
    }

    /// Adds a file with the keys of its chunks, whose ids are `first_id ..` and greater than all before. Gives the
    /// file's number.
    pub fn add(&mut self, path: Arc<str>, language: u16, outcome: u16, first_id: u64, keys: &[u32]) -> u32 {
        let file = u32::try_from(self.files.len()).unwrap_or(NO_FILE);
        let first_slot = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        let chunks = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        for (id, &key) in (first_id..).zip(keys) {
            self.slots.push(Slot { id, file, key });
        }
        self.files.push(FileEntry { path: Some(path), language, outcome, first_slot, chunks });
        self.known_files += 1;
        self.files_with_chunks += usize::from(chunks > 0);
        self.chunks += keys.len();
        file
    }

    /// Takes a file and its chunks out.
    pub fn remove(&mut self, file: u32) {
        let Some(entry) = self.files.get_mut(file as usize) else { return };
        if entry.path.take().is_none() {
            return;
        }
        let (first, chunks) = (entry.first_slot as usize, entry.chunks as usize);
        self.known_files -= 1;
        self.files_with_chunks -= usize::from(chunks > 0);
        self.chunks -= chunks;
        for at in first..first + chunks {
            if let Some(slot) = self.slots.get_mut(at) {
                slot.file = NO_FILE;
            }
        }
    }

    /// A copy without the traces of removed files, when these outweigh what is there; file numbers change.
    #[must_use]
    pub fn compacted(&self) -> Option<Self> {
        let gone = self.slots.len() - self.chunks + self.files.len() - self.known_files;
        if gone < 4096 || gone < self.chunks + self.known_files {
            return None;
        }
        let mut fresh = Self::new(self.number);
        for file in self.files.iter() {
            let Some(path) = &file.path else { continue };
            let slots = (file.first_slot..file.first_slot + file.chunks).filter_map(|at| self.slots.get(at as usize));
            let first_id = self.slots.get(file.first_slot as usize).map_or(0, |slot| slot.id);
            let keys: Vec<u32> = slots.map(|slot| slot.key).collect();
            fresh.add(Arc::clone(path), file.language, file.outcome, first_id, &keys);
        }
        Some(fresh)
    }

    /// All files by number, removed ones included.
    #[must_use]
    pub fn files(&self) -> &Paged<FileEntry> {
        &self.files
    }

    /// All chunks by id, removed ones included.
    #[must_use]
    pub fn slots(&self) -> &Paged<Slot> {
        &self.slots
    }

    /// The live chunk with this id, if it belongs to the tree.
    #[must_use]
    pub fn find(&self, id: u64) -> Option<&Slot> {
        let at = self.slots.partition_point(|slot| slot.id < id);
        self.slots.get(at).filter(|slot| slot.id == id && slot.file != NO_FILE)
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

    /// Bytes held in memory, paths included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let paths: usize = self.files.iter().filter_map(|file| file.path.as_ref()).map(|path| path.len() + 16).sum();
        self.files.bytes() + self.slots.bytes() + paths
    }
}
