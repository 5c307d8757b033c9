//! What the store holds in memory, in the books that all open stores share.

use std::sync::PoisonError;

use tiercel_base::error::Result;
use tiercel_tier::{Account, Charge, Governor};

use super::batch::Batch;
use super::{Store, Writer};
use crate::catalog::CACHE_BYTES;
use crate::lexical::{LEAST_WRITER_BYTES, WRITER_BYTES};
use crate::memory::paths::Paths;
use crate::memory::snapshot::Snapshot;

/// Bytes in memory per chunk: key, its place in the table, slot, row numbers of one space.
const CHUNK_BYTES: u64 = 64;

/// The store's entries in the books.
pub(super) struct Accounts {
    keys: Account,
    trees: Account,
    row_sets: Account,
    key_rows: Account,
    catalog: Account,
    lexical: Account,
    staged: Account,
    vectors: Account,
}

impl Accounts {
    pub fn open(governor: &Governor) -> Self {
        let books = governor.books();
        let accounts = Self {
            keys: books.account("key table"),
            trees: books.account("files and chunks"),
            row_sets: books.account("row sets"),
            key_rows: books.account("rows of keys"),
            catalog: books.account("catalog cache"),
            lexical: books.account("lexical writer"),
            staged: books.account("staged commit"),
            vectors: books.vector_account("vectors"),
        };
        accounts.catalog.set(CACHE_BYTES as u64);
        accounts
    }

    /// A commit's catalog part, encoded, for as long as the guard lives.
    pub fn staged(&self, bytes: usize) -> Charge {
        self.staged.charge(bytes as u64)
    }

    /// What the lexical writer fills with this much text, for as long as the guard lives.
    pub fn lexical(&self, text: u64) -> Charge {
        self.lexical.charge(lexical_bytes(text))
    }

    /// Bytes by part.
    pub fn parts(&self) -> Vec<(String, u64)> {
        let all = [&self.keys, &self.trees, &self.row_sets, &self.key_rows, &self.catalog, &self.lexical, &self.staged];
        all.map(|account| (account.name().to_owned(), account.bytes())).to_vec()
    }
}

impl Store {
    /// Whether memory and disk have room for a batch. One that only removes makes room and is never refused.
    ///
    /// # Errors
    /// [`tiercel_base::error::Error::MemoryPressure`].
    pub(super) fn admit(&self, batch: &Batch<'_>) -> Result<()> {
        let vectors: u64 = batch.vectors.iter().map(|part| part.keys.len() as u64 / 16).sum();
        let chunks: u64 = batch.put.iter().map(|file| file.chunks.len() as u64).sum();
        if batch.put.is_empty() && vectors == 0 {
            return Ok(());
        }
        let lexical = if batch.put.is_empty() { 0 } else { lexical_bytes(batch.text_bytes()) };
        self.governor.monitor().check_write(vectors, chunks * CHUNK_BYTES + lexical)?;
        self.keeper.check()
    }

    /// Writes into the books what the store holds now.
    pub(super) fn charge(&self, writer: &Writer, snapshot: &Snapshot) {
        let accounts = &self.accounts;
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).bytes();
        let paths: usize = writer.paths.values().map(Paths::bytes).sum();
        let trees = || snapshot.trees.values();
        accounts.keys.set(keys as u64);
        accounts.trees.set((paths + trees().map(|tree| tree.bytes()).sum::<usize>()) as u64);
        accounts.row_sets.set(trees().map(|tree| tree.row_bytes()).sum::<usize>() as u64);
        accounts.key_rows.set(snapshot.spaces.iter().map(|space| space.bytes()).sum::<usize>() as u64);
        accounts.vectors.set(self.rows.indexes.iter().map(|index| index.reader().rows()).sum());
    }
}

/// Terms and postings of a text take about as many bytes again as the text, on top of the writer's empty tables.
fn lexical_bytes(text: u64) -> u64 {
    (LEAST_WRITER_BYTES as u64 + 2 * text).min(WRITER_BYTES as u64)
}
