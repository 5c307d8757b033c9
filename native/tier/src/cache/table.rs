//! The bookkeeping: which pages there are, what they weigh, who is pinned, and in which order they leave. Knows keys and
//! weights, never a page itself.

use super::stats::{CacheStats, ClassStats};
use super::stripes::Used;
use crate::page::{CLASSES, Class, PageKey};
use crate::policy::{Policy, PolicyKind, Sketch};

/// Uses of a cold page that pay for reading it in where less worthy pages give way.
const TWICE: u8 = 2;

/// A page's place in the table, with the generation of that place: a handle outlives its page without harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handle {
    slot: u32,
    generation: u32,
}

impl Handle {
    /// Never 0.
    pub(super) fn raw(self) -> u64 {
        (u64::from(self.generation) << 32) | u64::from(self.slot)
    }

    #[expect(clippy::cast_possible_truncation, reason = "takes apart what `raw` put together")]
    pub(super) fn from_raw(raw: u64) -> Self {
        Self { slot: raw as u32, generation: (raw >> 32) as u32 }
    }
}

struct Slot {
    key: PageKey,
    hash: u64,
    bytes: u64,
    generation: u32,
    pins: u32,
    taken: bool,
}

pub(super) struct Table {
    budget: u64,
    bytes: u64,
    kind: PolicyKind,
    policies: [Box<dyn Policy>; CLASSES],
    admitted: [bool; CLASSES],
    classes: [ClassStats; CLASSES],
    slots: Vec<Slot>,
    free: Vec<u32>,
    sketch: Sketch,
}

impl Table {
    pub(super) fn new(budget: u64, kind: PolicyKind) -> Self {
        Self {
            budget,
            bytes: 0,
            kind,
            policies: std::array::from_fn(|_| kind.build()),
            admitted: [true; CLASSES],
            classes: [ClassStats::default(); CLASSES],
            slots: Vec::new(),
            free: Vec::new(),
            sketch: Sketch::default(),
        }
    }

    pub(super) fn budget(&self) -> u64 {
        self.budget
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn pinned(&self) -> u64 {
        self.classes.iter().map(|class| class.pinned).sum()
    }

    pub(super) fn stats(&self) -> CacheStats {
        CacheStats { budget: self.budget, bytes: self.bytes, policy: self.kind, classes: self.classes }
    }

    pub(super) fn overhead_bytes(&self) -> usize {
        // The orders of the policies take about as much per page as the slot itself.
        self.slots.capacity() * size_of::<Slot>() * 2 + self.free.capacity() * size_of::<u32>() + self.sketch.bytes()
    }

    pub(super) fn used(&mut self, used: Used) {
        match used {
            Used::Miss(hash) => self.sketch.add(hash),
            Used::Hit(handle) => {
                if let Some(slot) = self.slot(handle) {
                    let (hash, class) = (slot.hash, slot.key.class.index());
                    self.sketch.add(hash);
                    self.policies[class].hit(handle.slot);
                }
            }
        }
    }

    /// Makes room and enters a page; none when it is not worth what would have to leave, or of a class that is not
    /// admitted. The keys of what left are in `evicted`.
    pub(super) fn insert(&mut self, key: PageKey, hash: u64, bytes: u64, evicted: &mut Vec<PageKey>) -> Option<Handle> {
        let class = key.class.index();
        let yielding: u64 = self.policies[class..].iter().map(|policy| policy.bytes()).sum();
        let settled = self.bytes.saturating_sub(yielding);
        if !self.admitted[class] || settled.saturating_add(bytes) > self.budget {
            return None;
        }
        let handle = self.take_slot(key, hash, bytes)?;
        self.policies[class].insert(handle.slot, hash, bytes);
        while self.bytes.saturating_add(bytes) > self.budget {
            let Some(victim) = self.next_victim() else { break };
            if victim == handle.slot {
                self.free_slot(victim);
                return None;
            }
            evicted.push(self.evict(victim));
        }
        if self.bytes.saturating_add(bytes) > self.budget {
            self.policies[class].remove(handle.slot);
            self.free_slot(handle.slot);
            return None;
        }
        self.bytes += bytes;
        let counts = &mut self.classes[class];
        counts.bytes += bytes;
        counts.pages += 1;
        counts.promotions += 1;
        let pages = self.slots.len() - self.free.len();
        self.sketch.fit(pages);
        Some(handle)
    }

    pub(super) fn remove(&mut self, handle: Handle) {
        if let Some(slot) = self.slot(handle) {
            let class = slot.key.class.index();
            self.policies[class].remove(handle.slot);
            self.leave(handle.slot);
        }
    }

    /// Takes out all chosen pages, and returns their keys.
    pub(super) fn remove_where(&mut self, chosen: &impl Fn(&PageKey) -> bool) -> Vec<PageKey> {
        let places = 0_u32..;
        let found = places.zip(&self.slots).filter(|(_, slot)| slot.taken && chosen(&slot.key));
        let found: Vec<_> =
            found.map(|(place, slot)| (slot.key, Handle { slot: place, generation: slot.generation })).collect();
        for (_, handle) in &found {
            self.remove(*handle);
        }
        found.into_iter().map(|(key, _)| key).collect()
    }

    pub(super) fn pin(&mut self, handle: Handle) -> bool {
        let Some(slot) = self.slot_mut(handle) else { return false };
        slot.pins += 1;
        let (first, bytes, class) = (slot.pins == 1, slot.bytes, slot.key.class.index());
        if first {
            self.policies[class].remove(handle.slot);
            self.classes[class].pinned += bytes;
        }
        true
    }

    pub(super) fn unpin(&mut self, handle: Handle, evicted: &mut Vec<PageKey>) {
        let Some(slot) = self.slot_mut(handle) else { return };
        slot.pins -= 1;
        let (last, bytes, hash, class) = (slot.pins == 0, slot.bytes, slot.hash, slot.key.class);
        if last {
            self.classes[class.index()].pinned -= bytes;
            self.policies[class.index()].insert(handle.slot, hash, bytes);
            self.trim(evicted);
            if !self.admitted[class.index()] {
                self.empty(class, evicted);
            }
        }
    }

    pub(super) fn set_budget(&mut self, budget: u64, evicted: &mut Vec<PageKey>) {
        self.budget = budget;
        self.trim(evicted);
    }

    pub(super) fn admit(&mut self, class: Class, admitted: bool, evicted: &mut Vec<PageKey>) {
        self.admitted[class.index()] = admitted;
        if !admitted {
            self.empty(class, evicted);
        }
    }

    pub(super) fn admits(&self, class: Class) -> bool {
        self.admitted[class.index()]
    }

    pub(super) fn set_policy(&mut self, kind: PolicyKind) {
        if kind == self.kind {
            return;
        }
        self.kind = kind;
        self.policies = std::array::from_fn(|_| kind.build());
        let places = 0_u32..;
        for (place, slot) in places.zip(&self.slots).filter(|(_, slot)| slot.taken && slot.pins == 0) {
            self.policies[slot.key.class.index()].insert(place, slot.hash, slot.bytes);
        }
    }

    pub(super) fn wants(&self, class: Class, hash: u64) -> bool {
        let index = class.index();
        if !self.admitted[index] {
            return false;
        }
        let counts = &self.classes[index];
        let likely = counts.bytes.checked_div(counts.pages).unwrap_or(1).max(1);
        let asked = self.sketch.estimate(hash);
        if self.bytes.saturating_add(likely) <= self.budget {
            return asked > 0;
        }
        let worse: u64 = self.policies[index + 1..].iter().map(|policy| policy.bytes()).sum();
        if worse >= likely {
            return asked >= TWICE;
        }
        let rival = self.policies[index].candidate().map(|page| self.sketch.estimate(self.slots[page as usize].hash));
        rival.is_some_and(|rival| asked > rival)
    }

    fn trim(&mut self, evicted: &mut Vec<PageKey>) {
        while self.bytes > self.budget {
            let Some(victim) = self.next_victim() else { return };
            evicted.push(self.evict(victim));
        }
    }

    fn empty(&mut self, class: Class, evicted: &mut Vec<PageKey>) {
        while let Some(victim) = self.policies[class.index()].evict(&self.sketch) {
            evicted.push(self.evict(victim));
        }
    }

    /// Takes the next page out of its policy: from the last class that has one.
    fn next_victim(&mut self) -> Option<u32> {
        let sketch = &self.sketch;
        self.policies.iter_mut().rev().find_map(|policy| policy.evict(sketch))
    }

    fn evict(&mut self, page: u32) -> PageKey {
        let key = self.slots[page as usize].key;
        self.classes[key.class.index()].evictions += 1;
        self.leave(page);
        key
    }

    fn leave(&mut self, page: u32) {
        let slot = &self.slots[page as usize];
        let counts = &mut self.classes[slot.key.class.index()];
        self.bytes -= slot.bytes;
        counts.bytes -= slot.bytes;
        counts.pages -= 1;
        if slot.pins > 0 {
            counts.pinned -= slot.bytes;
        }
        self.free_slot(page);
    }

    fn take_slot(&mut self, key: PageKey, hash: u64, bytes: u64) -> Option<Handle> {
        if let Some(place) = self.free.pop() {
            let slot = &mut self.slots[place as usize];
            // Never 0, so that no raw handle is 0.
            let generation = slot.generation.wrapping_add(1).max(1);
            *slot = Slot { key, hash, bytes, generation, pins: 0, taken: true };
            return Some(Handle { slot: place, generation });
        }
        let place = u32::try_from(self.slots.len()).ok().filter(|place| *place < u32::MAX)?;
        self.slots.push(Slot { key, hash, bytes, generation: 1, pins: 0, taken: true });
        Some(Handle { slot: place, generation: 1 })
    }

    fn free_slot(&mut self, page: u32) {
        self.slots[page as usize].taken = false;
        self.free.push(page);
    }

    fn slot(&self, handle: Handle) -> Option<&Slot> {
        self.slots.get(handle.slot as usize).filter(|slot| slot.taken && slot.generation == handle.generation)
    }

    fn slot_mut(&mut self, handle: Handle) -> Option<&mut Slot> {
        self.slots.get_mut(handle.slot as usize).filter(|slot| slot.taken && slot.generation == handle.generation)
    }
}
