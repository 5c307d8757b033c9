//! What the interface's contract tests cannot reach.

mod budget;
mod crash;
mod model;
mod spaces;
mod upgrade;

use std::path::Path;
use std::sync::Arc;

use tiercel_base::Key;
use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;
use tiercel_tier::machine::MachineReading;
use tiercel_tier::{Governor, MachineProbe, MonitorConfig, PolicyKind};

use super::batch::{Batch, Chunk, File, Vectors};
use super::{SpaceSpec, Store, StoreOptions};
use crate::filter::Filter;

const TREE: &str = "/repository";
const SPACE: &str = "space";
const DIMENSION: usize = 8;

/// A machine that tells nothing.
struct Silent;

impl MachineProbe for Silent {
    fn read(&self) -> MachineReading {
        MachineReading::default()
    }
}

/// Memory of its own, for one test.
fn governor() -> Governor {
    let config = MonitorConfig { memory_budget: 64 << 20, disk_budget: None, max_vectors: 0 };
    Governor::new(config, PolicyKind::default(), Arc::new(Silent))
}

fn specs() -> Vec<SpaceSpec> {
    vec![SpaceSpec { name: SPACE.into(), dimension: DIMENSION }]
}

fn open(folder: &Path) -> Result<Store> {
    Store::open(folder, &specs(), &governor(), &StoreOptions::default())
}

fn vector(seed: u8) -> Vec<f32> {
    (0..DIMENSION)
        .map(|at| f32::from(seed.wrapping_mul(37).wrapping_add(u8::try_from(at * 11).unwrap_or(0))) - 90.0)
        .collect()
}

/// A word of its own for each version, in one part.
fn word(version: u8) -> String {
    format!("version{}", char::from(b'a' + version))
}

/// One version of one file: a chunk whose body and vector say which.
struct Version {
    path: &'static str,
    number: u8,
    key: Key,
    body: String,
    vector: Vec<f32>,
}

impl Version {
    fn new(path: &'static str, version: u8) -> Self {
        Self { path, number: version, key: [version; 16], body: word(version), vector: vector(version) }
    }

    fn batch(&self) -> Batch<'_> {
        let chunk = Chunk {
            key: self.key,
            start_line: 1,
            end_line: 2,
            payload: b"payload",
            symbol: "",
            doc: "",
            body: &self.body,
        };
        let file = File {
            path: self.path,
            language: "rust",
            size: 1.0,
            mtime_ms: 2.0,
            content_hash: [self.number; 16],
            outcome: "",
            chunks: vec![chunk],
        };
        let vectors = Vectors { space: SPACE, keys: &self.key, vectors: &self.vector };
        Batch { tree: TREE, put: vec![file], remove: Vec::new(), vectors: vec![vectors] }
    }
}

/// The version of `path` that catalog, lexical index and vectors agree on; `None` when they agree there is none.
fn version_of(store: &Store, path: &str) -> Option<u8> {
    let chunks = store.chunks_of_file(TREE, path).expect("readable");
    let texts: Vec<String> = (0..=9).map(word).collect();
    let found = store.search_text(TREE, &texts, 10, &Filter::default(), &Cancel::new()).expect("searched");
    let version = chunks.first().map(|(_, chunk)| chunk.key[0]);
    let ids: Vec<u64> = chunks.iter().map(|(id, _)| *id).collect();
    for (at, hits) in (0..).zip(&found) {
        let expected: &[u64] = if Some(at) == version { &ids } else { &[] };
        let hits: Vec<u64> = hits.iter().map(|hit| hit.id).collect();
        assert_eq!(hits, expected, "the lexical index disagrees about version {at}");
    }
    if let Some(version) = version {
        let query = vector(version);
        let nearest = store.search_vectors(TREE, SPACE, &query, 9, &Filter::default(), &Cancel::new());
        let nearest = nearest.expect("searched");
        assert_eq!(nearest[0].iter().map(|hit| hit.id).collect::<Vec<_>>(), ids, "vectors disagree");
        assert!(nearest[0][0].score > 0.999, "{nearest:?}");
    }
    version
}
