//! An index open for writing: appends, publishes, and keeps its background work going.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tiercel_base::Key;
use tiercel_base::error::{Error, Result};
use tiercel_base::rows::RowSet;
use tiercel_codec::Kernel;
use tiercel_segment::{Codes, Rows, Shape};
use tiercel_tier::{Account, Governor, next_space};

use crate::codes::{CodeFile, CodeSet};
use crate::encode::Encoder;
use crate::files::Files;
use crate::hot::HotPages;
use crate::maintain::Background;
use crate::open::Stored;
use crate::options::{IndexOptions, Spec};
use crate::pages::Pages;
use crate::reader::Reader;
use crate::recent::RecentPage;
use crate::state::State;
use crate::stats::IndexStats;
use crate::writer::Writer;

/// Rows are numbered below this; the largest number means "none" to callers.
const MOST_ROWS: u32 = u32::MAX - 1;

/// One space's vectors. Methods may be called from any thread; they block.
pub struct VectorIndex {
    inner: Arc<Inner>,
    background: Background,
}

/// What writers, readers and background work share.
pub(crate) struct Inner {
    pub folder: PathBuf,
    pub shape: Shape,
    pub options: IndexOptions,
    pub governor: Governor,
    pub encoder: Arc<Encoder>,
    pub pages: Pages,
    pub kernel: Kernel,
    pub current: ArcSwap<State>,
    pub writer: Mutex<Writer>,
    pub accounts: Accounts,
    /// Held while vectors files are sealed or written again.
    files: Mutex<()>,
    next_number: AtomicU32,
}

/// What the index holds outside the cache.
pub(crate) struct Accounts {
    pub tables: Account,
    pub recent: Account,
    pub hashes: Account,
    pub work: Account,
}

impl Inner {
    pub fn state(&self) -> Arc<State> {
        self.current.load_full()
    }

    pub fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic leaves a writer that refuses further appends where it matters; its data can still be looked at.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds off other work on vectors files.
    pub fn file_work(&self) -> MutexGuard<'_, ()> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for a new file.
    pub fn number(&self) -> u32 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// Changes the list of files, on the disk and then here.
    pub fn list(&self, writer: &mut Writer, change: impl FnOnce(&mut Files)) -> Result<()> {
        let mut files = writer.files.clone();
        change(&mut files);
        files.store(&self.folder)?;
        writer.files = files;
        Ok(())
    }

    /// A file of codes is not used any more: it goes when its last reader does.
    pub fn retire_file(&self, file: &CodeFile) {
        self.pages.remove_file(file.number);
        file.codes.retire();
    }

    /// As [`Inner::retire_file`], for all files of a set and its partition.
    pub fn retire(&self, set: &CodeSet) {
        set.files.iter().for_each(|file| self.retire_file(file));
        // Codes of the old partition are nothing without it.
        self.retire_partition(set.generation);
    }

    /// A partition's file is not used any more; one that is already gone needs nothing.
    pub fn retire_partition(&self, number: u32) {
        if let Ok(partition) = Codes::open(&self.folder, number) {
            partition.retire();
        }
    }

    /// Replaces the state. Only the holder of the writer's lock may.
    pub fn replace(&self, _writer: &Writer, state: State) {
        let tables: usize = state.files.iter().map(|file| file.segment.bytes_in_memory()).sum::<usize>()
            + state.codes.as_ref().map_or(0, |codes| codes.bytes())
            + state.tail.bytes();
        let recent: usize = state.recent.iter().map(RecentPage::bytes).sum();
        self.accounts.tables.set(tables as u64);
        self.accounts.recent.set(recent as u64);
        self.accounts.hashes.set(state.hashes.as_ref().map_or(0, |hashes| hashes.index.bytes_in_memory()) as u64);
        self.current.store(Arc::new(state));
    }
}

impl VectorIndex {
    /// Opens the index in `folder`, making it if there is none and `committed` is 0. Rows numbered `committed` or
    /// greater are the trace of a commit that did not happen and are cut off.
    ///
    /// # Errors
    /// `FixTheCall` for another dimension than it was made with, `UpdateTiercel` for files of a newer version,
    /// `RebuildIndex` for damaged or missing ones, `FixTheMachine` when the disk refuses.
    pub fn open(
        folder: &Path,
        spec: &Spec,
        committed: u32,
        governor: &Governor,
        options: &IndexOptions,
    ) -> Result<Self> {
        let opened = crate::open::open(folder, spec, committed, options)?;
        let next_number = opened.writer.files.next_number;
        let encoder = Arc::new(Encoder::new(spec.dimension, opened.seed, opened.shape.halves));
        let pages = Pages {
            cache: governor.cache().clone(),
            space: next_space(),
            padded: encoder.padded(),
            halves: opened.shape.halves,
            hot: HotPages::new(options.gpu.clone()),
        };
        let books = governor.books();
        let accounts = Accounts {
            tables: books.account("vector tables"),
            recent: books.account("recent codes"),
            hashes: books.account("hash index"),
            work: books.account("background work"),
        };
        let inner = Arc::new(Inner {
            folder: folder.to_owned(),
            shape: opened.shape,
            options: options.clone(),
            governor: governor.clone(),
            encoder,
            pages,
            kernel: Kernel::detect(),
            current: ArcSwap::from_pointee(opened.state.clone()),
            writer: Mutex::new(opened.writer),
            accounts,
            files: Mutex::default(),
            next_number: AtomicU32::new(next_number),
        });
        inner.replace(&inner.writer(), opened.state);
        let background = Background::start(&inner)?;
        Ok(Self { inner, background })
    }

    /// What lies in a folder, without opening it; `None` if no index does.
    ///
    /// # Errors
    /// As [`VectorIndex::open`].
    pub fn stored(folder: &Path) -> Result<Option<Stored>> {
        crate::open::stored(folder)
    }

    /// Appends vectors: `keys.len() x dimension` numbers, row-major. They are durable when this returns and visible
    /// when [`VectorIndex::publish`] says so. Gives the numbers of their rows. All or nothing.
    ///
    /// # Errors
    /// `FixTheCall` for vectors that are not finite, all zero or of another dimension; `RebuildIndex` when all row
    /// numbers are used; `FixTheMachine` when the disk refuses.
    pub fn append(&self, keys: &[Key], vectors: &[f32]) -> Result<Range<u32>> {
        let encoded = self.inner.encoder.rows(vectors)?;
        if encoded.scales.len() != keys.len() {
            return Err(Error::FixTheCall(format!(
                "{} keys cannot name {} vectors.",
                keys.len(),
                encoded.scales.len()
            )));
        }
        let mut writer = self.inner.writer();
        let first = writer.next_row;
        let end = u32::try_from(keys.len())
            .ok()
            .and_then(|count| first.checked_add(count))
            .filter(|end| *end <= MOST_ROWS)
            .ok_or_else(|| Error::RebuildIndex("All row numbers of the index are used. Rebuild the index.".into()))?;
        if first == end {
            return Ok(first..end);
        }
        self.inner.rotate(&mut writer)?;
        let rows: Vec<u32> = (first..end).collect();
        writer.append(&Rows {
            rows: &rows,
            keys,
            scales: &encoded.scales,
            codes: &encoded.codes,
            halves: encoded.halves.as_deref(),
        })?;
        writer.pending.push(encoded);
        writer.next_row = end;
        Ok(first..end)
    }

    /// Makes all appended rows visible to new readers.
    pub fn publish(&self) {
        let mut writer = self.inner.writer();
        let pending = std::mem::take(&mut writer.pending);
        if pending.is_empty() {
            return;
        }
        let mut state = State::clone(&self.inner.state());
        let mut position = state.files.last().map_or(0, |file| file.segment.rows());
        for encoded in &pending {
            self.inner.extend(&mut writer, &mut state, &mut position, encoded);
        }
        state.end = writer.next_row;
        writer.published();
        if let Some(last) = state.files.last_mut() {
            last.segment = writer.view();
        }
        self.inner.replace(&writer, state);
        drop(writer);
        self.background.wake();
    }

    /// Forgets what was appended and not published.
    ///
    /// # Errors
    /// `FixTheMachine` when the disk refuses; the index then takes no more rows until it is opened again.
    pub fn retract(&self) -> Result<()> {
        let mut writer = self.inner.writer();
        writer.pending.clear();
        writer.next_row = self.inner.state().end;
        writer.retract()
    }

    /// The index as it is now.
    #[must_use]
    pub fn reader(&self) -> Arc<Reader> {
        Arc::new(Reader {
            state: self.inner.state(),
            encoder: Arc::clone(&self.inner.encoder),
            pages: self.inner.pages.clone(),
            kernel: self.inner.kernel,
            hints: self.background.hints(),
        })
    }

    /// The published row of a key, if it has one; also of keys nothing refers to any more.
    ///
    /// # Errors
    /// `RebuildIndex` for a damaged index file, `FixTheMachine` when the disk refuses.
    pub fn find(&self, key: &Key) -> Result<Option<u32>> {
        let state = self.inner.state();
        for file in state.files.iter().rev() {
            if let Some(row) = file.segment.find(key)? {
                return Ok(Some(row).filter(|row| *row < state.end));
            }
        }
        Ok(None)
    }

    /// Takes rows off the disk: their files are written again without them, slowly. Searches go on meanwhile. Gives
    /// the bytes that became free.
    ///
    /// # Errors
    /// `FixTheMachine` when the disk refuses (nothing is lost then), `Cancelled` when the index is being closed.
    pub fn drop_rows(&self, rows: &RowSet) -> Result<u64> {
        let freed = crate::maintain::compact::drop_rows(&self.inner, rows, self.background.stopping())?;
        self.background.wake();
        Ok(freed)
    }

    /// Waits until no background work is left to do.
    ///
    /// # Errors
    /// What stopped the work, if it could not be done.
    pub fn settle(&self) -> Result<()> {
        self.background.settle()
    }

    /// Another GPU takes part from now on, or none: the background looks after its memory.
    pub fn gpu_changed(&self) {
        self.background.wake();
    }

    /// Figures.
    ///
    /// # Errors
    /// `FixTheMachine` when the folder cannot be read.
    pub fn stats(&self) -> Result<IndexStats> {
        let state = self.inner.state();
        let kind = match (&state.codes, &state.hashes) {
            _ if state.rows() == 0 => "empty",
            (_, Some(_)) => "lsh",
            (None, None) => "int8",
            (Some(set), None) if set.partition.cells() > 1 => "cells",
            (Some(_), None) => "1-bit",
        };
        let raw_from = state.hashes.as_ref().map_or(state.raw_from, |hashes| hashes.end);
        let raw: u32 =
            (0..state.files.len()).map(|at| state.positions_from(at, raw_from)).map(|rows| rows.end - rows.start).sum();
        let codes = state.codes.as_ref();
        let (working, trouble) = self.background.report();
        Ok(IndexStats {
            kind,
            rows: state.rows(),
            cells: codes.map_or(0, |set| set.partition.cells()),
            raw_rows: u64::from(raw),
            bytes_on_disk: self.bytes_on_disk()?,
            memory: self.memory(),
            files: u32::try_from(state.files.len() + codes.map_or(0, |set| set.files.len())).unwrap_or(u32::MAX),
            working,
            trouble,
        })
    }

    fn memory(&self) -> Vec<(String, u64)> {
        let accounts = &self.inner.accounts;
        [
            ("vector tables", &accounts.tables),
            ("recent codes", &accounts.recent),
            ("hash index", &accounts.hashes),
            ("background work", &accounts.work),
        ]
        .map(|(name, account)| (name.to_owned(), account.bytes()))
        .to_vec()
    }

    fn bytes_on_disk(&self) -> Result<u64> {
        let folder = &self.inner.folder;
        let failed = |error| Error::io("read", folder, &error);
        let mut total = 0;
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            // A file that goes away meanwhile counts nothing.
            total += entry.map_err(failed)?.metadata().map_or(0, |metadata| metadata.len());
        }
        Ok(total)
    }

    /// Ends background work, makes all durable and lets go of the files.
    ///
    /// # Errors
    /// `FixTheMachine` when the disk refuses; published rows are safe even then.
    pub fn close(self) -> Result<()> {
        self.background.stop();
        let sealed = self.inner.seal_on_close();
        self.inner.pages.remove_all();
        sealed
    }
}
