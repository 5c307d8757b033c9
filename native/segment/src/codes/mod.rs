//! Codes files: immutable pages of code streams, opaque here, derived from the vectors files.

use std::path::{Path, PathBuf};

use crate::bytes::{put_u32, put_u64, u32_at, u64_at};

pub(crate) mod read;
pub(crate) mod write;

/// Streams start at multiples of this.
const ALIGNMENT: u64 = 64;
/// Bytes of an extent in the page table.
const EXTENT: usize = 16;
/// Bytes of a page in the page table.
const ENTRY: usize = 8 + 2 * EXTENT;
/// The last bytes of the file say where page table and attachment are.
const FOOTER: usize = 64;
const FOOTER_MAGIC: [u8; 8] = *b"TIERCELE";

/// What a codes file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodesHeader {
    /// Dimension after padding.
    pub padded: usize,
    /// Whether every page has planes.
    pub with_planes: bool,
    /// Which partition of the vectors the pages follow.
    pub generation: u64,
}

/// Where a stream lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// First byte, a multiple of 64.
    pub offset: u64,
    /// Bytes, without the padding behind them.
    pub bytes: u32,
    /// CRC-32C of them.
    pub sum: u32,
}

/// One page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageEntry {
    /// The cell its rows belong to; a cell may have several pages.
    pub cell: u32,
    /// Rows in it.
    pub rows: u32,
    /// The 1-bit codes with what belongs to them.
    pub bits: Extent,
    /// The further bit planes; empty when the file has none.
    pub planes: Extent,
}

/// Where codes file `number` lies.
fn codes_path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number}.codes"))
}

impl Extent {
    fn put(&self, out: &mut [u8]) {
        put_u64(out, 0, self.offset);
        put_u32(out, 8, self.bytes);
        put_u32(out, 12, self.sum);
    }

    fn get(bytes: &[u8]) -> Self {
        Self { offset: u64_at(bytes, 0), bytes: u32_at(bytes, 8), sum: u32_at(bytes, 12) }
    }

    fn end(&self) -> Option<u64> {
        self.offset.checked_add(u64::from(self.bytes))
    }
}

impl PageEntry {
    fn encode(&self) -> [u8; ENTRY] {
        let mut out = [0; ENTRY];
        put_u32(&mut out, 0, self.cell);
        put_u32(&mut out, 4, self.rows);
        self.bits.put(&mut out[8..]);
        self.planes.put(&mut out[8 + EXTENT..]);
        out
    }

    fn decode(bytes: &[u8; ENTRY]) -> Self {
        Self {
            cell: u32_at(bytes, 0),
            rows: u32_at(bytes, 4),
            bits: Extent::get(&bytes[8..]),
            planes: Extent::get(&bytes[8 + EXTENT..]),
        }
    }
}
