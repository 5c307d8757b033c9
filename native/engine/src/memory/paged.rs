//! A growing array whose clones share pages: a commit copies the pages it writes, readers keep the old ones.

use std::sync::Arc;

/// Elements per page.
const PAGE: usize = 1024;

/// An array in shared pages. Cloning costs one reference count per 1,024 elements.
#[derive(Debug, Clone)]
pub struct Paged<T> {
    pages: Vec<Arc<Vec<T>>>,
    length: usize,
}

impl<T> Default for Paged<T> {
    fn default() -> Self {
        Self { pages: Vec::new(), length: 0 }
    }
}

impl<T: Clone> Paged<T> {
    /// Elements in the array.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The element at `index`, if there is one.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        self.pages.get(index / PAGE)?.get(index % PAGE)
    }

    /// The element at `index` to change; its page is copied when a reader still holds it.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        Arc::make_mut(self.pages.get_mut(index / PAGE)?).get_mut(index % PAGE)
    }

    /// Appends an element.
    pub fn push(&mut self, value: T) {
        if self.length.is_multiple_of(PAGE) {
            self.pages.push(Arc::new(Vec::with_capacity(PAGE)));
        }
        if let Some(last) = self.pages.last_mut() {
            Arc::make_mut(last).push(value);
            self.length += 1;
        }
    }

    /// All elements in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flat_map(|page| page.iter())
    }

    /// The first index whose element does not satisfy `before`, in an array where those that do come first.
    pub fn partition_point(&self, mut before: impl FnMut(&T) -> bool) -> usize {
        let page = self.pages.partition_point(|page| page.last().is_some_and(&mut before));
        self.pages.get(page).map_or(self.length, |found| page * PAGE + found.partition_point(before))
    }

    /// Bytes held by the pages, without what the elements point to.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.pages.len() * (PAGE * size_of::<T>() + size_of::<Arc<Vec<T>>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_does_not_see_later_changes() {
        let mut array = Paged::default();
        for _ in 0..3000 {
            array.push(7);
        }
        let before = array.clone();
        *array.get_mut(2999).expect("present") = 8;
        array.push(9);
        assert_eq!((before.len(), before.get(2999), before.get(3000)), (3000, Some(&7), None));
        assert_eq!((array.len(), array.get(2999), array.get(3000)), (3001, Some(&8), Some(&9)));
    }

    #[test]
    fn partition_points_are_those_of_a_slice() {
        let mut array = Paged::default();
        let plain: Vec<usize> = (0..5000).map(|x| x * 2).collect();
        for &value in &plain {
            array.push(value);
        }
        for target in [0, 1, 2047, 2048, 2049, 9998, 9999, 20_000] {
            assert_eq!(array.partition_point(|&x| x < target), plain.partition_point(|&x| x < target));
        }
    }
}
