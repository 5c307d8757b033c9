//! Bringing 1-bit codes into the memory of the GPU, ahead of searches and beside them.

use std::collections::HashSet;
use std::sync::Arc;

use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;
use tiercel_gpu::Hot;

use crate::codes::{CodeFile, CodeSet};
use crate::index::Inner;

/// Files of codes whose pages were offered to the device that is open.
#[derive(Default)]
pub struct Heated {
    files: HashSet<u32>,
    /// Whether each of their pages found its place.
    whole: bool,
    device: Option<(Arc<Hot>, u64)>,
}

impl Heated {
    /// Offers the pages of one file; false when nothing is left to offer.
    pub fn step(&mut self, inner: &Inner, cancel: &Cancel) -> Result<bool> {
        let hot = inner.pages.hot.get();
        let state = inner.state();
        let (Some(hot), Some(set)) = (hot, &state.codes) else {
            *self = Self::default();
            inner.pages.hot.note(false);
            return Ok(false);
        };
        let devices = hot.devices();
        let same = self.device.as_ref().is_some_and(|(known, opened)| Arc::ptr_eq(known, &hot) && *opened == devices);
        if !same || inner.pages.hot.take_missed() {
            *self = Self { whole: true, device: Some((hot.clone(), devices)), ..Self::default() };
        }
        self.files.retain(|number| set.files.iter().any(|file| file.number == *number));
        let Some(file) = set.files.iter().find(|file| !self.files.contains(&file.number)) else {
            inner.pages.hot.note(self.whole);
            return Ok(false);
        };
        inner.pages.hot.note(false);
        self.whole &= offer(inner, &hot, set, file, cancel)?;
        self.files.insert(file.number);
        Ok(true)
    }
}

/// Whether all pages of the file found a place.
fn offer(inner: &Inner, hot: &Hot, set: &CodeSet, file: &CodeFile, cancel: &Cancel) -> Result<bool> {
    let pages = &inner.pages;
    for (at, page) in file.codes.pages().iter().enumerate() {
        cancel.check()?;
        let key = pages.bits_key(file.number, at);
        if !hot.warm(key, page.rows as usize, pages.padded, set.bits_bytes(), file.bits(pages, at)?) {
            return Ok(false);
        }
    }
    Ok(true)
}
