//! Opening: the manifest, the files it names, and what an unfinished commit left behind.

use std::path::Path;
use std::sync::Arc;

use tiercel_base::error::{Error, Result};
use tiercel_codec::padded;
use tiercel_partition::Partition;
use tiercel_partition::lsh::{LshIndex, LshOptions};
use tiercel_segment::{Codes, Segment, Shape, Writer as FileWriter, sweep};

use crate::codes::{CodeFile, CodeSet};
use crate::encode::ROTATION_SEED;
use crate::files::Files;
use crate::hashes::Hashes;
use crate::options::{IndexKind, IndexOptions, Spec};
use crate::pages::{BYTES_ROWS, BytesPage};
use crate::state::{State, VectorsFile};
use crate::writer::{Unsealed, Writer};

/// Seed of the hash functions.
const HASH_SEED: u64 = 0x6861_7368;

/// What was found or made.
pub struct Opened {
    pub shape: Shape,
    pub seed: u64,
    pub state: State,
    pub writer: Writer,
}

/// What is known of an index without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Components of a vector.
    pub dimension: usize,
    /// Whether half floats are kept.
    pub halves: bool,
    /// One more than the greatest row, if the index was closed with all its rows in sealed files.
    pub end: Option<u32>,
}

pub fn open(folder: &Path, spec: &Spec, committed: u32, options: &IndexOptions) -> Result<Opened> {
    let mut shape = Shape { padded: padded(spec.dimension), halves: spec.halves, space: spec.number };
    let listed = match Files::load(folder)? {
        Some(listed) => {
            // Whether there are half floats was decided when the space was made.
            shape.halves = listed.manifest().shape.halves;
            listed
        }
        None if committed == 0 => create(folder, spec, &shape)?,
        None => {
            return Err(Error::RebuildIndex(format!(
                "{} has lost the list of its vectors. Rebuild the index.",
                folder.display()
            )));
        }
    };
    check(&listed, spec, &shape)?;
    sweep(folder, listed.manifest())?;
    let (files, mut writer) = open_files(folder, &shape, listed, committed)?;
    let codes = match options.kind {
        IndexKind::Auto => open_codes(folder, &mut writer.files)?,
        IndexKind::Exact | IndexKind::Lsh => None,
    };
    let hashes = match options.kind {
        IndexKind::Lsh => {
            let functions = LshOptions { coarse: 16, fine: 64, seed: HASH_SEED };
            Some(Hashes { index: LshIndex::new(shape.padded, &functions)?, end: 0 })
        }
        IndexKind::Auto | IndexKind::Exact => None,
    };
    let tail = match files.last() {
        Some(last) => {
            let first = last.segment.rows() / BYTES_ROWS * BYTES_ROWS;
            BytesPage::read(&last.segment, shape.padded, first, last.segment.rows() - first)?
        }
        None => BytesPage::new(shape.padded),
    };
    let raw_from = codes.as_ref().map_or(0, |set| set.end);
    let state = State { end: committed, files, tail: Arc::new(tail), codes, recent: Vec::new(), raw_from, hashes };
    Ok(Opened { shape, seed: writer.files.manifest().seed, state, writer })
}

/// What a folder holds.
pub fn stored(folder: &Path) -> Result<Option<Stored>> {
    let Some(files) = Files::load(folder)? else { return Ok(None) };
    let shape = files.manifest().shape;
    let end = match files.vectors().last() {
        Some(last) if last.sealed => Segment::open(folder, last.number, &shape)?.last_row().map(|row| row + 1),
        Some(_) | None => None,
    };
    Ok(Some(Stored { dimension: files.manifest().dimension as usize, halves: shape.halves, end }))
}

fn create(folder: &Path, spec: &Spec, shape: &Shape) -> Result<Files> {
    std::fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, &error))?;
    let mut files = Files::new(shape, u32::try_from(spec.dimension).unwrap_or(u32::MAX), ROTATION_SEED);
    begin(folder, shape, &mut files, 0)?;
    Ok(files)
}

/// Adds an empty vectors file.
fn begin(folder: &Path, shape: &Shape, files: &mut Files, first_row: u32) -> Result<()> {
    let number = files.next_number;
    drop(FileWriter::create(folder, number, shape)?);
    files.add_vectors(number, first_row);
    files.store(folder)
}

fn check(files: &Files, spec: &Spec, shape: &Shape) -> Result<()> {
    let manifest = files.manifest();
    if usize::try_from(manifest.dimension) != Ok(spec.dimension) {
        return Err(Error::FixTheCall(format!(
            "The space was made with dimension {}, not {}; a changed model needs another name.",
            manifest.dimension, spec.dimension
        )));
    }
    if manifest.shape != *shape {
        return Err(Error::FixTheCall("The space was made under another number than it is opened with.".into()));
    }
    Ok(())
}

fn open_files(folder: &Path, shape: &Shape, mut files: Files, committed: u32) -> Result<(Vec<VectorsFile>, Writer)> {
    if files.vectors().last().is_none_or(|last| last.sealed) {
        begin(folder, shape, &mut files, committed)?;
    }
    let mut opened = Vec::with_capacity(files.vectors().len());
    let mut unsealed = Vec::new();
    let mut growing = None;
    for (at, entry) in files.vectors().iter().enumerate() {
        let next = files.vectors().get(at + 1);
        let segment = if entry.sealed {
            Segment::open(folder, entry.number, shape)?
        } else {
            // A file that was never written again has no gaps: its rows reach to where the next one begins.
            let rows = next.map_or(committed, |next| next.first_row).saturating_sub(entry.first_row);
            let file = FileWriter::open(folder, entry.number, shape, rows)?;
            let view = file.view();
            match next {
                Some(_) => unsealed.push(Unsealed { number: entry.number, file }),
                None => growing = Some((entry.number, file)),
            }
            view
        };
        opened.push(VectorsFile { number: entry.number, segment });
    }
    let Some((number, file)) = growing else {
        return Err(Error::RebuildIndex(format!("{} names no file of vectors. Rebuild the index.", folder.display())));
    };
    let mut writer = Writer::new(file, number, files, committed);
    writer.unsealed = unsealed;
    Ok((opened, writer))
}

/// Codes are made from the vectors: damaged ones are forgotten and made again.
fn open_codes(folder: &Path, files: &mut Files) -> Result<Option<Arc<CodeSet>>> {
    let Some(generation) = files.partition else { return Ok(None) };
    match load_codes(folder, files, generation) {
        Ok(set) => Ok(Some(Arc::new(set))),
        Err(Error::RebuildIndex(_)) => {
            files.forget_codes();
            files.store(folder)?;
            sweep(folder, files.manifest())?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn load_codes(folder: &Path, files: &Files, generation: u32) -> Result<CodeSet> {
    let partition = Codes::open(folder, generation)?;
    let partition = Arc::new(Partition::from_bytes(&partition.attachment()?)?);
    let mut opened = Vec::with_capacity(files.codes().len());
    let mut planes = true;
    for &number in files.codes() {
        let codes = Codes::open(folder, number)?;
        planes &= codes.header().with_planes;
        opened.push(Arc::new(CodeFile::new(number, codes)?));
    }
    Ok(CodeSet::new(generation, partition, opened, files.coded_end, planes))
}
