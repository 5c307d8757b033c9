//! The file of token vectors, `vectors.bin`, little-endian:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 8 | magic `TRCLSTAT` |
//! | 8 | 4 | version, 1 |
//! | 12 | 4 | length of this header, 64 |
//! | 16 | 4 | number of pieces `n` |
//! | 20 | 4 | dimension `d` |
//! | 24 | 4 | CRC-32C of everything behind the header |
//! | 28 | 4 | CRC-32C of the vocabulary file that belongs to it |
//! | 32 | 28 | zero |
//! | 60 | 4 | CRC-32C of bytes 0 to 60 |
//! | 64 | 4 n | scale of each row, f32 |
//! | 64 + 4 n | n d | rows of i8 codes; component = scale x code, the piece's weight included |

use std::path::Path;

use crate::error::{Error, Result};

const MAGIC: &[u8; 8] = b"TRCLSTAT";
const VERSION: u32 = 1;
const HEADER: usize = 64;

/// Rows of token vectors with a scale each.
#[derive(Debug)]
pub struct VectorTable {
    dimension: usize,
    scales: Vec<f32>,
    codes: Vec<u8>,
    checksum: u32,
    vocabulary_checksum: u32,
}

impl VectorTable {
    /// Reads and checks the whole file.
    ///
    /// # Errors
    /// [`Error::InstallWhatIsMissing`] when it is absent, damaged or no such file, [`Error::UpdateTiercel`] when a newer
    /// version wrote it, [`Error::FixTheMachine`] when the operating system refuses.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = super::read_part(path)?;
        Self::decode(&bytes).map_err(|fault| match fault {
            Fault::Newer(version) => Error::UpdateTiercel(format!(
                "{} has version {version}, this Tiercel reads {VERSION}: update Tiercel.",
                path.display()
            )),
            Fault::Broken(what) => {
                Error::InstallWhatIsMissing(format!("{} {what}: install Tiercel again.", path.display()))
            }
        })
    }

    /// A file's content.
    pub(super) fn decode(bytes: &[u8]) -> std::result::Result<Self, Fault> {
        let header = bytes.get(..HEADER).ok_or(Fault::Broken("is cut off"))?;
        if !header.starts_with(MAGIC) {
            return Err(Fault::Broken("is not a file of token vectors"));
        }
        let version = word(header, 8);
        if version > VERSION {
            return Err(Fault::Newer(version));
        }
        if version != VERSION
            || word(header, 12) as usize != HEADER
            || word(header, 60) != crc32c::crc32c(&header[..60])
        {
            return Err(Fault::Broken("has a damaged header"));
        }
        let (count, dimension) = (word(header, 16) as usize, word(header, 20) as usize);
        let expected = dimension.checked_add(4).and_then(|row| row.checked_mul(count));
        let content = &bytes[HEADER..];
        if dimension == 0 || expected != Some(content.len()) {
            return Err(Fault::Broken("is cut off or has bytes too many"));
        }
        let checksum = word(header, 24);
        if crc32c::crc32c(content) != checksum {
            return Err(Fault::Broken("is damaged (its checksum differs)"));
        }
        let (scales, codes) = content.split_at(4 * count);
        let (scales, _) = scales.as_chunks::<4>();
        let scales: Vec<f32> = scales.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if scales.iter().any(|scale| !scale.is_finite()) {
            return Err(Fault::Broken("has a scale that is no number"));
        }
        Ok(Self { dimension, scales, codes: codes.to_vec(), checksum, vocabulary_checksum: word(header, 28) })
    }

    /// Components of a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.scales.len()
    }

    /// CRC-32C of scales and codes: changes whenever a vector would.
    pub fn checksum(&self) -> u32 {
        self.checksum
    }

    /// CRC-32C of the vocabulary file these rows belong to.
    pub fn vocabulary_checksum(&self) -> u32 {
        self.vocabulary_checksum
    }

    /// The scale of a row, zero for a piece that means nothing.
    pub fn scale(&self, row: usize) -> f32 {
        self.scales[row]
    }

    /// The codes of a row, two's complement.
    pub fn codes(&self, row: usize) -> &[u8] {
        &self.codes[row * self.dimension..(row + 1) * self.dimension]
    }
}

/// Why a file cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Newer(u32),
    Broken(&'static str),
}

/// A 32-bit field of the header.
fn word(header: &[u8], at: usize) -> u32 {
    let mut bytes = [0_u8; 4];
    bytes.copy_from_slice(&header[at..at + 4]);
    u32::from_le_bytes(bytes)
}

/// A file's bytes, for tests.
#[cfg(test)]
pub(super) fn encode(dimension: u32, scales: &[f32], codes: &[i8], vocabulary: &str) -> Vec<u8> {
    let mut content: Vec<u8> = scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
    content.extend(codes.iter().map(|code| code.to_le_bytes()[0]));
    let mut file = MAGIC.to_vec();
    let count = u32::try_from(scales.len()).expect("small");
    let checks = [crc32c::crc32c(&content), crc32c::crc32c(vocabulary.as_bytes())];
    for field in [VERSION, 64, count, dimension, checks[0], checks[1]] {
        file.extend(field.to_le_bytes());
    }
    file.resize(60, 0);
    file.extend(crc32c::crc32c(&file).to_le_bytes());
    file.extend(content);
    file
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn small() -> Vec<u8> {
        encode(3, &[0.5, 0.25], &[1, -2, 3, -4, 5, -127], "a\nb")
    }

    #[test]
    fn rows_come_back() {
        let table = VectorTable::decode(&small()).expect("whole");
        assert_eq!((table.rows(), table.dimension()), (2, 3));
        assert_eq!(table.codes(1), [252, 5, 129]);
        assert!((table.scale(1) - 0.25).abs() < f32::EPSILON);
    }

    #[test]
    fn a_newer_version_is_named() {
        let mut file = small();
        file[8] = 9;
        assert_eq!(VectorTable::decode(&file).err(), Some(Fault::Newer(9)));
    }

    proptest! {
        #[test]
        fn a_cut_file_is_refused(length in 0_usize..78) {
            prop_assert!(VectorTable::decode(&small()[..length]).is_err());
        }

        #[test]
        fn a_flipped_bit_is_refused(byte in 0_usize..78, bit in 0_u8..8) {
            let mut file = small();
            file[byte] ^= 1 << bit;
            prop_assert!(VectorTable::decode(&file).is_err());
        }

        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(VectorTable::decode(&bytes).is_err());
        }
    }
}
