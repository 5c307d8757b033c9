//! One space's vectors by themselves, without files and words: what benches and tools compare with other engines.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use napi::Env;
use napi::bindgen_prelude::{Float32Array, Float64Array, Object, ToNapiValue, Uint8Array, Uint32Array};
use napi_derive::napi;
use tiercel_base::KEY_BYTES;
use tiercel_base::rows::RowSet;
use tiercel_engine::cancel::Cancel;
use tiercel_engine::error::{Error, Result};
use tiercel_vectors::{IndexStats, Spec, VectorIndex};

use crate::cancel::CancelToken;
use crate::columns::{Bytes, float, small};
use crate::governor;
use crate::task::{Lane, run};

/// An open index of vectors.
#[napi]
pub struct NativeVectorIndex {
    /// Emptied by `close`.
    index: Mutex<Option<Arc<VectorIndex>>>,
}

/// How an index is made and kept.
#[napi(object)]
pub struct VectorIndexInput {
    /// Components of a vector.
    pub dimension: u32,
    /// `auto`, `exact` or `lsh`; as configured when absent.
    pub index: Option<String>,
    /// Whether half floats are kept on the disk for the last ranking step.
    pub halves: Option<bool>,
    /// Whether 4-bit codes are made.
    pub planes: Option<bool>,
    /// Rows below this number count; absent: all that were appended before the index was closed.
    pub committed: Option<u32>,
}

/// How a search is done.
#[napi(object)]
pub struct VectorSearchInput {
    /// Share of the true nearest neighbours to find, 0.5 to 1.
    pub recall: Option<f64>,
    /// Compare every row.
    pub exact: Option<bool>,
    /// Rows that may be returned; absent: all.
    pub rows: Option<Uint32Array>,
}

/// Rows found, query after query.
#[napi(object)]
pub struct RowColumns {
    /// One per query: how many hits it has.
    pub counts: Uint32Array,
    /// One per hit.
    pub rows: Uint32Array,
    /// One per hit: cosine similarity.
    pub scores: Float64Array,
    /// One per query: microseconds in the engine.
    pub micros: Float64Array,
}

/// Figures of an index.
#[napi(object)]
pub struct VectorIndexFigures {
    /// `empty`, `int8`, `1-bit`, `cells` or `lsh`.
    pub index: String,
    /// Rows stored.
    pub rows: f64,
    /// Cells, 0 without any.
    pub cells: u32,
    /// Rows that have no small codes yet.
    pub raw_rows: f64,
    /// Size of the folder.
    pub bytes_on_disk: f64,
    /// Bytes held outside the page cache, by part.
    pub memory: Vec<Bytes>,
    /// Files of vectors and codes.
    pub files: u32,
    /// Whether background work is under way.
    pub working: bool,
    /// What stopped it, if something did.
    pub trouble: Option<String>,
}

impl From<IndexStats> for VectorIndexFigures {
    fn from(stats: IndexStats) -> Self {
        Self {
            index: stats.kind.to_owned(),
            rows: float(stats.rows),
            cells: stats.cells,
            raw_rows: float(stats.raw_rows),
            bytes_on_disk: float(stats.bytes_on_disk),
            memory: stats.memory.into_iter().map(Bytes::from).collect(),
            files: stats.files,
            working: stats.working,
            trouble: stats.trouble,
        }
    }
}

/// Opens the index in `folder`, making it if it is not there.
#[napi(ts_return_type = "Promise<NativeVectorIndex>")]
pub fn open_vector_index(env: &Env, folder: String, options: VectorIndexInput) -> napi::Result<Object<'_>> {
    run(env, Lane::Write, move || {
        let folder = PathBuf::from(folder);
        let mut index = governor::store_options().index;
        if let Some(kind) = &options.index {
            index.kind = governor::kind_named(kind)?;
        }
        index.planes = options.planes.unwrap_or(index.planes);
        let stored = VectorIndex::stored(&folder)?;
        let halves = options.halves.unwrap_or_else(|| stored.as_ref().is_some_and(|stored| stored.halves));
        let spec = Spec { dimension: options.dimension as usize, number: 0, halves };
        let committed = match (options.committed, stored) {
            (Some(committed), _) => committed,
            (None, None) => 0,
            (None, Some(stored)) => stored.end.ok_or_else(|| {
                Error::FixTheCall("The index was not closed with sealed files: say how many rows count.".into())
            })?,
        };
        let index = VectorIndex::open(&folder, &spec, committed, tiercel_tier::global(), &index)?;
        Ok(NativeVectorIndex { index: Mutex::new(Some(Arc::new(index))) })
    })
}

#[napi]
impl NativeVectorIndex {
    /// Appends vectors, durable and visible when the promise settles; gives the first one's row. Keys must be new. The
    /// arrays must not be changed until then.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn append<'e>(&self, env: &'e Env, keys: Uint8Array, vectors: Float32Array) -> napi::Result<Object<'e>> {
        self.call(env, Lane::Write, move |index| {
            let (keys, rest) = keys.as_chunks::<KEY_BYTES>();
            if !rest.is_empty() {
                return Err(Error::FixTheCall(format!("Keys have {KEY_BYTES} bytes each.")));
            }
            tiercel_tier::global().monitor().check_write(keys.len() as u64, (vectors.len() * 2) as u64)?;
            let rows = index.append(keys, &vectors)?;
            index.publish();
            Ok(rows.start)
        })
    }

    /// The `k` nearest rows of each query (`n x dimension` numbers).
    #[napi(ts_return_type = "Promise<RowColumns>")]
    pub fn search<'e>(
        &self,
        env: &'e Env,
        queries: Float32Array,
        k: u32,
        options: Option<VectorSearchInput>,
        cancel: Option<&CancelToken>,
    ) -> napi::Result<Object<'e>> {
        let cancel = cancel.map_or_else(Cancel::new, |token| token.flag.clone());
        self.call(env, Lane::Read, move |index| {
            let reader = index.reader();
            let mut how = governor::store_options().search;
            let mut allow = None;
            if let Some(options) = options {
                #[expect(clippy::cast_possible_truncation, reason = "a share")]
                let recall = options.recall.map(|recall| recall as f32);
                how.recall = recall.unwrap_or(how.recall);
                how.exact = options.exact.unwrap_or(false);
                allow = options.rows.map(|rows| rows.iter().copied().collect::<RowSet>());
            }
            let allow = allow.unwrap_or_else(|| RowSet::up_to(reader.end()));
            let dimension = reader.dimension();
            if !queries.len().is_multiple_of(dimension) {
                return Err(Error::FixTheCall(format!(
                    "{} numbers are not queries of dimension {dimension}.",
                    queries.len()
                )));
            }
            let (mut counts, mut rows, mut scores, mut micros) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for query in queries.chunks_exact(dimension) {
                let begun = Instant::now();
                let hits = reader.search(query, k as usize, &how, &allow, &cancel)?;
                micros.push(begun.elapsed().as_secs_f64() * 1e6);
                counts.push(small(hits.len()));
                rows.extend(hits.iter().map(|hit| hit.row));
                scores.extend(hits.iter().map(|hit| f64::from(hit.score)));
            }
            Ok(RowColumns { counts: counts.into(), rows: rows.into(), scores: scores.into(), micros: micros.into() })
        })
    }

    /// Waits until no background work is left to do.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn settle<'e>(&self, env: &'e Env) -> napi::Result<Object<'e>> {
        self.call(env, Lane::Write, VectorIndex::settle)
    }

    /// Figures.
    #[napi(ts_return_type = "Promise<VectorIndexFigures>")]
    pub fn stats<'e>(&self, env: &'e Env) -> napi::Result<Object<'e>> {
        self.call(env, Lane::Read, |index| index.stats().map(VectorIndexFigures::from))
    }

    /// Makes everything durable and lets go of the files, once running calls are done. Later calls are refused.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close<'e>(&self, env: &'e Env) -> napi::Result<Object<'e>> {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner).take();
        run(env, Lane::Write, move || match index.map(Arc::try_unwrap) {
            Some(Ok(index)) => index.close(),
            // The last running call lets go of it.
            Some(Err(_)) | None => Ok(()),
        })
    }

    fn call<'e, T, W>(&self, env: &'e Env, lane: Lane, work: W) -> napi::Result<Object<'e>>
    where
        T: ToNapiValue + Send + 'static,
        W: FnOnce(&VectorIndex) -> Result<T> + Send + 'static,
    {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner).clone();
        run(env, lane, move || {
            let index = index.ok_or_else(|| Error::FixTheCall("The index is closed.".into()))?;
            work(&index)
        })
    }
}
