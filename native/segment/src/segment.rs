//! A vectors file as its readers see it: immutable, shared, verified as it is read.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tiercel_base::Key;
use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};

use crate::block::BlockScan;
use crate::bloom::BloomCounts;
use crate::bytes::{short, u64_at};
use crate::fault::damaged;
use crate::handle::Handle;
use crate::header::{self, HEADER};
use crate::index::read::Index;
use crate::keys::{Entry, KeyTable};
use crate::record;
use crate::row_map::RowMap;
use crate::shape::Shape;
use crate::throttle::Throttle;
use crate::writer::{open_vectors, verify_records};

/// Bytes read at a time by [`Segment::read`].
const SPAN_BYTES: usize = 1 << 18;

/// The rows of one vectors file: of a sealed one, or what a growing one had when [`crate::Writer::view`] was called.
/// Cloning is one reference count. Positions count the rows of the file from 0.
#[derive(Debug, Clone)]
pub struct Segment(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    number: u32,
    shape: Shape,
    handle: Arc<Handle>,
    map: RowMap,
    keys: Keys,
}

/// Where the keys are.
#[derive(Debug)]
pub(crate) enum Keys {
    /// Of a growing file: in memory.
    Memory(KeyTable),
    /// Of a sealed file: behind a bloom filter, on the disk.
    Disk(Index),
}

impl Segment {
    /// Opens a sealed file. Reads headers, offsets and bloom filter only, in a time that grows by 1.4 bytes per row.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`] when one of its two files is gone, damaged, of another shape or length;
    /// [`Error::UpdateTiercel`] for a newer layout; [`Error::FixTheMachine`].
    pub fn open(folder: &Path, number: u32, shape: &Shape) -> Result<Self> {
        shape.check()?;
        Self::sealed(folder, number, shape, Arc::new(open_vectors(folder, number, shape, false)?))
    }

    pub(crate) fn sealed(folder: &Path, number: u32, shape: &Shape, handle: Arc<Handle>) -> Result<Self> {
        let (index, map) = Index::open(folder, number, shape)?;
        if handle.length()? != map.file_bytes(shape) {
            return Err(damaged(handle.path(), "it does not have the length its index says"));
        }
        Ok(Self(Arc::new(Inner { number, shape: *shape, handle, map, keys: Keys::Disk(index) })))
    }

    pub(crate) fn growing(number: u32, shape: Shape, handle: Arc<Handle>, map: RowMap, keys: KeyTable) -> Self {
        Self(Arc::new(Inner { number, shape, handle, map, keys: Keys::Memory(keys) }))
    }

    /// Number of the file.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.0.number
    }

    /// Layout of the rows.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.0.shape
    }

    /// Whether the file has its index.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        matches!(self.0.keys, Keys::Disk(_))
    }

    /// Rows in it.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.0.map.rows()
    }

    /// The smallest row number; `None` when there are no rows.
    #[must_use]
    pub fn first_row(&self) -> Option<u32> {
        self.0.map.row_at(0)
    }

    /// The largest row number; `None` when there are no rows.
    #[must_use]
    pub fn last_row(&self) -> Option<u32> {
        self.0.map.last_row()
    }

    /// Number of the row at a position; `None` behind the end.
    #[must_use]
    pub fn row_at(&self, position: u32) -> Option<u32> {
        self.0.map.row_at(position)
    }

    /// Position of a row; `None` when it is not in this file.
    #[must_use]
    pub fn position(&self, row: u32) -> Option<u32> {
        self.0.map.position(row)
    }

    /// The first position whose row is at least `row`; [`Segment::rows`] when there is none.
    #[must_use]
    pub fn lower_position(&self, row: u32) -> u32 {
        self.0.map.lower_position(row)
    }

    /// Reads and verifies the codes and scales of consecutive positions. `codes` takes `padded` values for each.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] when the positions are not there or the buffers do not fit, [`Error::RebuildIndex`] for
    /// damage, [`Error::FixTheMachine`].
    pub fn read(&self, positions: Range<u32>, codes: &mut [i8], scales: &mut [f32]) -> Result<()> {
        let Inner { shape, handle, map, .. } = &*self.0;
        let count = positions.len();
        if positions.end > self.rows() || codes.len() != count * shape.padded || scales.len() != count {
            return Err(Error::FixTheCall(format!(
                "Positions {positions:?} of {} with room for {} codes and {} scales cannot be read.",
                self.rows(),
                codes.len(),
                scales.len()
            )));
        }
        let mut buffer = Vec::new();
        let mut out = codes.chunks_exact_mut(shape.padded).zip(scales);
        let mut start = positions.start;
        while start < positions.end {
            let offset = map.record_offset(shape, start);
            let end = self.span_end(start, positions.end, offset);
            let bytes = map.record_offset(shape, end - 1) + shape.record_bytes() as u64 - offset;
            buffer.resize(usize::try_from(bytes).unwrap_or(0), 0);
            handle.read(offset, &mut buffer)?;
            let mut at = start;
            while at < end {
                // The records up to the end of a block follow each other.
                let block_end = map.block_end(at).min(end);
                let first = usize::try_from(map.record_offset(shape, at) - offset).unwrap_or(0);
                let records = buffer[first..].chunks(shape.record_bytes());
                for ((position, record), (codes, scale)) in (at..block_end).zip(records).zip(&mut out) {
                    *scale = self.decode(position, &record[..shape.code_bytes()], codes)?;
                }
                at = block_end;
            }
            start = end;
        }
        Ok(())
    }

    /// The position up to which one read of about [`SPAN_BYTES`] reaches, at least one further than `start`.
    fn span_end(&self, start: u32, end: u32, offset: u64) -> u32 {
        let Inner { shape, map, .. } = &*self.0;
        let most = short(SPAN_BYTES / shape.row_bytes()).max(1);
        let mut span = start.saturating_add(most).min(end);
        // Many small blocks have many headers between the rows.
        while span > start + 1 && map.record_offset(shape, span - 1) - offset > 2 * SPAN_BYTES as u64 {
            span = start + (span - start) / 2;
        }
        span
    }

    fn decode(&self, position: u32, part: &[u8], codes: &mut [i8]) -> Result<f32> {
        let row = self.0.map.row_at(position).unwrap_or(0);
        if record::codes_are_sound(row, part) { Ok(record::decode_codes(part, codes)) } else { Err(self.damage(row)) }
    }

    fn damage(&self, row: u32) -> Error {
        damaged(self.0.handle.path(), &format!("row {row} is damaged"))
    }

    /// Reads and verifies one row; `codes` takes its `padded` values, the scale is returned.
    ///
    /// # Errors
    /// As [`Segment::read`].
    pub fn read_row(&self, position: u32, codes: &mut [i8]) -> Result<f32> {
        let Inner { shape, handle, map, .. } = &*self.0;
        if position >= self.rows() || codes.len() != shape.padded {
            return Err(self.wrong_row(position, codes.len()));
        }
        let mut part = vec![0; shape.code_bytes()];
        handle.read(map.record_offset(shape, position), &mut part)?;
        self.decode(position, &part, codes)
    }

    /// Reads and verifies the bit patterns of a row's 16-bit floats.
    ///
    /// # Errors
    /// As [`Segment::read`]; [`Error::FixTheCall`] when the rows have none.
    pub fn read_halves(&self, position: u32, out: &mut [u16]) -> Result<()> {
        let Inner { shape, handle, map, .. } = &*self.0;
        if position >= self.rows() || out.len() != shape.padded || !shape.halves {
            return Err(self.wrong_row(position, out.len()));
        }
        let mut part = vec![0; shape.half_bytes()];
        handle.read(map.record_offset(shape, position) + shape.code_bytes() as u64, &mut part)?;
        let row = map.row_at(position).unwrap_or(0);
        if !record::halves_are_sound(row, &part) {
            return Err(self.damage(row));
        }
        record::decode_halves(&part, out);
        Ok(())
    }

    fn wrong_row(&self, position: u32, room: usize) -> Error {
        let Inner { shape, map, .. } = &*self.0;
        Error::FixTheCall(format!(
            "Position {position} of {} rows of {} values (halves: {}) cannot be read into {room} values.",
            map.rows(),
            shape.padded,
            shape.halves
        ))
    }

    /// Hands out every row with its key, streamed, in an order that is not the caller's to rely on.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`] for damage, [`Error::FixTheMachine`].
    pub fn for_each_key(&self, mut each: impl FnMut(u32, &Key)) -> Result<()> {
        for entry in self.sorted_keys() {
            let (key, row) = entry?;
            each(row, &key);
        }
        Ok(())
    }

    /// The entries of the key table, ascending; one block of it is in memory at a time.
    pub(crate) fn sorted_keys(&self) -> Box<dyn Iterator<Item = Result<Entry>> + '_> {
        match &self.0.keys {
            Keys::Memory(table) => Box::new(table.sorted().map(Ok)),
            Keys::Disk(index) => Box::new((0..index.blocks()).flat_map(|number| {
                let (entries, error) =
                    index.block(number).map_or_else(|error| (Vec::new(), Some(error)), |list| (list, None));
                entries.into_iter().map(Ok).chain(error.map(Err))
            })),
        }
    }

    /// The row of a key, the last one if there are several. For a sealed file: bloom filter, then one read of 4 KiB.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`] for damage, [`Error::FixTheMachine`].
    pub fn find(&self, key: &Key) -> Result<Option<u32>> {
        match &self.0.keys {
            Keys::Memory(table) => Ok(table.find(key)),
            Keys::Disk(index) => index.find(key),
        }
    }

    /// Whether the key may be there; `false` is certain. Reads nothing.
    #[must_use]
    pub fn may_contain(&self, key: &Key) -> bool {
        match &self.0.keys {
            Keys::Memory(table) => table.find(key).is_some(),
            Keys::Disk(index) => index.may_contain(key),
        }
    }

    /// How [`Segment::find`] fared with the bloom filter; zeros for a growing file, which has none.
    #[must_use]
    pub fn bloom_counts(&self) -> BloomCounts {
        match &self.0.keys {
            Keys::Memory(_) => BloomCounts::default(),
            Keys::Disk(index) => index.meter().counts(),
        }
    }

    /// Bytes of its files.
    #[must_use]
    pub fn bytes_on_disk(&self) -> u64 {
        let index = match &self.0.keys {
            Keys::Memory(_) => 0,
            Keys::Disk(index) => index.bytes_on_disk(),
        };
        self.0.map.file_bytes(&self.0.shape) + index
    }

    /// Bytes it holds in memory; what views of one growing file share is counted in each.
    #[must_use]
    pub fn bytes_in_memory(&self) -> usize {
        let keys = match &self.0.keys {
            Keys::Memory(table) => table.bytes(),
            Keys::Disk(index) => index.bytes_in_memory(),
        };
        size_of::<Inner>() + self.0.map.bytes() + keys
    }

    /// Deletes the files once the last clone, view and writer of them is gone. A manifest that does not name them comes
    /// first; what a crash leaves is for [`crate::sweep`].
    pub fn retire(&self) {
        self.0.handle.retire();
        if let Keys::Disk(index) = &self.0.keys {
            index.handle().retire();
        }
    }

    /// Reads everything and compares every checksum: block heads, records with their halves, the key table.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`] for damage, [`Error::FixTheMachine`], [`Error::Cancelled`].
    pub fn verify(&self, throttle: &Throttle, cancel: &Cancel) -> Result<()> {
        let Inner { shape, handle, map, .. } = &*self.0;
        let path = handle.path();
        let mut header = [0; HEADER];
        handle.read(0, &mut header)?;
        if header != header::of_vectors(shape, self.0.number) {
            return Err(damaged(path, "its header is damaged"));
        }
        // Both places have the same keys for the same rows exactly when these sums over all of them agree.
        let (mut in_blocks, mut in_table) = (0_u64, 0_u64);
        let mut scan = self.scan();
        while scan.next_block()? {
            if !(scan.rows_before()..).zip(scan.rows()).all(|(at, &row)| map.row_at(at) == Some(row)) {
                return Err(damaged(path, "its blocks are not those of its index"));
            }
            for (&key, &row) in scan.keys().iter().zip(scan.rows()) {
                in_blocks = in_blocks.wrapping_add(digest((key, row)));
            }
            verify_records(&mut scan, shape, path)?;
            throttle.pace(scan.rows().len() * shape.row_bytes(), cancel)?;
        }
        let mut last = None;
        for entry in self.sorted_keys() {
            let entry = entry?;
            if last.is_some_and(|last| last >= entry) {
                return Err(damaged(path, "its key table is out of order"));
            }
            in_table = in_table.wrapping_add(digest(entry));
            last = Some(entry);
        }
        if in_blocks == in_table { Ok(()) } else { Err(damaged(path, "its key table does not fit its rows")) }
    }

    /// The blocks of the file, from the start.
    pub(crate) fn scan(&self) -> BlockScan<'_> {
        BlockScan::new(&self.0.handle, &self.0.shape, self.0.map.file_bytes(&self.0.shape))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.handle.path()
    }
}

/// 64 bits that differ between entries.
fn digest((key, row): Entry) -> u64 {
    let mixed = (u64_at(&key, 0) ^ u64::from(row)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29 ^ u64_at(&key, 8)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}
