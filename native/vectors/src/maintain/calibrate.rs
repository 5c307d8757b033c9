//! Measuring on the whole store how many cells a recall takes, once cells have their codes and again as rows double.

use std::sync::Arc;

use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;
use tiercel_codec::aligned::Buffer;
use tiercel_codec::bits::BitsView;
use tiercel_codec::int8;
use tiercel_partition::Neighbourhood;
use tiercel_segment::Throttle;

use super::build::{for_rows, store_partition, threads};
use crate::codes::CodeSet;
use crate::index::Inner;
use crate::state::State;

/// Rows asked with: the recall found is within half a point of the true one.
const QUERIES: usize = 256;
/// A cell that no code names: of a row without codes.
const NO_CELL: u32 = u32::MAX;

/// Calibrates the partition if the store has twice the rows it was calibrated on; false if not.
pub fn calibrate(inner: &Inner, cancel: &Cancel) -> Result<bool> {
    let state = inner.state();
    let Some(set) = state.codes.as_ref().filter(|set| set.partition.cells() > 1) else { return Ok(false) };
    let rows = u64::from(set.rows());
    if rows < QUERIES as u64 || rows < 2 * set.partition.calibrated_on() {
        return Ok(false);
    }
    let charge = inner.accounts.work.charge(u64::from(set.end) * size_of::<u32>() as u64);
    let cells = cells(inner, set, cancel)?;
    let (numbers, queries) = queries(inner, &state, set.end)?;
    let mut seen: Vec<Neighbourhood> = numbers.into_iter().map(Neighbourhood::new).collect();
    look(inner, &state, &cells, &queries, &mut seen, cancel)?;
    let partition = set.partition.calibrated(&queries, &seen, rows, threads(), cancel)?;
    drop((charge, cells));
    adopt(inner, set, partition)?;
    Ok(true)
}

/// The cell of every row that has codes.
fn cells(inner: &Inner, set: &CodeSet, cancel: &Cancel) -> Result<Vec<u32>> {
    let mut cells = vec![NO_CELL; set.end as usize];
    let throttle = Throttle::share(inner.options.background_share);
    for file in &set.files {
        for (page, entry) in file.codes.pages().iter().enumerate() {
            let mut bits = Buffer::zeroed(entry.bits.bytes as usize);
            file.codes.read_bits(page, &mut bits)?;
            for &row in BitsView::new(&bits, entry.rows as usize, inner.shape.padded)?.row_numbers() {
                if let Some(cell) = cells.get_mut(row as usize) {
                    *cell = entry.cell;
                }
            }
            throttle.pace(bits.len(), cancel)?;
        }
    }
    Ok(cells)
}

/// Rows taken evenly from all that have codes: their numbers, and their vectors row-major.
fn queries(inner: &Inner, state: &State, end: u32) -> Result<(Vec<u32>, Vec<f32>)> {
    let padded = inner.shape.padded;
    let (mut numbers, mut vectors) = (Vec::with_capacity(QUERIES), Vec::with_capacity(QUERIES * padded));
    let mut codes = vec![0; padded];
    for query in 0..QUERIES as u64 {
        // The middle of its share: the cells were trained on the rows at the beginnings of such shares.
        let row = u64::from(end) * (2 * query + 1) / (2 * QUERIES as u64);
        let row = u32::try_from(row).unwrap_or(u32::MAX);
        let Some((at, position)) = state.locate(row) else { continue };
        let scale = state.files[at].segment.read_row(position, &mut codes)?;
        let start = vectors.len();
        vectors.resize(start + padded, 0.0);
        int8::decode(&codes, scale, &mut vectors[start..]);
        numbers.push(row);
    }
    Ok((numbers, vectors))
}

/// Shows every row to every query.
fn look(
    inner: &Inner,
    state: &State,
    cells: &[u32],
    queries: &[f32],
    seen: &mut [Neighbourhood],
    cancel: &Cancel,
) -> Result<()> {
    let padded = inner.shape.padded;
    let mut asked: Vec<(int8::Query, &mut Neighbourhood)> =
        queries.chunks_exact(padded).map(int8::Query::new).zip(seen).collect();
    let share = asked.len().div_ceil(threads()).max(1);
    let throttle = Throttle::share(inner.options.background_share);
    let end = u32::try_from(cells.len()).unwrap_or(u32::MAX);
    for_rows(inner, state, 0..end, cancel, |rows, codes, scales| {
        std::thread::scope(|scope| {
            for asked in asked.chunks_mut(share) {
                scope.spawn(move || {
                    let mut dots = vec![0; rows.len()];
                    for (query, seen) in asked {
                        inner.kernel.dots_i8(query, codes, &mut dots);
                        for ((&row, &dot), &scale) in rows.iter().zip(&dots).zip(scales) {
                            let cell = cells[row as usize];
                            if cell != NO_CELL {
                                seen.see(row, cell, query.score(dot, scale));
                            }
                        }
                    }
                });
            }
        });
        throttle.pace(codes.len(), cancel)
    })
}

/// Puts the calibrated partition in the place of the one that `set` has, if that is still in use.
fn adopt(inner: &Inner, set: &CodeSet, partition: tiercel_partition::Partition) -> Result<()> {
    let number = inner.number();
    store_partition(inner, number, &partition)?;
    let mut writer = inner.writer();
    let old = inner.state();
    let Some(now) = old.codes.as_ref().filter(|now| now.generation == set.generation) else {
        inner.retire_partition(number);
        return Ok(());
    };
    let files: Vec<u32> = now.files.iter().map(|file| file.number).collect();
    inner.list(&mut writer, |listed| listed.set_codes(number, files, now.end))?;
    let next = CodeSet::new(number, Arc::new(partition), now.files.clone(), now.end, now.planes);
    let mut state = State::clone(&old);
    state.codes = Some(Arc::new(next));
    inner.replace(&writer, state);
    drop(writer);
    inner.retire_partition(set.generation);
    Ok(())
}
