//! Which documents of a segment belong to one file, and how long files are: what whole files are scored by.
//!
//! A segment never changes, so its table is made once, at the first search that meets it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::index::SegmentId;
use tantivy::{Searcher, SegmentReader};

use super::{Fields, failed};
use tiercel_base::error::Result;

/// Documents of one file that follow each other.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Id of the file's first chunk.
    first: u64,
    start: u32,
    end: u32,
}

/// The files of one segment, numbered from 0.
#[derive(Debug, Default)]
pub struct SegmentFiles {
    /// By document.
    of_document: Vec<u32>,
    /// By file: id of its first chunk, tokens of its bodies.
    firsts: Vec<u64>,
    tokens: Vec<u32>,
    /// By id of the first chunk.
    runs: Vec<Run>,
}

impl SegmentFiles {
    fn of(segment: &SegmentReader, fields: Fields) -> Result<Self> {
        let firsts = segment.fast_fields().u64("first").map_err(failed)?.first_or_default_col(0);
        let norms = segment.get_fieldnorms_reader(fields.body).map_err(failed)?;
        let mut files = Self::default();
        let mut numbers: HashMap<u64, u32> = HashMap::new();
        for document in 0..segment.max_doc() {
            let first = firsts.get_val(document);
            let number = match files.runs.last_mut() {
                Some(run) if run.first == first => {
                    run.end = document + 1;
                    files.of_document.last().copied().unwrap_or(0)
                }
                _ => {
                    files.runs.push(Run { first, start: document, end: document + 1 });
                    *numbers.entry(first).or_insert_with(|| {
                        files.firsts.push(first);
                        files.tokens.push(0);
                        u32::try_from(files.firsts.len() - 1).unwrap_or(u32::MAX)
                    })
                }
            };
            files.of_document.push(number);
            files.tokens[number as usize] += norms.fieldnorm(document);
        }
        files.runs.sort_unstable_by_key(|run| run.first);
        Ok(files)
    }

    /// Files, those without a live chunk included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.firsts.len()
    }

    /// Whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.firsts.is_empty()
    }

    /// Number of the file of a document.
    #[must_use]
    #[inline]
    pub fn of_document(&self, document: u32) -> u32 {
        self.of_document[document as usize]
    }

    /// Id of the first chunk of a file.
    #[must_use]
    pub fn first(&self, file: u32) -> u64 {
        self.firsts[file as usize]
    }

    /// Tokens of all bodies of a file.
    #[must_use]
    pub fn tokens(&self, file: u32) -> u32 {
        self.tokens[file as usize]
    }

    /// Tokens of all bodies of all files.
    #[must_use]
    pub fn all_tokens(&self) -> u64 {
        self.tokens.iter().map(|&tokens| u64::from(tokens)).sum()
    }

    /// The documents of the file whose first chunk has this id, in runs.
    pub fn documents(&self, first: u64) -> impl Iterator<Item = u32> {
        let start = self.runs.partition_point(|run| run.first < first);
        self.runs[start..].iter().take_while(move |run| run.first == first).flat_map(|run| run.start..run.end)
    }

    fn bytes(&self) -> usize {
        self.of_document.capacity() * size_of::<u32>()
            + self.firsts.capacity() * (size_of::<u64>() + size_of::<u32>())
            + self.runs.capacity() * size_of::<Run>()
    }
}

/// The tables of the segments that searches meet.
#[derive(Debug, Default)]
pub struct FileTables {
    tables: Mutex<HashMap<SegmentId, Arc<SegmentFiles>>>,
}

impl FileTables {
    /// The tables of a searcher's segments, in their order; those of segments that are gone are dropped.
    ///
    /// # Errors
    /// [`tiercel_base::error::Error::RebuildIndex`] for a damaged index.
    pub fn of(&self, searcher: &Searcher, fields: Fields) -> Result<Vec<Arc<SegmentFiles>>> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::with_capacity(searcher.segment_readers().len());
        let mut current = HashMap::with_capacity(searcher.segment_readers().len());
        for segment in searcher.segment_readers() {
            let id = segment.segment_id();
            let table = match tables.get(&id) {
                Some(table) => Arc::clone(table),
                None => Arc::new(SegmentFiles::of(segment, fields)?),
            };
            current.insert(id, Arc::clone(&table));
            found.push(table);
        }
        *tables = current;
        Ok(found)
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.values().map(|table| table.bytes()).sum()
    }
}
