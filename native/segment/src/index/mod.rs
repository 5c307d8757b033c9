//! The index file of a sealed vectors file. It is derived: the vectors file holds all it says, in another order.
//!
//! A *front* (everything an opening needs: fences, block positions, runs of row numbers, bloom filter) under one
//! checksum, then the *key table*: keys with their rows, sorted, in 4 KiB blocks with a checksum each. The first eight
//! bytes of every table block's first key are its *fence*; a lookup reads the one block the fences point to.

use std::path::{Path, PathBuf};

use tiercel_base::KEY_BYTES;
use tiercel_base::Key;

use crate::bytes::{aligned, put_u32, u32_at};
use crate::keys::Entry;
use crate::row_map::RowMap;

pub(crate) mod read;
pub(crate) mod write;

/// Bytes of a block of the key table.
pub(crate) const TABLE_BLOCK: usize = 4096;
/// Checksum and number in front of the entries.
const TABLE_HEAD: usize = 8;
const ENTRY: usize = KEY_BYTES + 4;
/// Entries of every table block but the last.
pub(crate) const TABLE_ENTRIES: usize = (TABLE_BLOCK - TABLE_HEAD) / ENTRY;

/// Where the index of vectors file `number` lies.
pub(crate) fn index_path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number}.idx"))
}

/// The first eight bytes of a key, as they sort.
fn fence_of(key: &Key) -> u64 {
    key.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Blocks of a key table with so many rows.
fn table_blocks(rows: u32) -> usize {
    (rows as usize).div_ceil(TABLE_ENTRIES)
}

/// Bytes of header and front; the key table starts behind them.
fn front_end(map_bytes: u64, rows: u32, bloom_bytes: u64) -> u64 {
    let front = table_blocks(rows) as u64 * 8 + map_bytes + bloom_bytes;
    aligned(crate::header::HEADER as u64 + front, TABLE_BLOCK as u64)
}

fn put_entry(block: &mut [u8; TABLE_BLOCK], at: usize, (key, row): &Entry) {
    let start = TABLE_HEAD + at * ENTRY;
    block[start..start + KEY_BYTES].copy_from_slice(key);
    put_u32(block, start + KEY_BYTES, *row);
}

fn entries(block: &[u8; TABLE_BLOCK], count: usize) -> impl ExactSizeIterator<Item = Entry> {
    let bytes = block[TABLE_HEAD..TABLE_HEAD + count * ENTRY].as_chunks::<ENTRY>().0;
    bytes.iter().map(|entry| {
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(&entry[..KEY_BYTES]);
        (key, u32_at(entry, KEY_BYTES))
    })
}

/// The row of the last entry with this key.
fn last_of(block: &[u8; TABLE_BLOCK], count: usize, key: &Key) -> Option<u32> {
    let entries = block[TABLE_HEAD..TABLE_HEAD + count * ENTRY].as_chunks::<ENTRY>().0;
    let end = entries.partition_point(|entry| entry[..KEY_BYTES] <= key[..]);
    entries.get(end.checked_sub(1)?).filter(|entry| entry[..KEY_BYTES] == key[..]).map(|entry| u32_at(entry, KEY_BYTES))
}

/// Bytes a [`RowMap`] takes in the front.
fn map_bytes(map: &RowMap) -> u64 {
    map.blocks().len() as u64 * 4 + map.runs().len() as u64 * 8
}
