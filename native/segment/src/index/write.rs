//! Writing an index file: the key table streams to the disk, the front follows when the keys are known.

use std::path::Path;

use tiercel_base::error::{Error, Result};

use super::{TABLE_BLOCK, TABLE_ENTRIES, fence_of, front_end, index_path, map_bytes, put_entry, table_blocks};
use crate::bloom::Bloom;
use crate::bytes::{put_u32, put_u64, short};
use crate::handle::Draft;
use crate::header::{self, HEADER, INDEX};
use crate::keys::Entry;
use crate::row_map::RowMap;
use crate::shape::Shape;

/// Table blocks that are written at a time.
const BLOCKS_PER_WRITE: usize = 16;

/// An index file on its way. What it holds in memory: bloom filter, fences, 64 KiB of table.
#[derive(Debug)]
pub(crate) struct IndexWriter<'a> {
    draft: Draft,
    shape: Shape,
    number: u32,
    map: &'a RowMap,
    bloom: Bloom,
    fences: Vec<u64>,
    table: Vec<[u8; TABLE_BLOCK]>,
    /// Entries so far.
    count: usize,
    last: Option<Entry>,
    offset: u64,
}

impl<'a> IndexWriter<'a> {
    /// Starts the index of the vectors file `number`, whose rows are those of `map`.
    pub(crate) fn create(folder: &Path, number: u32, shape: &Shape, map: &'a RowMap) -> Result<Self> {
        let bloom = Bloom::empty(Bloom::blocks_for(map.rows()));
        Ok(Self {
            draft: Draft::create(index_path(folder, number))?,
            shape: *shape,
            number,
            map,
            offset: front_end(map_bytes(map), map.rows(), bloom.bytes() as u64),
            bloom,
            fences: Vec::with_capacity(table_blocks(map.rows())),
            table: Vec::with_capacity(BLOCKS_PER_WRITE),
            count: 0,
            last: None,
        })
    }

    /// Adds the next entry; they ascend.
    pub(crate) fn push(&mut self, entry: Entry) -> Result<()> {
        if self.last.is_some_and(|last| last >= entry) {
            return Err(Error::Report("The keys of an index file came out of order.".into()));
        }
        self.last = Some(entry);
        self.bloom.insert(&entry.0);
        let at = self.count % TABLE_ENTRIES;
        if at == 0 {
            if self.table.len() == BLOCKS_PER_WRITE {
                self.flush()?;
            }
            self.fences.push(fence_of(&entry.0));
            self.table.push([0; TABLE_BLOCK]);
        }
        if let Some(block) = self.table.last_mut() {
            put_entry(block, at, &entry);
        }
        self.count += 1;
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let first = self.fences.len() - self.table.len();
        for (at, block) in self.table.iter_mut().enumerate() {
            put_u32(block, 4, short(first + at));
            let sum = crc32c::crc32c(&block[4..]);
            put_u32(block, 0, sum);
        }
        self.draft.handle().write(self.offset, self.table.as_flattened())?;
        self.offset += (self.table.len() * TABLE_BLOCK) as u64;
        self.table.clear();
        Ok(())
    }

    /// Writes the front and gives the file its name: durable, as a whole, when this returns.
    pub(crate) fn finish(mut self) -> Result<()> {
        if self.count != self.map.rows() as usize {
            let message = format!("An index file got {} keys for {} rows.", self.count, self.map.rows());
            return Err(Error::Report(message));
        }
        self.flush()?;
        let end = front_end(map_bytes(self.map), self.map.rows(), self.bloom.bytes() as u64);
        let mut front = vec![0; HEADER];
        front.extend(self.fences.iter().flat_map(|fence| fence.to_le_bytes()));
        front.extend(self.map.blocks().iter().flat_map(u32::to_le_bytes));
        front.extend(
            self.map.runs().iter().flat_map(|run| [run.position.to_le_bytes(), run.row.to_le_bytes()].concat()),
        );
        self.bloom.encode(&mut front);
        front.resize(usize::try_from(end).unwrap_or(front.len()), 0);
        let mut header = INDEX.header();
        header::put_identity(&mut header, &self.shape, self.number);
        put_u32(&mut header, 28, self.map.rows());
        put_u32(&mut header, 32, short(self.map.blocks().len()));
        put_u32(&mut header, 36, short(self.map.runs().len()));
        put_u32(&mut header, 40, short(self.bloom.blocks()));
        put_u64(&mut header, 44, self.map.file_bytes(&self.shape));
        put_u32(&mut header, 52, crc32c::crc32c(&front[HEADER..]));
        header::seal(&mut header);
        front[..HEADER].copy_from_slice(&header);
        self.draft.handle().write(0, &front)?;
        self.draft.publish()
    }
}
