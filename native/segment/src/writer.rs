//! The one writer of a vectors file that still grows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tiercel_base::error::{Error, Result};

use crate::block::{BlockScan, encode_head};
use crate::bytes::short;
use crate::fault::damaged;
use crate::handle::{Handle, sync_folder_of};
use crate::header::{self, HEADER, VECTORS};
use crate::index::write::IndexWriter;
use crate::keys::KeyTable;
use crate::record;
use crate::row_map::RowMap;
use crate::segment::Segment;
use crate::shape::{LARGEST_BLOCK, Rows, Shape};

/// Where vectors file `number` lies.
pub(crate) fn vectors_path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number}.vec"))
}

/// Opens vectors file `number` and compares its header.
pub(crate) fn open_vectors(folder: &Path, number: u32, shape: &Shape, writable: bool) -> Result<Handle> {
    let path = vectors_path(folder, number);
    let handle = Handle::open(&path, writable)?;
    let mut header = [0; HEADER];
    handle.read(0, &mut header)?;
    VECTORS.check(&path, &header)?;
    header::check_identity(&path, &header, shape, number)?;
    Ok(handle)
}

/// What a writer is ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// An index file lies beside the file.
    Sealed,
    /// A sync failed: what the disk has is not known until the file is read again.
    Failed,
}

/// Appends to a vectors file. Nothing is durable before [`Writer::sync`]; which rows count is for the caller to record.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    number: u32,
    shape: Shape,
    handle: Arc<Handle>,
    map: RowMap,
    keys: KeyTable,
    /// Blocks are put together here; at most about 1 MiB.
    buffer: Vec<u8>,
    state: State,
}

impl Writer {
    /// Makes an empty file, durable when this returns; one of the same number is replaced.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for an impossible shape, [`Error::FixTheMachine`].
    pub fn create(folder: &Path, number: u32, shape: &Shape) -> Result<Self> {
        shape.check()?;
        let path = vectors_path(folder, number);
        let handle = Handle::create(&path)?;
        handle.write(0, &header::of_vectors(shape, number))?;
        handle.sync()?;
        sync_folder_of(&path)?;
        Ok(Self::of(folder, number, shape, handle))
    }

    /// Opens a file that was not sealed: reads and verifies its first `rows` rows, which is how many were committed, and
    /// cuts off what lies behind them. Memory: about 500 KiB beside the table of keys.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`] when the file is gone, damaged, of another shape or shorter than what was committed;
    /// [`Error::UpdateTiercel`] for a newer layout, before anything is changed; [`Error::FixTheMachine`].
    pub fn open(folder: &Path, number: u32, shape: &Shape, rows: u32) -> Result<Self> {
        shape.check()?;
        let handle = open_vectors(folder, number, shape, true)?;
        let mut writer = Self::of(folder, number, shape, handle);
        let length = writer.handle.length()?;
        let handle = Arc::clone(&writer.handle);
        let mut scan = BlockScan::new(&handle, shape, length);
        let (mut new_keys, mut new_rows) = (Vec::new(), Vec::new());
        while writer.map.rows() < rows {
            if !scan.next_block()? {
                return Err(damaged(handle.path(), "it is shorter than what was committed"));
            }
            writer.map.push_block(scan.rows());
            // Thousands of small commits are not sorted and merged one by one.
            new_keys.extend(scan.keys());
            new_rows.extend(scan.rows());
            if new_rows.len() >= LARGEST_BLOCK {
                writer.keys.append(&new_keys, &new_rows);
                new_keys.clear();
                new_rows.clear();
            }
            verify_records(&mut scan, shape, handle.path())?;
        }
        writer.keys.append(&new_keys, &new_rows);
        if writer.map.rows() != rows {
            return Err(damaged(handle.path(), "its blocks do not end where the commit did"));
        }
        if length > writer.bytes() {
            handle.set_length(writer.bytes())?;
        }
        Ok(writer)
    }

    fn of(folder: &Path, number: u32, shape: &Shape, handle: Handle) -> Self {
        Self {
            folder: folder.to_owned(),
            number,
            shape: *shape,
            handle: Arc::new(handle),
            map: RowMap::default(),
            keys: KeyTable::default(),
            buffer: Vec::new(),
            state: State::Open,
        }
    }

    /// Hands rows to the system; [`Writer::sync`] makes them durable. On an error none of them is in the file.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for parts of different lengths or row numbers that do not ascend, [`Error::FixTheMachine`]
    /// (a full disk, an earlier failed sync), [`Error::Report`] when the file is sealed.
    pub fn append(&mut self, batch: &Rows) -> Result<()> {
        self.check_open()?;
        batch.check(&self.shape, self.map.last_row())?;
        let before = self.map.rows();
        if before.checked_add(short(batch.rows.len())).is_none_or(|rows| rows == u32::MAX) {
            return Err(Error::FixTheCall("A vectors file cannot have more than 2^32 - 2 rows.".into()));
        }
        for start in (0..batch.rows.len()).step_by(self.shape.block_rows()) {
            let end = batch.rows.len().min(start + self.shape.block_rows());
            if let Err(error) = self.append_block(batch, start..end) {
                self.map.cut(before);
                return Err(error);
            }
        }
        self.keys.append(batch.keys, batch.rows);
        Ok(())
    }

    fn append_block(&mut self, batch: &Rows, range: std::ops::Range<usize>) -> Result<()> {
        let padded = self.shape.padded;
        let rows = &batch.rows[range.clone()];
        self.buffer.clear();
        encode_head(self.map.rows(), rows, &batch.keys[range.clone()], &mut self.buffer);
        for at in range {
            let values = at * padded..(at + 1) * padded;
            let halves = batch.halves.map(|halves| &halves[values.clone()]);
            record::encode(batch.rows[at], batch.scales[at], &batch.codes[values], halves, &mut self.buffer);
        }
        self.handle.write(self.bytes(), &self.buffer)?;
        self.map.push_block(rows);
        Ok(())
    }

    /// Waits until everything appended is on the disk.
    ///
    /// # Errors
    /// [`Error::FixTheMachine`]; what the disk has is unknown then, and the writer refuses to go on: open the file again.
    pub fn sync(&mut self) -> Result<()> {
        self.check_open()?;
        self.handle.sync().inspect_err(|_| self.state = State::Failed)
    }

    /// Forgets all but the first `rows` rows: the others were not committed. Views that hold some of the others must
    /// not be read any more.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] when no append ended there, [`Error::FixTheMachine`].
    pub fn cut(&mut self, rows: u32) -> Result<()> {
        self.check_open()?;
        if !self.map.cut(rows) {
            return Err(Error::FixTheCall(format!("No block of the vectors file ends at row {rows}.")));
        }
        self.keys.cut(self.map.last_row().map_or(0, |last| last.saturating_add(1)));
        self.handle.set_length(self.bytes())
    }

    /// What has been appended so far, as a snapshot that later appends do not change. Costs microseconds.
    #[must_use]
    pub fn view(&self) -> Segment {
        Segment::growing(self.number, self.shape, Arc::clone(&self.handle), self.map.clone(), self.keys.clone())
    }

    /// Rows in the file.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.map.rows()
    }

    /// Bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.map.file_bytes(&self.shape)
    }

    /// Number of the file.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Makes the file durable and writes its index beside it, streamed, durable and as a whole. The file takes no more
    /// rows; views of it stay valid. On an error the file goes on as it was, and sealing can be tried again.
    ///
    /// # Errors
    /// [`Error::FixTheMachine`], [`Error::Report`] when it is sealed already.
    pub fn seal(&mut self) -> Result<Segment> {
        self.sync()?;
        self.handle.set_length(self.bytes())?;
        let mut index = IndexWriter::create(&self.folder, self.number, &self.shape, &self.map)?;
        for entry in self.keys.sorted() {
            index.push(entry)?;
        }
        index.finish()?;
        let sealed = Segment::sealed(&self.folder, self.number, &self.shape, Arc::clone(&self.handle))?;
        self.state = State::Sealed;
        Ok(sealed)
    }

    fn check_open(&self) -> Result<()> {
        match self.state {
            State::Open => Ok(()),
            State::Sealed => Err(Error::Report(format!("Vectors file {} is sealed.", self.number))),
            State::Failed => Err(Error::FixTheMachine(format!(
                "{} could not be written earlier. Check the disk and open the store again.",
                self.handle.path().display()
            ))),
        }
    }
}

/// Takes the records of a scan's current block that were not taken yet, and compares their checksums.
pub(crate) fn verify_records(scan: &mut BlockScan, shape: &Shape, path: &Path) -> Result<()> {
    while let Some(&row) = scan.rows().get(scan.taken()) {
        if !record::is_sound(shape, row, scan.record()?) {
            return Err(damaged(path, &format!("row {row} is damaged")));
        }
    }
    Ok(())
}
