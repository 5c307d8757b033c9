//! The vectors of one space on disk: a header, then checksummed blocks of keys, scales and codes, append-only.
//!
//! All numbers are little-endian. The byte layout is in `docs/format.md`. How much of the file counts is recorded in
//! the catalog; what lies behind that is the trace of a commit that did not happen, and is cut off at the next opening.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::memory::keys::{KEY_BYTES, Key};

const MAGIC: [u8; 8] = *b"TIERCELV";
/// Version of this layout.
pub const VERSION: u32 = 1;
/// One signed byte per dimension and one scale per row, symmetric.
const CODE_INT8: u32 = 1;
/// Bytes before the first block.
pub const HEADER_BYTES: u64 = 64;
const BLOCK_HEADER_BYTES: usize = 16;
/// Most rows in a block; bounds what a damaged header can make the reader allocate.
pub const LARGEST_BLOCK: usize = 4096;

/// Rows, decoded or about to be written. `scales.len()` rows; `codes` holds `dimension` bytes for each.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Rows {
    /// One key per row.
    pub keys: Vec<Key>,
    /// One scale per row.
    pub scales: Vec<f32>,
    /// `rows x dimension` codes.
    pub codes: Vec<i8>,
}

/// How much of a file counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Rows in the blocks that count.
    pub rows: u32,
    /// Bytes from the start of the file, header included.
    pub bytes: u64,
}

impl Extent {
    /// A file with its header only.
    pub const EMPTY: Self = Self { rows: 0, bytes: HEADER_BYTES };
}

/// An open file of vectors, at its committed end.
#[derive(Debug)]
pub struct VectorFile {
    file: File,
    path: PathBuf,
    dimension: usize,
    extent: Extent,
}

impl VectorFile {
    /// Makes the file with an empty extent, durable when this returns; a file that is there is emptied.
    ///
    /// # Errors
    /// [`Error::FixTheMachine`].
    pub fn create(path: &Path, dimension: usize, space: u32) -> Result<Self> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(path)
            .map_err(|error| Error::io("create", path, &error))?;
        file.write_all(&header(dimension, space))
            .and_then(|()| file.sync_all())
            .map_err(|error| Error::io("write", path, &error))?;
        Ok(Self { file, path: path.to_owned(), dimension, extent: Extent::EMPTY })
    }

    /// Opens the file, hands every committed block to `each` in order, and cuts off what lies behind `extent`.
    ///
    /// # Errors
    /// [`Error::UpdateTiercel`] for a layout of a newer version, before anything is changed; [`Error::RebuildIndex`]
    /// when the file is shorter than `extent`, a checksum does not match or the parts do not fit together.
    pub fn open(path: &Path, dimension: usize, space: u32, extent: Extent, mut each: impl FnMut(Rows)) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => damaged(path, "it is gone"),
            _ => Error::io("open", path, &error),
        })?;
        let length = file.metadata().map_err(|error| Error::io("read", path, &error))?.len();
        let mut reader = BufReader::with_capacity(1 << 18, &file);
        check_header(path, &mut reader, dimension, space)?;
        if length < extent.bytes {
            return Err(damaged(path, "it is shorter than what was committed"));
        }
        let mut read = Extent::EMPTY;
        while read.bytes < extent.bytes {
            let rows = read_block(path, &mut reader, dimension, &mut read)?;
            each(rows);
        }
        if read != extent {
            return Err(damaged(path, "its blocks do not end where the commit did"));
        }
        if length > extent.bytes {
            file.set_len(extent.bytes).map_err(|error| Error::io("shorten", path, &error))?;
        }
        Ok(Self { file, path: path.to_owned(), dimension, extent })
    }

    /// What counts now.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// Writes rows behind the extent and waits until they are on the disk. They count once [`VectorFile::accept`] is
    /// given the extent returned here.
    ///
    /// # Errors
    /// [`Error::FixTheMachine`]; the file is as before, or gets cut at the next opening.
    pub fn append(&mut self, rows: &Rows) -> Result<Extent> {
        let mut bytes = Vec::with_capacity(rows.scales.len() * (KEY_BYTES + 4 + self.dimension) + 64);
        let mut extent = self.extent;
        for start in (0..rows.scales.len()).step_by(LARGEST_BLOCK) {
            let end = rows.scales.len().min(start + LARGEST_BLOCK);
            write_block(rows, start..end, self.dimension, extent.rows, &mut bytes);
            extent.rows += u32::try_from(end - start).unwrap_or(0);
        }
        extent.bytes += bytes.len() as u64;
        self.file
            .seek(SeekFrom::Start(self.extent.bytes))
            .and_then(|_| self.file.write_all(&bytes))
            .and_then(|()| self.file.sync_data())
            .map_err(|error| Error::io("write", &self.path, &error))?;
        Ok(extent)
    }

    /// Makes appended rows count, once the catalog says so.
    pub fn accept(&mut self, extent: Extent) {
        self.extent = extent;
    }
}

fn header(dimension: usize, space: u32) -> [u8; 64] {
    let mut header = [0; 64];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..16].copy_from_slice(&u32::try_from(dimension).unwrap_or(u32::MAX).to_le_bytes());
    header[16..20].copy_from_slice(&CODE_INT8.to_le_bytes());
    header[20..24].copy_from_slice(&space.to_le_bytes());
    let sum = crc32c::crc32c(&header[..60]);
    header[60..].copy_from_slice(&sum.to_le_bytes());
    header
}

fn check_header(path: &Path, reader: &mut impl Read, dimension: usize, space: u32) -> Result<()> {
    let mut bytes = [0; 64];
    fill(path, reader, &mut bytes)?;
    if bytes[..8] != MAGIC {
        return Err(damaged(path, "it does not start like a file of vectors"));
    }
    let version = number(&bytes, 8);
    if version > VERSION {
        return Err(Error::UpdateTiercel(format!(
            "{} was written by a newer version (format {version}, this one reads up to {VERSION}). Update Tiercel.",
            path.display()
        )));
    }
    if bytes != header(dimension, space) {
        return Err(damaged(path, "its header is damaged or belongs to another space"));
    }
    Ok(())
}

fn write_block(rows: &Rows, range: std::ops::Range<usize>, dimension: usize, first_row: u32, out: &mut Vec<u8>) {
    let head = out.len();
    out.resize(head + BLOCK_HEADER_BYTES, 0);
    out.extend(rows.keys[range.clone()].as_flattened());
    for scale in &rows.scales[range.clone()] {
        out.extend(scale.to_le_bytes());
    }
    out.extend(rows.codes[range.start * dimension..range.end * dimension].iter().map(|code| code.cast_unsigned()));
    let payload_sum = crc32c::crc32c(&out[head + BLOCK_HEADER_BYTES..]);
    let count = u32::try_from(range.len()).unwrap_or(0);
    for (at, value) in [count, first_row, payload_sum].into_iter().enumerate() {
        out[head + 4 * at..head + 4 * at + 4].copy_from_slice(&value.to_le_bytes());
    }
    let head_sum = crc32c::crc32c(&out[head..head + 12]);
    out[head + 12..head + 16].copy_from_slice(&head_sum.to_le_bytes());
}

fn read_block(path: &Path, reader: &mut impl Read, dimension: usize, read: &mut Extent) -> Result<Rows> {
    let mut head = [0; BLOCK_HEADER_BYTES];
    fill(path, reader, &mut head)?;
    let (count, first_row) = (number(&head, 0), number(&head, 4));
    let rows = count as usize;
    if number(&head, 12) != crc32c::crc32c(&head[..12]) || rows == 0 || rows > LARGEST_BLOCK || first_row != read.rows {
        return Err(damaged(path, &format!("the block at row {} is damaged", read.rows)));
    }
    let mut payload = vec![0; rows * (KEY_BYTES + 4 + dimension)];
    fill(path, reader, &mut payload)?;
    if number(&head, 8) != crc32c::crc32c(&payload) {
        return Err(damaged(path, &format!("the checksum of the block at row {} does not match", read.rows)));
    }
    let (keys, rest) = payload.split_at(rows * KEY_BYTES);
    let (scales, codes) = rest.split_at(rows * 4);
    read.rows += count;
    read.bytes += (BLOCK_HEADER_BYTES + payload.len()) as u64;
    Ok(Rows {
        keys: keys.as_chunks::<KEY_BYTES>().0.to_vec(),
        scales: scales.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        codes: codes.iter().map(|byte| byte.cast_signed()).collect(),
    })
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk::<4>().map_or(0, |found| u32::from_le_bytes(*found))
}

fn fill(path: &Path, reader: &mut impl Read, bytes: &mut [u8]) -> Result<()> {
    reader.read_exact(bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => damaged(path, "it ends too early"),
        _ => Error::io("read", path, &error),
    })
}

fn damaged(path: &Path, why: &str) -> Error {
    Error::RebuildIndex(format!("The vectors in {} cannot be read: {why}. Rebuild the index.", path.display()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIMENSION: usize = 5;

    fn rows(count: usize, seed: u8) -> Rows {
        let byte = |at: usize| u8::try_from(at % 251).expect("small").wrapping_mul(31).wrapping_add(seed);
        Rows {
            keys: (0..count).map(|row| std::array::from_fn(|at| byte(row * 16 + at))).collect(),
            scales: (0..count).map(|row| f32::from(byte(row)) / 7.0).collect(),
            codes: (0..count * DIMENSION).map(|at| byte(at).cast_signed()).collect(),
        }
    }

    fn read(path: &Path, extent: Extent) -> Result<Rows> {
        let mut all = Rows::default();
        VectorFile::open(path, DIMENSION, 3, extent, |mut block| {
            all.keys.append(&mut block.keys);
            all.scales.append(&mut block.scales);
            all.codes.append(&mut block.codes);
        })?;
        Ok(all)
    }

    fn written(path: &Path, batches: &[Rows]) -> Extent {
        let mut file = VectorFile::create(path, DIMENSION, 3).expect("created");
        for batch in batches {
            let extent = file.append(batch).expect("appended");
            file.accept(extent);
        }
        file.extent()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn what_was_written_is_read(sizes in prop::collection::vec(1_usize..300, 0..4)) {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("v");
            let batches: Vec<Rows> = sizes.iter().map(|&n| rows(n, 9)).collect();
            let extent = written(&path, &batches);
            let all = read(&path, extent).expect("readable");
            prop_assert_eq!(all.keys.len(), sizes.iter().sum::<usize>());
            prop_assert_eq!(all.codes, batches.iter().flat_map(|b| b.codes.clone()).collect::<Vec<_>>());
            prop_assert_eq!(all.keys, batches.iter().flat_map(|b| b.keys.clone()).collect::<Vec<_>>());
            prop_assert_eq!(all.scales, batches.iter().flat_map(|b| b.scales.clone()).collect::<Vec<_>>());
        }

        #[test]
        fn any_flipped_bit_is_noticed(at in 0_usize..200, bit in 0_u8..8) {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("v");
            let extent = written(&path, &[rows(3, 1), rows(4, 2)]);
            let mut bytes = std::fs::read(&path).expect("readable");
            prop_assert_eq!(bytes.len() as u64, extent.bytes);
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            std::fs::write(&path, &bytes).expect("written");
            // A flip in the version can look like a newer one; anything else must ask for a rebuild.
            let newer = (8..12).contains(&at);
            match read(&path, extent) {
                Err(Error::RebuildIndex(_)) => {}
                Err(Error::UpdateTiercel(_)) => prop_assert!(newer),
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn any_truncation_is_noticed(cut in 1_u64..200) {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("v");
            let extent = written(&path, &[rows(3, 1), rows(4, 2)]);
            let file = OpenOptions::new().write(true).open(&path).expect("opened");
            file.set_len(extent.bytes.saturating_sub(cut)).expect("cut");
            prop_assert!(matches!(read(&path, extent), Err(Error::RebuildIndex(_))));
        }
    }

    #[test]
    fn blocks_are_split_and_uncommitted_rows_are_cut_off() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("v");
        let committed = written(&path, &[rows(LARGEST_BLOCK + 10, 1)]);
        assert_eq!(committed.rows as usize, LARGEST_BLOCK + 10);
        let mut file = VectorFile::open(&path, DIMENSION, 3, committed, |_| {}).expect("opened");
        file.append(&rows(20, 2)).expect("appended");
        drop(file);
        assert!(std::fs::metadata(&path).expect("present").len() > committed.bytes);
        assert_eq!(read(&path, committed).expect("readable"), rows(LARGEST_BLOCK + 10, 1));
        assert_eq!(std::fs::metadata(&path).expect("present").len(), committed.bytes);
    }

    #[test]
    fn another_dimension_or_space_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("v");
        let extent = written(&path, &[rows(3, 1)]);
        assert!(matches!(VectorFile::open(&path, 6, 3, extent, |_| {}), Err(Error::RebuildIndex(_))));
        assert!(matches!(VectorFile::open(&path, DIMENSION, 4, extent, |_| {}), Err(Error::RebuildIndex(_))));
    }
}
