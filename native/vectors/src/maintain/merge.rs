//! Files of codes of similar size become one, so that a cell's rows lie in few places.

use std::sync::Arc;

use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;
use tiercel_segment::{CodesHeader, Throttle};

use super::coder;
use crate::codes::{CodeFile, CodeSet};
use crate::index::Inner;
use crate::state::State;

/// So many files of one size class are merged (size-tiered compaction).
const FAN_IN: usize = 4;

/// All files are merged once they hold so many quarters of the largest one's rows: each page that a cell has costs a search
/// about as much as 30 rows.
const SCATTERED: u64 = 5;

/// Merges the newest files of codes when enough of them are of one size class.
pub fn merge(inner: &Inner, cancel: &Cancel) -> Result<bool> {
    let state = inner.state();
    let Some(set) = &state.codes else { return Ok(false) };
    let rewrite = mostly_dropped(&state, set);
    let class = |file: &CodeFile| file.rows().max(1).ilog2() / 2;
    let last = set.files.last().map_or(0, |file| class(file));
    let same = set.files.iter().rev().take_while(|file| class(file) <= last).count();
    let rows: Vec<u64> = set.files.iter().map(|file| u64::from(file.rows())).collect();
    let scattered = rows.iter().sum::<u64>() >= SCATTERED * rows.iter().max().copied().unwrap_or(0) / 4;
    let all = rewrite || (rows.len() > 1 && scattered);
    let first = if all { 0 } else { set.files.len() - same };
    if !all && same < FAN_IN {
        return Ok(false);
    }
    let inputs: Vec<&CodeFile> = set.files[first..].iter().map(|file| &**file).collect();
    let header = CodesHeader { padded: inner.shape.padded, with_planes: set.planes, generation: set.generation.into() };
    let throttle = Throttle::share(inner.options.background_share);
    let mut pace = |bytes: usize| throttle.pace(bytes, cancel);
    let keep = |row: u32| state.locate(row).is_some();
    let one = coder::merge(&inputs, set.partition.cells(), &inner.folder, inner.number(), &header, &keep, &mut pace)?;
    let mut files = set.files[..first].to_vec();
    files.push(Arc::new(one));
    let merged = CodeSet::new(set.generation, Arc::clone(&set.partition), files, set.end, set.planes);
    let mut writer = inner.writer();
    let numbers: Vec<u32> = merged.files.iter().map(|file| file.number).collect();
    inner.list(&mut writer, |files| files.set_codes(merged.generation, numbers, merged.end))?;
    let mut next = State::clone(&inner.state());
    next.codes = Some(Arc::new(merged));
    inner.replace(&writer, next);
    drop(writer);
    for file in &set.files[first..] {
        inner.retire_file(file);
    }
    Ok(true)
}

/// Whether a third of the codes are of rows that were dropped.
fn mostly_dropped(state: &State, set: &CodeSet) -> bool {
    let coded: u64 = (0..state.files.len()).map(|at| u64::from(state.positions_from(at, set.end).start)).sum();
    u64::from(set.rows()) > 4096 && u64::from(set.rows()) * 2 > coded * 3
}
