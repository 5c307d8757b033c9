use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;

use super::*;

/// What happens to a cache, over few enough pages that everything happens to each.
#[derive(Debug, Clone)]
enum Event {
    Ask(u64),
    Remove(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![9 => (0..40_u64).prop_map(Event::Ask), 1 => (0..40_u64).prop_map(Event::Remove)];
    prop::collection::vec(event, 1..400)
}

/// Drives a policy as the cache does: room is made after a page has entered.
struct Driver {
    policy: Box<dyn Policy>,
    sketch: Sketch,
    budget: u64,
    /// Page numbers by name, and back; numbers are reused.
    pages: HashMap<u64, PageId>,
    names: BTreeMap<PageId, u64>,
}

fn weight(name: u64) -> u64 {
    10 + name % 7
}

impl Driver {
    fn new(kind: PolicyKind, budget: u64) -> Self {
        let (pages, names) = (HashMap::new(), BTreeMap::new());
        Self { policy: kind.build(), sketch: Sketch::default(), budget, pages, names }
    }

    /// The names that left.
    fn ask(&mut self, name: u64) -> Vec<u64> {
        self.sketch.add(name);
        if let Some(page) = self.pages.get(&name) {
            self.policy.hit(*page);
            return Vec::new();
        }
        let page = (0..100).find(|page| !self.names.contains_key(page)).expect("a free number");
        self.pages.insert(name, page);
        self.names.insert(page, name);
        self.policy.insert(page, name, weight(name));
        let mut left = Vec::new();
        while self.policy.bytes() > self.budget {
            let victim = self.policy.evict(&self.sketch).expect("what is above the budget can leave");
            let name = self.names.remove(&victim).expect("a victim that was inside");
            self.pages.remove(&name);
            left.push(name);
        }
        left
    }

    fn remove(&mut self, name: u64) {
        if let Some(page) = self.pages.remove(&name) {
            self.names.remove(&page);
            self.policy.remove(page);
        }
    }
}

/// A cache as a list that is searched through: `(name, uses, last use)`.
#[derive(Default)]
struct Naive {
    held: Vec<(u64, u64, u64)>,
    clock: u64,
}

impl Naive {
    fn ask(&mut self, name: u64, budget: u64, rank: impl Fn(&(u64, u64, u64)) -> (u64, u64)) -> Vec<u64> {
        self.clock += 1;
        if let Some(found) = self.held.iter_mut().find(|held| held.0 == name) {
            found.1 += 1;
            found.2 = self.clock;
            return Vec::new();
        }
        self.held.push((name, 1, self.clock));
        let mut left = Vec::new();
        while self.held.iter().map(|held| weight(held.0)).sum::<u64>() > budget {
            let victim = (0..self.held.len()).min_by_key(|at| rank(&self.held[*at])).expect("not empty");
            left.push(self.held.remove(victim).0);
        }
        left
    }
}

proptest! {
    #[test]
    fn what_is_inside_is_known_and_within_the_budget(events in events(), budget in 0..300_u64) {
        for kind in PolicyKind::ALL {
            let mut driver = Driver::new(kind, budget);
            for event in &events {
                match event {
                    Event::Ask(name) => { driver.ask(*name); }
                    Event::Remove(name) => driver.remove(*name),
                }
                prop_assert!(driver.policy.bytes() <= budget);
                prop_assert_eq!(driver.policy.bytes(), driver.pages.keys().copied().map(weight).sum::<u64>());
                prop_assert!(driver.policy.candidate().is_none_or(|page| driver.names.contains_key(&page)));
            }
            let mut left = HashSet::new();
            while let Some(victim) = driver.policy.evict(&driver.sketch) {
                prop_assert!(driver.names.contains_key(&victim) && left.insert(victim));
            }
            prop_assert_eq!((left.len(), driver.policy.bytes()), (driver.names.len(), 0));
        }
    }

    #[test]
    fn lru_and_lfu_equal_their_naive_models(events in events(), budget in 20..300_u64) {
        let (mut lru, mut lfu) = (Driver::new(PolicyKind::Lru, budget), Driver::new(PolicyKind::Lfu, budget));
        let (mut recent, mut frequent) = (Naive::default(), Naive::default());
        for event in events {
            match event {
                Event::Ask(name) => {
                    prop_assert_eq!(lru.ask(name), recent.ask(name, budget, |held| (held.2, 0)));
                    // Among equals a newcomer goes last: it was used last.
                    prop_assert_eq!(lfu.ask(name), frequent.ask(name, budget, |held| (held.1, held.2)));
                }
                Event::Remove(name) => {
                    lru.remove(name);
                    lfu.remove(name);
                    recent.held.retain(|held| held.0 != name);
                    frequent.held.retain(|held| held.0 != name);
                }
            }
        }
    }
}

/// Twenty popular pages, then a scan over many, then the popular ones again: how many of those are still there.
fn survivors(kind: PolicyKind) -> usize {
    let mut driver = Driver::new(kind, 30 * 13);
    for _ in 0..5 {
        (0..20).for_each(|name| drop(driver.ask(name)));
    }
    (1_000..1_500).for_each(|name| drop(driver.ask(name)));
    (0..20).filter(|name| driver.pages.contains_key(name)).count()
}

#[test]
fn a_scan_empties_lru_and_spares_the_others() {
    assert_eq!(survivors(PolicyKind::Lru), 0);
    for kind in [PolicyKind::Lfu, PolicyKind::S3Fifo, PolicyKind::TinyLfu] {
        assert_eq!(survivors(kind), 20, "{kind:?}");
    }
}

#[test]
fn s3_fifo_takes_back_what_it_remembers() {
    let mut driver = Driver::new(PolicyKind::S3Fifo, 100);
    (0..30).for_each(|name| drop(driver.ask(name)));
    assert!(!driver.pages.contains_key(&20));
    driver.ask(20);
    // It is in the main queue now, and a scan passes through the small one.
    (100..110).for_each(|name| drop(driver.ask(name)));
    assert!(driver.pages.contains_key(&20));
}

#[test]
fn names_lead_back_to_policies() {
    for kind in PolicyKind::ALL {
        assert_eq!(PolicyKind::named(kind.name()), Some(kind));
    }
    assert_eq!(PolicyKind::named("random"), None);
}
