//! Lock files for JavaScript.

use std::mem::ManuallyDrop;
use std::path::Path;

use napi::bindgen_prelude::Either;
use napi_derive::napi;
use tiercel_engine::lock::{FileLock as EngineLock, LockAttempt};

use crate::task::to_napi;

/// A held lock. It stays held when the object is collected: only `release` or the end of the process frees it.
#[napi]
pub struct FileLock {
    held: Option<ManuallyDrop<EngineLock>>,
}

/// Who has the lock instead.
#[napi(object)]
pub struct LockHolder {
    /// Process id of the holder, when it could be read.
    pub pid: Option<u32>,
}

#[napi]
impl FileLock {
    /// Frees the lock. Idempotent.
    #[napi]
    pub fn release(&mut self) {
        if let Some(held) = self.held.take() {
            drop(ManuallyDrop::into_inner(held));
        }
    }
}

/// Tries to take the lock at `path` (its folder must exist) without waiting: the lock, or who has it.
#[napi]
#[allow(clippy::needless_pass_by_value, reason = "a string from JavaScript is ours")]
pub fn acquire_file_lock(path: String) -> napi::Result<Either<FileLock, LockHolder>> {
    match EngineLock::acquire(Path::new(&path)).map_err(|error| to_napi(&error))? {
        LockAttempt::Acquired(lock) => Ok(Either::A(FileLock { held: Some(ManuallyDrop::new(lock)) })),
        LockAttempt::HeldBy(pid) => Ok(Either::B(LockHolder { pid })),
    }
}
