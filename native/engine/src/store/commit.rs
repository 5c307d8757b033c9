//! Committing. The steps, in an order that leaves a whole store wherever a crash falls:
//!
//! 1. New vectors are appended to their spaces and synced. The catalog does not count them yet, nobody sees them.
//! 2. If files change: the catalog's part is written to the catalog as *staged*, durably.
//! 3. If files change: the lexical index commits, marked with the commit's number. **From here on it happened.**
//! 4. The catalog's part is applied (durably only if there was no step 2: what is staged is on the disk already).
//! 5. Readers get the next snapshot.
//!
//! Opening looks at the number in the lexical index: if it is the staged commit's, step 4 is done then; if not, the
//! staged part is forgotten. Vectors behind the committed rows are cut off.

use std::ops::Range;
use std::sync::{Arc, PoisonError};

use tiercel_base::Key;
use tiercel_base::error::{Error, Result};

use super::batch::Batch;
use super::plan::{NewRows, Plan, changes};
use super::{Store, Writer};
use crate::catalog::change::{self, Change};
use crate::lexical::{Document, Lexical};
use crate::memory::column::NONE;
use crate::memory::paths::Paths;
use crate::memory::snapshot::Snapshot;
use crate::memory::update::{NewFile, Update};

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

impl Store {
    /// Applies a batch: all of it or nothing, durable when this returns. Commits wait for each other.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for a batch that cannot be, [`Error::MemoryPressure`] while memory or disk are short,
    /// [`Error::FixTheMachine`] when the disk refuses; the store is as before. After a failure in the middle, commits
    /// are refused until the store is opened again; searches go on.
    pub fn commit(&self, batch: &Batch<'_>) -> Result<Receipt> {
        batch.check()?;
        self.admit(batch)?;
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
        writer.broken = Some("it was interrupted".into());
        let outcome = self.append(&plan).and_then(|rows| {
            let changes = changes(&plan, &snapshot, &rows);
            self.write(&mut writer, &plan, &changes).map(|()| rows)
        });
        let rows = match outcome {
            Ok(rows) => rows,
            Err((error, harmless)) => {
                let retracted = if harmless { self.retract(&plan) } else { Err(error.clone()) };
                writer.broken = retracted.err().map(|why| why.to_string());
                return Err(error);
            }
        };
        plan.rows.iter().for_each(|new| self.rows.indexes[new.space].publish());
        let next = self.next_snapshot(&mut writer, &plan, &snapshot, &rows)?;
        writer.next_chunk = plan.next_chunk;
        writer.next_tree = writer.next_tree.max(plan.tree + 1);
        writer.broken = None;
        let receipt = receipt(&next, batch.tree);
        self.charge(&writer, &next);
        drop(writer);
        self.keeper.wake();
        Ok(receipt)
    }

    /// Step 1. With the error: whether the store is as it was before, once what was appended is retracted.
    pub(super) fn append(&self, plan: &Plan<'_>) -> std::result::Result<Vec<Range<u32>>, (Error, bool)> {
        let append = |new: &NewRows<'_>| self.rows.indexes[new.space].append(&new.keys, &new.vectors);
        plan.rows.iter().map(append).collect::<Result<_>>().map_err(|error| (error, true))
    }

    fn retract(&self, plan: &Plan<'_>) -> Result<()> {
        plan.rows.iter().try_for_each(|new| self.rows.indexes[new.space].retract())
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
        let record = change::encode(changes);
        let _staged = self.accounts.staged(record.len());
        let _lexical = self.accounts.lexical(plan.batch.text_bytes());
        self.catalog.stage(plan.generation, &record).map_err(|error| (error, true))?;
        writer
            .lexical()
            .and_then(|lexical| index(lexical, plan))
            .and_then(|()| self.catalog.apply(changes, false))
            .map_err(|error| (error, false))
    }

    /// Step 5. The keys stay locked until readers have the snapshot: their numbers mean what that snapshot says.
    fn next_snapshot(
        &self,
        writer: &mut Writer,
        plan: &Plan<'_>,
        before: &Snapshot,
        appended: &[Range<u32>],
    ) -> Result<Arc<Snapshot>> {
        let mut next = before.clone();
        next.generation = plan.generation;
        next.names = Arc::clone(&plan.names);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        for (new, rows) in plan.rows.iter().zip(appended) {
            Arc::make_mut(&mut next.spaces[new.space]).end = rows.end;
        }
        let mut update = Update::new(&mut keys, &mut next);
        if plan.changes_files() {
            update_files(writer, plan, before, &mut update);
        }
        for (new, rows) in plan.rows.iter().zip(appended) {
            for (key, row) in new.keys.iter().zip(rows.clone()) {
                update.bind(new.space, key, row);
            }
        }
        update.finish();
        if plan.changes_files() {
            tidy(writer, plan, &mut next);
            next.searcher = writer.lexical()?.searcher();
        }
        let next = Arc::new(next);
        self.current.store(Arc::clone(&next));
        Ok(next)
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

/// The lexical part of a commit.
pub(super) fn index(lexical: &mut Lexical, plan: &Plan<'_>) -> Result<()> {
    for (path, _) in &plan.gone {
        lexical.remove_file(plan.tree, path)?;
    }
    for (file, &first_id) in plan.batch.put.iter().zip(&plan.first_ids) {
        for (id, chunk) in (first_id..).zip(&file.chunks) {
            let (tree, path) = (plan.tree, file.path);
            let (symbol, doc, body) = (chunk.symbol, chunk.doc, chunk.body);
            let document = Document { id, first: first_id, tree, path, symbol, doc, body };
            lexical.add(&document)?;
        }
    }
    lexical.commit(plan.generation)
}

fn update_files(writer: &mut Writer, plan: &Plan<'_>, before: &Snapshot, update: &mut Update<'_>) {
    let root = plan.batch.tree;
    let paths = writer.paths.entry(plan.tree).or_default();
    let gone: Vec<u32> = plan.gone.iter().map(|(_, file)| *file).collect();
    if let Some(tree) = before.trees.get(root) {
        for &file in &gone {
            paths.remove(tree, file);
        }
    }
    update.add_tree(root, plan.tree);
    update.remove_files(root, &gone);
    let row = |space: usize, key: &Key| plan.found.get(&(space, *key)).copied().unwrap_or(NONE);
    let number = |name: &str| plan.names.get(name).unwrap_or(0);
    for (file, &first_id) in plan.batch.put.iter().zip(&plan.first_ids) {
        let keys: Vec<Key> = file.chunks.iter().map(|chunk| chunk.key).collect();
        let (language, outcome) = (number(file.language), number(file.outcome));
        update.add_file(root, &NewFile { path: file.path.into(), language, outcome, first_id, keys: &keys }, row);
    }
}

/// Brings the files' numbers by path up to date, and rebuilds a tree that is mostly traces of removed files.
fn tidy(writer: &mut Writer, plan: &Plan<'_>, next: &mut Snapshot) {
    let Some(tree) = next.trees.get_mut(plan.batch.tree) else { return };
    let paths = writer.paths.entry(plan.tree).or_default();
    if let Some(compacted) = tree.compacted() {
        *paths = Paths::of(&compacted);
        *tree = Arc::new(compacted);
        return;
    }
    let added = tree.files().len() - plan.batch.put.len()..tree.files().len();
    added.filter_map(|number| u32::try_from(number).ok()).for_each(|number| paths.insert(tree, number));
}
