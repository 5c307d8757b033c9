//! Where pages lie in the device's memory: a few large buffers, so that one dispatch scans hundreds of pages.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tiercel_base::error::Result;
use tiercel_tier::{PageKey, Weight};
use wgpu::BufferUsages;

use crate::device::{Allocated, Device};

/// Pages start at multiples of so many bytes.
const GRANULE: u64 = 256;
/// An arena's size: an eighth of the budget, within these, so that a shrinking budget gives back an eighth at a time.
const LEAST: u64 = 1 << 20;
const MOST: u64 = 64 << 20;
const PARTS: u64 = 8;

/// One large buffer and what is free in it.
pub struct Arena {
    pub number: u32,
    bytes: u64,
    memory: Allocated,
    space: Mutex<Space>,
}

#[derive(Default)]
struct Space {
    /// Length by offset; neighbours are always merged.
    free: BTreeMap<u64, u64>,
    /// Which page lies at an offset.
    pages: HashMap<u64, PageKey>,
    used: u64,
    closed: bool,
}

impl Space {
    fn take(&mut self, bytes: u64) -> Option<u64> {
        if self.closed {
            return None;
        }
        let (&offset, &length) = self.free.iter().find(|(_, length)| **length >= bytes)?;
        self.free.remove(&offset);
        if length > bytes {
            self.free.insert(offset + bytes, length - bytes);
        }
        self.used += bytes;
        Some(offset)
    }

    fn give(&mut self, offset: u64, bytes: u64) {
        self.used -= bytes;
        self.pages.remove(&offset);
        let (mut offset, mut bytes) = (offset, bytes);
        if let Some(after) = self.free.remove(&(offset + bytes)) {
            bytes += after;
        }
        if let Some((&before, &length)) = self.free.range(..offset).next_back()
            && before + length == offset
        {
            offset = before;
            bytes += length;
        }
        self.free.insert(offset, bytes);
    }
}

impl Arena {
    fn space(&self) -> MutexGuard<'_, Space> {
        self.space.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn buffer(&self) -> &wgpu::Buffer {
        &self.memory.buffer
    }
}

/// A page in the device's memory. Its place is free again once the last search that reads it is done.
pub struct Resident {
    pub arena: Arc<Arena>,
    /// In bytes.
    pub offset: u64,
    pub bytes: u64,
    pub rows: u32,
    pub padded: u32,
}

impl Weight for Resident {
    /// Bytes of the device's memory.
    fn bytes(&self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        self.arena.space().give(self.offset, self.bytes);
    }
}

/// All arenas of a device.
#[derive(Default)]
pub struct Arenas {
    open: Vec<Arc<Arena>>,
    next: u32,
    size: u64,
    most: u64,
}

impl Arenas {
    /// Arenas within `budget` bytes, none yet.
    pub fn new(budget: u64) -> Self {
        let size = (budget / PARTS).clamp(LEAST, MOST) / GRANULE * GRANULE;
        Self { size, most: budget / size, ..Self::default() }
    }

    /// Bytes of pages that all arenas can hold.
    pub fn capacity(&self) -> u64 {
        self.most * self.size
    }

    /// Changes the budget: the emptiest arenas above it are closed. Gives the pages in them; their memory is free once
    /// nobody holds those.
    pub fn set_budget(&mut self, budget: u64) -> Vec<PageKey> {
        self.most = budget / self.size;
        let mut closed = Vec::new();
        while self.open.len() as u64 > self.most {
            let Some(at) = (0..self.open.len()).min_by_key(|at| self.open[*at].space().used) else { break };
            let arena = self.open.swap_remove(at);
            let mut space = arena.space();
            space.closed = true;
            closed.extend(space.pages.values());
        }
        closed
    }

    /// A place for a page of `rows` rows and `bytes` bytes; none when there is none in the arenas and no room for another.
    ///
    /// # Errors
    /// Those of [`Device::allocate`].
    pub fn place(
        &mut self,
        device: &Device,
        key: PageKey,
        bytes: u64,
        rows: u32,
        padded: u32,
    ) -> Result<Option<Resident>> {
        let bytes = bytes.max(1).next_multiple_of(GRANULE);
        if bytes > self.size {
            return Ok(None);
        }
        let of = |arena: &Arc<Arena>, offset| Resident { arena: arena.clone(), offset, bytes, rows, padded };
        for arena in &self.open {
            let mut space = arena.space();
            if let Some(offset) = space.take(bytes) {
                space.pages.insert(offset, key);
                return Ok(Some(of(arena, offset)));
            }
        }
        if self.open.len() as u64 >= self.most {
            return Ok(None);
        }
        let memory = device.allocate(self.size, BufferUsages::STORAGE | BufferUsages::COPY_DST, false)?;
        let mut space = Space { free: BTreeMap::from([(0, self.size)]), ..Space::default() };
        let offset = space.take(bytes);
        space.pages.extend(offset.map(|offset| (offset, key)));
        let arena = Arc::new(Arena { number: self.next, bytes: self.size, memory, space: Mutex::new(space) });
        self.next += 1;
        self.open.push(arena.clone());
        Ok(offset.map(|offset| of(&arena, offset)))
    }

    /// Gives back the memory of arenas without pages.
    pub fn release_empty(&mut self) {
        self.open.retain(|arena| arena.space().used > 0);
    }

    /// Bytes of all arenas that may take pages.
    pub fn bytes(&self) -> u64 {
        self.open.iter().map(|arena| arena.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tiercel_tier::Class;

    use super::*;
    use crate::testing;

    proptest! {
        #[test]
        fn places_never_overlap_and_all_space_comes_back(steps in prop::collection::vec((any::<bool>(), 1_u64..40), 1..200)) {
            let whole = 100 * GRANULE;
            let mut space = Space { free: BTreeMap::from([(0, whole)]), ..Space::default() };
            let mut held: Vec<(u64, u64)> = Vec::new();
            for (take, size) in steps {
                if take {
                    if let Some(offset) = space.take(size * GRANULE) {
                        prop_assert!(held.iter().all(|(at, bytes)| offset + size * GRANULE <= *at || at + bytes <= offset));
                        prop_assert!(offset + size * GRANULE <= whole);
                        held.push((offset, size * GRANULE));
                    }
                } else if let Some((at, bytes)) = held.pop() {
                    space.give(at, bytes);
                }
                prop_assert_eq!(space.used, held.iter().map(|(_, bytes)| bytes).sum::<u64>());
            }
            for (at, bytes) in held {
                space.give(at, bytes);
            }
            prop_assert_eq!((space.used, space.free), (0, BTreeMap::from([(0, whole)])));
        }
    }

    #[test]
    fn a_smaller_budget_closes_the_emptiest_arena_and_its_memory_goes_with_its_last_page() {
        let Some(device) = testing::own_device() else { return };
        let mut arenas = Arenas::new(3 * LEAST);
        let before = device.held();
        let key = |page| PageKey { space: 1, file: 1, page, class: Class::Bits };
        let place =
            |arenas: &mut Arenas, page, bytes| arenas.place(&device, key(page), bytes, 8, 64).expect("a device");
        let full = place(&mut arenas, 1, LEAST).expect("room");
        let sparse = place(&mut arenas, 2, LEAST / 2).expect("room");
        assert_ne!(full.arena.number, sparse.arena.number);
        assert_eq!((arenas.capacity(), arenas.bytes(), device.held() - before), (3 * LEAST, 2 * LEAST, 2 * LEAST));
        assert_eq!(arenas.set_budget(LEAST), [key(2)]);
        assert!(place(&mut arenas, 3, 1).is_none());
        drop(sparse);
        assert_eq!(device.held() - before, LEAST);
        drop(full);
        arenas.release_empty();
        assert_eq!(device.held(), before);
    }
}
