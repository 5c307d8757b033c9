//! What searches notice and the background looks after.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Cold pages remembered.
const MOST_PAGES: usize = 256;

/// Noticed and not yet looked after.
pub struct Hints {
    /// Cold pages of int8 rows that deserve a place in memory: file and page.
    pages: Mutex<VecDeque<(u32, u32)>>,
    damaged: AtomicBool,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Hints {
    /// Nothing noticed; `wake` is called when something is.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { pages: Mutex::default(), damaged: AtomicBool::new(false), wake: Box::new(wake) }
    }

    /// A page that was read from the disk deserves a place in memory.
    pub fn promote(&self, file: u32, page: u32) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.len() < MOST_PAGES && !pages.contains(&(file, page)) {
            pages.push_back((file, page));
            drop(pages);
            (self.wake)();
        }
    }

    /// Pages are no longer in the memory of the GPU.
    pub fn gpu_missed_pages(&self) {
        (self.wake)();
    }

    /// A file of codes did not pass its checksums.
    pub fn codes_are_damaged(&self) {
        if !self.damaged.swap(true, Ordering::Relaxed) {
            (self.wake)();
        }
    }

    /// The next page to promote.
    pub fn take_page(&self) -> Option<(u32, u32)> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Whether codes were found damaged since the last look.
    pub fn take_damage(&self) -> bool {
        self.damaged.swap(false, Ordering::Relaxed)
    }
}
