//! Where a process keeps its hot tier.

use std::sync::{Arc, PoisonError, RwLock};

use crate::hot::Hot;

/// The hot tier of a process, once a device is open: opening takes a while, and the user may turn it off again. Clones are
/// the same place.
#[derive(Clone, Default)]
pub struct Gpu {
    hot: Arc<RwLock<Option<Arc<Hot>>>>,
}

impl Gpu {
    /// The tier; none while there is no device.
    #[must_use]
    pub fn get(&self) -> Option<Arc<Hot>> {
        self.hot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on searches use this tier, or none. Gives the one before, which ends with its last search.
    pub fn replace(&self, hot: Option<Hot>) -> Option<Arc<Hot>> {
        let mut place = self.hot.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, hot.map(Arc::new))
    }
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Gpu({})", if self.get().is_some() { "open" } else { "none" })
    }
}

impl PartialEq for Gpu {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.hot, &other.hot)
    }
}
