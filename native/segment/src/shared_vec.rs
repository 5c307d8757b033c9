//! A list that only grows at its end and whose clones share all but the last few hundred elements.

use std::sync::Arc;

/// Elements per shared chunk: what a clone copies at most.
const CHUNK: usize = 512;

/// Cloning costs one reference count per 512 elements and copies fewer than 512.
#[derive(Debug, Clone)]
pub(crate) struct SharedVec<T> {
    full: Vec<Arc<[T]>>,
    tail: Vec<T>,
}

impl<T> Default for SharedVec<T> {
    fn default() -> Self {
        Self { full: Vec::new(), tail: Vec::new() }
    }
}

impl<T: Copy> SharedVec<T> {
    pub(crate) fn len(&self) -> usize {
        self.full.len() * CHUNK + self.tail.len()
    }

    pub(crate) fn push(&mut self, value: T) {
        self.tail.push(value);
        if self.tail.len() == CHUNK {
            self.full.push(self.tail.as_slice().into());
            self.tail.clear();
        }
    }

    pub(crate) fn get(&self, at: usize) -> Option<T> {
        match self.full.get(at / CHUNK) {
            Some(chunk) => chunk.get(at % CHUNK).copied(),
            None => self.tail.get(at - self.full.len() * CHUNK).copied(),
        }
    }

    pub(crate) fn last(&self) -> Option<T> {
        self.len().checked_sub(1).and_then(|last| self.get(last))
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        if let Some(chunk) = self.full.get(length / CHUNK) {
            self.tail = chunk[..length % CHUNK].to_vec();
            self.full.truncate(length / CHUNK);
        } else {
            self.tail.truncate(length - self.full.len() * CHUNK);
        }
    }

    /// How many elements from the start fulfil `is_before`, which holds for a prefix.
    pub(crate) fn partition_point(&self, mut is_before: impl FnMut(T) -> bool) -> usize {
        let chunk = self.full.partition_point(|chunk| chunk.first().is_some_and(|&first| is_before(first)));
        let in_tail = chunk == self.full.len() && self.tail.first().is_some_and(|&first| is_before(first));
        match (in_tail, chunk.checked_sub(1)) {
            (true, _) => self.full.len() * CHUNK + self.tail.partition_point(|&value| is_before(value)),
            (false, Some(chunk)) => chunk * CHUNK + self.full[chunk].partition_point(|&value| is_before(value)),
            (false, None) => 0,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = T> {
        self.full.iter().flat_map(|chunk| chunk.iter()).chain(&self.tail).copied()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.full.len() * (CHUNK * size_of::<T>() + 32) + self.tail.capacity() * size_of::<T>()
    }
}

impl<T: Copy> FromIterator<T> for SharedVec<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut list = Self::default();
        values.into_iter().for_each(|value| list.push(value));
        list.tail.shrink_to_fit();
        list
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_list(length in 0_u32..3000, cut in 0_usize..3000, more in 0_u32..1200, asked in 0_u32..5000) {
            let (mut list, mut oracle): (SharedVec<u32>, Vec<u32>) = ((0..length).collect(), (0..length).collect());
            let before = list.clone();
            list.truncate(cut.min(list.len()));
            oracle.truncate(cut);
            for value in length..length + more {
                list.push(value);
                oracle.push(value);
            }
            prop_assert_eq!(list.len(), oracle.len());
            prop_assert!(list.iter().eq(oracle.iter().copied()));
            prop_assert_eq!(list.last(), oracle.last().copied());
            prop_assert_eq!(list.get(asked as usize), oracle.get(asked as usize).copied());
            prop_assert_eq!(list.partition_point(|value| value < asked), oracle.partition_point(|&value| value < asked));
            prop_assert!(before.iter().eq(0..length));
        }
    }
}
