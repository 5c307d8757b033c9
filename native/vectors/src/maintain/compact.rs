//! Writing vectors files again: without dropped rows, or many small ones as one.

use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;
use tiercel_base::rows::RowSet;
use tiercel_segment::{Segment, Throttle, compact};

use super::seal;
use crate::index::Inner;
use crate::state::{State, VectorsFile};

/// So many small files in a row become one.
const FAN_IN: usize = 4;

/// Takes rows off the disk; gives the bytes that became free.
pub fn drop_rows(inner: &Inner, rows: &RowSet, cancel: &Cancel) -> Result<u64> {
    let _work = inner.file_work();
    inner.begin_file(rows)?;
    while seal::seal_held(inner)? {}
    let mut freed = 0;
    loop {
        let state = inner.state();
        let sealed = state.files.len().saturating_sub(1);
        let Some(at) = state.files[..sealed].iter().position(|file| holds(file, rows)) else { return Ok(freed) };
        freed += rewrite(inner, &state, at, at + 1, &|row| !rows.contains(row), cancel)?;
    }
}

fn holds(file: &VectorsFile, rows: &RowSet) -> bool {
    let segment = &file.segment;
    let (Some(first), Some(last)) = (segment.first_row(), segment.last_row()) else { return false };
    rows.count_between(first, last.saturating_add(1)) > 0
        && (0..segment.rows()).filter_map(|position| segment.row_at(position)).any(|row| rows.contains(row))
}

/// Joins small files that follow each other, if there are many.
pub fn tidy(inner: &Inner, cancel: &Cancel) -> Result<bool> {
    let _work = inner.file_work();
    let state = inner.state();
    let sealed = state.files.len().saturating_sub(1);
    let small = |file: &VectorsFile| file.segment.rows() < inner.options.seal_rows / 2;
    let mut first = 0;
    while first < sealed {
        let mut rows = 0;
        let run = state.files[first..sealed]
            .iter()
            .take_while(|file| {
                rows += file.segment.rows();
                small(file) && rows <= inner.options.seal_rows
            })
            .count();
        if run >= FAN_IN {
            rewrite(inner, &state, first, first + run, &|_| true, cancel)?;
            return Ok(true);
        }
        first += run.max(1);
    }
    Ok(false)
}

/// Replaces the sealed files `first .. end` by one with the rows that `keep` says.
fn rewrite(
    inner: &Inner,
    state: &State,
    first: usize,
    end: usize,
    keep: &dyn Fn(u32) -> bool,
    cancel: &Cancel,
) -> Result<u64> {
    let inputs: Vec<Segment> = state.files[first..end].iter().map(|file| file.segment.clone()).collect();
    let before: u64 = inputs.iter().map(Segment::bytes_on_disk).sum();
    let number = inner.number();
    let throttle = Throttle::share(inner.options.background_share);
    let output = compact(&inputs, keep, &inner.folder, number, &inner.shape, &throttle, cancel)?;
    let after = output.bytes_on_disk();
    let old: Vec<u32> = state.files[first..end].iter().map(|file| file.number).collect();
    let mut writer = inner.writer();
    let kept = output.first_row();
    let listed = kept.map(|first_row| tiercel_segment::VectorsFile { number, sealed: true, first_row });
    inner.list(&mut writer, |files| files.replace_vectors(&old, listed))?;
    let mut next = State::clone(&inner.state());
    if kept.is_some() {
        next.files.splice(first..end, [VectorsFile { number, segment: output }]);
    } else {
        output.retire();
        next.files.drain(first..end);
    }
    inner.replace(&writer, next);
    drop(writer);
    for (number, segment) in old.iter().zip(&inputs) {
        inner.pages.remove_file(*number);
        segment.retire();
    }
    Ok(before.saturating_sub(after))
}
