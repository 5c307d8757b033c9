//! Figures of the store on this machine: `cargo run --release --example measure -- [chunks] [dimension]`.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use tiercel_engine::cancel::Cancel;
use tiercel_engine::error::Result;
use tiercel_engine::filter::Filter;
use tiercel_engine::store::batch::{Batch, Chunk, File, Vectors};
use tiercel_engine::store::{SpaceSpec, Store, StoreOptions};

const TREE: &str = "/measured";
const SPACE: &str = "space";
const CHUNKS_PER_FILE: usize = 20;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let chunks = arguments.next().unwrap_or(100_000);
    let dimension = arguments.next().unwrap_or(256);
    let folder = std::env::temp_dir().join(format!("tiercel-measure-{}", std::process::id()));
    println!("{chunks} chunks, dimension {dimension}");
    let outcome = measure(&folder, chunks, dimension);
    let _ = std::fs::remove_dir_all(&folder);
    outcome
}

fn measure(folder: &Path, chunks: usize, dimension: usize) -> Result<()> {
    let spaces = [SpaceSpec { name: SPACE.into(), dimension }];
    let mut source = Source { state: 1, dimension };
    let store = Store::open(folder, &spaces, tiercel_tier::global(), &StoreOptions::default())?;
    let started = Instant::now();
    for first in (0..chunks).step_by(2000) {
        let started = Instant::now();
        source.commit(&store, first / CHUNKS_PER_FILE, 2000.min(chunks - first).div_ceil(CHUNKS_PER_FILE), true)?;
        if first == 0 || first + 2000 >= chunks {
            println!("commit of 2,000 chunks with vectors: {:.0?}", started.elapsed());
        }
    }
    println!("all commits: {:.2?}", started.elapsed());
    for vectors in [true, false] {
        let samples = times(20, || source.commit_few(&store, vectors));
        println!("commit of 8 chunks (with new text: {vectors}): {}", quantiles(&samples));
    }
    let samples = times(20, || source.commit_vectors(&store));
    println!("commit of 8 vectors only: {}", quantiles(&samples));
    let stats = store.stats(TREE)?;
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let per_chunk =
        (stats.bytes_on_disk as f64 / stats.chunks as f64, stats.bytes_in_memory as f64 / stats.chunks as f64);
    println!("{} chunks; bytes per chunk: {:.0} on disk, {:.0} in memory", stats.chunks, per_chunk.0, per_chunk.1);
    for (part, bytes) in tiercel_tier::global().monitor().parts() {
        println!("  {part}: {} KB", bytes >> 10);
    }
    let space = &stats.spaces[0];
    println!("index: {}, {} vectors, {} of no chunk", space.index, space.vectors, space.unreferenced);
    store.close()?;
    let started = Instant::now();
    let store = Store::open(folder, &spaces, tiercel_tier::global(), &StoreOptions::default())?;
    println!("open: {:.1?}", started.elapsed());
    let filter = Filter { paths: Some(vec!["src/**/file-*7.rs".into()]), ..Filter::default() };
    for (name, filter) in [("no filter", Filter::default()), ("a tenth of the files", filter)] {
        let samples = times(60, || {
            let query = source.vector();
            store.search_vectors(TREE, SPACE, &query, 50, &filter, &Cancel::new()).map(|_| ())
        });
        println!("search of vectors, k = 50, {name}: {}", quantiles(&samples));
        let samples = times(60, || {
            let query = [source.body(6)];
            store.search_text(TREE, &query, 50, &filter, &Cancel::new()).map(|_| ())
        });
        println!("search of text, 6 words, k = 50, {name}: {}", quantiles(&samples));
    }
    store.close()
}

/// Milliseconds of each run, sorted.
fn times(runs: usize, mut run: impl FnMut() -> Result<()>) -> Vec<f64> {
    let mut samples: Vec<f64> = (0..runs)
        .map(|_| {
            let started = Instant::now();
            run().expect("a measured call succeeds");
            started.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples
}

fn quantiles(samples: &[f64]) -> String {
    format!("p50 {:.2} ms, max {:.2} ms", samples[samples.len() / 2], samples[samples.len() - 1])
}

/// Reproducible texts and vectors.
struct Source {
    state: u64,
    dimension: usize,
}

impl Source {
    /// The next number below `limit` (xorshift64*).
    fn below(&mut self, limit: u64) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 20) % limit
    }

    fn vector(&mut self) -> Vec<f32> {
        #[expect(clippy::cast_precision_loss, reason = "small integers")]
        (0..self.dimension).map(|_| (self.below(2001)) as f32 - 1000.0).collect()
    }

    /// Words with a long tail, as in code.
    fn body(&mut self, words: usize) -> String {
        let mut body = String::new();
        for _ in 0..words {
            let rank = self.below(1 << 20);
            let word = (rank * rank) >> 26;
            let _ = write!(body, "get{}Name{word} ", word % 97);
        }
        body
    }

    fn commit(&mut self, store: &Store, first_file: usize, files: usize, vectors: bool) -> Result<()> {
        let count = files * CHUNKS_PER_FILE;
        self.commit_files(store, first_file, files, count / files.max(1), vectors)
    }

    fn commit_few(&mut self, store: &Store, vectors: bool) -> Result<()> {
        let file = usize::try_from(self.below(100)).unwrap_or(0);
        self.commit_files(store, file, 1, 8, vectors)
    }

    fn commit_vectors(&mut self, store: &Store) -> Result<()> {
        let keys: Vec<u8> = (0..8 * 16).map(|_| u8::try_from(self.below(256)).unwrap_or(0)).collect();
        let vectors: Vec<f32> = (0..8).flat_map(|_| self.vector()).collect();
        let vectors = vec![Vectors { space: SPACE, keys: &keys, vectors: &vectors }];
        store.commit(&Batch { tree: TREE, put: Vec::new(), remove: Vec::new(), vectors }).map(|_| ())
    }

    fn commit_files(&mut self, store: &Store, first: usize, files: usize, each: usize, vectors: bool) -> Result<()> {
        let count = files * each;
        let keys: Vec<u8> = (0..count * 16).map(|_| u8::try_from(self.below(256)).unwrap_or(0)).collect();
        let numbers: Vec<f32> = (0..count).flat_map(|_| self.vector()).collect();
        let bodies: Vec<String> = (0..count).map(|_| self.body(60)).collect();
        let payload = [7; 160];
        let paths: Vec<String> =
            (first..first + files).map(|file| format!("src/module-{}/file-{file}.rs", file / 50)).collect();
        let chunk = |at: usize| Chunk {
            key: keys.as_chunks::<16>().0[at],
            start_line: 1,
            end_line: 40,
            payload: &payload,
            symbol: "Router.register",
            doc: "Registers a route.",
            body: &bodies[at],
        };
        let put = (0..files).map(|file| File {
            path: &paths[file],
            language: "rust",
            size: 4000.0,
            mtime_ms: 0.0,
            content_hash: [1; 16],
            outcome: "",
            chunks: (file * each..(file + 1) * each).map(chunk).collect(),
        });
        let vectors = if vectors { vec![Vectors { space: SPACE, keys: &keys, vectors: &numbers }] } else { Vec::new() };
        store.commit(&Batch { tree: TREE, put: put.collect(), remove: Vec::new(), vectors }).map(|_| ())
    }
}
