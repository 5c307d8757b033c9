//! Splitting cells that have grown and giving up those that have emptied, without training anew.

use std::sync::Arc;

use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;
use tiercel_codec::aligned::Buffer;
use tiercel_codec::bits::BitsView;
use tiercel_codec::int8;
use tiercel_partition::{Balance, Operation};
use tiercel_segment::{CodesHeader, CodesWriter, Throttle};

use super::build::{adopt, store_partition, threads};
use super::coder::{Coder, copy_cell};
use crate::codes::{CodeFile, CodeSet};
use crate::index::Inner;
use crate::state::State;

/// Rows of a cell that its two halves are found from.
const MEMBERS: usize = 512;
/// Rows of a cell whose distance from the centroid is looked at.
const SAMPLED: usize = 16;
/// A repair writes all codes again: it must concern this share of the rows.
const WORTH: f64 = 0.02;
/// The cells are looked at again after this growth.
const GROWTH: f64 = 1.1;
const SEED: u64 = 11;

/// When the cells were last looked at: partition and rows.
#[derive(Default)]
pub struct Looked {
    generation: u32,
    rows: u32,
}

impl Looked {
    /// Repairs the partition if enough rows lie in cells that are too large or too small; false if not.
    pub fn step(&mut self, inner: &Inner, cancel: &Cancel) -> Result<bool> {
        let state = inner.state();
        let Some(set) = state.codes.as_ref().filter(|set| set.partition.cells() > 1) else { return Ok(false) };
        let due = self.generation != set.generation || f64::from(set.rows()) >= f64::from(self.rows) * GROWTH;
        if !due {
            return Ok(false);
        }
        *self = Self { generation: set.generation, rows: set.rows() };
        let balance = count(inner, &state, set, cancel)?;
        let operations = balance.plan(&set.partition);
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let concerned = operations.iter().map(|operation| balance.rows(cell_of(*operation))).sum::<u64>() as f64;
        if operations.is_empty() || concerned < f64::from(set.rows()) * WORTH {
            return Ok(false);
        }
        repair(inner, &state, set, &operations, cancel)?;
        Ok(true)
    }
}

fn cell_of(operation: Operation) -> u32 {
    match operation {
        Operation::Split { cell } | Operation::Merge { cell, .. } => cell,
    }
}

/// Rows by cell, with how far some of each lie from the centroid now.
fn count(inner: &Inner, state: &State, set: &CodeSet, cancel: &Cancel) -> Result<Balance> {
    let mut balance = Balance::new(set.partition.cells());
    let mut unit = vec![0.0; inner.shape.padded];
    for cell in 0..set.partition.cells() {
        cancel.check()?;
        let rows = rows_of(inner, set, cell)?;
        let (mut squares, mut seen) = (0.0_f32, 0.0_f32);
        for &row in rows.iter().step_by(rows.len().div_ceil(SAMPLED).max(1)) {
            decode(inner, state, row, |codes, scale| {
                int8::decode(codes, scale, &mut unit);
                squares += set.partition.squared_residual(cell, &unit);
                seen += 1.0;
                Ok(())
            })?;
        }
        if seen > 0.0 {
            balance.add_rows(cell, rows.len() as u64, squares / seen);
        }
    }
    Ok(balance)
}

fn repair(inner: &Inner, state: &State, set: &CodeSet, operations: &[Operation], cancel: &Cancel) -> Result<()> {
    let members = |cell: u32| -> Result<Vec<f32>> {
        let mut units = Vec::new();
        let rows = rows_of(inner, set, cell)?;
        let step = rows.len().div_ceil(MEMBERS).max(1);
        for row in rows.into_iter().step_by(step) {
            decode(inner, state, row, |codes, scale| {
                let at = units.len();
                units.resize(at + codes.len(), 0.0);
                int8::decode(codes, scale, &mut units[at..]);
                Ok(())
            })?;
        }
        Ok(units)
    };
    let repaired = set.partition.repair(operations, members, SEED, cancel)?;
    let partition = Arc::new(repaired.partition);
    let mut moved = Coder::new(&partition, set.planes);
    for (cell, _) in (0..).zip(&repaired.renamed).filter(|(_, now)| now.is_none()) {
        for row in rows_of(inner, set, cell)? {
            decode(inner, state, row, |codes, scale| moved.push(&[row], codes, &[scale], threads(), cancel))?;
        }
    }
    let mut before = vec![None; partition.cells() as usize];
    for (old, now) in (0_u32..).zip(&repaired.renamed) {
        if let Some(slot) = now.and_then(|now| before.get_mut(now as usize)) {
            *slot = Some(old);
        }
    }
    let generation = inner.number();
    store_partition(inner, generation, &partition)?;
    let header = CodesHeader { padded: inner.shape.padded, with_planes: set.planes, generation: generation.into() };
    let number = inner.number();
    let mut writer = CodesWriter::create(&inner.folder, number, &header)?;
    let inputs: Vec<&CodeFile> = set.files.iter().map(|file| &**file).collect();
    let throttle = Throttle::share(inner.options.background_share);
    let mut pace = |bytes: usize| throttle.pace(bytes, cancel);
    let keep = |row: u32| state.locate(row).is_some();
    for (cell, before) in (0_u32..).zip(before) {
        if let Some(before) = before {
            copy_cell(&inputs, before, cell, &mut writer, &header, &keep, &mut pace)?;
        }
        moved.write_cell(cell, &mut writer)?;
    }
    let file = CodeFile::new(number, writer.finish(&[])?)?;
    let next = CodeSet::new(generation, Arc::clone(&partition), vec![Arc::new(file)], set.end, set.planes);
    if let Some(old) = adopt(inner, next)? {
        inner.retire(&old);
    }
    Ok(())
}

/// The numbers of the rows of a cell.
fn rows_of(inner: &Inner, set: &CodeSet, cell: u32) -> Result<Vec<u32>> {
    let mut rows = Vec::new();
    for file in &set.files {
        for page in file.pages_of(cell) {
            let entry = &file.codes.pages()[page];
            let mut bits = Buffer::zeroed(entry.bits.bytes as usize);
            file.codes.read_bits(page, &mut bits)?;
            rows.extend_from_slice(BitsView::new(&bits, entry.rows as usize, inner.shape.padded)?.row_numbers());
        }
    }
    Ok(rows)
}

/// Hands the int8 codes of a row to `each`, if it is still stored.
fn decode(inner: &Inner, state: &State, row: u32, each: impl FnOnce(&[i8], f32) -> Result<()>) -> Result<()> {
    let Some((at, position)) = state.locate(row) else { return Ok(()) };
    let mut codes = vec![0; inner.shape.padded];
    let scale = state.files[at].segment.read_row(position, &mut codes)?;
    each(&codes, scale)
}
