//! Rewriting vectors files without the rows nobody needs.

use std::path::Path;
use std::sync::Arc;

use tiercel_base::Key;
use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};

use crate::block::{BlockScan, encode_head};
use crate::fault::damaged;
use crate::handle::{Draft, Handle};
use crate::header;
use crate::index::write::IndexWriter;
use crate::record;
use crate::row_map::RowMap;
use crate::segment::Segment;
use crate::shape::Shape;
use crate::throttle::Throttle;
use crate::writer::vectors_path;

/// Dirty bytes after which the disk is waited for: one sync of everything at the end would stall the writer beside us.
const SYNC_BYTES: usize = 16 << 20;
/// Bytes moved between two looks at throttle and cancel flag.
const STEP_BYTES: usize = 1 << 18;

/// Writes the rows of `inputs` for which `keep` holds into the new sealed file `number`. Rows keep their numbers and lie
/// in their order; records are verified and copied as they are. Memory: about 350 KiB per input, 1.2 MiB, and what the
/// new file's offsets and bloom filter take. `shape` may leave out halves that the inputs have.
///
/// Until it returns there is no file under its name; on an error or cancel nothing of it stays.
///
/// # Errors
/// [`Error::FixTheCall`] when an input has another shape or two inputs hold the same row, [`Error::RebuildIndex`] for
/// damage in a row that is kept, [`Error::FixTheMachine`], [`Error::Cancelled`].
pub fn compact(
    inputs: &[Segment],
    keep: &dyn Fn(u32) -> bool,
    folder: &Path,
    number: u32,
    shape: &Shape,
    throttle: &Throttle,
    cancel: &Cancel,
) -> Result<Segment> {
    shape.check()?;
    let fits =
        |input: &Shape| input.padded == shape.padded && input.space == shape.space && (input.halves || !shape.halves);
    if !inputs.iter().all(|input| fits(input.shape())) {
        return Err(Error::FixTheCall("The files to compact have another shape than the new one.".into()));
    }
    let path = vectors_path(folder, number);
    let draft = Draft::create(path.clone())?;
    draft.handle().write(0, &header::of_vectors(shape, number))?;
    let mut output = Output::new(draft.handle(), shape);
    copy_rows(inputs, keep, &mut output, throttle, cancel)?;
    let map = output.finish()?;
    draft.publish()?;
    let handle = Arc::new(Handle::open(&path, false)?);
    let sealed = write_index(inputs, &map, folder, number, shape, throttle, cancel)
        .and_then(|()| Segment::sealed(folder, number, shape, Arc::clone(&handle)));
    sealed.inspect_err(|_| handle.retire())
}

/// The new file on its way.
struct Output<'a> {
    handle: &'a Handle,
    shape: Shape,
    map: RowMap,
    rows: Vec<u32>,
    keys: Vec<Key>,
    records: Vec<u8>,
    head: Vec<u8>,
    unsynced: usize,
}

impl<'a> Output<'a> {
    fn new(handle: &'a Handle, shape: &Shape) -> Self {
        Self {
            handle,
            shape: *shape,
            map: RowMap::default(),
            rows: Vec::new(),
            keys: Vec::new(),
            records: Vec::with_capacity(shape.block_rows() * shape.record_bytes()),
            head: Vec::new(),
            unsynced: 0,
        }
    }

    fn push(&mut self, row: u32, key: Key, record: &[u8]) -> Result<()> {
        if self.rows.last().copied().or(self.map.last_row()).is_some_and(|last| last >= row) {
            return Err(Error::FixTheCall(format!("Two of the files to compact hold row {row}.")));
        }
        self.rows.push(row);
        self.keys.push(key);
        self.records.extend(record);
        if self.rows.len() == self.shape.block_rows() { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        self.head.clear();
        encode_head(self.map.rows(), &self.rows, &self.keys, &mut self.head);
        let offset = self.map.file_bytes(&self.shape);
        self.handle.write(offset, &self.head)?;
        self.handle.write(offset + self.head.len() as u64, &self.records)?;
        self.unsynced += self.head.len() + self.records.len();
        self.map.push_block(&self.rows);
        self.rows.clear();
        self.keys.clear();
        self.records.clear();
        if self.unsynced < SYNC_BYTES {
            return Ok(());
        }
        self.unsynced = 0;
        self.handle.sync()
    }

    fn finish(mut self) -> Result<RowMap> {
        self.flush()?;
        Ok(self.map)
    }
}

/// An input, at the row that comes next.
struct Cursor<'a> {
    segment: &'a Segment,
    scan: BlockScan<'a>,
    row: Option<u32>,
}

impl Cursor<'_> {
    fn settle(&mut self) -> Result<()> {
        while self.scan.taken() == self.scan.rows().len() {
            if !self.scan.next_block()? {
                self.row = None;
                return Ok(());
            }
        }
        self.row = self.scan.rows().get(self.scan.taken()).copied();
        Ok(())
    }
}

fn copy_rows(
    inputs: &[Segment],
    keep: &dyn Fn(u32) -> bool,
    output: &mut Output,
    throttle: &Throttle,
    cancel: &Cancel,
) -> Result<()> {
    let mut cursors = Vec::with_capacity(inputs.len());
    for segment in inputs {
        let mut cursor = Cursor { segment, scan: segment.scan(), row: None };
        cursor.settle()?;
        cursors.push(cursor);
    }
    let shape = output.shape;
    let mut moved = 0;
    while let Some((row, at)) = cursors.iter().enumerate().filter_map(|(at, cursor)| Some((cursor.row?, at))).min() {
        let cursor = &mut cursors[at];
        let key = cursor.scan.keys()[cursor.scan.taken()];
        let record = &cursor.scan.record()?[..shape.record_bytes()];
        moved += record.len();
        if keep(row) {
            if !record::is_sound(&shape, row, record) {
                return Err(damaged(cursor.segment.path(), &format!("row {row} is damaged")));
            }
            output.push(row, key, record)?;
            moved += record.len();
        }
        cursor.settle()?;
        if moved >= STEP_BYTES {
            throttle.pace(moved, cancel)?;
            moved = 0;
        }
    }
    throttle.pace(moved, cancel)
}

/// Merges the key tables of the inputs, which are sorted, into that of the new file.
fn write_index(
    inputs: &[Segment],
    map: &RowMap,
    folder: &Path,
    number: u32,
    shape: &Shape,
    throttle: &Throttle,
    cancel: &Cancel,
) -> Result<()> {
    let mut index = IndexWriter::create(folder, number, shape, map)?;
    let mut tables: Vec<_> = inputs.iter().map(Segment::sorted_keys).collect();
    let mut heads = Vec::with_capacity(tables.len());
    for table in &mut tables {
        heads.push(table.next().transpose()?);
    }
    let mut moved = 0;
    while let Some((entry, at)) = heads.iter().enumerate().filter_map(|(at, head)| Some(((*head)?, at))).min() {
        heads[at] = tables[at].next().transpose()?;
        if map.position(entry.1).is_some() {
            index.push(entry)?;
        }
        moved += size_of_val(&entry);
        if moved >= STEP_BYTES {
            throttle.pace(moved, cancel)?;
            moved = 0;
        }
    }
    cancel.check()?;
    index.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rows, Writer};

    #[test]
    fn its_buffers_do_not_grow_with_the_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let shape = Shape { padded: 1024, halves: true, space: 0 };
        let count = 3000;
        let (rows, values) = ((0..3000).collect::<Vec<u32>>(), count * shape.padded);
        let mut writer = Writer::create(folder.path(), 1, &shape).expect("created");
        let (codes, halves) = (vec![1; values], vec![2; values]);
        let keys = vec![[3; 16]; count];
        let scales = vec![1.0; count];
        let batch = Rows { rows: &rows, keys: &keys, scales: &scales, codes: &codes, halves: Some(&halves) };
        writer.append(&batch).expect("appended");
        let draft = Draft::create(vectors_path(folder.path(), 2)).expect("created");
        let mut output = Output::new(draft.handle(), &shape);
        let before = output.records.capacity();
        let (unlimited, cancel) = (Throttle::unlimited(), Cancel::new());
        copy_rows(&[writer.view()], &|_| true, &mut output, &unlimited, &cancel).expect("copied");
        assert_eq!(output.map.rows() as usize + output.rows.len(), count);
        assert_eq!(output.records.capacity(), before, "nothing was added to what a block needs");
        assert!(before <= 1 << 20 && output.head.capacity() < 20_000, "{before} {}", output.head.capacity());
    }
}
