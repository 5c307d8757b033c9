//! One repository's store: catalog, vectors and lexical index behind one door.
//!
//! Readers take the current [`Snapshot`] and hold no lock while they work. One writer at a time makes the next one;
//! the order of its steps is in [`commit`], and what opening does with an unfinished commit in [`open`].

pub mod batch;
mod commit;
mod open;
mod read;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use arc_swap::ArcSwap;

use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::lexical::{Fields, Lexical};
use crate::lock::FileLock;
use crate::memory::keys::KeyTable;
use crate::memory::snapshot::Snapshot;
use crate::vectors::file::VectorFile;

pub use commit::Receipt;
pub use open::SpaceSpec;
pub use read::{ChunkInfo, FilePage, Missing, SpaceStats, Stats};

/// An open store. Methods may be called from any thread; they block.
pub struct Store {
    folder: PathBuf,
    catalog: Catalog,
    keys: RwLock<KeyTable>,
    current: ArcSwap<Snapshot>,
    writer: Mutex<Writer>,
    fields: Fields,
    kernel: Kernel,
    /// Freed last.
    _lock: FileLock,
}

/// What only the writer touches.
struct Writer {
    lexical: Option<Lexical>,
    /// In the order of [`Snapshot::spaces`].
    vectors: Vec<VectorFile>,
    /// File numbers by path, by the number of the tree.
    files: HashMap<u32, HashMap<Arc<str>, u32>>,
    next_chunk: u64,
    next_tree: u32,
    /// Why no commit is possible any more: one stopped half-way. Opening the store again settles it.
    broken: Option<String>,
}

impl Store {
    /// Waits for the commit that runs and for background merges, makes everything durable and frees the folder.
    ///
    /// # Errors
    /// [`Error::FixTheMachine`] when the disk refuses; what was committed is safe even then.
    pub fn close(self) -> Result<()> {
        let lexical = self.writer().lexical.take();
        let merged = lexical.map_or(Ok(()), Lexical::close);
        merged.and(self.catalog.apply(&[], true))
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic leaves the writer marked as broken; its data can still be looked at.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    fn lexical(&mut self) -> Result<&mut Lexical> {
        self.lexical.as_mut().ok_or_else(|| Error::FixTheCall("The store is closed.".into()))
    }
}
