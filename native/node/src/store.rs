//! The store for JavaScript: every method runs on the addon's threads and gives a promise.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use napi::Env;
use napi::bindgen_prelude::{Float32Array, Float64Array, Object, ToNapiValue, Uint8Array};
use napi_derive::napi;
use tiercel_engine::cancel::Cancel;
use tiercel_engine::error::{Error, Result};
use tiercel_engine::filter::Filter;
use tiercel_engine::store::batch::{Batch, Vectors};
use tiercel_engine::store::{Missing, SpaceSpec, Store, StoreOptions};

use crate::cancel::CancelToken;
use crate::columns::{
    CandidateColumns, ChunkColumns, CommitOutput, FileColumns, FilePageColumns, HitColumns, MissingOutput, SpaceInput,
    StatsOutput, TextQueryInput, VectorColumns, float, id, small,
};
use crate::governor;
use crate::task::{Lane, run};

/// An open store.
#[napi]
pub struct NativeStore {
    /// Emptied by `close`.
    store: Mutex<Option<Arc<Store>>>,
    calls: Arc<Calls>,
}

/// How many calls are under way, queued ones included: `close` waits for them.
#[derive(Default)]
struct Calls {
    running: Mutex<usize>,
    ended: Condvar,
}

/// One call under way.
struct Call(Arc<Calls>);

impl Call {
    fn begin(calls: &Arc<Calls>) -> Self {
        *calls.running.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(Arc::clone(calls))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        *self.0.running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.ended.notify_all();
    }
}

/// Which chunks may be returned; absent members let everything pass.
#[napi(object)]
pub struct FilterInput {
    /// Language ids.
    pub languages: Option<Vec<String>>,
    /// Globs over paths.
    pub paths: Option<Vec<String>>,
    /// Globs over paths that do not pass.
    pub excluded: Option<Vec<String>>,
    /// Chunk ids.
    pub ids: Option<Float64Array>,
}

/// Stores that may be open: what is configured later reaches them.
static OPEN: Mutex<Vec<Weak<Store>>> = Mutex::new(Vec::new());

fn open_stores() -> MutexGuard<'static, Vec<Weak<Store>>> {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    open.retain(|store| store.strong_count() > 0);
    open
}

/// Calls `each` with every open store.
pub fn for_each_open(each: impl Fn(&Store)) {
    // Held while the stores are: a store that is being closed has one owner.
    let open = open_stores();
    for store in open.iter().filter_map(Weak::upgrade) {
        each(&store);
    }
}

/// Opens the store in `folder`, making it if it is not there. With `keep`, spaces that are neither opened nor named there
/// are deleted.
#[napi(ts_return_type = "Promise<NativeStore>")]
pub fn open_store(
    env: &Env,
    folder: String,
    spaces: Vec<SpaceInput>,
    keep: Option<Vec<String>>,
) -> napi::Result<Object<'_>> {
    run(env, Lane::Write, move || {
        let specs: Vec<SpaceSpec> = spaces
            .into_iter()
            .map(|space| SpaceSpec { name: space.name, dimension: space.dimension as usize })
            .collect();
        let options = StoreOptions { keep, ..governor::store_options() };
        let store = Store::open(&PathBuf::from(folder), &specs, tiercel_tier::global(), &options)?;
        let store = Arc::new(store);
        open_stores().push(Arc::downgrade(&store));
        Ok(NativeStore { store: Mutex::new(Some(store)), calls: Arc::default() })
    })
}

#[napi]
impl NativeStore {
    /// Applies a batch, all of it or nothing. The arrays must not be changed until the promise settles.
    #[napi(ts_return_type = "Promise<CommitOutput>")]
    pub fn commit<'e>(
        &self,
        env: &'e Env,
        tree: String,
        put: FileColumns,
        remove: Vec<String>,
        vectors: Vec<VectorColumns>,
    ) -> napi::Result<Object<'e>> {
        self.call(env, Lane::Write, move |store| {
            let batch = Batch {
                tree: &tree,
                put: put.files()?,
                remove: remove.iter().map(String::as_str).collect(),
                vectors: vectors
                    .iter()
                    .map(|part| Vectors { space: &part.space, keys: &part.keys, vectors: &part.vectors })
                    .collect(),
            };
            let receipt = store.commit(&batch)?;
            Ok(CommitOutput {
                generation: float(receipt.generation),
                files: small(receipt.files),
                chunks: small(receipt.chunks),
            })
        })
    }

    /// The nearest chunks of each vector.
    #[napi(ts_return_type = "Promise<HitColumns>")]
    #[allow(clippy::too_many_arguments, reason = "each is a member of the query in TypeScript")]
    pub fn search_vectors<'e>(
        &self,
        env: &'e Env,
        tree: String,
        space: String,
        vectors: Float32Array,
        k: u32,
        filter: Option<FilterInput>,
        cancel: Option<&CancelToken>,
    ) -> napi::Result<Object<'e>> {
        let (filter, cancel) = (engine_filter(filter), flag(cancel));
        self.call(env, Lane::Read, move |store| {
            store.search_vectors(&tree, &space, &vectors, k as usize, &filter, &cancel).map(HitColumns::from)
        })
    }

    /// The best chunks of each query by BM25.
    #[napi(ts_return_type = "Promise<HitColumns>")]
    pub fn search_text<'e>(
        &self,
        env: &'e Env,
        tree: String,
        queries: Vec<String>,
        k: u32,
        filter: Option<FilterInput>,
        cancel: Option<&CancelToken>,
    ) -> napi::Result<Object<'e>> {
        let (filter, cancel) = (engine_filter(filter), flag(cancel));
        self.call(env, Lane::Read, move |store| {
            store.search_text(&tree, &queries, k as usize, &filter, &cancel).map(HitColumns::from)
        })
    }

    /// Candidates for a query, with what the lexical index knows of each.
    #[napi(ts_return_type = "Promise<CandidateColumns>")]
    pub fn rank_text<'e>(
        &self,
        env: &'e Env,
        tree: String,
        query: TextQueryInput,
        filter: Option<FilterInput>,
        cancel: Option<&CancelToken>,
    ) -> napi::Result<Object<'e>> {
        let (filter, cancel) = (engine_filter(filter), flag(cancel));
        let also: Vec<u64> = query.also.iter().copied().map(id).collect();
        self.call(env, Lane::Read, move |store| {
            let wanted = (query.chunks as usize, query.files as usize);
            store.rank_text(&tree, &query.engine_query(), wanted, &also, &filter, &cancel).map(CandidateColumns::from)
        })
    }

    /// Chunks by id, in that order.
    #[napi(ts_return_type = "Promise<ChunkColumns>")]
    pub fn chunks_by_id<'e>(&self, env: &'e Env, ids: Float64Array) -> napi::Result<Object<'e>> {
        self.call(env, Lane::Read, move |store| store.chunks_by_id(ids.iter().copied().map(id)).map(ChunkColumns::from))
    }

    /// Chunks of one file, by start line.
    #[napi(ts_return_type = "Promise<ChunkColumns>")]
    pub fn chunks_of_file<'e>(&self, env: &'e Env, tree: String, path: String) -> napi::Result<Object<'e>> {
        self.call(env, Lane::Read, move |store| store.chunks_of_file(&tree, &path).map(ChunkColumns::from))
    }

    /// Known files in path order.
    #[napi(ts_return_type = "Promise<FilePageColumns>")]
    pub fn files<'e>(&self, env: &'e Env, tree: String, limit: u32, after: Option<String>) -> napi::Result<Object<'e>> {
        self.call(env, Lane::Read, move |store| {
            store.files(&tree, limit as usize, after.as_deref()).map(FilePageColumns::from)
        })
    }

    /// Which of these keys have no vector.
    #[napi(ts_return_type = "Promise<MissingOutput>")]
    pub fn missing_keys<'e>(
        &self,
        env: &'e Env,
        space: String,
        keys: Uint8Array,
        limit: u32,
    ) -> napi::Result<Object<'e>> {
        self.call(env, Lane::Read, move |store| missing(store, &space, &Missing::Keys(&keys), limit))
    }

    /// Which files of this tree have chunks without a vector.
    #[napi(ts_return_type = "Promise<MissingOutput>")]
    pub fn missing_paths<'e>(&self, env: &'e Env, space: String, tree: String, limit: u32) -> napi::Result<Object<'e>> {
        self.call(env, Lane::Read, move |store| missing(store, &space, &Missing::Tree(&tree), limit))
    }

    /// Figures of the store and of one tree.
    #[napi(ts_return_type = "Promise<StatsOutput>")]
    pub fn stats<'e>(&self, env: &'e Env, tree: String) -> napi::Result<Object<'e>> {
        self.call(env, Lane::Read, move |store| store.stats(&tree).map(StatsOutput::from))
    }

    /// Waits for running calls, makes everything durable and frees the folder. Later calls are refused.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close<'e>(&self, env: &'e Env) -> napi::Result<Object<'e>> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner).take();
        let calls = Arc::clone(&self.calls);
        run(env, Lane::Write, move || {
            let running = calls.running.lock().unwrap_or_else(PoisonError::into_inner);
            drop(calls.ended.wait_while(running, |running| *running > 0));
            let others = open_stores();
            let store = store.and_then(Arc::into_inner);
            drop(others);
            store.map_or(Ok(()), Store::close)
        })
    }

    /// Runs `work` on the lane's threads. It counts as running from now on, so that a later `close` waits for it.
    fn call<'e, T, W>(&self, env: &'e Env, lane: Lane, work: W) -> napi::Result<Object<'e>>
    where
        T: ToNapiValue + Send + 'static,
        W: FnOnce(&Store) -> Result<T> + Send + 'static,
    {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let call = Call::begin(&self.calls);
        run(env, lane, move || {
            let store = store.ok_or_else(|| Error::FixTheCall("The store is closed.".into()))?;
            let outcome = work(&store);
            // The store goes first: whoever waits for the call may want to be its only owner.
            drop(store);
            drop(call);
            outcome
        })
    }
}

fn missing(store: &Store, space: &str, of: &Missing<'_>, limit: u32) -> Result<MissingOutput> {
    let (keys, paths) = store.missing(space, of, limit as usize)?;
    Ok(MissingOutput { keys: keys.into_flattened().into(), paths })
}

fn engine_filter(filter: Option<FilterInput>) -> Filter {
    filter.map_or_else(Filter::default, |filter| Filter {
        languages: filter.languages,
        paths: filter.paths,
        excluded: filter.excluded,
        ids: filter.ids.map(|ids| ids.iter().copied().map(id).collect()),
    })
}

fn flag(cancel: Option<&CancelToken>) -> Cancel {
    cancel.map_or_else(Cancel::new, |token| token.flag.clone())
}
