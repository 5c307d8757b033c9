//! The surface of the static embedder.

use std::path::PathBuf;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Float32Array, Object};
use napi_derive::napi;
use tiercel_engine::embed::StaticModel;

use crate::task::{Lane, run};

/// Up to this many texts count as a question somebody waits for.
const FEW: usize = 8;

/// Static token vectors: texts to vectors of unit length, off the event loop.
#[napi]
pub struct StaticEmbedder {
    model: Arc<StaticModel>,
}

#[napi]
impl StaticEmbedder {
    /// Loads `vectors.bin` and the vocabulary that belongs to it. Rejects with `InstallWhatIsMissing`, `UpdateTiercel` or
    /// `FixTheMachine`.
    ///
    /// # Errors
    /// When Node cannot make a promise.
    #[napi(ts_return_type = "Promise<StaticEmbedder>")]
    pub fn load(env: &Env, vectors_path: String, vocabulary_path: String) -> napi::Result<Object<'_>> {
        run(env, Lane::Read, move || {
            let model = StaticModel::load(&PathBuf::from(vectors_path), &PathBuf::from(vocabulary_path))?;
            Ok(Self { model: Arc::new(model) })
        })
    }

    /// Components of a vector.
    #[napi(getter)]
    pub fn dimension(&self) -> u32 {
        u32::try_from(self.model.dimension()).unwrap_or(u32::MAX)
    }

    /// Changes whenever the vectors would.
    #[napi(getter)]
    pub fn checksum(&self) -> u32 {
        self.model.checksum()
    }

    /// `texts.length` x `dimension` components, row-major. A text without a known word gets (1, 0, 0, ...).
    ///
    /// # Errors
    /// When Node cannot make a promise.
    #[napi(ts_return_type = "Promise<Float32Array>")]
    pub fn embed<'env>(&self, env: &'env Env, texts: Vec<String>) -> napi::Result<Object<'env>> {
        let model = Arc::clone(&self.model);
        let lane = if texts.len() <= FEW { Lane::Read } else { Lane::Write };
        run(env, lane, move || Ok(Float32Array::new(model.embed(&texts))))
    }
}
