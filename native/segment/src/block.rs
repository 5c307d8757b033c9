//! Blocks of a vectors file: written in one piece, read as a stream with bounded memory.

use tiercel_base::error::Result;
use tiercel_base::{KEY_BYTES, Key};

use crate::bytes::{put_u32, short, u32_at};
use crate::fault::damaged;
use crate::handle::Handle;
use crate::header::HEADER;
use crate::shape::{LARGEST_BLOCK, ROW_HEAD, Shape};

/// Bytes before the row numbers of a block.
pub(crate) const BLOCK_HEADER: usize = 16;
/// Bytes a stream asks the system for at a time.
const STREAM_BYTES: usize = 1 << 18;

/// Starts a block: header, row numbers and keys. The records of the same rows follow.
pub(crate) fn encode_head(rows_before: u32, rows: &[u32], keys: &[Key], out: &mut Vec<u8>) {
    let head = out.len();
    out.resize(head + BLOCK_HEADER, 0);
    out.extend(rows.iter().flat_map(|row| row.to_le_bytes()));
    out.extend(keys.as_flattened());
    let sum = crc32c::crc32c(&out[head + BLOCK_HEADER..]);
    put_u32(out, head, short(rows.len()));
    put_u32(out, head + 4, rows_before);
    put_u32(out, head + 8, sum);
    let sum = crc32c::crc32c(&out[head..head + 12]);
    put_u32(out, head + 12, sum);
}

/// Bytes of a file in order, through one buffer.
#[derive(Debug)]
struct Stream<'a> {
    handle: &'a Handle,
    /// Where the next byte that is not in the buffer lies.
    offset: u64,
    end: u64,
    buffer: Vec<u8>,
    at: usize,
}

impl Stream<'_> {
    /// The next `count` bytes.
    fn take(&mut self, count: usize) -> Result<&[u8]> {
        let left = self.buffer.len() - self.at;
        if left < count {
            let wanted = count.max(STREAM_BYTES) - left;
            let more = usize::try_from(self.end - self.offset).unwrap_or(usize::MAX).min(wanted);
            if left + more < count {
                return Err(damaged(self.handle.path(), "it ends too early"));
            }
            self.buffer.drain(..self.at);
            self.at = 0;
            self.buffer.resize(left + more, 0);
            self.handle.read(self.offset, &mut self.buffer[left..])?;
            self.offset += more as u64;
        }
        self.at += count;
        Ok(&self.buffer[self.at - count..self.at])
    }
}

/// Walks the blocks of a vectors file. Heads are verified; records are handed out as they are.
#[derive(Debug)]
pub(crate) struct BlockScan<'a> {
    stream: Stream<'a>,
    shape: Shape,
    rows: Vec<u32>,
    keys: Vec<Key>,
    /// Records of the current block that were taken.
    taken: usize,
    rows_before: u32,
}

impl<'a> BlockScan<'a> {
    /// From the first block up to byte `end`.
    pub(crate) fn new(handle: &'a Handle, shape: &Shape, end: u64) -> Self {
        let stream = Stream { handle, offset: HEADER as u64, end: end.max(HEADER as u64), buffer: Vec::new(), at: 0 };
        Self { stream, shape: *shape, rows: Vec::new(), keys: Vec::new(), taken: 0, rows_before: 0 }
    }

    /// Row numbers of the current block.
    pub(crate) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Keys of the current block.
    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Rows in the blocks before the current one.
    pub(crate) fn rows_before(&self) -> u32 {
        self.rows_before
    }

    /// Records of the current block that were taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// The record behind the last one that was taken, not verified.
    pub(crate) fn record(&mut self) -> Result<&[u8]> {
        self.taken += 1;
        self.stream.take(self.shape.record_bytes())
    }

    /// Whether a next block was there and is the current one now. What was not taken of the last one is left behind.
    pub(crate) fn next_block(&mut self) -> Result<bool> {
        while self.taken < self.rows.len() {
            self.record()?;
        }
        let before = self.rows_before + short(self.rows.len());
        let last = self.rows.last().copied();
        let path = self.stream.handle.path();
        let broken = || damaged(path, &format!("the block at row {before} is damaged"));
        if self.stream.offset == self.stream.end && self.stream.at == self.stream.buffer.len() {
            (self.rows_before, self.taken) = (before, 0);
            self.rows.clear();
            self.keys.clear();
            return Ok(false);
        }
        let header = self.stream.take(BLOCK_HEADER)?;
        let (count, sum) = (u32_at(header, 0) as usize, u32_at(header, 8));
        let sound = u32_at(header, 12) == crc32c::crc32c(&header[..12]) && u32_at(header, 4) == before;
        if !sound || count == 0 || count > LARGEST_BLOCK {
            return Err(broken());
        }
        let head = self.stream.take(count * ROW_HEAD)?;
        if crc32c::crc32c(head) != sum {
            return Err(broken());
        }
        let (rows, keys) = head.split_at(count * 4);
        self.rows.clear();
        self.rows.extend(rows.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)));
        self.keys.clear();
        self.keys.extend(keys.as_chunks::<KEY_BYTES>().0);
        (self.rows_before, self.taken) = (before, 0);
        let ascending = self.rows.windows(2).all(|pair| pair[0] < pair[1]);
        if ascending && last.is_none_or(|last| last < self.rows[0]) { Ok(true) } else { Err(broken()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rows, Writer};

    #[test]
    fn a_scan_takes_the_same_memory_for_any_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // The most a block can be: its head is 80 KiB, its records 32 MiB.
        let shape = Shape { padded: 8192, halves: false, space: 0 };
        let mut writer = Writer::create(folder.path(), 1, &shape).expect("created");
        let (rows, codes) = ((0..500).collect::<Vec<u32>>(), vec![3; 500 * 8192]);
        let batch = Rows { rows: &rows, keys: &[[1; 16]; 500], scales: &[1.0; 500], codes: &codes, halves: None };
        writer.append(&batch).expect("appended");
        let view = writer.view();
        let mut scan = view.scan();
        let mut taken = 0;
        while scan.next_block().expect("sound") {
            while scan.taken() < scan.rows().len() {
                taken += scan.record().map(<[u8]>::len).expect("there");
            }
        }
        assert_eq!(taken, 500 * (8192 + 8));
        assert!(scan.stream.buffer.capacity() <= 2 * STREAM_BYTES + 8200, "{}", scan.stream.buffer.capacity());
    }
}
