//! Making codes: all of them for a new partition, those of new rows, or entries of the hash index.

use std::ops::Range;
use std::sync::Arc;

use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;
use tiercel_codec::int8;
use tiercel_partition::{Partition, Training, cells_for, outgrown, sample_for};
use tiercel_segment::CodesHeader;

use super::coder::{Coder, merge};
use crate::codes::{CodeFile, CodeSet};
use crate::files::Files;
use crate::index::Inner;
use crate::recent::RecentBuilder;
use crate::state::State;

/// Rows read from a vectors file at a time.
const READ_ROWS: u32 = 2048;

/// Rows whose codes wait in memory before they are written, 50 MB at 768 dimensions with planes.
const CHUNK_ROWS: usize = 131_072;

/// The sample is held as floats: this many bytes at most.
const SAMPLE_BYTES: usize = 512 << 20;

/// New rows that are coded with the writer waiting.
const CATCH_UP_ROWS: u32 = 2048;

const TRAINING_SEED: u64 = 7;
const TRAINING_ROUNDS: usize = 8;

/// Makes a new partition and all codes with it, when the store has grown into or out of one.
pub fn build(inner: &Inner, cancel: &Cancel) -> Result<bool> {
    let state = inner.state();
    let rows = state.rows();
    let options = &inner.options;
    let partitioned = rows >= u64::from(options.cells_from);
    let wanted = if partitioned { options.cells.unwrap_or_else(|| cells_for(rows)) } else { 1 };
    let due = match &state.codes {
        None => rows >= u64::from(options.flat_from),
        Some(set) if set.partition.cells() == 1 => wanted > 1,
        Some(set) => options.cells.is_none() && outgrown(set.partition.cells(), rows),
    };
    if !due {
        return Ok(false);
    }
    let (state, upto) = closed(inner);
    let partition = Arc::new(train(inner, &state, wanted, cancel)?);
    let generation = inner.number();
    store_partition(inner, generation, &partition)?;
    let mut files = Vec::new();
    let mut coder = Coder::new(&partition, options.planes);
    for_rows(inner, &state, 0..upto, cancel, |rows, codes, scales| {
        coder.push(rows, codes, scales, threads(), cancel)?;
        inner.accounts.work.set((coder.rows() * inner.shape.padded / 2) as u64);
        if coder.rows() >= CHUNK_ROWS {
            files.push(coder.write(&inner.folder, inner.number(), generation)?);
        }
        Ok(())
    })?;
    if coder.rows() > 0 {
        files.push(coder.write(&inner.folder, inner.number(), generation)?);
    }
    inner.accounts.work.set(0);
    if files.len() > 1 {
        let header =
            CodesHeader { padded: inner.shape.padded, with_planes: options.planes, generation: generation.into() };
        let inputs: Vec<&CodeFile> = files.iter().collect();
        let mut pace = |_| cancel.check();
        let one = merge(&inputs, partition.cells(), &inner.folder, inner.number(), &header, &|_| true, &mut pace)?;
        for file in &files {
            inner.retire_file(file);
        }
        files = vec![one];
    }
    let files = files.into_iter().map(Arc::new).collect();
    let set = CodeSet::new(generation, partition, files, upto, options.planes);
    let old = adopt(inner, set)?;
    if let Some(old) = old {
        inner.retire(&old);
    }
    Ok(true)
}

/// Lets go of all codes: every row is compared by its int8 codes until they are made again.
pub fn forget(inner: &Inner) -> Result<()> {
    let mut writer = inner.writer();
    inner.list(&mut writer, Files::forget_codes)?;
    writer.recent = None;
    let mut state = State::clone(&inner.state());
    let old = state.codes.take();
    state.recent.clear();
    state.raw_from = 0;
    inner.replace(&writer, state);
    drop(writer);
    if let Some(old) = old {
        inner.retire(&old);
    }
    Ok(())
}

/// Writes the codes of rows that are in memory or raw, once they are many.
pub fn flush(inner: &Inner, cancel: &Cancel) -> Result<bool> {
    let state = inner.state();
    let Some(set) = &state.codes else { return Ok(false) };
    let raw = u64::from(state.end.saturating_sub(state.raw_from));
    let waiting = state.end.saturating_sub(set.end);
    let room =
        inner.options.recent_rows.max(set.partition.cells().saturating_mul(4).min(4 * inner.options.recent_rows));
    if waiting < room && raw <= u64::from(CATCH_UP_ROWS) {
        return Ok(false);
    }
    let (state, upto) = closed(inner);
    let Some(set) = &state.codes else { return Ok(false) };
    let mut coder = Coder::new(&set.partition, set.planes);
    let mut files = set.files.clone();
    for_rows(inner, &state, set.end..upto, cancel, |rows, codes, scales| {
        coder.push(rows, codes, scales, threads(), cancel)?;
        if coder.rows() >= CHUNK_ROWS {
            files.push(Arc::new(coder.write(&inner.folder, inner.number(), set.generation)?));
        }
        Ok(())
    })?;
    if coder.rows() > 0 {
        files.push(Arc::new(coder.write(&inner.folder, inner.number(), set.generation)?));
    }
    adopt(inner, CodeSet::new(set.generation, Arc::clone(&set.partition), files, upto, set.planes))?;
    Ok(true)
}

/// Codes the last raw rows in memory, so that new ones can follow them.
pub fn catch_up(inner: &Inner) -> Result<bool> {
    let mut writer = inner.writer();
    let old = inner.state();
    let Some(set) = old.codes.as_ref().filter(|_| old.raw_from < old.end) else { return Ok(false) };
    if old.end - old.raw_from > CATCH_UP_ROWS {
        return Ok(true);
    }
    let mut state = State::clone(&old);
    let mut builder = RecentBuilder::new(set.center().into(), old.raw_from);
    for_rows(inner, &old, old.raw_from..old.end, &Cancel::new(), |rows, codes, scales| {
        for ((&row, codes), &scale) in rows.iter().zip(codes.chunks_exact(inner.shape.padded)).zip(scales) {
            builder.push(row, codes, scale);
            if builder.is_full() {
                state.recent.extend(builder.page());
                builder.next();
            }
        }
        Ok(())
    })?;
    state.recent.extend(builder.page());
    builder.reach(old.end);
    state.raw_from = old.end;
    writer.recent = Some(builder);
    inner.replace(&writer, state);
    Ok(true)
}

/// Adds rows to the hash index.
pub fn hash(inner: &Inner, cancel: &Cancel) -> Result<bool> {
    let state = inner.state();
    let Some(hashes) = state.hashes.as_ref().filter(|hashes| hashes.end < state.end) else { return Ok(false) };
    let mut hashes = hashes.clone();
    let mut unit = vec![0.0; inner.shape.padded];
    for_rows(inner, &state, hashes.end..state.end, cancel, |rows, codes, scales| {
        for ((&row, codes), &scale) in rows.iter().zip(codes.chunks_exact(inner.shape.padded)).zip(scales) {
            int8::decode(codes, scale, &mut unit);
            hashes.index.insert(row, &unit)?;
        }
        Ok(())
    })?;
    hashes.end = state.end;
    let writer = inner.writer();
    let mut state = State::clone(&inner.state());
    state.hashes = Some(hashes);
    inner.replace(&writer, state);
    Ok(true)
}

/// Ends the page of recent codes that is being filled, so that no page lies on both sides of the last row; gives the
/// state and that row.
fn closed(inner: &Inner) -> (Arc<State>, u32) {
    let mut writer = inner.writer();
    if let Some(recent) = &mut writer.recent {
        recent.next();
    }
    let state = inner.state();
    let end = state.end;
    (state, end)
}

/// Makes a set of codes the one that is used; gives the one before if its partition is another.
pub fn adopt(inner: &Inner, set: CodeSet) -> Result<Option<Arc<CodeSet>>> {
    let mut writer = inner.writer();
    let numbers: Vec<u32> = set.files.iter().map(|file| file.number).collect();
    inner.list(&mut writer, |files| files.set_codes(set.generation, numbers, set.end))?;
    let mut state = State::clone(&inner.state());
    let old = state.codes.take().filter(|old| old.generation != set.generation);
    state.recent.retain(|page| page.first >= set.end);
    state.raw_from = state.raw_from.max(set.end);
    if old.is_some() || state.raw_from == set.end {
        // Recent codes go on around the new center.
        writer.recent = None;
    }
    state.codes = Some(Arc::new(set));
    inner.replace(&writer, state);
    Ok(old)
}

pub fn store_partition(inner: &Inner, generation: u32, partition: &Partition) -> Result<()> {
    let header = CodesHeader { padded: inner.shape.padded, with_planes: false, generation: generation.into() };
    tiercel_segment::CodesWriter::create(&inner.folder, generation, &header)?.finish(&partition.to_bytes())?;
    Ok(())
}

/// Trains on rows taken evenly from all of them.
fn train(inner: &Inner, state: &State, cells: u32, cancel: &Cancel) -> Result<Partition> {
    let padded = inner.shape.padded;
    let rows = usize::try_from(state.rows()).unwrap_or(usize::MAX).max(1);
    let budget =
        usize::try_from(inner.governor.memory_budget() / 4).unwrap_or(SAMPLE_BYTES).clamp(16 << 20, SAMPLE_BYTES);
    let wanted =
        usize::try_from(sample_for(cells)).unwrap_or(usize::MAX).max(16_384).min(budget / (4 * padded)).min(rows);
    let charge = inner.accounts.work.charge((wanted * padded * 4) as u64);
    let mut sample = Vec::with_capacity(wanted * padded);
    let mut codes = vec![0; padded];
    let mut seen = 0_usize;
    for file in &state.files {
        for position in 0..file.segment.rows() {
            // Row `seen` is taken when it crosses a multiple of rows / wanted.
            let take = (seen + 1) * wanted / rows > seen * wanted / rows;
            seen += 1;
            if !take {
                continue;
            }
            let scale = file.segment.read_row(position, &mut codes)?;
            let at = sample.len();
            sample.resize(at + padded, 0.0);
            int8::decode(&codes, scale, &mut sample[at..]);
        }
        cancel.check()?;
    }
    let partition = if cells == 1 {
        Partition::mean(&sample, padded)
    } else {
        let training =
            Training { cells: cells as usize, iterations: TRAINING_ROUNDS, seed: TRAINING_SEED, threads: threads() };
        Partition::train(&sample, padded, &training, cancel)
    };
    drop(charge);
    partition
}

/// Hands rows with their int8 codes to `each`, in runs.
pub fn for_rows(
    inner: &Inner,
    state: &State,
    wanted: Range<u32>,
    cancel: &Cancel,
    mut each: impl FnMut(&[u32], &[i8], &[f32]) -> Result<()>,
) -> Result<()> {
    let padded = inner.shape.padded;
    let mut codes = vec![0; READ_ROWS as usize * padded];
    let mut scales = vec![0.0; READ_ROWS as usize];
    let mut rows = Vec::with_capacity(READ_ROWS as usize);
    for (at, file) in state.files.iter().enumerate() {
        let positions = state.positions_from(at, wanted.start);
        let mut first = positions.start;
        while first < positions.end && file.segment.row_at(first).is_some_and(|row| row < wanted.end) {
            cancel.check()?;
            let end = (first + READ_ROWS).min(positions.end);
            let count = (end - first) as usize;
            file.segment.read(first..end, &mut codes[..count * padded], &mut scales[..count])?;
            rows.clear();
            rows.extend(
                (first..end).filter_map(|position| file.segment.row_at(position)).filter(|row| *row < wanted.end),
            );
            let count = rows.len();
            each(&rows, &codes[..count * padded], &scales[..count])?;
            first = end;
        }
    }
    Ok(())
}

/// Threads that background work may use: half of the machine.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (usize::from(cores) / 2).max(1))
}
