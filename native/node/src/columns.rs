//! What crosses the border in bulk: columns instead of objects, so that a batch of thousands costs few conversions.

use napi::bindgen_prelude::{Float32Array, Float64Array, Uint8Array, Uint32Array};
use napi_derive::napi;
use tiercel_base::KEY_BYTES;
use tiercel_engine::error::{Error, Result};
use tiercel_engine::lexical::query::{FieldWeights, TextQuery};
use tiercel_engine::lexical::search::Candidate;
use tiercel_engine::lexical::signals::NAMES;
use tiercel_engine::store::batch::{Chunk, File};
use tiercel_engine::store::{ChunkInfo, SpaceStats, Stats};
use tiercel_engine::top::Hit;

/// A vector space to open.
#[napi(object)]
pub struct SpaceInput {
    /// Unique name.
    pub name: String,
    /// Components of a vector.
    pub dimension: u32,
}

/// Files with their chunks. The chunk columns hold the chunks of all files, file after file.
#[napi(object)]
pub struct FileColumns {
    /// One per file.
    pub paths: Vec<String>,
    /// One per file.
    pub languages: Vec<String>,
    /// One per file: bytes.
    pub sizes: Float64Array,
    /// One per file: milliseconds since 1970.
    pub mtimes: Float64Array,
    /// 16 bytes per file.
    pub content_hashes: Uint8Array,
    /// One per file.
    pub outcomes: Vec<String>,
    /// One per file: how many chunks it has.
    pub chunk_counts: Uint32Array,
    /// 16 bytes per chunk.
    pub keys: Uint8Array,
    /// One per chunk.
    pub start_lines: Uint32Array,
    /// One per chunk.
    pub end_lines: Uint32Array,
    /// All payloads, one after the other.
    pub payloads: Uint8Array,
    /// One per chunk: where its payload ends.
    pub payload_ends: Uint32Array,
    /// One per chunk.
    pub symbols: Vec<String>,
    /// One per chunk.
    pub docs: Vec<String>,
    /// One per chunk.
    pub bodies: Vec<String>,
}

/// Vectors of one space. The arrays must not be changed until the call has settled.
#[napi(object)]
pub struct VectorColumns {
    /// Name of the space.
    pub space: String,
    /// 16 bytes per row.
    pub keys: Uint8Array,
    /// Dimension numbers per row.
    pub vectors: Float32Array,
}

/// What a commit gives back.
#[napi(object)]
pub struct CommitOutput {
    /// Number of the commit.
    pub generation: f64,
    /// Files with chunks in the tree after it.
    pub files: u32,
    /// Chunks in the tree after it.
    pub chunks: u32,
}

/// A question to the lexical index.
#[napi(object)]
pub struct TextQueryInput {
    /// Any text.
    pub text: String,
    /// Texts that must occur as they are.
    pub phrases: Vec<String>,
    /// Words that say little here.
    pub quiet: Vec<String>,
    /// Whether the last word may be the beginning of a symbol.
    pub prefix: bool,
    /// How body, symbol, documentation and path count.
    pub weights: Float32Array,
    /// How many chunks are wanted by their own score.
    pub chunks: u32,
    /// How many by the score of their file.
    pub files: u32,
    /// Chunks that are wanted in any case.
    pub also: Float64Array,
}

impl TextQueryInput {
    /// The query as the engine takes it.
    pub fn engine_query(&self) -> TextQuery {
        let usual = FieldWeights::default();
        let weight = |at: usize, usual: f32| self.weights.get(at).copied().filter(|w| w.is_finite()).unwrap_or(usual);
        TextQuery {
            text: self.text.clone(),
            phrases: self.phrases.clone(),
            quiet: self.quiet.clone(),
            prefix: self.prefix,
            weights: FieldWeights {
                body: weight(0, usual.body),
                symbol: weight(1, usual.symbol),
                doc: weight(2, usual.doc),
                path: weight(3, usual.path),
            },
        }
    }
}

/// Candidates with their signals.
#[napi(object)]
pub struct CandidateColumns {
    /// Names of the signals.
    pub names: Vec<String>,
    /// One per candidate.
    pub ids: Float64Array,
    /// As many per candidate as there are names.
    pub signals: Float32Array,
}

impl From<Vec<Candidate>> for CandidateColumns {
    fn from(candidates: Vec<Candidate>) -> Self {
        Self {
            names: NAMES.iter().map(|&name| name.to_owned()).collect(),
            ids: candidates.iter().map(|candidate| float(candidate.id)).collect::<Vec<f64>>().into(),
            signals: candidates.iter().flat_map(|candidate| candidate.signals.values()).collect::<Vec<f32>>().into(),
        }
    }
}

/// Hits of several queries, one after the other.
#[napi(object)]
pub struct HitColumns {
    /// One per query: how many hits it has.
    pub counts: Uint32Array,
    /// One per hit.
    pub ids: Float64Array,
    /// One per hit.
    pub scores: Float64Array,
}

/// Chunks.
#[napi(object)]
pub struct ChunkColumns {
    /// One per chunk.
    pub ids: Float64Array,
    /// One per chunk.
    pub paths: Vec<String>,
    /// One per chunk.
    pub languages: Vec<String>,
    /// One per chunk.
    pub start_lines: Uint32Array,
    /// One per chunk.
    pub end_lines: Uint32Array,
    /// 16 bytes per chunk.
    pub keys: Uint8Array,
    /// All payloads, one after the other.
    pub payloads: Uint8Array,
    /// One per chunk: where its payload ends.
    pub payload_ends: Uint32Array,
}

/// Known files.
#[napi(object)]
pub struct FilePageColumns {
    /// One per file.
    pub paths: Vec<String>,
    /// One per file.
    pub languages: Vec<String>,
    /// One per file.
    pub sizes: Float64Array,
    /// One per file.
    pub mtimes: Float64Array,
    /// 16 bytes per file.
    pub content_hashes: Uint8Array,
    /// One per file.
    pub outcomes: Vec<String>,
    /// One per file.
    pub chunk_counts: Uint32Array,
    /// Whether more follow.
    pub more: bool,
}

/// What lacks vectors.
#[napi(object)]
pub struct MissingOutput {
    /// 16 bytes per key.
    pub keys: Uint8Array,
    /// Paths of files.
    pub paths: Vec<String>,
}

/// A name and how often it occurs.
#[napi(object)]
pub struct Count {
    /// The name.
    pub name: String,
    /// How often.
    pub count: u32,
}

/// Figures of one space.
#[napi(object)]
pub struct SpaceFigures {
    /// Its name.
    pub name: String,
    /// Components of a vector.
    pub dimension: u32,
    /// Vectors stored, for all trees.
    pub vectors: u32,
    /// Chunks of the tree that have one.
    pub covered: u32,
    /// Bytes held in memory outside the page cache.
    pub bytes_in_memory: f64,
    /// Vectors that no chunk of any tree refers to.
    pub unreferenced: u32,
    /// How vectors are found: `empty`, `int8`, `1-bit`, `cells` or `lsh`.
    pub index: String,
    /// Cells, 0 without any.
    pub cells: u32,
    /// Vectors that have no small codes yet.
    pub raw: f64,
    /// Size of its files.
    pub bytes_on_disk: f64,
    /// Why background work stopped, if it did.
    pub trouble: Option<String>,
}

/// A part and what it holds.
#[napi(object)]
pub struct Bytes {
    /// The part.
    pub name: String,
    /// Bytes.
    pub bytes: f64,
}

impl From<(String, u64)> for Bytes {
    fn from((name, bytes): (String, u64)) -> Self {
        Self { name, bytes: float(bytes) }
    }
}

/// Figures of the store and of one tree.
#[napi(object)]
pub struct StatsOutput {
    /// Number of the last commit.
    pub generation: f64,
    /// Files of the tree with chunks.
    pub files: u32,
    /// All files of the tree.
    pub known_files: u32,
    /// Chunks of the tree.
    pub chunks: u32,
    /// Size of the store's folder.
    pub bytes_on_disk: f64,
    /// Bytes held in memory outside the page cache.
    pub bytes_in_memory: f64,
    /// The same by part.
    pub memory: Vec<Bytes>,
    /// By space.
    pub spaces: Vec<SpaceFigures>,
    /// Files by outcome, without the empty one.
    pub outcomes: Vec<Count>,
    /// Files with chunks by language.
    pub languages: Vec<Count>,
}

impl FileColumns {
    /// The files these columns describe, borrowed.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] when the columns do not fit together.
    pub fn files(&self) -> Result<Vec<File<'_>>> {
        let count = self.paths.len();
        let (hashes, hashes_rest) = self.content_hashes.as_chunks::<16>();
        let lengths = [
            self.languages.len(),
            self.sizes.len(),
            self.mtimes.len(),
            hashes.len(),
            self.outcomes.len(),
            self.chunk_counts.len(),
        ];
        if lengths.iter().any(|&length| length != count) || !hashes_rest.is_empty() {
            return Err(mismatch());
        }
        let mut chunks = self.chunks()?.into_iter();
        let mut files = Vec::with_capacity(count);
        for (at, (path, content_hash)) in self.paths.iter().zip(hashes).enumerate() {
            files.push(File {
                path,
                language: &self.languages[at],
                size: self.sizes[at],
                mtime_ms: self.mtimes[at],
                content_hash: *content_hash,
                outcome: &self.outcomes[at],
                chunks: chunks.by_ref().take(self.chunk_counts[at] as usize).collect(),
            });
        }
        let counted: usize = self.chunk_counts.iter().map(|&count| count as usize).sum();
        if counted == self.start_lines.len() { Ok(files) } else { Err(mismatch()) }
    }

    fn chunks(&self) -> Result<Vec<Chunk<'_>>> {
        let (keys, keys_rest) = self.keys.as_chunks::<KEY_BYTES>();
        let count = keys.len();
        let lengths = [
            self.start_lines.len(),
            self.end_lines.len(),
            self.payload_ends.len(),
            self.symbols.len(),
            self.docs.len(),
            self.bodies.len(),
        ];
        if lengths.iter().any(|&length| length != count) || !keys_rest.is_empty() {
            return Err(mismatch());
        }
        let mut start = 0;
        let mut chunks = Vec::with_capacity(count);
        for (at, key) in keys.iter().enumerate() {
            let end = self.payload_ends[at] as usize;
            chunks.push(Chunk {
                key: *key,
                start_line: self.start_lines[at],
                end_line: self.end_lines[at],
                payload: self.payloads.get(start..end).ok_or_else(mismatch)?,
                symbol: &self.symbols[at],
                doc: &self.docs[at],
                body: &self.bodies[at],
            });
            start = end;
        }
        Ok(chunks)
    }
}

impl From<Vec<Vec<Hit>>> for HitColumns {
    fn from(lists: Vec<Vec<Hit>>) -> Self {
        let hits = || lists.iter().flatten();
        Self {
            counts: lists.iter().map(|list| small(list.len())).collect::<Vec<_>>().into(),
            ids: hits().map(|hit| float(hit.id)).collect::<Vec<_>>().into(),
            scores: hits().map(|hit| f64::from(hit.score)).collect::<Vec<_>>().into(),
        }
    }
}

impl From<Vec<ChunkInfo>> for ChunkColumns {
    fn from(chunks: Vec<ChunkInfo>) -> Self {
        let payloads: Vec<u8> = chunks.iter().flat_map(|(_, chunk)| chunk.payload.iter().copied()).collect();
        let mut end = 0;
        let ends = chunks.iter().map(|(_, chunk)| {
            end += small(chunk.payload.len());
            end
        });
        Self {
            payload_ends: ends.collect::<Vec<_>>().into(),
            ids: chunks.iter().map(|(id, _)| float(*id)).collect::<Vec<_>>().into(),
            start_lines: chunks.iter().map(|(_, chunk)| chunk.start_line).collect::<Vec<_>>().into(),
            end_lines: chunks.iter().map(|(_, chunk)| chunk.end_line).collect::<Vec<_>>().into(),
            keys: chunks.iter().flat_map(|(_, chunk)| chunk.key).collect::<Vec<_>>().into(),
            payloads: payloads.into(),
            languages: chunks.iter().map(|(_, chunk)| chunk.language.clone()).collect(),
            paths: chunks.into_iter().map(|(_, chunk)| chunk.path).collect(),
        }
    }
}

impl From<tiercel_engine::store::FilePage> for FilePageColumns {
    fn from(page: tiercel_engine::store::FilePage) -> Self {
        let rows = || page.files.iter().map(|(_, row)| row);
        Self {
            languages: rows().map(|row| row.language.clone()).collect(),
            sizes: rows().map(|row| row.size).collect::<Vec<_>>().into(),
            mtimes: rows().map(|row| row.mtime_ms).collect::<Vec<_>>().into(),
            content_hashes: rows().flat_map(|row| row.content_hash).collect::<Vec<_>>().into(),
            outcomes: rows().map(|row| row.outcome.clone()).collect(),
            chunk_counts: rows().map(|row| small(row.keys.len())).collect::<Vec<_>>().into(),
            more: page.more,
            paths: page.files.into_iter().map(|(path, _)| path).collect(),
        }
    }
}

impl From<Stats> for StatsOutput {
    fn from(stats: Stats) -> Self {
        let counts = |map: std::collections::BTreeMap<String, usize>| {
            map.into_iter().map(|(name, count)| Count { name, count: small(count) }).collect()
        };
        Self {
            generation: float(stats.generation),
            files: small(stats.files),
            known_files: small(stats.known_files),
            chunks: small(stats.chunks),
            bytes_on_disk: float(stats.bytes_on_disk),
            bytes_in_memory: float(stats.bytes_in_memory as u64),
            memory: stats.memory.into_iter().map(Bytes::from).collect(),
            spaces: stats.spaces.into_iter().map(SpaceFigures::from).collect(),
            outcomes: counts(stats.outcomes),
            languages: counts(stats.languages),
        }
    }
}

impl From<SpaceStats> for SpaceFigures {
    fn from(stats: SpaceStats) -> Self {
        Self {
            name: stats.name,
            dimension: small(stats.dimension),
            vectors: stats.vectors,
            covered: small(stats.covered),
            bytes_in_memory: float(stats.bytes_in_memory as u64),
            unreferenced: stats.unreferenced,
            index: stats.index.to_owned(),
            cells: stats.cells,
            raw: float(stats.raw),
            bytes_on_disk: float(stats.bytes_on_disk),
            trouble: stats.trouble,
        }
    }
}

/// Counts within a store stay far below 2^32.
pub fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Ids, generations and sizes stay far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
pub fn float(number: u64) -> f64 {
    number as f64
}

/// A JavaScript number as a chunk id; what is none gives an id nothing has.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
pub fn id(number: f64) -> u64 {
    if number.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&number) { number as u64 } else { u64::MAX }
}

fn mismatch() -> Error {
    Error::FixTheCall("The columns of the batch differ in length.".into())
}

/// A JavaScript number as a count; what is none is 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
pub fn whole(number: f64) -> u64 {
    number as u64
}
