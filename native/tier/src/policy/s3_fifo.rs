//! S3-FIFO (Yang, Zhang, Qiu, Yue & Rashmi, "FIFO queues are all you need for cache eviction", SOSP 2023).
//!
//! New pages enter a small queue with a tenth of the bytes. At its end, those used at least twice move to the main queue,
//! the others leave and are remembered by their hash; a remembered page that returns goes straight to the main queue. A
//! page at the end of the main queue gets another round for each use since the last one, three at most.

use std::collections::{HashMap, VecDeque};

use super::chains::Chains;
use super::{PageId, Policy, Sketch};

const SMALL: u8 = 0;
const MAIN: u8 = 1;
/// The small queue's share of all bytes is 1 in this many.
const SMALL_SHARE: u64 = 10;
/// Uses within the small queue that earn a place in the main one.
const WORTHY: u8 = 2;
/// Uses are counted up to here.
const MOST: u8 = 3;
/// The memory of pages that left is never shorter than this, so that a class with few pages learns as well.
const FEWEST_GHOSTS: usize = 16;

#[derive(Default)]
pub(super) struct S3Fifo {
    queues: Chains<2>,
    uses: Vec<u8>,
    ghosts: Ghosts,
}

impl S3Fifo {
    fn evict_small(&mut self) -> Option<PageId> {
        while let Some(page) = self.queues.oldest(SMALL) {
            if self.uses[page as usize] >= WORTHY {
                self.uses[page as usize] = 0;
                self.queues.shift(MAIN, page);
                continue;
            }
            self.ghosts.add(self.queues.hash(page), self.queues.pages(MAIN).max(FEWEST_GHOSTS));
            self.queues.take(page);
            return Some(page);
        }
        None
    }

    fn evict_main(&mut self) -> Option<PageId> {
        while let Some(page) = self.queues.oldest(MAIN) {
            if self.uses[page as usize] == 0 {
                self.queues.take(page);
                return Some(page);
            }
            self.uses[page as usize] -= 1;
            self.queues.shift(MAIN, page);
        }
        None
    }

    fn small_is_full(&self) -> bool {
        self.queues.pages(MAIN) == 0 || self.queues.bytes(SMALL) >= self.bytes() / SMALL_SHARE
    }
}

impl Policy for S3Fifo {
    fn insert(&mut self, page: PageId, hash: u64, bytes: u64) {
        let queue = if self.ghosts.take(hash) { MAIN } else { SMALL };
        if self.uses.len() <= page as usize {
            self.uses.resize(page as usize + 1, 0);
        }
        self.uses[page as usize] = 0;
        self.queues.enter(queue, page, hash, bytes);
    }

    fn hit(&mut self, page: PageId) {
        if let Some(uses) = self.uses.get_mut(page as usize) {
            *uses = (*uses + 1).min(MOST);
        }
    }

    fn remove(&mut self, page: PageId) {
        self.queues.take(page);
    }

    fn evict(&mut self, _: &Sketch) -> Option<PageId> {
        if self.small_is_full() {
            self.evict_small().or_else(|| self.evict_main())
        } else {
            self.evict_main().or_else(|| self.evict_small())
        }
    }

    fn candidate(&self) -> Option<PageId> {
        let (first, second) = if self.small_is_full() { (SMALL, MAIN) } else { (MAIN, SMALL) };
        self.queues.oldest(first).or_else(|| self.queues.oldest(second))
    }

    fn bytes(&self) -> u64 {
        self.queues.bytes(SMALL) + self.queues.bytes(MAIN)
    }
}

/// Hashes of pages that left the small queue, first in first out.
#[derive(Default)]
struct Ghosts {
    order: VecDeque<(u64, u64)>,
    /// The turn in which a hash was last added; entries of `order` of another turn are stale.
    turns: HashMap<u64, u64>,
    turn: u64,
}

impl Ghosts {
    fn add(&mut self, hash: u64, most: usize) {
        self.turn += 1;
        self.order.push_back((hash, self.turn));
        self.turns.insert(hash, self.turn);
        while self.order.len() > most {
            let Some((hash, turn)) = self.order.pop_front() else { break };
            if self.turns.get(&hash) == Some(&turn) {
                self.turns.remove(&hash);
            }
        }
    }

    fn take(&mut self, hash: u64) -> bool {
        self.turns.remove(&hash).is_some()
    }
}
