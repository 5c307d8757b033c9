//! W-TinyLFU (Einziger, Friedman & Manes, "`TinyLFU`: a highly efficient cache admission policy", ACM Transactions on
//! Storage 2017).
//!
//! New pages enter a small window. What falls out of it must have been asked for more often than the page it would
//! replace, by the sketch; the rest is a segmented LRU: a use moves a page from probation to the protected segment, which
//! has four fifths of the bytes.

use super::chains::Chains;
use super::{PageId, Policy, Sketch};

const WINDOW: u8 = 0;
const PROBATION: u8 = 1;
const PROTECTED: u8 = 2;
/// The window's share of all bytes is 1 in this many, but one page at least.
const WINDOW_SHARE: u64 = 100;

#[derive(Default)]
pub(super) struct TinyLfu {
    segments: Chains<3>,
    /// Fell out of the window at the latest insertion. If that insertion needs room, it has to earn its place.
    contender: Option<PageId>,
}

impl TinyLfu {
    fn window_is_full(&self) -> bool {
        self.segments.pages(WINDOW) > 1 && self.segments.bytes(WINDOW) > self.bytes() / WINDOW_SHARE
    }

    fn victim_other_than(&self, contender: PageId) -> Option<PageId> {
        let probation = self.segments.oldest(PROBATION).filter(|page| *page != contender);
        probation.or_else(|| self.segments.oldest(PROTECTED))
    }
}

impl Policy for TinyLfu {
    fn insert(&mut self, page: PageId, hash: u64, bytes: u64) {
        self.remove(page);
        self.contender = None;
        self.segments.enter(WINDOW, page, hash, bytes);
        while self.window_is_full() {
            self.contender = self.segments.oldest(WINDOW);
            let Some(page) = self.contender else { break };
            self.segments.shift(PROBATION, page);
        }
    }

    fn hit(&mut self, page: PageId) {
        match self.segments.list_of(page) {
            Some(WINDOW) => self.segments.shift(WINDOW, page),
            Some(_) => {
                self.segments.shift(PROTECTED, page);
                let main = self.segments.bytes(PROBATION) + self.segments.bytes(PROTECTED);
                while self.segments.bytes(PROTECTED) > main / 5 * 4 && self.segments.pages(PROTECTED) > 1 {
                    let Some(page) = self.segments.oldest(PROTECTED) else { break };
                    self.segments.shift(PROBATION, page);
                }
            }
            None => {}
        }
    }

    fn remove(&mut self, page: PageId) {
        if self.segments.take(page) && self.contender == Some(page) {
            self.contender = None;
        }
    }

    fn evict(&mut self, sketch: &Sketch) -> Option<PageId> {
        let contest = self.contender.and_then(|contender| Some((contender, self.victim_other_than(contender)?)));
        let page = match contest {
            Some((contender, victim)) => {
                let (news, olds) = (self.segments.hash(contender), self.segments.hash(victim));
                if sketch.estimate(news) > sketch.estimate(olds) { victim } else { contender }
            }
            None => self.candidate()?,
        };
        self.remove(page);
        Some(page)
    }

    fn candidate(&self) -> Option<PageId> {
        [PROBATION, PROTECTED, WINDOW].into_iter().find_map(|segment| self.segments.oldest(segment))
    }

    fn bytes(&self) -> u64 {
        self.segments.bytes(WINDOW) + self.segments.bytes(PROBATION) + self.segments.bytes(PROTECTED)
    }
}
