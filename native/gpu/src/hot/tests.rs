use std::collections::HashMap;
use std::time::Duration;

use tiercel_codec::Kernel;
use tiercel_codec::aligned::Buffer;
use tiercel_codec::bits::{BitsQuery, BitsView};
use tiercel_codec::candidates::Candidate;
use tiercel_tier::{Books, Class, PolicyKind};

use super::*;
use crate::check::same_candidates;
use crate::options::GpuMode;
use crate::testing::{self, Random, page};

const ROWS: usize = 2_048;
const BEST: usize = 50;

/// A store of one centroid on the CPU, and the tier.
struct Store {
    hot: Hot,
    books: Books,
    padded: usize,
    pages: HashMap<PageKey, Arc<Buffer>>,
    refs: Vec<PageRef>,
    random: Random,
}

impl Store {
    fn open(options: GpuOptions, pages: u32, padded: usize) -> Option<Self> {
        let books = Books::new();
        let hot = match Hot::open(options, books.account("GPU")) {
            Ok(hot) => hot,
            Err(error @ Error::InstallWhatIsMissing(_)) => return testing::skip(&error),
            Err(error) => panic!("{error}"),
        };
        let mut store = Self { hot, books, padded, pages: HashMap::new(), refs: Vec::new(), random: Random(1) };
        for number in 0..pages {
            let key = PageKey { space: 7, file: number / 4, page: number, class: Class::Bits };
            let first = number * 2_048;
            let bytes = page(&mut store.random, ROWS, first, &vec![0.0; padded]);
            store.pages.insert(key, Arc::new(bytes));
            store.refs.push(PageRef { key, place: first, base: 0 });
        }
        Some(store)
    }

    fn scan(&self, at: usize, query: &BitsQuery, found: &mut Candidates) {
        let page = &self.refs[at];
        let view = BitsView::new(&self.pages[&page.key], ROWS, self.padded).expect("whole");
        Kernel::detect().scan_bits(query, 0.0, &view, page.place, |_| true, found);
    }

    /// A search as the store's own does it; how many pages the GPU answered. Always right, or this panics.
    fn search(&mut self, disturb: impl Fn(&Hot)) -> usize {
        let query = BitsQuery::new(&self.random.unit(self.padded), 2);
        let searches = [Asked { query: &query, bases: &[0.0] }];
        let ask = Ask { pages: &self.refs, searches: &searches, accept: None, best: BEST };
        let ticket = self.hot.submit(ask);
        disturb(&self.hot);
        let mut found = [Candidates::new(BEST)];
        let missing = ticket.missing().to_vec();
        for &at in &missing {
            self.scan(at, &query, &mut found[0]);
        }
        // What the GPU had to itself, so that a failure can be told from an answer.
        let mut answered = self.refs.len() - missing.len();
        let after_all = ticket.collect(&Cancel::new(), &mut found).expect("not cancelled");
        answered -= after_all.len();
        for &at in &after_all {
            self.scan(at, &query, &mut found[0]);
        }
        for &at in missing.iter().chain(&after_all) {
            let key = self.refs[at].key;
            self.hot.offer(key, ROWS, self.padded, self.pages[&key].clone());
        }
        let mut expected = Candidates::new(BEST);
        (0..self.refs.len()).for_each(|at| self.scan(at, &query, &mut expected));
        let [found] = found;
        let found: Vec<Candidate> = found.into_sorted();
        assert!(same_candidates(&expected.into_sorted(), &found), "{found:?}");
        answered
    }

    fn warm(&mut self) -> usize {
        for _ in 0..3 {
            self.search(|_| ());
            self.hot.settle();
        }
        self.search(|_| ())
    }
}

fn options(budget: u64) -> GpuOptions {
    GpuOptions {
        memory_budget: Some(budget),
        reopen_after: Duration::from_millis(1),
        measure_every: Duration::from_secs(3_600),
        ..testing::options()
    }
}

#[test]
fn pages_are_promoted_after_a_search_and_answer_the_next_ones() {
    let Some(mut store) = Store::open(options(16 << 20), 10, 256) else { return };
    assert_eq!(store.search(|_| ()), 0, "nothing is there yet, and nothing is copied on a query's path");
    assert_eq!(store.warm(), 10);
    let status = store.hot.status();
    assert_eq!((status.pages.pages, status.pages.promotions, status.pages.evictions), (10, 10, 0));
    assert!(status.pages.bytes > 10 * 2_048 * 32 && status.held <= status.budget && status.pages.hits >= 10);
    assert!(status.adapter.is_some() && status.check.as_ref().is_some_and(|check| check.equal), "{status:?}");
    let live = store.hot.shared().live().expect("open");
    // `wgpu` keeps a few hundred bytes more or less for itself.
    assert!(store.books.memory().abs_diff(live.device.counted_by_wgpu()) < 1_024);
    drop(live);
    store.hot.remove_file(7, 0);
    assert_eq!(store.hot.status().pages.pages, 6);
    store.hot.remove_space(7);
    assert_eq!(store.hot.status().pages.pages, 0);
    let books = store.books.clone();
    drop(store);
    assert_eq!(books.memory(), 0, "a closed tier holds nothing");
}

#[test]
fn a_store_larger_than_the_budget_uses_both_and_stays_within_it() {
    for policy in PolicyKind::ALL {
        let Some(mut store) = Store::open(GpuOptions { policy, ..options(8 << 20) }, 30, 1_024) else { return };
        let answered = store.warm();
        assert!((1..30).contains(&answered), "{answered} with {policy:?}");
        let status = store.hot.status();
        assert!(status.held <= 8 << 20, "{status:?}");
        assert_eq!(status.held, store.books.memory());
    }
}

#[test]
fn another_program_that_takes_memory_shrinks_the_budget_and_searches_go_on() {
    let Some(mut store) = Store::open(options(24 << 20), 40, 1_024) else { return };
    assert_eq!(store.warm(), 40);
    let before = store.hot.status();
    let live = store.hot.shared().live().expect("open");
    crate::worker::adopt_budget(store.hot.shared(), &live, 10 << 20);
    drop(live);
    let after = store.hot.status();
    assert!(after.held <= 10 << 20 && after.held < before.held && after.pages.pages < 40, "{after:?}");
    assert!(after.events.iter().any(|event| event.message.contains("10 MiB may be used instead of 24 MiB")));
    assert!((1..40).contains(&store.search(|_| ())));
    let live = store.hot.shared().live().expect("open");
    crate::worker::adopt_budget(store.hot.shared(), &live, 24 << 20);
    drop(live);
    assert_eq!(store.warm(), 40);
}

/// A software device compiles its kernels again each time it is opened, a second of work: few losses with every run of the
/// tests, and as many as `TIERCEL_GPU_LOSSES` says where somebody has the time.
fn losses() -> u64 {
    std::env::var("TIERCEL_GPU_LOSSES").map_or(6, |losses| losses.parse().expect("a number"))
}

#[test]
fn lost_devices_fail_no_search_and_the_tier_comes_back_each_time() {
    let Some(mut store) = Store::open(options(16 << 20), 4, 128) else { return };
    let (losses, mut answered) = (losses(), 0);
    for round in 0..losses {
        store.search(|_| ());
        store.hot.settle();
        answered += store.search(|_| ());
        // Before, while and after the device is at work.
        match round % 3 {
            0 => store.hot.lose_device(),
            1 => drop(store.search(Hot::lose_device)),
            _ => {
                store.search(|_| ());
                store.hot.lose_device();
            }
        }
        store.search(|_| ());
        while store.hot.status().adapter.is_none() {
            store.hot.settle();
        }
    }
    let status = store.hot.status();
    assert_eq!(status.devices, losses + 1, "{status:?}");
    assert!(answered > usize::try_from(3 * losses).expect("few"), "{answered} pages were answered by the GPU");
    assert!(status.events.iter().any(|event| event.message.contains("was lost")));
    assert_eq!(store.warm(), 4);
}

#[test]
fn a_hundred_times_out_of_memory_fails_no_search_and_is_an_event() {
    let Some(mut store) = Store::open(options(16 << 20), 6, 256) else { return };
    let live = store.hot.shared().live().expect("open");
    let mut answered = 0;
    for round in 0..100 {
        // Everything is given up, so that pages and buffers must be allocated again.
        crate::worker::adopt_budget(store.hot.shared(), &live, 0);
        crate::worker::adopt_budget(store.hot.shared(), &live, 16 << 20);
        store.hot.fail_allocations(round % 4);
        store.search(|_| ());
        store.hot.settle();
        answered += store.search(|_| ());
    }
    store.hot.fail_allocations(0);
    crate::worker::adopt_budget(store.hot.shared(), &live, 0);
    crate::worker::adopt_budget(store.hot.shared(), &live, 16 << 20);
    drop(live);
    assert_eq!((store.warm(), answered > 0), (6, true));
    let status = store.hot.status();
    assert_eq!((status.devices, status.adapter.is_some()), (1, true));
    assert!(status.events.iter().any(|event| event.message.contains("no room")), "{status:?}");
    assert_eq!(store.books.memory(), store.hot.status().held);
}

#[test]
fn a_cancelled_search_is_cancelled_or_done_and_harms_no_other() {
    let Some(mut store) = Store::open(options(16 << 20), 6, 256) else { return };
    store.warm();
    for _ in 0..20 {
        let query = BitsQuery::new(&store.random.unit(256), 2);
        let searches = [Asked { query: &query, bases: &[0.0] }];
        let ask = Ask { pages: &store.refs, searches: &searches, accept: None, best: BEST };
        let cancel = Cancel::new();
        cancel.cancel();
        let ticket = store.hot.submit(ask);
        assert!(matches!(ticket.collect(&cancel, &mut [Candidates::new(BEST)]), Ok(_) | Err(Error::Cancelled)));
        drop(store.hot.submit(ask));
        assert_eq!(store.search(|_| ()), 6);
    }
}

#[test]
fn threads_search_at_once_while_pages_come_and_go() {
    let Some(store) = Store::open(options(10 << 20), 16, 512) else { return };
    let store = &store;
    std::thread::scope(|scope| {
        for seed in 0..4 {
            scope.spawn(move || {
                let random = &mut Random(seed);
                for _ in 0..15 {
                    let query = BitsQuery::new(&random.unit(512), 2);
                    let searches = [Asked { query: &query, bases: &[0.0] }];
                    let ask = Ask { pages: &store.refs, searches: &searches, accept: None, best: BEST };
                    let ticket = store.hot.submit(ask);
                    let (mut found, mut expected) = ([Candidates::new(BEST)], Candidates::new(BEST));
                    let mut own = ticket.missing().to_vec();
                    own.extend(ticket.collect(&Cancel::new(), &mut found).expect("not cancelled"));
                    for &at in &own {
                        store.scan(at, &query, &mut found[0]);
                        let key = store.refs[at].key;
                        store.hot.offer(key, ROWS, 512, store.pages[&key].clone());
                    }
                    (0..store.refs.len()).for_each(|at| store.scan(at, &query, &mut expected));
                    let [found] = found;
                    assert!(same_candidates(&expected.into_sorted(), &found.into_sorted()));
                }
            });
        }
    });
    assert!(store.hot.status().held <= 10 << 20);
}

#[test]
fn auto_leaves_a_slow_gpu_alone_and_says_why() {
    let Some(mut store) = Store::open(GpuOptions { mode: GpuMode::Auto, ..options(16 << 20) }, 4, 128) else { return };
    store.warm();
    let status = store.hot.status();
    let check = status.check.clone().expect("it ran");
    assert!(check.equal && check.rows == 4 * ROWS, "{check:?}");
    assert_eq!(check.used, check.gpu_ms < check.cpu_ms);
    if status.adapter.is_some_and(|adapter| adapter.is_software()) {
        assert!(!check.used && check.sentence.contains("not used at this size"), "{check:?}");
        assert!(check.sentence.starts_with("CPU "), "{check:?}");
        assert_eq!(store.search(|_| ()), 0);
    }
}

#[test]
fn pages_that_the_tier_cannot_hold_are_refused_quietly() {
    let Some(store) = Store::open(options(16 << 20), 1, 64) else { return };
    let key = |page| PageKey { space: 9, file: 0, page, class: Class::Bits };
    let live = store.hot.shared().live().expect("open");
    let wanted = [key(1), key(2), key(3)].iter().all(|key| live.cache.get::<Resident>(key).is_none());
    assert!(wanted && live.cache.wants(&key(1)));
    // Of another length than its rows, of more rows than a page has, and of none.
    store.hot.offer(key(1), 9, 64, Arc::new(Buffer::zeroed(64)));
    store.hot.offer(key(2), 4_096, 64, Arc::new(Buffer::zeroed(tiercel_codec::bits::bytes(4_096, 64))));
    store.hot.offer(key(3), 0, 64, Arc::new(Buffer::default()));
    store.hot.settle();
    assert_eq!(store.hot.status().pages.pages, 0);
}
