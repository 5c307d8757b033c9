//! Least recently used: one list; a use moves a page to its newest end.

use super::chains::Chains;
use super::{PageId, Policy, Sketch};

#[derive(Default)]
pub(super) struct Lru {
    chain: Chains<1>,
}

impl Policy for Lru {
    fn insert(&mut self, page: PageId, hash: u64, bytes: u64) {
        self.chain.enter(0, page, hash, bytes);
    }

    fn hit(&mut self, page: PageId) {
        self.chain.shift(0, page);
    }

    fn remove(&mut self, page: PageId) {
        self.chain.take(page);
    }

    fn evict(&mut self, _: &Sketch) -> Option<PageId> {
        let page = self.chain.oldest(0)?;
        self.chain.take(page);
        Some(page)
    }

    fn candidate(&self) -> Option<PageId> {
        self.chain.oldest(0)
    }

    fn bytes(&self) -> u64 {
        self.chain.bytes(0)
    }
}
