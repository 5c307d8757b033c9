//! One repository's store: catalog, vectors and lexical index behind one door.
//!
//! Readers take the current [`Snapshot`] and hold no lock while they work. One writer at a time makes the next one;
//! the order of its steps is in [`commit`], and what opening does with an unfinished commit in [`open`].

mod accounts;
pub mod batch;
mod budget;
mod commit;
mod open;
mod options;
mod plan;
mod read;
mod rows;
mod search;
mod stats;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use arc_swap::ArcSwap;
use tiercel_base::error::{Error, Result};
use tiercel_tier::Governor;
use tiercel_vectors::SearchOptions;

use crate::catalog::Catalog;
use crate::lexical::files::FileTables;
use crate::lexical::{Fields, Lexical};
use crate::lock::FileLock;
use crate::memory::keys::KeyTable;
use crate::memory::paths::Paths;
use crate::memory::snapshot::Snapshot;
use accounts::Accounts;
use budget::Keeper;
use rows::Rows;

pub use commit::Receipt;
pub use options::{SpaceSpec, StoreOptions};
pub use read::{ChunkInfo, FilePage, Missing};
pub use stats::{SpaceStats, Stats};

/// An open store. Methods may be called from any thread; they block.
pub struct Store {
    folder: PathBuf,
    catalog: Catalog,
    keys: RwLock<KeyTable>,
    current: Arc<ArcSwap<Snapshot>>,
    writer: Mutex<Writer>,
    rows: Arc<Rows>,
    keeper: Keeper,
    fields: Fields,
    files: FileTables,
    search: ArcSwap<SearchOptions>,
    governor: Governor,
    accounts: Accounts,
    /// Freed last.
    _lock: FileLock,
}

/// What only the writer touches.
struct Writer {
    lexical: Option<Lexical>,
    /// File numbers by path, by the number of the tree.
    paths: HashMap<u32, Paths>,
    next_chunk: u64,
    next_tree: u32,
    /// Why no commit is possible any more: one stopped half-way. Opening the store again settles it.
    broken: Option<String>,
}

impl Store {
    /// Waits for the commit that runs and for background work, makes everything durable and frees the folder.
    ///
    /// # Errors
    /// [`Error::FixTheMachine`] when the disk refuses; what was committed is safe even then.
    pub fn close(self) -> Result<()> {
        let lexical = self.writer().lexical.take();
        let merged = lexical.map_or(Ok(()), Lexical::close);
        drop(self.keeper);
        let closed = Arc::into_inner(self.rows).map_or(Ok(()), Rows::close);
        merged.and(closed).and(self.catalog.apply(&[], true))
    }

    /// Waits until no background work is under way in this store.
    ///
    /// # Errors
    /// What stopped the work.
    pub fn settle(&self) -> Result<()> {
        self.keeper.settle();
        self.rows.indexes.iter().try_for_each(tiercel_vectors::VectorIndex::settle)
    }

    /// Another GPU takes part in searches from now on, or none.
    pub fn gpu_changed(&self) {
        self.rows.indexes.iter().for_each(tiercel_vectors::VectorIndex::gpu_changed);
    }

    /// Takes over the options that count while the store is open: the disk budget and how searches are done.
    pub fn set_options(&self, options: &StoreOptions) {
        self.search.store(Arc::new(options.search));
        self.keeper.set_budget(options.disk_budget);
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
