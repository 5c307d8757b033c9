//! Full files get their index file.

use tiercel_base::error::Result;

use crate::index::Inner;
use crate::state::State;

/// Seals one full file, if there is one.
pub fn seal(inner: &Inner) -> Result<bool> {
    let _work = inner.file_work();
    seal_held(inner)
}

/// [`seal`] for who holds off other work on files already.
pub fn seal_held(inner: &Inner) -> Result<bool> {
    let Some(mut full) = inner.writer().unsealed.pop() else { return Ok(false) };
    // Without the lock: the file has its rows, only its keys are read and sorted.
    let sealed = match full.file.seal() {
        Ok(sealed) => sealed,
        Err(error) => {
            inner.writer().unsealed.push(full);
            return Err(error);
        }
    };
    let mut writer = inner.writer();
    inner.list(&mut writer, |files| files.seal(full.number))?;
    let mut state = State::clone(&inner.state());
    if let Some(file) = state.files.iter_mut().find(|file| file.number == full.number) {
        file.segment = sealed;
    }
    inner.replace(&writer, state);
    Ok(true)
}
