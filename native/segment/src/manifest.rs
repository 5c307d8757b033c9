//! Which files a space consists of. Everything that replaces files becomes true when a manifest is stored.

use std::path::{Path, PathBuf};

use tiercel_base::error::{Error, Result};

use crate::bytes::{put_u32, put_u64, short, u32_at, u64_at};
use crate::fault::damaged;
use crate::handle::{Draft, Handle};
use crate::header::{self, HEADER, MANIFEST};
use crate::shape::Shape;

/// Most bytes behind the header; bounds what a damaged one can make a reader allocate.
const LARGEST_BODY: usize = 64 << 20;
const FILE_ENTRY: usize = 12;

/// One vectors file of a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VectorsFile {
    /// Its number.
    pub number: u32,
    /// Whether its index file counts.
    pub sealed: bool,
    /// No row in it has a smaller number; for an empty file, the number its first row is going to have.
    pub first_row: u32,
}

/// The files of a space and what they have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Layout of the rows.
    pub shape: Shape,
    /// Dimension of the vectors before padding.
    pub dimension: u32,
    /// Seed of the rotation.
    pub seed: u64,
    /// Grows with every manifest of the space.
    pub generation: u64,
    /// The vectors files, in order.
    pub files: Vec<VectorsFile>,
    /// The codes files, in order.
    pub codes: Vec<u32>,
    /// Opaque here.
    pub settings: Vec<u8>,
}

impl Manifest {
    /// Reads the manifest of a folder; `None` when there is none.
    ///
    /// # Errors
    /// [`Error::UpdateTiercel`] for a newer layout, [`Error::RebuildIndex`] for damage, [`Error::FixTheMachine`].
    pub fn load(folder: &Path) -> Result<Option<Self>> {
        let path = manifest_path(folder);
        if !path.try_exists().map_err(|error| Error::io("read", &path, &error))? {
            return Ok(None);
        }
        let handle = Handle::open(&path, false)?;
        let mut header = [0; HEADER];
        handle.read(0, &mut header)?;
        MANIFEST.check(&path, &header)?;
        let body_bytes = u32_at(&header, 12) as usize;
        if body_bytes > LARGEST_BODY || handle.length()? != (HEADER + body_bytes) as u64 {
            return Err(damaged(&path, "it does not have the length it says"));
        }
        let mut body = vec![0; body_bytes];
        handle.read(HEADER as u64, &mut body)?;
        if crc32c::crc32c(&body) != u32_at(&header, 16) {
            return Err(damaged(&path, "its checksum does not match"));
        }
        decode(&body).map(Some).ok_or_else(|| damaged(&path, "its parts do not fit together"))
    }

    /// Replaces the manifest of a folder: on the disk there is the old one or this one, and this one when it returns.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for an impossible shape or 64 MiB and more of settings, [`Error::FixTheMachine`].
    pub fn store(&self, folder: &Path) -> Result<()> {
        self.shape.check()?;
        let body = encode(self);
        if body.len() > LARGEST_BODY {
            return Err(Error::FixTheCall(format!("A manifest of {} bytes is too long.", body.len())));
        }
        let mut header = MANIFEST.header();
        put_u32(&mut header, 12, short(body.len()));
        put_u32(&mut header, 16, crc32c::crc32c(&body));
        header::seal(&mut header);
        let draft = Draft::create(manifest_path(folder))?;
        draft.handle().write(0, &[&header, body.as_slice()].concat())?;
        draft.publish()
    }
}

fn manifest_path(folder: &Path) -> PathBuf {
    folder.join("manifest")
}

/// Bytes of the body before the lists.
const FIXED: usize = 44;

fn encode(manifest: &Manifest) -> Vec<u8> {
    let mut body = vec![0; FIXED];
    put_u32(&mut body, 0, short(manifest.shape.padded));
    put_u32(&mut body, 4, u32::from(manifest.shape.halves));
    put_u32(&mut body, 8, manifest.shape.space);
    put_u32(&mut body, 12, manifest.dimension);
    put_u64(&mut body, 16, manifest.seed);
    put_u64(&mut body, 24, manifest.generation);
    put_u32(&mut body, 32, short(manifest.files.len()));
    put_u32(&mut body, 36, short(manifest.codes.len()));
    put_u32(&mut body, 40, short(manifest.settings.len()));
    for file in &manifest.files {
        body.extend([file.number, u32::from(file.sealed), file.first_row].map(u32::to_le_bytes).as_flattened());
    }
    body.extend(manifest.codes.iter().flat_map(|number| number.to_le_bytes()));
    body.extend(&manifest.settings);
    body
}

fn decode(body: &[u8]) -> Option<Manifest> {
    let (fixed, lists) = body.split_at_checked(FIXED)?;
    let [files, codes, settings] = [32, 36, 40].map(|at| u32_at(fixed, at) as usize);
    let (files, rest) = lists.split_at_checked(files.checked_mul(FILE_ENTRY)?)?;
    let (codes, rest) = rest.split_at_checked(codes.checked_mul(4)?)?;
    let file = |bytes: &[u8; FILE_ENTRY]| VectorsFile {
        number: u32_at(bytes, 0),
        sealed: u32_at(bytes, 4) != 0,
        first_row: u32_at(bytes, 8),
    };
    let shape = Shape { padded: u32_at(fixed, 0) as usize, halves: u32_at(fixed, 4) != 0, space: u32_at(fixed, 8) };
    shape.check().ok()?;
    (rest.len() == settings).then(|| Manifest {
        shape,
        dimension: u32_at(fixed, 12),
        seed: u64_at(fixed, 16),
        generation: u64_at(fixed, 24),
        files: files.as_chunks::<FILE_ENTRY>().0.iter().map(file).collect(),
        codes: codes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect(),
        settings: rest.to_vec(),
    })
}
