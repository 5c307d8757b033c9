//! Committing. The steps, in an order that leaves a whole store wherever a crash falls:
//!
//! 1. New vectors are appended to their files and synced. The catalog does not count them yet.
//! 2. If files change: the catalog's part is written to the catalog as *staged*, durably.
//! 3. If files change: the lexical index commits, marked with the commit's number. **From here on it happened.**
//! 4. The catalog's part is applied (durably only if there was no step 2: what is staged is on the disk already).
//! 5. Readers get the next snapshot.
//!
//! Opening looks at the number in the lexical index: if it is the staged commit's, step 4 is done then; if not, the
//! staged part is forgotten. Vectors behind the committed length are cut off.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};

use super::batch::{Batch, Vectors};
use super::{Store, Writer};
use crate::catalog::change::Change;
use crate::catalog::record::{ChunkRow, FileRow};
use crate::codec::int8;
use crate::error::{Error, Result};
use crate::lexical::{Document, Lexical};
use crate::memory::keys::{Key, KeyTable};
use crate::memory::snapshot::Snapshot;
use crate::memory::space::NO_ROW;
use crate::memory::tree::Tree;
use crate::vectors::file::{Extent, Rows};

/// What a commit gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Number of the commit, or of the last one if there was nothing to do.
    pub generation: u64,
    /// Files with chunks in the tree after it.
    pub files: usize,
    /// Chunks in the tree after it.
    pub chunks: usize,
}

/// New rows of one space.
pub(super) struct NewRows {
    /// Position in [`Snapshot::spaces`].
    space: usize,
    rows: Rows,
}

/// A batch with all decisions made.
pub(super) struct Plan<'b> {
    batch: &'b Batch<'b>,
    pub(super) generation: u64,
    tree: u32,
    /// Known files that are removed or replaced: path and number.
    gone: Vec<(&'b str, u32)>,
    /// First chunk id of each file in `batch.put`.
    first_ids: Vec<u64>,
    next_chunk: u64,
    rows: Vec<NewRows>,
}

impl Store {
    /// Applies a batch: all of it or nothing, durable when this returns. Commits wait for each other.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for a batch that cannot be, [`Error::FixTheMachine`] when the disk refuses; the store is
    /// as before. After a failure in the middle, commits are refused until the store is opened again; searches go on.
    pub fn commit(&self, batch: &Batch<'_>) -> Result<Receipt> {
        batch.check()?;
        let mut writer = self.writer();
        if let Some(why) = &writer.broken {
            return Err(Error::FixTheMachine(format!(
                "An earlier commit stopped half-way ({why}). Close the store and open it again."
            )));
        }
        let snapshot = self.current.load_full();
        let plan = self.plan(batch, &snapshot, &writer)?;
        if plan.is_empty() {
            return Ok(receipt(&snapshot, batch.tree));
        }
        let extents = append_vectors(&mut writer, &plan)?;
        let changes = changes(&plan, &snapshot, &extents);
        writer.broken = Some("it was interrupted".into());
        if let Err((error, harmless)) = self.write(&mut writer, &plan, &changes) {
            writer.broken = (!harmless).then(|| error.to_string());
            return Err(error);
        }
        for (new, &extent) in plan.rows.iter().zip(&extents) {
            writer.vectors[new.space].accept(extent);
        }
        let next = self.next_snapshot(&mut writer, &plan, &snapshot)?;
        let receipt = receipt(&next, batch.tree);
        self.current.store(Arc::new(next));
        writer.next_chunk = plan.next_chunk;
        writer.next_tree = writer.next_tree.max(plan.tree + 1);
        writer.broken = None;
        Ok(receipt)
    }

    pub(super) fn plan<'b>(&self, batch: &'b Batch<'b>, snapshot: &Snapshot, writer: &Writer) -> Result<Plan<'b>> {
        let tree = snapshot.trees.get(batch.tree).map_or(writer.next_tree, |tree| tree.number);
        let known = writer.files.get(&tree);
        let touched = batch.remove.iter().copied().chain(batch.put.iter().map(|file| file.path));
        let gone = touched.filter_map(|path| Some((path, *known?.get(path)?))).collect();
        let mut next_chunk = writer.next_chunk;
        let mut first_ids = Vec::with_capacity(batch.put.len());
        for file in &batch.put {
            first_ids.push(next_chunk);
            next_chunk += file.chunks.len() as u64;
        }
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let rows = new_rows(&batch.vectors, snapshot, &keys)?;
        Ok(Plan { batch, generation: snapshot.generation + 1, tree, gone, first_ids, next_chunk, rows })
    }

    /// Steps 2 to 4. With the error: whether the store is as it was before.
    fn write(
        &self,
        writer: &mut Writer,
        plan: &Plan<'_>,
        changes: &[Change],
    ) -> std::result::Result<(), (Error, bool)> {
        if !plan.changes_files() {
            return self.catalog.apply(changes, true).map_err(|error| (error, true));
        }
        self.catalog.stage(plan.generation, changes).map_err(|error| (error, true))?;
        writer
            .lexical()
            .and_then(|lexical| index(lexical, plan))
            .and_then(|()| self.catalog.apply(changes, false))
            .map_err(|error| (error, false))
    }

    fn next_snapshot(&self, writer: &mut Writer, plan: &Plan<'_>, before: &Snapshot) -> Result<Snapshot> {
        let mut next = before.clone();
        next.generation = plan.generation;
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        for new in &plan.rows {
            let ordinals: Vec<u32> = new.rows.keys.iter().map(|key| keys.intern(key)).collect();
            Arc::make_mut(&mut next.spaces[new.space]).append(&new.rows, &ordinals);
        }
        if plan.changes_files() {
            update_tree(writer, plan, &mut next, &mut keys)?;
            next.searcher = writer.lexical()?.searcher();
        }
        Ok(next)
    }
}

impl Plan<'_> {
    fn changes_files(&self) -> bool {
        !self.batch.put.is_empty() || !self.gone.is_empty()
    }

    fn is_empty(&self) -> bool {
        !self.changes_files() && self.rows.is_empty()
    }
}

fn receipt(snapshot: &Snapshot, tree: &str) -> Receipt {
    let tree = snapshot.trees.get(tree);
    Receipt {
        generation: snapshot.generation,
        files: tree.map_or(0, |tree| tree.files_with_chunks()),
        chunks: tree.map_or(0, |tree| tree.chunks()),
    }
}

/// Encodes the vectors whose keys have none yet, one [`NewRows`] per space.
fn new_rows(vectors: &[Vectors<'_>], snapshot: &Snapshot, keys: &KeyTable) -> Result<Vec<NewRows>> {
    let mut by_space: Vec<NewRows> = Vec::new();
    let mut seen: HashSet<(usize, &Key)> = HashSet::new();
    for part in vectors {
        let space = snapshot.space(part.space)?;
        let position = snapshot.spaces.iter().position(|other| Arc::ptr_eq(other, space)).unwrap_or(0);
        let at = by_space.iter().position(|new| new.space == position).unwrap_or_else(|| {
            by_space.push(NewRows { space: position, rows: Rows::default() });
            by_space.len() - 1
        });
        let rows = &mut by_space[at].rows;
        for (key, vector) in part.rows(space.dimension)? {
            let start = rows.codes.len();
            rows.codes.resize(start + space.dimension, 0);
            let scale = int8::encode_row(vector, &mut rows.codes[start..])?;
            let stored = keys.get(key).is_some_and(|ordinal| space.row_of(ordinal) != NO_ROW);
            if stored || !seen.insert((position, key)) {
                rows.codes.truncate(start);
            } else {
                rows.keys.push(*key);
                rows.scales.push(scale);
            }
        }
        if space.rows() as usize + rows.keys.len() >= NO_ROW as usize {
            return Err(Error::FixTheCall(format!("The space {:?} is full.", part.space)));
        }
    }
    by_space.retain(|new| !new.rows.keys.is_empty());
    Ok(by_space)
}

pub(super) fn append_vectors(writer: &mut Writer, plan: &Plan<'_>) -> Result<Vec<Extent>> {
    plan.rows.iter().map(|new| writer.vectors[new.space].append(&new.rows)).collect()
}

pub(super) fn changes(plan: &Plan<'_>, snapshot: &Snapshot, extents: &[Extent]) -> Vec<Change> {
    let mut changes = vec![Change::SetGeneration(plan.generation)];
    for (new, &extent) in plan.rows.iter().zip(extents) {
        changes.push(Change::SetExtent { space: snapshot.spaces[new.space].name.to_string(), extent });
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
        changes.extend(known.and_then(|tree| removed_chunks(tree, file)));
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

fn removed_chunks(tree: &Tree, file: u32) -> Option<Change> {
    let entry = tree.files().get(file as usize).filter(|entry| entry.chunks > 0)?;
    let first = tree.slots().get(entry.first_slot as usize)?.id;
    Some(Change::RemoveChunks { first, count: entry.chunks.into() })
}

pub(super) fn index(lexical: &mut Lexical, plan: &Plan<'_>) -> Result<()> {
    for (path, _) in &plan.gone {
        lexical.remove_file(plan.tree, path)?;
    }
    for (file, &first_id) in plan.batch.put.iter().zip(&plan.first_ids) {
        for (id, chunk) in (first_id..).zip(&file.chunks) {
            let (tree, path) = (plan.tree, file.path);
            let document = Document { id, tree, path, symbol: chunk.symbol, doc: chunk.doc, body: chunk.body };
            lexical.add(&document)?;
        }
    }
    lexical.commit(plan.generation)
}

fn update_tree(writer: &mut Writer, plan: &Plan<'_>, next: &mut Snapshot, keys: &mut KeyTable) -> Result<()> {
    let files = writer.files.entry(plan.tree).or_default();
    let tree = next.trees.entry(plan.batch.tree.into()).or_insert_with(|| Arc::new(Tree::new(plan.tree)));
    let tree = Arc::make_mut(tree);
    for (path, file) in &plan.gone {
        tree.remove(*file);
        files.remove(*path);
    }
    for (file, &first_id) in plan.batch.put.iter().zip(&plan.first_ids) {
        let names = Arc::make_mut(&mut next.names);
        let (language, outcome) = (names.intern(file.language)?, names.intern(file.outcome)?);
        let ordinals: Vec<u32> = file.chunks.iter().map(|chunk| keys.intern(&chunk.key)).collect();
        let path: Arc<str> = file.path.into();
        let number = tree.add(Arc::clone(&path), language, outcome, first_id, &ordinals);
        files.insert(path, number);
    }
    if let Some(compacted) = tree.compacted() {
        *tree = compacted;
        *files = numbers(tree);
    }
    Ok(())
}

fn numbers(tree: &Tree) -> HashMap<Arc<str>, u32> {
    let paths = tree.files().iter().zip(0_u32..);
    paths.filter_map(|(file, number)| Some((Arc::clone(file.path.as_ref()?), number))).collect()
}
