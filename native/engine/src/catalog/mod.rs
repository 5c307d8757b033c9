//! The catalog: what the store knows, in one transactional file (`redb`). It decides; everything else follows it.

pub mod bytes;
pub mod change;
pub mod record;

use std::path::Path;

use redb::{
    Builder, Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction,
};

use tiercel_base::error::{Error, Result};

use change::Change;
use record::{ChunkRow, FileRow};

const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
const TREES: TableDefinition<&str, u32> = TableDefinition::new("trees");
const SPACES: TableDefinition<&str, (u32, u32, u32, u64)> = TableDefinition::new("spaces");
const FILES: TableDefinition<(u32, &str), &[u8]> = TableDefinition::new("files");
const CHUNKS: TableDefinition<u64, &[u8]> = TableDefinition::new("chunks");
const STAGED: TableDefinition<u64, &[u8]> = TableDefinition::new("staged");

const GENERATION: &str = "generation";
const LEXICAL_GENERATION: &str = "lexical-generation";
const NEXT_CHUNK: &str = "next-chunk";

/// Pages of the catalog kept in memory, at most.
pub const CACHE_BYTES: usize = 8 << 20;

/// How much of a space's vectors counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Rows below this number are committed.
    pub rows: u32,
    /// Committed bytes of the one file that version 1 had, header included; 0 since version 2.
    pub bytes: u64,
}

/// A vector space as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceRow {
    /// Its number, part of the file's name.
    pub number: u32,
    /// Components of a vector.
    pub dimension: u32,
    /// How much of it counts.
    pub extent: Extent,
}

/// A page of [`Catalog::files`]: path and record of each file, and whether more follow.
pub type FilePage = (Vec<(String, FileRow)>, bool);

/// The open catalog.
#[derive(Debug)]
pub struct Catalog {
    database: Database,
}

impl Catalog {
    /// Opens the catalog at `path`, making it if it is not there.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`] when the file is damaged, [`Error::UpdateTiercel`] when a newer redb wrote it,
    /// [`Error::FixTheMachine`] when the system refuses.
    pub fn open(path: &Path) -> Result<Self> {
        // Without the check redb trusts the file, and panics where it should not have.
        let database = Builder::new()
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(true)
            .create(path)
            .map_err(opening)?;
        let catalog = Self { database };
        let transaction = catalog.database.begin_read().map_err(failed)?;
        let fresh = transaction.list_tables().map_err(failed)?.next().is_none();
        drop(transaction);
        if fresh {
            let transaction = catalog.database.begin_write().map_err(failed)?;
            transaction.open_table(META).map_err(failed)?;
            transaction.open_table(TREES).map_err(failed)?;
            transaction.open_table(SPACES).map_err(failed)?;
            transaction.open_table(FILES).map_err(failed)?;
            transaction.open_table(CHUNKS).map_err(failed)?;
            transaction.open_table(STAGED).map_err(failed)?;
            transaction.commit().map_err(failed)?;
        }
        Ok(catalog)
    }

    /// Number of the last commit; 0 before the first.
    ///
    /// # Errors
    /// As all readers here: [`Error::RebuildIndex`] for damage, [`Error::FixTheMachine`] for the disk.
    pub fn generation(&self) -> Result<u64> {
        self.meta(GENERATION)
    }

    /// Number of the last commit that changed the lexical index; 0 before the first.
    ///
    /// # Errors
    /// As [`Catalog::generation`].
    pub fn lexical_generation(&self) -> Result<u64> {
        self.meta(LEXICAL_GENERATION)
    }

    /// The id the next new chunk gets.
    ///
    /// # Errors
    /// As [`Catalog::generation`].
    pub fn next_chunk(&self) -> Result<u64> {
        self.meta(NEXT_CHUNK)
    }

    fn meta(&self, name: &str) -> Result<u64> {
        let table = self.database.begin_read().map_err(failed)?.open_table(META).map_err(failed)?;
        Ok(ReadableTable::get(&table, name).map_err(failed)?.map_or(0, |value| value.value()))
    }

    /// Trees: root path and number.
    ///
    /// # Errors
    /// As [`Catalog::generation`].
    pub fn trees(&self) -> Result<Vec<(String, u32)>> {
        let table = self.database.begin_read().map_err(failed)?.open_table(TREES).map_err(failed)?;
        let mut trees = Vec::new();
        for entry in table.iter().map_err(failed)? {
            let (root, number) = entry.map_err(failed)?;
            trees.push((root.value().to_owned(), number.value()));
        }
        Ok(trees)
    }

    /// Spaces: name and row.
    ///
    /// # Errors
    /// As [`Catalog::generation`].
    pub fn spaces(&self) -> Result<Vec<(String, SpaceRow)>> {
        let table = self.database.begin_read().map_err(failed)?.open_table(SPACES).map_err(failed)?;
        let mut spaces = Vec::new();
        for entry in table.iter().map_err(failed)? {
            let (name, row) = entry.map_err(failed)?;
            let (number, dimension, rows, bytes) = row.value();
            spaces.push((name.value().to_owned(), SpaceRow { number, dimension, extent: Extent { rows, bytes } }));
        }
        Ok(spaces)
    }

    /// Records a new space, durably.
    ///
    /// # Errors
    /// As [`Catalog::generation`].
    pub fn add_space(&self, name: &str, row: &SpaceRow) -> Result<()> {
        let transaction = self.database.begin_write().map_err(failed)?;
        let value = (row.number, row.dimension, row.extent.rows, row.extent.bytes);
        transaction.open_table(SPACES).map_err(failed)?.insert(name, value).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    /// Forgets a space, durably. What lies on the disk of it is the caller's.
    ///
    /// # Errors
    /// As [`Catalog::generation`].
    pub fn remove_space(&self, name: &str) -> Result<()> {
        let transaction = self.database.begin_write().map_err(failed)?;
        transaction.open_table(SPACES).map_err(failed)?.remove(name).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    /// Hands every file of every tree to `each`: number of the tree, path, record.
    ///
    /// # Errors
    /// As [`Catalog::generation`], or what `each` gives.
    pub fn for_each_file(&self, mut each: impl FnMut(u32, &str, FileRow) -> Result<()>) -> Result<()> {
        let table = self.database.begin_read().map_err(failed)?.open_table(FILES).map_err(failed)?;
        for entry in table.iter().map_err(failed)? {
            let (key, row) = entry.map_err(failed)?;
            let (tree, path) = key.value();
            each(tree, path, FileRow::decode(row.value())?)?;
        }
        Ok(())
    }

    /// Up to `limit` files of a tree in path order, from after `after`.
    ///
    /// # Errors
    /// As [`Catalog::generation`].
    pub fn files(&self, tree: u32, after: Option<&str>, limit: usize) -> Result<FilePage> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let table = self.database.begin_read().map_err(failed)?.open_table(FILES).map_err(failed)?;
        let start = after.map_or(Included((tree, "")), |path| Excluded((tree, path)));
        let end = tree.checked_add(1).map_or(Unbounded, |next| Excluded((next, "")));
        let mut files = Vec::new();
        for entry in ReadableTable::range::<(u32, &str)>(&table, (start, end)).map_err(failed)? {
            if files.len() == limit {
                return Ok((files, true));
            }
            let (key, row) = entry.map_err(failed)?;
            files.push((key.value().1.to_owned(), FileRow::decode(row.value())?));
        }
        Ok((files, false))
    }

    /// The record of one file.
    ///
    /// # Errors
    /// As [`Catalog::generation`].
    pub fn file(&self, tree: u32, path: &str) -> Result<Option<FileRow>> {
        let table = self.database.begin_read().map_err(failed)?.open_table(FILES).map_err(failed)?;
        let row = ReadableTable::get(&table, (tree, path)).map_err(failed)?;
        row.map(|row| FileRow::decode(row.value())).transpose()
    }

    /// The chunks with these ids, in that order; unknown ones are left out.
    ///
    /// # Errors
    /// As [`Catalog::generation`].
    pub fn chunks(&self, ids: impl IntoIterator<Item = u64>) -> Result<Vec<(u64, ChunkRow)>> {
        let table = self.database.begin_read().map_err(failed)?.open_table(CHUNKS).map_err(failed)?;
        let mut chunks = Vec::new();
        for id in ids {
            if let Some(row) = ReadableTable::get(&table, id).map_err(failed)? {
                chunks.push((id, ChunkRow::decode(row.value())?));
            }
        }
        Ok(chunks)
    }

    /// The commit that was set aside and not finished: its generation and changes.
    ///
    /// # Errors
    /// As [`Catalog::generation`].
    pub fn staged(&self) -> Result<Option<(u64, Vec<Change>)>> {
        let table = self.database.begin_read().map_err(failed)?.open_table(STAGED).map_err(failed)?;
        let Some(entry) = table.last().map_err(failed)? else { return Ok(None) };
        Ok(Some((entry.0.value(), change::decode(entry.1.value())?)))
    }

    /// Sets a commit aside, durably, in place of any other: its changes, encoded.
    ///
    /// # Errors
    /// As [`Catalog::generation`].
    pub fn stage(&self, generation: u64, changes: &[u8]) -> Result<()> {
        let transaction = self.database.begin_write().map_err(failed)?;
        clear_staged(&transaction)?;
        let mut table = transaction.open_table(STAGED).map_err(failed)?;
        table.insert(generation, changes).map_err(failed)?;
        drop(table);
        transaction.commit().map_err(failed)
    }

    /// Forgets the commit that was set aside, durably.
    ///
    /// # Errors
    /// As [`Catalog::generation`].
    pub fn unstage(&self) -> Result<()> {
        let transaction = self.database.begin_write().map_err(failed)?;
        clear_staged(&transaction)?;
        transaction.commit().map_err(failed)
    }

    /// Forgets all files and chunks and what was set aside, durably; trees, spaces and numbers that were given away
    /// stay. The lexical index is taken for a new one.
    ///
    /// # Errors
    /// As [`Catalog::generation`].
    pub fn forget_files(&self) -> Result<()> {
        let transaction = self.database.begin_write().map_err(failed)?;
        clear_staged(&transaction)?;
        transaction.delete_table(FILES).map_err(failed)?;
        transaction.delete_table(CHUNKS).map_err(failed)?;
        transaction.open_table(FILES).map_err(failed)?;
        transaction.open_table(CHUNKS).map_err(failed)?;
        transaction.open_table(META).map_err(failed)?.insert(LEXICAL_GENERATION, 0).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    /// Applies changes and forgets what was set aside, in one transaction. `durable` false: the changes are visible
    /// now and reach the disk with the next durable transaction; right only for changes that stand staged on the disk.
    ///
    /// # Errors
    /// As [`Catalog::generation`]; nothing is applied then.
    pub fn apply(&self, changes: &[Change], durable: bool) -> Result<()> {
        let mut transaction = self.database.begin_write().map_err(failed)?;
        if !durable {
            transaction.set_durability(Durability::None).map_err(|error| Error::Report(error.to_string()))?;
        }
        clear_staged(&transaction)?;
        write(&transaction, changes)?;
        transaction.commit().map_err(failed)
    }
}

fn clear_staged(transaction: &WriteTransaction) -> Result<()> {
    let mut table = transaction.open_table(STAGED).map_err(failed)?;
    table.retain(|_, _| false).map_err(failed)
}

fn write(transaction: &WriteTransaction, changes: &[Change]) -> Result<()> {
    let mut meta = transaction.open_table(META).map_err(failed)?;
    let mut trees = transaction.open_table(TREES).map_err(failed)?;
    let mut spaces = transaction.open_table(SPACES).map_err(failed)?;
    let mut files = transaction.open_table(FILES).map_err(failed)?;
    let mut chunks = transaction.open_table(CHUNKS).map_err(failed)?;
    for change in changes {
        match change {
            Change::PutTree { root, number } => drop(trees.insert(root.as_str(), number).map_err(failed)?),
            Change::PutFile { tree, path, row } => {
                files.insert((*tree, path.as_str()), row.as_slice()).map_err(failed)?;
            }
            Change::RemoveFile { tree, path } => drop(files.remove((*tree, path.as_str())).map_err(failed)?),
            Change::PutChunk { id, row } => drop(chunks.insert(id, row.as_slice()).map_err(failed)?),
            Change::RemoveChunks { first, count } => {
                chunks.retain_in::<u64, _>(*first..first.saturating_add(*count), |_, _| false).map_err(failed)?;
            }
            Change::SetExtent { space, extent } => {
                let Some((number, dimension, ..)) =
                    spaces.get(space.as_str()).map_err(failed)?.map(|found| found.value())
                else {
                    return Err(Error::RebuildIndex(format!(
                        "The catalog lacks the space {space:?}. Rebuild the index."
                    )));
                };
                spaces.insert(space.as_str(), (number, dimension, extent.rows, extent.bytes)).map_err(failed)?;
            }
            Change::SetNextChunk(id) => drop(meta.insert(NEXT_CHUNK, id).map_err(failed)?),
            Change::SetGeneration(generation) => drop(meta.insert(GENERATION, generation).map_err(failed)?),
            Change::SetLexicalGeneration(generation) => {
                meta.insert(LEXICAL_GENERATION, generation).map_err(failed)?;
            }
        }
    }
    Ok(())
}

fn opening(error: DatabaseError) -> Error {
    match error {
        DatabaseError::UpgradeRequired(version) => Error::UpdateTiercel(format!(
            "The catalog has file format {version}, which this version cannot read. Update Tiercel."
        )),
        DatabaseError::DatabaseAlreadyOpen => {
            Error::RetryLater { message: "The catalog is in use by another process.".into(), after_ms: 1000 }
        }
        other => failed(other),
    }
}

fn failed(error: impl Into<redb::Error>) -> Error {
    match error.into() {
        redb::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => damaged(&error.to_string()),
        redb::Error::Io(error) => Error::FixTheMachine(format!("The catalog cannot be read or written: {error}.")),
        error @ (redb::Error::Corrupted(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableDoesNotExist(_)
        | redb::Error::RepairAborted) => damaged(&error.to_string()),
        other => Error::Report(format!("The catalog failed: {other}.")),
    }
}

fn damaged(why: &str) -> Error {
    Error::RebuildIndex(format!("The catalog cannot be read: {why}. Rebuild the index."))
}
