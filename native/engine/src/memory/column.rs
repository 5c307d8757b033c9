//! A sparse column of 32-bit numbers whose clones share pages: a commit copies the pages it writes, readers keep the
//! old ones.

use std::sync::Arc;

/// What stands where nothing was set.
pub const NONE: u32 = u32::MAX;

/// Numbers per page.
const PAGE: usize = 2048;

/// Numbers by position, [`NONE`] where nothing was set. Cloning costs one reference count per 2,048 positions; pages
/// where nothing was ever set are not there.
#[derive(Debug, Clone, Default)]
pub struct Column {
    pages: Vec<Option<Arc<[u32; PAGE]>>>,
}

impl Column {
    /// The number at `position`, or [`NONE`].
    #[must_use]
    #[inline]
    pub fn get(&self, position: u32) -> u32 {
        let position = position as usize;
        match self.pages.get(position / PAGE) {
            Some(Some(page)) => page[position % PAGE],
            _ => NONE,
        }
    }

    /// Puts a number at `position`; its page is copied when a reader still holds it.
    pub fn set(&mut self, position: u32, value: u32) {
        if self.get(position) == value {
            return;
        }
        let position = position as usize;
        if self.pages.len() <= position / PAGE {
            self.pages.resize(position / PAGE + 1, None);
        }
        let page = self.pages[position / PAGE].get_or_insert_with(|| Arc::new([NONE; PAGE]));
        Arc::make_mut(page)[position % PAGE] = value;
    }

    /// Bytes held, shared pages counted in full.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.pages.iter().flatten().count() * PAGE * size_of::<u32>() + self.pages.capacity() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map_with_a_default(changes in prop::collection::vec((0_u32..20_000, 0_u32..3), 0..200)) {
            let (mut column, mut oracle) = (Column::default(), HashMap::new());
            for (position, value) in changes {
                let value = if value == 0 { NONE } else { value };
                let before = column.clone();
                let old = before.get(position);
                column.set(position, value);
                oracle.insert(position, value);
                prop_assert_eq!((before.get(position), column.get(position)), (old, value));
            }
            for position in (0..25_000).step_by(7).chain(oracle.keys().copied()) {
                prop_assert_eq!(column.get(position), oracle.get(&position).copied().unwrap_or(NONE));
            }
        }
    }

    #[test]
    fn nothing_set_is_nothing_held() {
        let mut column = Column::default();
        column.set(1 << 20, NONE);
        assert_eq!(column.bytes(), 0);
        column.set(1 << 20, 1);
        assert!(column.bytes() < 32 << 10, "{}", column.bytes());
    }
}
