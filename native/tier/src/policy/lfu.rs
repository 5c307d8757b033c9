//! Least frequently used since a page came in. Nothing ages: a page that was popular once stays, which is why this is
//! not the default.

use std::collections::{BTreeSet, HashMap};

use super::{PageId, Policy, Sketch};

struct Use {
    times: u64,
    last: u64,
    bytes: u64,
}

#[derive(Default)]
pub(super) struct Lfu {
    uses: HashMap<PageId, Use>,
    /// `(times, last use, page)`: the first is the victim.
    order: BTreeSet<(u64, u64, PageId)>,
    clock: u64,
    bytes: u64,
}

impl Policy for Lfu {
    fn insert(&mut self, page: PageId, _: u64, bytes: u64) {
        self.remove(page);
        self.clock += 1;
        self.uses.insert(page, Use { times: 1, last: self.clock, bytes });
        self.order.insert((1, self.clock, page));
        self.bytes += bytes;
    }

    fn hit(&mut self, page: PageId) {
        let Some(seen) = self.uses.get_mut(&page) else { return };
        self.clock += 1;
        self.order.remove(&(seen.times, seen.last, page));
        seen.times += 1;
        seen.last = self.clock;
        self.order.insert((seen.times, seen.last, page));
    }

    fn remove(&mut self, page: PageId) {
        if let Some(seen) = self.uses.remove(&page) {
            self.order.remove(&(seen.times, seen.last, page));
            self.bytes -= seen.bytes;
        }
    }

    fn evict(&mut self, _: &Sketch) -> Option<PageId> {
        let page = self.candidate()?;
        self.remove(page);
        Some(page)
    }

    fn candidate(&self) -> Option<PageId> {
        self.order.first().map(|(_, _, page)| *page)
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}
