//! What a commit will do: every decision made and every disk read done before anything is changed.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, PoisonError};

use tiercel_base::Key;
use tiercel_base::error::Result;

use super::batch::{Batch, Vectors};
use super::rows::Rows;
use super::{Store, Writer};
use crate::catalog::Extent;
use crate::catalog::change::Change;
use crate::catalog::record::{ChunkRow, FileRow};
use crate::memory::column::NONE;
use crate::memory::keys::KeyTable;
use crate::memory::snapshot::{Names, Snapshot};

/// New rows of one space.
pub(super) struct NewRows<'b> {
    /// Position in [`Snapshot::spaces`].
    pub space: usize,
    pub keys: Vec<Key>,
    pub vectors: Cow<'b, [f32]>,
}

/// A batch with all decisions made.
pub(super) struct Plan<'b> {
    pub batch: &'b Batch<'b>,
    pub generation: u64,
    pub tree: u32,
    /// Known files that are removed or replaced: path and number.
    pub gone: Vec<(&'b str, u32)>,
    /// First chunk id of each file in `batch.put`.
    pub first_ids: Vec<u64>,
    pub next_chunk: u64,
    pub rows: Vec<NewRows<'b>>,
    /// Languages and outcomes, the batch's included.
    pub names: Arc<Names>,
    /// Rows of keys that no chunk refers to yet, by position of the space and key.
    pub found: HashMap<(usize, Key), u32>,
}

impl Plan<'_> {
    pub fn changes_files(&self) -> bool {
        !self.batch.put.is_empty() || !self.gone.is_empty()
    }

    pub fn is_empty(&self) -> bool {
        !self.changes_files() && self.rows.is_empty()
    }
}

impl Store {
    pub(super) fn plan<'b>(&self, batch: &'b Batch<'b>, snapshot: &Snapshot, writer: &Writer) -> Result<Plan<'b>> {
        let known = snapshot.trees.get(batch.tree);
        let tree = known.map_or(writer.next_tree, |tree| tree.number);
        let paths = writer.paths.get(&tree);
        let touched = batch.remove.iter().copied().chain(batch.put.iter().map(|file| file.path));
        let gone = touched.filter_map(|path| Some((path, paths?.get(known?, path)?))).collect();
        let mut next_chunk = writer.next_chunk;
        let mut first_ids = Vec::with_capacity(batch.put.len());
        let mut names = Arc::clone(&snapshot.names);
        for file in &batch.put {
            first_ids.push(next_chunk);
            next_chunk += file.chunks.len() as u64;
            for name in [file.language, file.outcome] {
                if names.get(name).is_none() {
                    Arc::make_mut(&mut names).intern(name)?;
                }
            }
        }
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let mut lookup = Lookup { keys: &keys, snapshot, rows: &self.rows, found: HashMap::new() };
        let rows = new_rows(&batch.vectors, &mut lookup)?;
        for chunk in batch.put.iter().flat_map(|file| &file.chunks) {
            for space in 0..snapshot.spaces.len() {
                lookup.row(space, &chunk.key)?;
            }
        }
        let found = lookup.found;
        let generation = snapshot.generation + 1;
        Ok(Plan { batch, generation, tree, gone, first_ids, next_chunk, rows, names, found })
    }
}

/// Rows of keys, each looked up on the disk once.
struct Lookup<'a> {
    keys: &'a KeyTable,
    snapshot: &'a Snapshot,
    rows: &'a Rows,
    found: HashMap<(usize, Key), u32>,
}

impl Lookup<'_> {
    fn row(&mut self, space: usize, key: &Key) -> Result<u32> {
        if let Some(ordinal) = self.keys.get(key) {
            return Ok(self.snapshot.spaces.get(space).map_or(NONE, |space| space.row_of(ordinal)));
        }
        if let Some(&row) = self.found.get(&(space, *key)) {
            return Ok(row);
        }
        let row = self.rows.find(space, key)?;
        self.found.insert((space, *key), row);
        Ok(row)
    }
}

/// The vectors whose keys have none yet, one [`NewRows`] per space; of equal keys the first.
fn new_rows<'b>(vectors: &'b [Vectors<'b>], lookup: &mut Lookup<'_>) -> Result<Vec<NewRows<'b>>> {
    let mut by_space: Vec<NewRows<'b>> = Vec::new();
    let mut seen: HashSet<(usize, &Key)> = HashSet::new();
    for part in vectors {
        let (space, spec) = lookup.snapshot.space(part.space)?;
        let dimension = spec.dimension;
        let keys = part.rows(dimension)?;
        let mut kept = Vec::with_capacity(keys.len());
        for (at, key) in keys.iter().enumerate() {
            if lookup.row(space, key)? == NONE && seen.insert((space, key)) {
                kept.push(at);
            }
        }
        let whole = kept.len() == keys.len();
        let rows = kept.iter().map(|&at| &part.vectors[at * dimension..(at + 1) * dimension]);
        let new_keys = kept.iter().map(|&at| keys[at]);
        if let Some(new) = by_space.iter_mut().find(|new| new.space == space) {
            rows.for_each(|row| new.vectors.to_mut().extend_from_slice(row));
            new.keys.extend(new_keys);
        } else if !kept.is_empty() {
            let vectors =
                if whole { Cow::Borrowed(part.vectors) } else { Cow::Owned(rows.flatten().copied().collect()) };
            by_space.push(NewRows { space, keys: new_keys.collect(), vectors });
        }
    }
    Ok(by_space)
}

/// The catalog's part of a commit; `appended` are the rows the new vectors got.
pub(super) fn changes(plan: &Plan<'_>, snapshot: &Snapshot, appended: &[Range<u32>]) -> Vec<Change> {
    let mut changes = vec![Change::SetGeneration(plan.generation)];
    for (new, rows) in plan.rows.iter().zip(appended) {
        let space = snapshot.spaces[new.space].name.to_string();
        changes.push(Change::SetExtent { space, extent: Extent { rows: rows.end, bytes: 0 } });
    }
    if !plan.changes_files() {
        return changes;
    }
    changes.push(Change::SetLexicalGeneration(plan.generation));
    changes.push(Change::SetNextChunk(plan.next_chunk));
    let known = snapshot.trees.get(plan.batch.tree);
    if known.is_none() {
        changes.push(Change::PutTree { root: plan.batch.tree.to_owned(), number: plan.tree });
    }
    for &(path, file) in &plan.gone {
        changes.push(Change::RemoveFile { tree: plan.tree, path: path.to_owned() });
        let entry = known.and_then(|tree| tree.files().get(file as usize)).filter(|entry| entry.chunks > 0);
        changes.extend(entry.map(|entry| Change::RemoveChunks { first: entry.first_id, count: entry.chunks.into() }));
    }
    for (file, &first_chunk) in plan.batch.put.iter().zip(&plan.first_ids) {
        let row = FileRow {
            language: file.language.to_owned(),
            size: file.size,
            mtime_ms: file.mtime_ms,
            content_hash: file.content_hash,
            outcome: file.outcome.to_owned(),
            first_chunk,
            keys: file.chunks.iter().map(|chunk| chunk.key).collect(),
        };
        changes.push(Change::PutFile { tree: plan.tree, path: file.path.to_owned(), row: row.encode() });
        for (id, chunk) in (first_chunk..).zip(&file.chunks) {
            let row = ChunkRow {
                path: file.path.to_owned(),
                language: file.language.to_owned(),
                key: chunk.key,
                start_line: chunk.start_line,
                end_line: chunk.end_line,
                payload: chunk.payload.to_vec(),
            };
            changes.push(Change::PutChunk { id, row: row.encode() });
        }
    }
    changes
}
