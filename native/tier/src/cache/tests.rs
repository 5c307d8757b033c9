use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;
use crate::page::next_space;

fn key(class: Class, page: u32) -> PageKey {
    PageKey { space: 1, file: page / 100, page, class }
}

/// A page of exactly so many bytes.
struct Page(usize);

impl Weight for Page {
    fn bytes(&self) -> usize {
        self.0
    }
}

fn put(cache: &Cache, class: Class, page: u32) -> bool {
    cache.insert(&key(class, page), Arc::new(Page(100)))
}

fn held(cache: &Cache, class: Class) -> u64 {
    cache.stats().of(class).pages
}

#[test]
fn worse_classes_leave_first_and_do_not_push_out_better_ones() {
    for policy in PolicyKind::ALL {
        let cache = Cache::new(1_000, policy);
        for class in Class::ALL {
            assert!((0..2).all(|page| put(&cache, class, page)));
        }
        assert!((10..14).all(|page| put(&cache, Class::Bits, page)), "{policy:?}");
        assert_eq!(Class::ALL.map(|class| held(&cache, class)), [6, 2, 2, 0], "{policy:?}");
        assert!(!put(&cache, Class::Halves, 50));
        assert_eq!(Class::ALL.map(|class| held(&cache, class)), [6, 2, 2, 0], "{policy:?}");
        cache.set_budget(650);
        assert_eq!(Class::ALL.map(|class| held(&cache, class)), [6, 0, 0, 0], "{policy:?}");
        assert_eq!(cache.stats().of(Class::Halves).evictions, 2);
        assert_eq!(cache.bytes(), (600, 0));
    }
}

#[test]
fn hits_misses_and_promotions_are_counted() {
    let cache = Cache::new(1_000, PolicyKind::Lru);
    assert!(cache.get::<Page>(&key(Class::Bits, 1)).is_none());
    put(&cache, Class::Bits, 1);
    assert_eq!(cache.get::<Page>(&key(Class::Bits, 1)).expect("kept").0, 100);
    let stats = *cache.stats().of(Class::Bits);
    assert_eq!((stats.hits, stats.misses, stats.promotions, stats.pages, stats.bytes), (1, 1, 1, 1, 100));
    assert!((stats.hit_rate() - 0.5).abs() < 1e-9);
}

#[test]
fn the_cache_follows_its_policy_exactly_within_one_thread() {
    let cache = Cache::new(1_000, PolicyKind::Lru);
    for page in 0..10 {
        put(&cache, Class::Bytes, page);
    }
    for page in (0..10).filter(|page| *page != 3) {
        assert!(cache.get::<Page>(&key(Class::Bytes, page)).is_some());
    }
    put(&cache, Class::Bytes, 10);
    assert!(!cache.contains(&key(Class::Bytes, 3)));
    assert!(cache.contains(&key(Class::Bytes, 0)));
}

#[test]
fn a_page_of_another_type_is_absent_and_gets_replaced() {
    let cache = Cache::new(1_000, PolicyKind::default());
    put(&cache, Class::Bits, 1);
    assert!(cache.get::<Vec<u8>>(&key(Class::Bits, 1)).is_none());
    let loaded = cache.get_or_load(&key(Class::Bits, 1), || Ok(vec![7_u8; 10])).expect("loads");
    assert_eq!(*loaded, vec![7; 10]);
    assert!(cache.get::<Vec<u8>>(&key(Class::Bits, 1)).is_some());
    assert_eq!(held(&cache, Class::Bits), 1);
}

#[test]
fn what_is_too_large_is_given_but_not_kept() {
    let cache = Cache::new(1_000, PolicyKind::default());
    put(&cache, Class::Bits, 1);
    let large = cache.get_or_load(&key(Class::Bits, 2), || Ok(Page(1_001))).expect("loads");
    assert_eq!(large.0, 1_001);
    assert!(cache.contains(&key(Class::Bits, 1)) && !cache.contains(&key(Class::Bits, 2)));
}

#[test]
fn pinned_pages_stay_and_count() {
    let cache = Cache::new(300, PolicyKind::default());
    put(&cache, Class::Halves, 1);
    let pin = cache.pin(&key(Class::Halves, 1)).expect("it is there");
    let again = cache.pin(&key(Class::Halves, 1)).expect("pins add up");
    assert!(cache.pin(&key(Class::Halves, 2)).is_none());
    for page in 10..20 {
        put(&cache, Class::Bits, page);
    }
    assert!(cache.contains(pin.key()));
    assert_eq!((held(&cache, Class::Bits), cache.bytes()), (2, (300, 100)));
    cache.set_budget(0);
    cache.admit(Class::Halves, false);
    assert_eq!(cache.bytes(), (100, 100));
    drop(again);
    assert_eq!(cache.bytes(), (100, 100));
    drop(pin);
    assert_eq!(cache.bytes(), (0, 0));
}

#[test]
fn a_pin_of_a_removed_page_is_harmless() {
    let cache = Cache::new(300, PolicyKind::default());
    put(&cache, Class::Bits, 1);
    let pin = cache.pin(&key(Class::Bits, 1)).expect("it is there");
    cache.remove_space(1);
    assert_eq!(cache.bytes(), (0, 0));
    put(&cache, Class::Bits, 1);
    drop(pin);
    assert_eq!(cache.bytes(), (100, 0));
    cache.set_budget(0);
    assert_eq!(cache.bytes(), (0, 0));
}

#[test]
fn classes_can_be_barred_and_admitted_again() {
    let cache = Cache::new(1_000, PolicyKind::default());
    put(&cache, Class::Bytes, 1);
    put(&cache, Class::Bits, 1);
    cache.admit(Class::Bytes, false);
    assert_eq!((held(&cache, Class::Bytes), held(&cache, Class::Bits)), (0, 1));
    assert!(!put(&cache, Class::Bytes, 2) && !cache.admits(Class::Bytes) && cache.admits(Class::Bits));
    let _ = cache.get::<Page>(&key(Class::Bytes, 2));
    assert!(!cache.wants(&key(Class::Bytes, 2)));
    cache.admit(Class::Bytes, true);
    assert!(cache.wants(&key(Class::Bytes, 2)));
    assert!(put(&cache, Class::Bytes, 2));
}

#[test]
fn spaces_and_files_are_removed_alone() {
    let cache = Cache::new(10_000, PolicyKind::default());
    let (mine, other) = (next_space(), next_space());
    assert_ne!(mine, other);
    for space in [mine, other] {
        for file in 0..3 {
            cache.insert(&PageKey { space, file, page: 0, class: Class::Bits }, Arc::new(Page(10)));
        }
    }
    cache.remove_file(mine, 1);
    assert_eq!(held(&cache, Class::Bits), 5);
    cache.remove_space(other);
    assert_eq!(held(&cache, Class::Bits), 2);
    cache.remove_pages(|key| key.file == 0);
    assert_eq!(held(&cache, Class::Bits), 1);
}

#[test]
fn a_cold_page_is_wanted_once_it_is_asked_for_more_than_what_is_there() {
    let cache = Cache::new(1_000, PolicyKind::default());
    let cold = key(Class::Bits, 99);
    assert!(!cache.wants(&cold));
    for page in 0..10 {
        put(&cache, Class::Bits, page);
    }
    for _ in 0..3 {
        for page in 0..10 {
            let _ = cache.get::<Page>(&key(Class::Bits, page));
        }
    }
    for _ in 0..3 {
        let _ = cache.get::<Page>(&cold);
        assert!(!cache.wants(&cold));
    }
    let _ = cache.get::<Page>(&cold);
    assert!(cache.wants(&cold));
}

#[test]
fn a_cold_page_of_a_better_class_is_wanted_when_it_is_asked_for_twice() {
    let cache = Cache::new(1_000, PolicyKind::default());
    put(&cache, Class::Bits, 1);
    for page in 0..9 {
        put(&cache, Class::Bytes, page);
    }
    let cold = key(Class::Bits, 2);
    let _ = cache.get::<Page>(&cold);
    assert!(!cache.wants(&cold));
    let _ = cache.get::<Page>(&cold);
    assert!(cache.wants(&cold));
}

#[test]
fn one_of_many_loads() {
    let cache = Cache::new(1_000, PolicyKind::default());
    let (loads, start) = (AtomicUsize::new(0), Barrier::new(8));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                let page = cache.get_or_load(&key(Class::Bits, 5), || {
                    loads.fetch_add(1, Ordering::Relaxed);
                    thread::yield_now();
                    Ok(Page(100))
                });
                assert_eq!(page.expect("loads").0, 100);
            });
        }
    });
    assert_eq!(loads.into_inner(), 1);
}

#[test]
fn errors_reach_those_who_wait_but_a_cancelled_load_only_its_own_caller() {
    let cache = Cache::new(1_000, PolicyKind::default());
    let damage = || Err::<Page, _>(Error::RebuildIndex("damaged".into()));
    assert_eq!(cache.get_or_load(&key(Class::Bits, 1), damage).err(), Some(Error::RebuildIndex("damaged".into())));
    let entered = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            let cancelled = cache.get_or_load::<Page>(&key(Class::Bits, 2), || {
                entered.wait();
                Err(Error::Cancelled)
            });
            assert_eq!(cancelled.err(), Some(Error::Cancelled));
        });
        entered.wait();
        assert_eq!(cache.get_or_load(&key(Class::Bits, 2), || Ok(Page(1))).expect("its own load").0, 1);
    });
}

#[test]
fn a_loader_that_panics_leaves_the_page_to_others() {
    let cache = Cache::new(1_000, PolicyKind::default());
    let panicked = thread::scope(|scope| {
        scope.spawn(|| cache.get_or_load::<Page>(&key(Class::Bits, 1), || panic!("a defect")).is_ok()).join()
    });
    assert!(panicked.is_err());
    assert!(cache.get_or_load(&key(Class::Bits, 1), || Ok(Page(1))).is_ok());
}

#[test]
fn a_page_whose_file_goes_while_it_is_loaded_is_given_and_not_kept() {
    let cache = Cache::new(1_000, PolicyKind::default());
    let at = key(Class::Bits, 1);
    let page = cache.get_or_load(&at, || {
        cache.remove_space(1);
        Ok(Page(100))
    });
    assert_eq!(page.expect("given").0, 100);
    assert!(!cache.contains(&at));
    assert_eq!(cache.bytes(), (0, 0));
}

#[test]
fn the_policy_can_change_while_pages_stay() {
    let cache = Cache::new(1_000, PolicyKind::Lru);
    for page in 0..10 {
        put(&cache, Class::Bits, page);
    }
    let pin = cache.pin(&key(Class::Bits, 0));
    for policy in PolicyKind::ALL {
        cache.set_policy(policy);
        assert_eq!((cache.stats().policy, held(&cache, Class::Bits)), (policy, 10));
    }
    cache.set_budget(0);
    assert_eq!(cache.bytes(), (100, 100));
    drop(pin);
}

/// Bytes never exceed budget and pins while sixteen threads read, load, pin, remove and change the budget, and the map, the
/// table and the counters agree in the end.
#[test]
fn hammered_by_sixteen_threads_it_stays_within_its_budget() {
    const BUDGET: u64 = 50_000;
    for policy in PolicyKind::ALL {
        let cache = Cache::new(BUDGET, policy);
        thread::scope(|scope| {
            for seed in 0..16_u64 {
                let cache = &cache;
                scope.spawn(move || hammer(cache, seed, BUDGET));
            }
        });
        let stats = cache.stats();
        assert_eq!(
            cache.shared.shards.iter().map(|shard| read(&shard.pages).len() as u64).sum::<u64>(),
            stats.classes.iter().map(|class| class.pages).sum::<u64>()
        );
        assert_eq!(stats.bytes, stats.classes.iter().map(|class| class.bytes).sum::<u64>());
        assert_eq!(stats.pinned(), 0);
        assert!(stats.classes.iter().all(|class| class.promotions >= class.pages + class.evictions));
        cache.remove_space(0);
        cache.remove_space(1);
        assert_eq!(cache.bytes(), (0, 0));
        assert!(cache.shared.shards.iter().all(|shard| read(&shard.pages).is_empty()));
    }
}

fn hammer(cache: &Cache, seed: u64, budget: u64) {
    let mut state = seed + 1;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((state >> 33) % below).expect("below 2^31")
    };
    for _ in 0..3_000 {
        let class = Class::ALL[draw(4) as usize];
        let at = PageKey { space: u64::from(draw(2)), file: draw(3), page: draw(200), class };
        match draw(100) {
            0 => cache.remove_file(at.space, at.file),
            1 => cache.set_budget(budget - u64::from(draw(2)) * budget / 2),
            2 => cache.admit(class, draw(3) > 0),
            3..=12 => drop(cache.pin(&at)),
            13..=20 => drop(cache.wants(&at)),
            _ => {
                let size = 50 + (at.page as usize * 7) % 400;
                assert_eq!(cache.get_or_load(&at, || Ok(Page(size))).expect("loads").0, size);
            }
        }
        let (bytes, pinned) = cache.bytes();
        assert!(bytes <= budget + pinned);
    }
}
