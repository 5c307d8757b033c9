//! The guard of a pinned page.

use super::Cache;
use super::table::Handle;
use crate::page::PageKey;

/// Keeps a page in memory until it is dropped.
#[must_use = "the page is pinned only while the guard lives"]
pub struct Pin {
    cache: Cache,
    key: PageKey,
    handle: Handle,
}

impl Pin {
    pub(super) fn new(cache: Cache, key: PageKey, handle: Handle) -> Self {
        Self { cache, key, handle }
    }

    /// The pinned page.
    #[must_use]
    pub fn key(&self) -> &PageKey {
        &self.key
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.cache.unpin(self.handle);
    }
}
