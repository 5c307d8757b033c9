//! An open index file: the front in memory, the key table on the disk.

use std::path::Path;
use std::sync::atomic::Ordering;

use tiercel_base::Key;
use tiercel_base::error::Result;

use super::{TABLE_BLOCK, TABLE_ENTRIES, entries, fence_of, front_end, index_path, last_of, table_blocks};
use crate::bloom::{BLOOM_BLOCK, Bloom, BloomMeter};
use crate::bytes::{u32_at, u64_at};
use crate::fault::damaged;
use crate::handle::Handle;
use crate::header::{self, HEADER, INDEX};
use crate::keys::Entry;
use crate::row_map::{RowMap, Run};
use crate::shape::Shape;

/// The open file.
#[derive(Debug)]
pub(crate) struct Index {
    handle: Handle,
    /// Where the key table starts.
    table: u64,
    rows: u32,
    fences: Vec<u64>,
    bloom: Bloom,
    meter: BloomMeter,
}

impl Index {
    /// Opens the index of vectors file `number` by two reads, whatever its length.
    pub(crate) fn open(folder: &Path, number: u32, shape: &Shape) -> Result<(Self, RowMap)> {
        let path = index_path(folder, number);
        let handle = Handle::open(&path, false)?;
        let mut header = [0; HEADER];
        handle.read(0, &mut header)?;
        INDEX.check(&path, &header)?;
        header::check_identity(&path, &header, shape, number)?;
        let [rows, blocks, runs, bloom_blocks] = [28, 32, 36, 40].map(|at| u32_at(&header, at));
        let fence_bytes = table_blocks(rows) * 8;
        let (block_bytes, run_bytes) = (blocks as usize * 4, runs as usize * 8);
        let table = front_end((block_bytes + run_bytes) as u64, rows, u64::from(bloom_blocks) * BLOOM_BLOCK as u64);
        // Compared before anything is allocated: a file of this length is there.
        if handle.length()? != table + (table_blocks(rows) * TABLE_BLOCK) as u64 {
            return Err(damaged(&path, "it does not have the length it says"));
        }
        let mut front = vec![0; usize::try_from(table).unwrap_or(HEADER).saturating_sub(HEADER)];
        handle.read(HEADER as u64, &mut front)?;
        if crc32c::crc32c(&front) != u32_at(&header, 52) {
            return Err(damaged(&path, "its checksum does not match"));
        }
        let (fences, rest) = front.split_at(fence_bytes);
        let (blocks, rest) = rest.split_at(block_bytes);
        let (runs, rest) = rest.split_at(run_bytes);
        let run = |bytes: &[u8; 8]| Run { position: u32_at(bytes, 0), row: u32_at(bytes, 4) };
        let map = RowMap::from_parts(
            rows,
            blocks.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect(),
            runs.as_chunks::<8>().0.iter().map(run).collect(),
        );
        let map = map.filter(|map| map.file_bytes(shape) == u64_at(&header, 44));
        let map = map.ok_or_else(|| damaged(&path, "its parts do not fit together"))?;
        let fences = fences.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        let bloom = Bloom::decode(&rest[..bloom_blocks as usize * BLOOM_BLOCK]);
        Ok((Self { handle, table, rows, fences, bloom, meter: BloomMeter::default() }, map))
    }

    /// The last row of a key.
    pub(crate) fn find(&self, key: &Key) -> Result<Option<u32>> {
        self.meter.asked.fetch_add(1, Ordering::Relaxed);
        if !self.bloom.may_contain(key) {
            return Ok(None);
        }
        self.meter.passed.fetch_add(1, Ordering::Relaxed);
        let row = self.look_up(key)?;
        if row.is_none() {
            self.meter.wrong.fetch_add(1, Ordering::Relaxed);
        }
        Ok(row)
    }

    fn look_up(&self, key: &Key) -> Result<Option<u32>> {
        let fence = fence_of(key);
        let mut bytes = [0; TABLE_BLOCK];
        let mut end = self.fences.partition_point(|&first| first <= fence);
        while let Some(block) = end.checked_sub(1) {
            self.read_block(block, &mut bytes)?;
            if let Some(row) = last_of(&bytes, self.entries_of(block), key) {
                return Ok(Some(row));
            }
            // Only a block that starts with the same eight bytes leaves the key to the one before it.
            if self.fences.get(block) != Some(&fence) {
                break;
            }
            end = block;
        }
        Ok(None)
    }

    pub(crate) fn may_contain(&self, key: &Key) -> bool {
        self.bloom.may_contain(key)
    }

    /// Blocks of the key table.
    pub(crate) fn blocks(&self) -> usize {
        self.fences.len()
    }

    /// The entries of a block of the key table, verified.
    pub(crate) fn block(&self, number: usize) -> Result<Vec<Entry>> {
        let mut block = [0; TABLE_BLOCK];
        self.read_block(number, &mut block)?;
        Ok(entries(&block, self.entries_of(number)).collect())
    }

    fn read_block(&self, number: usize, block: &mut [u8; TABLE_BLOCK]) -> Result<()> {
        self.handle.read(self.table + (number * TABLE_BLOCK) as u64, block)?;
        if u32_at(block, 0) == crc32c::crc32c(&block[4..]) && u32_at(block, 4) as usize == number {
            return Ok(());
        }
        Err(damaged(self.handle.path(), &format!("block {number} of its key table is damaged")))
    }

    fn entries_of(&self, block: usize) -> usize {
        (self.rows as usize - block * TABLE_ENTRIES).min(TABLE_ENTRIES)
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(crate) fn meter(&self) -> &BloomMeter {
        &self.meter
    }

    pub(crate) fn bytes_on_disk(&self) -> u64 {
        self.table + (self.blocks() * TABLE_BLOCK) as u64
    }

    pub(crate) fn bytes_in_memory(&self) -> usize {
        self.fences.len() * 8 + self.bloom.bytes()
    }
}
