//! The vectors of one space as version 1 kept them: a header, then checksummed blocks of keys, scales and codes.
//!
//! All numbers are little-endian; the layout is in `docs/format.md`. How much of the file counts is recorded in the
//! catalog; what lies behind that is the trace of a commit that did not happen.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use tiercel_base::error::{Error, Result};
use tiercel_base::{KEY_BYTES, Key};

use crate::catalog::Extent;

const MAGIC: [u8; 8] = *b"TIERCELV";
/// The only version of this layout.
const VERSION: u32 = 1;
/// One signed byte per dimension and one scale per row, symmetric.
const CODE_INT8: u32 = 1;
const HEADER_BYTES: usize = 64;
const BLOCK_HEADER_BYTES: usize = 16;
/// Most rows in a block; bounds what a damaged header can make the reader allocate.
const LARGEST_BLOCK: usize = 4096;

/// Hands every committed block to `each` in order: keys and their vectors, row-major.
///
/// # Errors
/// [`Error::UpdateTiercel`] for a newer layout; [`Error::RebuildIndex`] when the file is shorter than `extent`, a
/// checksum does not match or the parts do not fit together; what `each` gives.
pub fn read(
    path: &Path,
    dimension: usize,
    space: u32,
    extent: Extent,
    mut each: impl FnMut(Vec<Key>, Vec<f32>) -> Result<()>,
) -> Result<()> {
    let file = File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => damaged(path, "it is gone"),
        _ => Error::io("open", path, &error),
    })?;
    let mut reader = BufReader::with_capacity(1 << 18, file);
    check_header(path, &mut reader, dimension, space)?;
    let mut read = Extent { rows: 0, bytes: HEADER_BYTES as u64 };
    while read.bytes < extent.bytes {
        let (keys, vectors) = read_block(path, &mut reader, dimension, &mut read)?;
        each(keys, vectors)?;
    }
    if read == extent { Ok(()) } else { Err(damaged(path, "its blocks do not end where the commit did")) }
}

fn header(dimension: usize, space: u32) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
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
    let mut bytes = [0; HEADER_BYTES];
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

fn read_block(
    path: &Path,
    reader: &mut impl Read,
    dimension: usize,
    read: &mut Extent,
) -> Result<(Vec<Key>, Vec<f32>)> {
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
    let scales = scales.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let codes = codes.chunks_exact(dimension);
    let vector = |(scale, codes): (f32, &[u8])| {
        codes.iter().map(|code| scale * f32::from(code.cast_signed())).collect::<Vec<f32>>()
    };
    Ok((keys.as_chunks::<KEY_BYTES>().0.to_vec(), scales.zip(codes).flat_map(vector).collect()))
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

    /// Keys, scales and codes of so many rows.
    type Rows = (Vec<Key>, Vec<f32>, Vec<i8>);

    fn rows(count: usize, seed: u8) -> Rows {
        let byte = |at: usize| u8::try_from(at % 251).expect("small").wrapping_mul(31).wrapping_add(seed);
        (
            (0..count).map(|row| std::array::from_fn(|at| byte(row * 16 + at))).collect(),
            (0..count).map(|row| f32::from(byte(row)) / 7.0).collect(),
            (0..count * DIMENSION).map(|at| byte(at).cast_signed()).collect(),
        )
    }

    /// The file as version 1 wrote it, and its extent.
    fn written(path: &Path, batches: &[Rows]) -> Extent {
        let mut bytes = header(DIMENSION, 3).to_vec();
        let mut count = 0;
        for (keys, scales, codes) in batches {
            let mut payload: Vec<u8> = keys.as_flattened().to_vec();
            payload.extend(scales.iter().flat_map(|scale| scale.to_le_bytes()));
            payload.extend(codes.iter().map(|code| code.cast_unsigned()));
            let rows = u32::try_from(keys.len()).expect("small");
            let mut head = [rows, count, crc32c::crc32c(&payload)].map(u32::to_le_bytes).as_flattened().to_vec();
            head.extend(crc32c::crc32c(&head).to_le_bytes());
            bytes.extend(head);
            bytes.extend(payload);
            count += rows;
        }
        std::fs::write(path, &bytes).expect("written");
        Extent { rows: count, bytes: bytes.len() as u64 }
    }

    fn read_all(path: &Path, extent: Extent) -> Result<(Vec<Key>, Vec<f32>)> {
        let mut all = (Vec::new(), Vec::new());
        read(path, DIMENSION, 3, extent, |keys, vectors| {
            all.0.extend(keys);
            all.1.extend(vectors);
            Ok(())
        })?;
        Ok(all)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn what_was_written_is_read(sizes in prop::collection::vec(1_usize..300, 0..4)) {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("v");
            let batches: Vec<Rows> = sizes.iter().map(|&n| rows(n, 9)).collect();
            let extent = written(&path, &batches);
            let (keys, vectors) = read_all(&path, extent).expect("readable");
            prop_assert_eq!(keys, batches.iter().flat_map(|(keys, ..)| keys.clone()).collect::<Vec<_>>());
            let expected: Vec<f32> = batches
                .iter()
                .flat_map(|(_, scales, codes)| scales.iter().zip(codes.chunks_exact(DIMENSION)))
                .flat_map(|(scale, codes)| codes.iter().map(move |&code| scale * f32::from(code)))
                .collect();
            prop_assert_eq!(vectors, expected);
        }

        #[test]
        fn any_flipped_bit_is_noticed(at in 0_usize..400, bit in 0_u8..8) {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("v");
            let extent = written(&path, &[rows(3, 1), rows(4, 2)]);
            let mut bytes = std::fs::read(&path).expect("readable");
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            std::fs::write(&path, &bytes).expect("written");
            // A flip in the version can look like a newer one; anything else must ask for a rebuild.
            let newer = (8..12).contains(&at);
            match read_all(&path, extent) {
                Err(Error::RebuildIndex(_)) => {}
                Err(Error::UpdateTiercel(_)) => prop_assert!(newer),
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn any_truncation_is_noticed(cut in 1_usize..200) {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("v");
            let extent = written(&path, &[rows(3, 1), rows(4, 2)]);
            let bytes = std::fs::read(&path).expect("readable");
            std::fs::write(&path, &bytes[..bytes.len() - cut]).expect("written");
            prop_assert!(matches!(read_all(&path, extent), Err(Error::RebuildIndex(_))));
        }
    }

    #[test]
    fn what_a_commit_that_did_not_happen_left_is_not_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("v");
        let committed = written(&path, &[rows(10, 1)]);
        written(&path, &[rows(10, 1), rows(20, 2)]);
        assert_eq!(read_all(&path, committed).expect("readable").0, rows(10, 1).0);
    }

    #[test]
    fn another_dimension_or_space_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("v");
        let extent = written(&path, &[rows(3, 1)]);
        let ignore = |_: Vec<Key>, _: Vec<f32>| Ok(());
        assert!(matches!(read(&path, 6, 3, extent, ignore), Err(Error::RebuildIndex(_))));
        assert!(matches!(read(&path, DIMENSION, 4, extent, ignore), Err(Error::RebuildIndex(_))));
    }
}
