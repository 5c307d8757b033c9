//! One space's way to the memory of the GPU.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tiercel_gpu::{Gpu, Hot};

use crate::codes::CodeSet;

/// Which pages of a space are in the memory of the GPU, as far as is known without looking for each.
#[derive(Clone)]
pub struct HotPages {
    gpu: Gpu,
    /// All pages of the current codes are there.
    whole: Arc<AtomicBool>,
    /// They were, and a search missed some: a device was lost, or another space needed the room.
    missed: Arc<AtomicBool>,
    /// Pages looked at for offers so far: the next search looks at others.
    looked: Arc<AtomicUsize>,
}

impl HotPages {
    /// Nothing is there.
    pub fn new(gpu: Gpu) -> Self {
        Self { gpu, whole: Arc::default(), missed: Arc::default(), looked: Arc::default() }
    }

    /// The tier, if a device is open.
    pub fn get(&self) -> Option<Arc<Hot>> {
        self.gpu.get()
    }

    /// The tier, if it holds all pages and is expected to scan them all before the CPU has scanned `share` of them.
    pub fn beats(&self, set: &CodeSet, share: f32) -> Option<Arc<Hot>> {
        if !self.whole.load(Ordering::Relaxed) {
            return None;
        }
        let bytes = set.bits_bytes();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part"
        )]
        let part = (bytes as f64 * f64::from(share.clamp(0.0, 1.0))) as u64;
        self.get().filter(|hot| hot.favours(bytes, part))
    }

    /// Notes whether all pages are there.
    pub fn note(&self, whole: bool) {
        self.whole.store(whole, Ordering::Relaxed);
    }

    /// A search did not find pages there; whether that is news.
    pub fn missed(&self) -> bool {
        let news = self.whole.swap(false, Ordering::Relaxed);
        if news {
            self.missed.store(true, Ordering::Relaxed);
        }
        news
    }

    /// Whether pages that were there are missing, since the last look.
    pub fn take_missed(&self) -> bool {
        self.missed.swap(false, Ordering::Relaxed)
    }

    /// Which of `missing` pages one search looks at: another stretch of at most `most` of them each time.
    pub fn stretch(&self, missing: usize, most: usize) -> impl Iterator<Item = usize> + use<> {
        let first = self.looked.fetch_add(most, Ordering::Relaxed);
        (0..missing.min(most)).map(move |at| first.wrapping_add(at) % missing)
    }

    /// Drops the pages of a file.
    pub fn remove_file(&self, space: u64, file: u32) {
        if let Some(hot) = self.get() {
            hot.remove_file(space, file);
        }
    }

    /// Drops all pages of a space.
    pub fn remove_space(&self, space: u64) {
        if let Some(hot) = self.get() {
            hot.remove_space(space);
        }
    }
}
