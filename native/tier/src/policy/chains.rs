//! Doubly linked lists over page numbers: every page is in at most one of `N` lists, all moves take constant time.

use super::PageId;

const NONE: u32 = u32::MAX;
const NOWHERE: u8 = u8::MAX;

#[derive(Clone, Copy)]
struct Node {
    newer: u32,
    older: u32,
    hash: u64,
    bytes: u64,
    list: u8,
}

const VACANT: Node = Node { newer: NONE, older: NONE, hash: 0, bytes: 0, list: NOWHERE };

#[derive(Clone, Copy)]
struct Ends {
    newest: u32,
    oldest: u32,
    bytes: u64,
    pages: usize,
}

/// `N` lists, each from newest to oldest.
pub(super) struct Chains<const N: usize> {
    nodes: Vec<Node>,
    lists: [Ends; N],
}

impl<const N: usize> Default for Chains<N> {
    fn default() -> Self {
        Self { nodes: Vec::new(), lists: [Ends { newest: NONE, oldest: NONE, bytes: 0, pages: 0 }; N] }
    }
}

impl<const N: usize> Chains<N> {
    /// Puts a page that is in no list at the newest end of `list`.
    pub(super) fn enter(&mut self, list: u8, page: PageId, hash: u64, bytes: u64) {
        self.take(page);
        if self.nodes.len() <= page as usize {
            self.nodes.resize(page as usize + 1, VACANT);
        }
        self.nodes[page as usize] = Node { hash, bytes, ..VACANT };
        self.link(list, page);
    }

    /// Moves a page to the newest end of `list`.
    pub(super) fn shift(&mut self, list: u8, page: PageId) {
        if self.take(page) {
            self.link(list, page);
        }
    }

    /// Takes a page out of its list; false when it is in none.
    pub(super) fn take(&mut self, page: PageId) -> bool {
        let Some(node) = self.nodes.get(page as usize).copied().filter(|node| node.list != NOWHERE) else {
            return false;
        };
        let ends = &mut self.lists[usize::from(node.list)];
        ends.bytes -= node.bytes;
        ends.pages -= 1;
        if node.newer == NONE {
            ends.newest = node.older;
        }
        if node.older == NONE {
            ends.oldest = node.newer;
        }
        if node.newer != NONE {
            self.nodes[node.newer as usize].older = node.older;
        }
        if node.older != NONE {
            self.nodes[node.older as usize].newer = node.newer;
        }
        self.nodes[page as usize].list = NOWHERE;
        true
    }

    fn link(&mut self, list: u8, page: PageId) {
        let ends = &mut self.lists[usize::from(list)];
        let node = &mut self.nodes[page as usize];
        node.list = list;
        node.newer = NONE;
        node.older = ends.newest;
        ends.bytes += node.bytes;
        ends.pages += 1;
        if ends.newest == NONE {
            ends.oldest = page;
        }
        let older = std::mem::replace(&mut ends.newest, page);
        if older != NONE {
            self.nodes[older as usize].newer = page;
        }
    }

    pub(super) fn list_of(&self, page: PageId) -> Option<u8> {
        self.nodes.get(page as usize).map(|node| node.list).filter(|list| *list != NOWHERE)
    }

    pub(super) fn hash(&self, page: PageId) -> u64 {
        self.nodes[page as usize].hash
    }

    pub(super) fn oldest(&self, list: u8) -> Option<PageId> {
        Some(self.lists[usize::from(list)].oldest).filter(|page| *page != NONE)
    }

    pub(super) fn bytes(&self, list: u8) -> u64 {
        self.lists[usize::from(list)].bytes
    }

    pub(super) fn pages(&self, list: u8) -> usize {
        self.lists[usize::from(list)].pages
    }
}
