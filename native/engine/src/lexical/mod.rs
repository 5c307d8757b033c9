//! The lexical index: BM25F over body, symbol, documentation and path of each chunk (postings by `tantivy`).

mod directory;
mod expand;
pub mod files;
mod phrase;
pub mod query;
mod score;
pub mod search;
pub mod signals;
pub mod terms;
pub mod tokenizer;

use std::path::Path;

use tantivy::merge_policy::LogMergePolicy;
use tantivy::schema::{FAST, Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{
    Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, SegmentMeta, TantivyDocument, TantivyError, Term,
};

use tiercel_base::error::{Error, Result};

/// Memory the writer fills before it starts a new segment.
pub const WRITER_BYTES: usize = 24 << 20;
/// Memory of the writer's empty tables, held while a commit is made.
pub const LEAST_WRITER_BYTES: usize = 5 << 20;
/// A segment with a larger share of removed chunks is rewritten.
const LARGEST_REMOVED_SHARE: f32 = 0.3;

/// The fields of the schema.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    /// Chunk id.
    pub id: Field,
    /// Id of the first chunk of the chunk's file.
    pub first: Field,
    /// Number of the tree.
    pub tree: Field,
    /// Tree and path as one term; files are removed by it.
    pub file: Field,
    /// Searched fields.
    pub body: Field,
    /// Nested symbol path.
    pub symbol: Field,
    /// Documentation comment.
    pub doc: Field,
    /// Path within the tree.
    pub path: Field,
}

/// What is indexed of one chunk.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Chunk id.
    pub id: u64,
    /// Id of the first chunk of its file.
    pub first: u64,
    /// Number of the tree.
    pub tree: u32,
    /// Path within the tree.
    pub path: &'a str,
    /// Nested symbol path.
    pub symbol: &'a str,
    /// Documentation comment.
    pub doc: &'a str,
    /// Text of the chunk.
    pub body: &'a str,
}

/// The open index with its writer, which starts its thread at the first change.
pub struct Lexical {
    index: Index,
    reader: IndexReader,
    writer: Option<IndexWriter>,
    fields: Fields,
}

impl Lexical {
    /// Opens the index in `folder`, making it if the folder is empty.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`] when it cannot be read, [`Error::FixTheMachine`] when the system refuses.
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, &error))?;
        let (schema, fields) = schema();
        let directory = directory::Folder::open(folder).map_err(|error| failed(error.into()))?;
        let index = Index::open_or_create(directory, schema).map_err(failed)?;
        remove_traces(folder, &index)?;
        index.tokenizers().register(tokenizer::NAME, TextAnalyzer::from(tokenizer::CodeTokenizer::new()));
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(failed)?;
        Ok(Self { index, reader, writer: None, fields })
    }

    /// The generation of the last commit; 0 before the first.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`].
    pub fn generation(&self) -> Result<u64> {
        match self.index.load_metas().map_err(failed)?.payload {
            None => Ok(0),
            Some(payload) => payload.parse().map_err(|_| damaged("its commit has no number")),
        }
    }

    /// The state of the last commit (or of the last [`Lexical::commit`] here).
    #[must_use]
    pub fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    /// The fields of the schema.
    #[must_use]
    pub fn fields(&self) -> Fields {
        self.fields
    }

    /// Removes all chunks of a file with the next commit.
    ///
    /// # Errors
    /// [`Error::FixTheMachine`], [`Error::RebuildIndex`].
    pub fn remove_file(&mut self, tree: u32, path: &str) -> Result<()> {
        let term = Term::from_field_text(self.fields.file, &file_term(tree, path));
        self.writer()?.delete_term(term);
        Ok(())
    }

    /// Adds a chunk with the next commit.
    ///
    /// # Errors
    /// [`Error::FixTheMachine`], [`Error::RebuildIndex`].
    pub fn add(&mut self, document: &Document<'_>) -> Result<()> {
        let fields = self.fields;
        let mut entry = TantivyDocument::new();
        entry.add_u64(fields.id, document.id);
        entry.add_u64(fields.first, document.first);
        entry.add_u64(fields.tree, document.tree.into());
        entry.add_text(fields.file, file_term(document.tree, document.path));
        entry.add_text(fields.body, document.body);
        entry.add_text(fields.symbol, document.symbol);
        entry.add_text(fields.doc, document.doc);
        entry.add_text(fields.path, document.path);
        self.writer()?.add_document(entry).map_err(failed)?;
        Ok(())
    }

    /// Makes all changes durable and visible, under this generation.
    ///
    /// # Errors
    /// [`Error::FixTheMachine`], [`Error::RebuildIndex`]. Whether the changes are there is then decided by
    /// [`Lexical::generation`] of a newly opened index.
    pub fn commit(&mut self, generation: u64) -> Result<()> {
        let mut prepared = self.writer()?.prepare_commit().map_err(failed)?;
        prepared.set_payload(&generation.to_string());
        prepared.commit().map_err(failed)?;
        self.reader.reload().map_err(failed)
    }

    /// Waits for background merges and stops the writer's threads.
    ///
    /// # Errors
    /// [`Error::Report`] when a merge failed.
    pub fn close(mut self) -> Result<()> {
        self.writer.take().map_or(Ok(()), |writer| writer.wait_merging_threads().map_err(failed))
    }

    fn writer(&mut self) -> Result<&mut IndexWriter> {
        if let Some(ref mut writer) = self.writer {
            return Ok(writer);
        }
        let writer = self.index.writer_with_num_threads(1, WRITER_BYTES).map_err(failed)?;
        let mut policy = LogMergePolicy::default();
        policy.set_del_docs_ratio_before_merge(LARGEST_REMOVED_SHARE);
        writer.set_merge_policy(Box::new(policy));
        // A new writer gives its first operation the number of the last commit. A merge that starts meanwhile takes a
        // removal of that number for done in segments that had removals in that commit, and loses it: the first
        // operation is one that removes nothing.
        writer.delete_term(Term::from_field_text(self.fields.file, ""));
        Ok(self.writer.insert(writer))
    }
}

/// Deletes what a killed process left: segments, lists of removed chunks and drafts that no commit names. Numbers repeat
/// after an opening, and so would the names of such files.
fn remove_traces(folder: &Path, index: &Index) -> Result<()> {
    let meta = index.load_metas().map_err(failed)?;
    for entry in std::fs::read_dir(folder).map_err(|error| Error::io("read", folder, &error))? {
        let entry = entry.map_err(|error| Error::io("read", folder, &error))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let kept =
            name == directory::META || name.ends_with(".lock") || meta.segments.iter().any(|of| names(of, &name));
        if !kept && entry.path().is_file() {
            std::fs::remove_file(entry.path()).map_err(|error| Error::io("delete", &entry.path(), &error))?;
        }
    }
    Ok(())
}

/// Whether a file belongs to a segment: `SEGMENT.PART`, and one `SEGMENT.NUMBER.del` if chunks of it are removed.
fn names(segment: &SegmentMeta, file: &str) -> bool {
    let part = file.strip_prefix(&segment.id().uuid_string()).and_then(|rest| rest.strip_prefix('.'));
    part.is_some_and(|part| match part.strip_suffix(".del") {
        Some(number) => segment.delete_opstamp().is_some_and(|named| named.to_string() == number),
        None => true,
    })
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let number = || NumericOptions::default() | FAST;
    let text = |option| {
        let indexing = TextFieldIndexing::default().set_tokenizer(tokenizer::NAME).set_index_option(option);
        TextOptions::default().set_indexing_options(indexing)
    };
    let counted = || text(IndexRecordOption::WithFreqs);
    let exact = TextFieldIndexing::default()
        .set_tokenizer("raw")
        .set_fieldnorms(false)
        .set_index_option(IndexRecordOption::Basic);
    let fields = Fields {
        id: schema.add_u64_field("id", number()),
        first: schema.add_u64_field("first", number()),
        tree: schema.add_u64_field("tree", number()),
        file: schema.add_text_field("file", TextOptions::default().set_indexing_options(exact)),
        // Phrases are looked for in bodies.
        body: schema.add_text_field("body", text(IndexRecordOption::WithFreqsAndPositions)),
        symbol: schema.add_text_field("symbol", counted()),
        doc: schema.add_text_field("doc", counted()),
        path: schema.add_text_field("path", counted()),
    };
    (schema.build(), fields)
}

fn file_term(tree: u32, path: &str) -> String {
    format!("{tree}/{path}")
}

pub(crate) fn failed(error: TantivyError) -> Error {
    use tantivy::directory::error::{OpenDirectoryError, OpenReadError, OpenWriteError};
    let refused = |what: &dyn std::fmt::Display| {
        Error::FixTheMachine(format!("The lexical index cannot be read or written: {what}."))
    };
    match error {
        TantivyError::IoError(error) => refused(&error),
        TantivyError::OpenDirectoryError(OpenDirectoryError::IoError { io_error, .. })
        | TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. })
        | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error, .. }) => refused(&io_error),
        TantivyError::LockFailure(..) => {
            Error::RetryLater { message: "The lexical index is in use by another process.".into(), after_ms: 1000 }
        }
        TantivyError::ErrorInThread(why) => refused(&why),
        error @ (TantivyError::OpenReadError(_)
        | TantivyError::DataCorruption(_)
        | TantivyError::SchemaError(_)
        | TantivyError::FieldNotFound(_)
        | TantivyError::IncompatibleIndex(_)
        | TantivyError::DeserializeError(_)) => damaged(&error.to_string()),
        other => Error::Report(format!("The lexical index failed: {other}.")),
    }
}

fn damaged(why: &str) -> Error {
    Error::RebuildIndex(format!("The lexical index cannot be read: {why}. Rebuild the index."))
}
