//! What the cache counts.

use crate::page::{CLASSES, Class};
use crate::policy::PolicyKind;

/// Counts of one class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClassStats {
    /// Bytes in memory.
    pub bytes: u64,
    /// Bytes that are pinned, part of `bytes`.
    pub pinned: u64,
    /// Pages in memory.
    pub pages: u64,
    /// Pages asked for that were in memory.
    pub hits: u64,
    /// Pages asked for that were not.
    pub misses: u64,
    /// Pages that left for lack of room, or because their class is not admitted.
    pub evictions: u64,
    /// Pages that came in.
    pub promotions: u64,
}

impl ClassStats {
    /// Share of the pages asked for that were in memory; 0 when none was asked for.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn hit_rate(&self) -> f64 {
        let asked = self.hits + self.misses;
        if asked == 0 { 0.0 } else { self.hits as f64 / asked as f64 }
    }
}

/// Counts of the whole cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheStats {
    /// Bytes it may hold.
    pub budget: u64,
    /// Bytes it holds, pinned ones included.
    pub bytes: u64,
    /// How victims are chosen.
    pub policy: PolicyKind,
    /// In the order of [`Class::ALL`].
    pub classes: [ClassStats; CLASSES],
}

impl CacheStats {
    /// Counts of a class.
    #[must_use]
    pub fn of(&self, class: Class) -> &ClassStats {
        &self.classes[class.index()]
    }

    /// Bytes that are pinned.
    #[must_use]
    pub fn pinned(&self) -> u64 {
        self.classes.iter().map(|class| class.pinned).sum()
    }
}
