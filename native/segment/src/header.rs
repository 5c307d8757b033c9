//! The first 64 bytes of every file: magic, version, fields, and a checksum at byte 60 that every version keeps there.
//!
//! Because the checksum's place never changes, a flipped bit in the version is told apart from a newer version.

use std::path::Path;

use tiercel_base::error::{Error, Result};

use crate::bytes::{put_u32, u32_at};
use crate::fault::damaged;
use crate::shape::Shape;

/// Bytes of a header.
pub(crate) const HEADER: usize = 64;
const SUM_AT: usize = HEADER - 4;

/// A kind of file.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The first eight bytes.
    pub magic: [u8; 8],
    /// The only version of the layout that is read and written.
    pub version: u32,
}

/// `N.vec`; version 1 had no row numbers and one checksum per block.
pub(crate) const VECTORS: Kind = Kind { magic: *b"TIERCELV", version: 2 };
/// `N.idx`.
pub(crate) const INDEX: Kind = Kind { magic: *b"TIERCELI", version: 1 };
/// `N.codes`.
pub(crate) const CODES: Kind = Kind { magic: *b"TIERCELC", version: 1 };
/// `manifest`.
pub(crate) const MANIFEST: Kind = Kind { magic: *b"TIERCELM", version: 1 };

impl Kind {
    /// A header without fields; [`seal`] it when they are in.
    pub(crate) fn header(&self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(&self.magic);
        put_u32(&mut header, 8, self.version);
        header
    }

    /// # Errors
    /// [`Error::UpdateTiercel`] for a newer version, [`Error::RebuildIndex`] for an older one, another kind of file or
    /// damage.
    pub(crate) fn check(&self, path: &Path, header: &[u8; HEADER]) -> Result<()> {
        if header[..8] != self.magic {
            return Err(damaged(path, "it does not start like a file of this kind"));
        }
        if u32_at(header, SUM_AT) != crc32c::crc32c(&header[..SUM_AT]) {
            return Err(damaged(path, "its header is damaged"));
        }
        let version = u32_at(header, 8);
        if version > self.version {
            return Err(Error::UpdateTiercel(format!(
                "{} was written by a newer version (layout {version}, this one reads {}). Update Tiercel.",
                path.display(),
                self.version
            )));
        }
        if version < self.version {
            return Err(damaged(path, &format!("it has the older layout {version}")));
        }
        Ok(())
    }
}

/// Puts the checksum in.
pub(crate) fn seal(header: &mut [u8; HEADER]) {
    let sum = crc32c::crc32c(&header[..SUM_AT]);
    put_u32(header, SUM_AT, sum);
}

/// Puts shape and file number at bytes 12 to 27.
pub(crate) fn put_identity(header: &mut [u8; HEADER], shape: &Shape, number: u32) {
    put_u32(header, 12, crate::bytes::short(shape.padded));
    put_u32(header, 16, u32::from(shape.halves));
    put_u32(header, 20, shape.space);
    put_u32(header, 24, number);
}

/// # Errors
/// [`Error::RebuildIndex`] when a sound header names another shape or file.
pub(crate) fn check_identity(path: &Path, header: &[u8; HEADER], shape: &Shape, number: u32) -> Result<()> {
    let mut expected = *header;
    put_identity(&mut expected, shape, number);
    if *header == expected { Ok(()) } else { Err(damaged(path, "it belongs to another space or was renamed")) }
}

/// The header of a vectors file.
pub(crate) fn of_vectors(shape: &Shape, number: u32) -> [u8; HEADER] {
    let mut header = VECTORS.header();
    put_identity(&mut header, shape, number);
    seal(&mut header);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { padded: 64, halves: false, space: 3 };

    #[test]
    fn a_newer_version_is_not_damage_and_an_older_one_is_not_newer() {
        let path = Path::new("1.vec");
        let with = |version: u32| {
            let mut header = of_vectors(&SHAPE, 1);
            put_u32(&mut header, 8, version);
            seal(&mut header);
            VECTORS.check(path, &header)
        };
        assert!(matches!(with(VECTORS.version + 1), Err(Error::UpdateTiercel(_))));
        assert!(matches!(with(VECTORS.version - 1), Err(Error::RebuildIndex(_))));
        assert_eq!(with(VECTORS.version), Ok(()));
    }

    #[test]
    fn every_flipped_bit_is_damage() {
        let path = Path::new("1.vec");
        for bit in 0..HEADER * 8 {
            let mut header = of_vectors(&SHAPE, 1);
            header[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(VECTORS.check(path, &header), Err(Error::RebuildIndex(_))), "bit {bit}");
        }
    }

    #[test]
    fn another_shape_or_number_is_refused() {
        let (path, header) = (Path::new("1.vec"), of_vectors(&SHAPE, 1));
        for (shape, number) in [
            (Shape { padded: 128, ..SHAPE }, 1),
            (Shape { halves: true, ..SHAPE }, 1),
            (Shape { space: 4, ..SHAPE }, 1),
            (SHAPE, 2),
        ] {
            assert!(matches!(check_identity(path, &header, &shape, number), Err(Error::RebuildIndex(_))));
        }
        assert_eq!(check_identity(path, &header, &SHAPE, 1), Ok(()));
    }
}
