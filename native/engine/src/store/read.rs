//! Searching and looking up: all from one snapshot each, without a lock.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::PoisonError;

use super::Store;
use super::batch::{check_path, check_tree};
use crate::cancel::Cancel;
use crate::catalog::record::{ChunkRow, FileRow};
use crate::codec::int8;
use crate::error::{Error, Result};
use crate::filter::{Filter, Passing};
use crate::lexical;
use crate::memory::keys::{KEY_BYTES, Key};
use crate::memory::space::{NO_ROW, Space};
use crate::memory::tree::{NO_FILE, Slot, Tree};
use crate::top::{Hit, Top};

/// A chunk and its id.
pub type ChunkInfo = (u64, ChunkRow);

/// One page of a tree's files.
#[derive(Debug)]
pub struct FilePage {
    /// Path and record of each, in path order.
    pub files: Vec<(String, FileRow)>,
    /// Whether more follow.
    pub more: bool,
}

/// Which vectors to look for.
#[derive(Debug)]
pub enum Missing<'a> {
    /// Of these keys, `n x 16` bytes: those without a vector.
    Keys(&'a [u8]),
    /// Of this tree: the files with such chunks.
    Tree(&'a str),
}

/// Figures of one space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceStats {
    /// Its name.
    pub name: String,
    /// Components of a vector.
    pub dimension: usize,
    /// Vectors stored, for all trees.
    pub vectors: u32,
    /// Chunks of the tree that have one.
    pub covered: usize,
    /// Bytes held in memory.
    pub bytes_in_memory: usize,
}

/// Figures of the store and of one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Number of the last commit.
    pub generation: u64,
    /// Files of the tree with chunks.
    pub files: usize,
    /// All files of the tree.
    pub known_files: usize,
    /// Chunks of the tree.
    pub chunks: usize,
    /// Size of the store's folder.
    pub bytes_on_disk: u64,
    /// Vectors, file and chunk tables and keys; without the caches of catalog and lexical index.
    pub bytes_in_memory: usize,
    /// By space, as opened.
    pub spaces: Vec<SpaceStats>,
    /// Files by outcome, without the empty one.
    pub outcomes: BTreeMap<String, usize>,
    /// Files with chunks by language.
    pub languages: BTreeMap<String, usize>,
}

impl Store {
    /// For each of the `vectors` (`n x dimension`) the `k` nearest chunks of the tree by cosine similarity, best first,
    /// ties by id. An unknown tree has no chunks.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for an unknown space, another dimension or vectors without direction;
    /// [`Error::Cancelled`].
    pub fn search_vectors(
        &self,
        tree: &str,
        space: &str,
        vectors: &[f32],
        k: usize,
        filter: &Filter,
        cancel: &Cancel,
    ) -> Result<Vec<Vec<Hit>>> {
        check_tree(tree)?;
        let snapshot = self.current.load_full();
        let space = snapshot.space(space)?;
        if !vectors.len().is_multiple_of(space.dimension) {
            return Err(Error::FixTheCall(format!(
                "{} numbers are not vectors of dimension {}.",
                vectors.len(),
                space.dimension
            )));
        }
        let queries = vectors.chunks_exact(space.dimension).map(int8::encode_query).collect::<Result<Vec<_>>>()?;
        let Some(tree) = snapshot.trees.get(tree).filter(|_| k > 0) else {
            return Ok(vec![Vec::new(); queries.len()]);
        };
        let passing = filter.resolve(&snapshot, tree)?;
        let mut tops: Vec<Top> = queries.iter().map(|_| Top::new(k)).collect();
        let mut scan = |slots: &[Slot]| {
            for (query, top) in queries.iter().zip(&mut tops) {
                self.scan(space, slots, &passing, query, top);
            }
            cancel.check()
        };
        cancel.check()?;
        match passing.listed() {
            Some(slots) => slots.chunks(1024).try_for_each(&mut scan)?,
            None => tree.slots().pages().try_for_each(&mut scan)?,
        }
        Ok(tops.into_iter().map(Top::into_sorted).collect())
    }

    fn scan(&self, space: &Space, slots: &[Slot], passing: &Passing<'_>, query: &int8::Query, top: &mut Top) {
        for slot in slots.iter().filter(|slot| passing.slot(slot)) {
            let row = space.row_of(slot.key);
            if row == NO_ROW {
                continue;
            }
            let Some((codes, scale)) = space.row(row) else { continue };
            #[expect(clippy::cast_precision_loss, reason = "24 bits of a sum that is an estimate of fewer")]
            let sum = self.kernel.dot(&query.codes, codes) as f32;
            top.push(Hit { id: slot.id, score: (sum * query.scale * scale).clamp(-1.0, 1.0) });
        }
    }

    /// For each query the `k` best chunks of the tree by BM25, best first, ties by id. A query without terms finds
    /// nothing.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for a filter that is not one; [`Error::Cancelled`].
    pub fn search_text(
        &self,
        tree: &str,
        queries: &[String],
        k: usize,
        filter: &Filter,
        cancel: &Cancel,
    ) -> Result<Vec<Vec<Hit>>> {
        check_tree(tree)?;
        let snapshot = self.current.load_full();
        let Some(tree) = snapshot.trees.get(tree) else { return Ok(vec![Vec::new(); queries.len()]) };
        let passing = filter.resolve(&snapshot, tree)?;
        let passes = |id: u64| passing.id(id);
        let search = |query: &String| {
            cancel.check()?;
            let terms = lexical::query::terms_of(query);
            lexical::search::search(&snapshot.searcher, self.fields, tree.number, terms, k, &passes, cancel)
        };
        queries.iter().map(search).collect()
    }

    /// The chunks with these ids, in that order; unknown ones are left out.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`] for a damaged catalog.
    pub fn chunks_by_id(&self, ids: impl IntoIterator<Item = u64>) -> Result<Vec<ChunkInfo>> {
        self.catalog.chunks(ids)
    }

    /// The chunks of one file, by start line; none if the file is unknown.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for what is not a path, [`Error::RebuildIndex`] for a damaged catalog.
    pub fn chunks_of_file(&self, tree: &str, path: &str) -> Result<Vec<ChunkInfo>> {
        check_tree(tree)?;
        check_path(path)?;
        let snapshot = self.current.load_full();
        let Some(tree) = snapshot.trees.get(tree) else { return Ok(Vec::new()) };
        let Some(file) = self.catalog.file(tree.number, path)? else { return Ok(Vec::new()) };
        let mut chunks = self.catalog.chunks(file.first_chunk..file.first_chunk + file.keys.len() as u64)?;
        chunks.sort_by_key(|(id, chunk)| (chunk.start_line, chunk.end_line, *id));
        Ok(chunks)
    }

    /// Up to `limit` known files of a tree in path order, from after `after`.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for a limit of 0, [`Error::RebuildIndex`] for a damaged catalog.
    pub fn files(&self, tree: &str, limit: usize, after: Option<&str>) -> Result<FilePage> {
        check_tree(tree)?;
        if limit == 0 {
            return Err(Error::FixTheCall("A page of 0 files never ends.".into()));
        }
        let snapshot = self.current.load_full();
        let Some(tree) = snapshot.trees.get(tree) else { return Ok(FilePage { files: Vec::new(), more: false }) };
        let (files, more) = self.catalog.files(tree.number, after, limit)?;
        Ok(FilePage { files, more })
    }

    /// Up to `limit` keys (in the order asked, without duplicates) or paths (in path order) that lack vectors of a
    /// space.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for an unknown space or keys that are not.
    pub fn missing(&self, space: &str, of: &Missing<'_>, limit: usize) -> Result<(Vec<Key>, Vec<String>)> {
        let snapshot = self.current.load_full();
        let space = snapshot.space(space)?;
        match of {
            Missing::Keys(bytes) => Ok((self.missing_keys(space, bytes, limit)?, Vec::new())),
            Missing::Tree(root) => {
                check_tree(root)?;
                let tree = snapshot.trees.get(*root);
                Ok((Vec::new(), tree.map_or_else(Vec::new, |tree| missing_paths(space, tree, limit))))
            }
        }
    }

    fn missing_keys(&self, space: &Space, bytes: &[u8], limit: usize) -> Result<Vec<Key>> {
        let (keys, rest) = bytes.as_chunks::<KEY_BYTES>();
        if !rest.is_empty() {
            return Err(Error::FixTheCall(format!(
                "Keys of {KEY_BYTES} bytes each cannot make {} bytes.",
                bytes.len()
            )));
        }
        let table = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let lacks = |key: &Key| table.get(key).is_none_or(|ordinal| space.row_of(ordinal) == NO_ROW);
        let mut seen = HashSet::new();
        Ok(keys.iter().filter(|key| lacks(key) && seen.insert(**key)).take(limit).copied().collect())
    }

    /// Figures of the store and of one tree, which may be unknown.
    ///
    /// # Errors
    /// [`Error::FixTheMachine`] when the folder cannot be read.
    pub fn stats(&self, tree: &str) -> Result<Stats> {
        check_tree(tree)?;
        let snapshot = self.current.load_full();
        let tree = snapshot.trees.get(tree);
        let slots = || tree.into_iter().flat_map(|tree| tree.slots().iter()).filter(|slot| slot.file != NO_FILE);
        let spaces: Vec<SpaceStats> = snapshot
            .spaces
            .iter()
            .map(|space| SpaceStats {
                name: space.name.to_string(),
                dimension: space.dimension,
                vectors: space.rows(),
                covered: slots().filter(|slot| space.row_of(slot.key) != NO_ROW).count(),
                bytes_in_memory: space.bytes(),
            })
            .collect();
        let (mut outcomes, mut languages) = (BTreeMap::new(), BTreeMap::new());
        let files = tree.into_iter().flat_map(|tree| tree.files().iter()).filter(|file| file.path.is_some());
        for file in files {
            let outcome = snapshot.names.name(file.outcome);
            if !outcome.is_empty() {
                *outcomes.entry(outcome.to_owned()).or_insert(0) += 1;
            }
            if file.chunks > 0 {
                *languages.entry(snapshot.names.name(file.language).to_owned()).or_insert(0) += 1;
            }
        }
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).bytes();
        let trees: usize = snapshot.trees.values().map(|tree| tree.bytes()).sum();
        Ok(Stats {
            generation: snapshot.generation,
            files: tree.map_or(0, |tree| tree.files_with_chunks()),
            known_files: tree.map_or(0, |tree| tree.known_files()),
            chunks: tree.map_or(0, |tree| tree.chunks()),
            bytes_on_disk: folder_bytes(&self.folder)?,
            bytes_in_memory: keys + trees + spaces.iter().map(|space| space.bytes_in_memory).sum::<usize>(),
            spaces,
            outcomes,
            languages,
        })
    }
}

fn missing_paths(space: &Space, tree: &Tree, limit: usize) -> Vec<String> {
    let mut paths = BTreeSet::new();
    let mut last_file = NO_FILE;
    for slot in tree.slots().iter() {
        if slot.file == last_file || slot.file == NO_FILE || space.row_of(slot.key) != NO_ROW {
            continue;
        }
        last_file = slot.file;
        let path = tree.files().get(slot.file as usize).and_then(|file| file.path.as_deref());
        paths.extend(path);
        if paths.len() > limit {
            paths.pop_last();
        }
    }
    paths.into_iter().map(str::to_owned).collect()
}

/// Sizes of all files below. A file that goes away meanwhile (a merged segment) counts nothing.
fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(folder).map_err(|error| Error::io("read", folder, &error))? {
        let entry = entry.map_err(|error| Error::io("read", folder, &error))?;
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => total += folder_bytes(&entry.path())?,
            Ok(metadata) => total += metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("read", &entry.path(), &error)),
        }
    }
    Ok(total)
}
