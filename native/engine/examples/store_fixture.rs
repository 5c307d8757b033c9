//! Makes `test/fixtures/store-v2` from a copy of `test/fixtures/store-v1`: upgraded, with one file that came and went.
//! `cargo run --example store_fixture -- FOLDER` where FOLDER is the copy.

use std::path::PathBuf;

use tiercel_engine::error::{Error, Result};
use tiercel_engine::store::batch::{Batch, Chunk, File, Vectors};
use tiercel_engine::store::{SpaceSpec, Store, StoreOptions};

const TREE: &str = "/home/somebody/a project";
const SPACE: &str = "instant:test";
const DIMENSION: usize = 32;

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| Error::FixTheCall("Name the folder of the copy.".into()))?;
    let spaces = [SpaceSpec { name: SPACE.into(), dimension: DIMENSION }];
    let store = Store::open(&folder, &spaces, tiercel_tier::global(), &StoreOptions::default())?;
    let chunk = Chunk {
        key: *b"a key of 16 byte",
        start_line: 1,
        end_line: 2,
        payload: b"payload",
        symbol: "passing",
        doc: "",
        body: "here and gone",
    };
    let file = File {
        path: "src/passing.ts",
        language: "typescript",
        size: 100.0,
        mtime_ms: 1_700_000_000_123.5,
        content_hash: [7; 16],
        outcome: "",
        chunks: vec![chunk],
    };
    let vector: Vec<f32> = (0_u8..32).map(|at| f32::from(at) - 15.5).collect();
    let vectors = vec![Vectors { space: SPACE, keys: b"a key of 16 byte", vectors: &vector }];
    store.commit(&Batch { tree: TREE, put: vec![file], remove: Vec::new(), vectors })?;
    store.commit(&Batch { tree: TREE, put: Vec::new(), remove: vec!["src/passing.ts"], vectors: Vec::new() })?;
    store.close()
}
