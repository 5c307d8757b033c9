//! Turning rows into a file of codes, cell by cell.

use std::path::Path;

use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;
use tiercel_codec::bits::{BitsBuilder, BitsView};
use tiercel_codec::planes::{PlanesBuilder, PlanesView};
use tiercel_codec::{aligned::Buffer, int8};
use tiercel_partition::Partition;
use tiercel_segment::{CodesHeader, CodesWriter};

use crate::codes::CodeFile;
use crate::recent::PAGE_ROWS;

/// Rows that are decoded to floats at a time.
const BLOCK_ROWS: usize = 2048;

/// Codes of rows in memory, by cell, until they are written.
pub struct Coder<'p> {
    partition: &'p Partition,
    planes: bool,
    cells: Vec<Option<CellPages>>,
    rows: usize,
    units: Vec<f32>,
    assigned: Vec<u32>,
}

/// The pages of one cell: full ones and the one being filled.
struct CellPages {
    full: Vec<(u32, Buffer, Option<Buffer>)>,
    bits: BitsBuilder,
    planes: Option<PlanesBuilder>,
}

impl CellPages {
    fn new(padded: usize, planes: bool) -> Self {
        Self { full: Vec::new(), bits: BitsBuilder::new(padded), planes: planes.then(|| PlanesBuilder::new(padded)) }
    }

    fn push(&mut self, row: u32, unit: &[f32], centroid: &[f32]) {
        self.bits.push(row, unit, centroid);
        if let Some(planes) = &mut self.planes {
            planes.push(unit, centroid);
        }
        self.turn();
    }

    fn push_from(&mut self, bits: &BitsView<'_>, planes: Option<&PlanesView<'_>>, position: u32) {
        self.bits.push_from(bits, position);
        if let (Some(to), Some(from)) = (&mut self.planes, planes) {
            to.push_from(from, position);
        }
        self.turn();
    }

    fn turn(&mut self) {
        if self.bits.rows() >= PAGE_ROWS as usize {
            self.finish();
        }
    }

    fn finish(&mut self) {
        let rows = u32::try_from(self.bits.rows()).unwrap_or(0);
        if rows > 0 {
            self.full.push((rows, self.bits.take(), self.planes.as_mut().map(PlanesBuilder::take)));
        }
    }
}

impl<'p> Coder<'p> {
    pub fn new(partition: &'p Partition, planes: bool) -> Self {
        let cells = (0..partition.cells()).map(|_| None).collect();
        Self { partition, planes, cells, rows: 0, units: Vec::new(), assigned: Vec::new() }
    }

    /// Rows waiting to be written.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Codes rows given by their int8 codes, each in its nearest cell.
    pub fn push(&mut self, rows: &[u32], codes: &[i8], scales: &[f32], threads: usize, cancel: &Cancel) -> Result<()> {
        let padded = self.partition.dimension();
        let blocks = rows.chunks(BLOCK_ROWS).zip(codes.chunks(BLOCK_ROWS * padded)).zip(scales.chunks(BLOCK_ROWS));
        for ((rows, codes), scales) in blocks {
            cancel.check()?;
            self.units.resize(rows.len() * padded, 0.0);
            let decoded = self.units.chunks_exact_mut(padded).zip(codes.chunks_exact(padded)).zip(scales);
            decoded.for_each(|((unit, codes), &scale)| int8::decode(codes, scale, unit));
            self.assigned.resize(rows.len(), 0);
            if self.partition.cells() > 1 {
                self.partition.assign(&self.units, &mut self.assigned, threads, cancel)?;
            } else {
                self.assigned.fill(0);
            }
            for ((&row, unit), &cell) in rows.iter().zip(self.units.chunks_exact(padded)).zip(&self.assigned) {
                let pages = &mut self.cells[cell as usize];
                let pages = pages.get_or_insert_with(|| CellPages::new(padded, self.planes));
                pages.push(row, unit, self.partition.centroid(cell));
            }
            self.rows += rows.len();
        }
        Ok(())
    }

    /// Hands the pages of one cell to a file that is being written.
    pub fn write_cell(&mut self, cell: u32, writer: &mut CodesWriter) -> Result<()> {
        match self.cells.get_mut(cell as usize).and_then(Option::take) {
            Some(mut pages) => write_cell(writer, cell, &mut pages),
            None => Ok(()),
        }
    }

    /// Writes what waits as one file and starts over.
    pub fn write(&mut self, folder: &Path, number: u32, generation: u32) -> Result<CodeFile> {
        let padded = self.partition.dimension();
        let header = CodesHeader { padded, with_planes: self.planes, generation: generation.into() };
        let mut writer = CodesWriter::create(folder, number, &header)?;
        for (cell, pages) in (0..).zip(&mut self.cells) {
            let Some(mut pages) = pages.take() else { continue };
            write_cell(&mut writer, cell, &mut pages)?;
        }
        self.rows = 0;
        CodeFile::new(number, writer.finish(&[])?)
    }
}

fn write_cell(writer: &mut CodesWriter, cell: u32, pages: &mut CellPages) -> Result<()> {
    pages.finish();
    for (rows, bits, planes) in pages.full.drain(..) {
        writer.page(cell, rows, &bits, planes.as_deref())?;
    }
    Ok(())
}

/// Writes several files of codes of one generation as one, without the rows that `keep` refuses.
pub fn merge(
    inputs: &[&CodeFile],
    cells: u32,
    folder: &Path,
    number: u32,
    header: &CodesHeader,
    keep: &dyn Fn(u32) -> bool,
    pace: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<CodeFile> {
    let mut writer = CodesWriter::create(folder, number, header)?;
    for cell in 0..cells {
        copy_cell(inputs, cell, cell, &mut writer, header, keep, pace)?;
    }
    CodeFile::new(number, writer.finish(&[])?)
}

/// Writes the rows of a cell of several files as the cell `to` of one.
pub fn copy_cell(
    inputs: &[&CodeFile],
    from: u32,
    to: u32,
    writer: &mut CodesWriter,
    header: &CodesHeader,
    keep: &dyn Fn(u32) -> bool,
    pace: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<()> {
    let padded = header.padded;
    let mut pages = CellPages::new(padded, header.with_planes);
    for file in inputs {
        for page in file.pages_of(from) {
            let entry = &file.codes.pages()[page];
            let mut bits = Buffer::zeroed(entry.bits.bytes as usize);
            file.codes.read_bits(page, &mut bits)?;
            let view = BitsView::new(&bits, entry.rows as usize, padded)?;
            let mut planes = Buffer::zeroed(if header.with_planes { entry.planes.bytes as usize } else { 0 });
            let planes_view = if header.with_planes {
                file.codes.read_planes(page, &mut planes)?;
                Some(PlanesView::new(&planes, entry.rows as usize, padded)?)
            } else {
                None
            };
            for position in (0..entry.rows).filter(|position| keep(view.row(*position))) {
                pages.push_from(&view, planes_view.as_ref(), position);
            }
            pace(bits.len() + planes.len())?;
        }
    }
    write_cell(writer, to, &mut pages)
}
