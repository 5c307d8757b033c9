use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::machine::{Place, Room};
use crate::page::{PageKey, Weight};
use crate::policy::PolicyKind;

const BUDGET: u64 = 1_000_000;
/// Of 2 GiB the reserve is 128 MiB: available = 128 MiB is a pressure of 0.8.
const LIMIT: u64 = 2 << 30;
const RESERVE: u64 = 128 << 20;

/// A machine with as much memory left as the test says.
struct Synthetic {
    available: AtomicU64,
    reads: AtomicU64,
}

impl MachineProbe for Synthetic {
    fn read(&self) -> MachineReading {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let room = Room { place: Place::Machine, limit: LIMIT, available: self.available.load(Ordering::Relaxed) };
        MachineReading { rooms: vec![room], stall: None, rss: Some(42) }
    }
}

struct Page(usize);

impl Weight for Page {
    fn bytes(&self) -> usize {
        self.0
    }
}

struct World {
    monitor: Monitor,
    books: Books,
    cache: Cache,
    machine: Arc<Synthetic>,
    now: Instant,
}

impl World {
    fn new() -> Self {
        let machine = Arc::new(Synthetic { available: AtomicU64::new(LIMIT), reads: AtomicU64::new(0) });
        let (books, cache) = (Books::new(), Cache::new(BUDGET, PolicyKind::default()));
        let config = MonitorConfig { memory_budget: BUDGET, disk_budget: Some(1_000), max_vectors: 1_000 };
        let monitor = Monitor::new(config, books.clone(), cache.clone(), machine.clone());
        Self { monitor, books, cache, machine, now: Instant::now() }
    }

    /// The reading so many seconds later.
    fn after(&mut self, seconds: u64) -> Reading {
        self.now += Duration::from_secs(seconds);
        self.monitor.inner.sample(self.now, true)
    }

    fn write(&self, vectors: u64, bytes: u64) -> Result<()> {
        self.monitor.inner.check_write(self.now, vectors, bytes)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "test")]
    fn set_machine(&self, pressure: f64) {
        let available = (1.0 - pressure) * 5.0 * RESERVE as f64;
        self.machine.available.store(available as u64, Ordering::Relaxed);
    }

    fn fill(&self, bytes: usize) {
        for class in Class::ALL {
            for page in 0..10 {
                self.cache.insert(&PageKey { space: 1, file: 0, page, class }, Arc::new(Page(bytes / 40)));
            }
        }
    }

    fn held(&self) -> [u64; 4] {
        self.cache.stats().classes.map(|class| class.bytes)
    }
}

#[test]
fn levels_rise_at_once_and_fall_with_hysteresis_one_by_one() {
    let mut world = World::new();
    let account = world.books.account("tables");
    let mut level = |own: u64, seconds: u64| {
        account.set(own * BUDGET / 100);
        world.after(seconds).level
    };
    assert_eq!(level(60, 0), Level::Normal);
    assert_eq!(level(61, 0), Level::ShrinkCaches);
    assert_eq!(level(56, 10), Level::ShrinkCaches);
    assert_eq!(level(71, 0), Level::DropBytes);
    assert_eq!(level(76, 0), Level::BitsOnly);
    assert_eq!(level(81, 0), Level::RefuseWrites);
    assert_eq!(level(76, 10), Level::RefuseWrites);
    assert_eq!(level(75, 0), Level::BitsOnly);
    assert_eq!(level(50, 1), Level::BitsOnly);
    assert_eq!(level(50, 1), Level::DropBytes);
    assert_eq!(level(50, 1), Level::DropBytes);
    assert_eq!(level(50, 1), Level::ShrinkCaches);
    assert_eq!(level(50, 2), Level::Normal);
    assert_eq!(level(100, 0), Level::RefuseWrites);
    assert_eq!(level(0, 0), Level::BitsOnly);
    assert_eq!(level(0, 60), Level::Normal);
}

#[test]
fn caches_shrink_in_the_stated_order_and_recover() {
    let mut world = World::new();
    world.fill(400_000);
    assert_eq!(world.held(), [100_000; 4]);
    world.set_machine(0.62);
    world.after(0);
    assert_eq!(world.held(), [100_000, 100_000, 0, 0], "half of what it held");
    world.set_machine(0.72);
    world.after(0);
    world.cache.set_budget(BUDGET);
    world.fill(400_000);
    assert_eq!(world.held(), [100_000, 100_000, 0, 0], "int8 and f16 are not admitted");
    world.set_machine(0.77);
    world.after(0);
    assert_eq!(world.held(), [100_000, 0, 0, 0]);
    world.set_machine(0.9);
    let reading = world.after(0);
    assert_eq!((reading.level, reading.cause), (Level::RefuseWrites, Cause::Machine));
    assert_eq!(world.held(), [100_000, 0, 0, 0], "a quarter of what it held");
    world.set_machine(0.0);
    world.after(0);
    world.after(60);
    world.fill(400_000);
    assert_eq!(world.held(), [100_000; 4]);
    assert_eq!(world.cache.budget(), BUDGET);
}

#[test]
fn the_page_cache_gets_what_is_left_of_the_budget() {
    let mut world = World::new();
    let (tables, answers) = (world.books.account("tables"), world.books.cache_account("answers"));
    tables.set(300_000);
    answers.set(200_000);
    let reading = world.after(0);
    assert_eq!(world.cache.budget(), 500_000);
    assert!((reading.own - 0.3).abs() < 1e-9, "caches are no pressure");
    world.fill(400_000);
    assert!((world.after(0).own - 0.3).abs() < 1e-9, "neither are pages");
    let pin = world.cache.pin(&PageKey { space: 1, file: 0, page: 0, class: Class::Bits }).expect("it is there");
    assert_eq!(world.after(0).unevictable, 310_000);
    assert_eq!(world.cache.budget(), 500_000);
    tables.set(700_000);
    world.after(0);
    assert_eq!(world.cache.budget(), 55_000, "half of what is left, and the pinned page");
    drop(pin);
}

#[test]
fn writers_are_refused_for_longer_and_longer_and_then_accepted() {
    let mut world = World::new();
    let tables = world.books.account("tables");
    assert_eq!(world.write(1, 10), Ok(()));
    tables.set(850_000);
    let waits: Vec<_> = (0..4).map(|_| world.write(1, 10).expect_err("refused").retry_after_ms()).collect();
    assert!(waits.windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
    let error = world.write(1, 10).expect_err("refused");
    assert_eq!(error.code(), "MemoryPressure");
    assert!(error.to_string().contains("Raise the memory budget"), "{error}");
    tables.set(780_000);
    assert!(world.write(1, 10).is_err(), "0.78 is not yet low enough");
    tables.set(740_000);
    assert_eq!(world.write(1, 10), Ok(()));
    tables.set(850_000);
    assert_eq!(world.write(1, 10).expect_err("refused").retry_after_ms(), waits[0]);
    tables.set(0);
    world.after(0);
    assert_eq!(world.write(1, 10), Ok(()));
}

#[test]
fn the_machine_refuses_and_lets_in_again() {
    let mut world = World::new();
    world.set_machine(0.95);
    let error = {
        world.after(1);
        world.write(1, 10)
    }
    .expect_err("refused");
    assert!(error.to_string().starts_with("The machine has 34 MB of 2148 MB of memory left."), "{error}");
    world.set_machine(0.1);
    world.after(1);
    assert_eq!(world.write(1, 10), Ok(()));
}

#[test]
fn a_write_that_can_never_fit_is_told_what_to_change() {
    let world = World::new();
    let message = |vectors, bytes| world.write(vectors, bytes).expect_err("does not fit").to_string();
    assert!(message(1_001, 0).contains("Raise the limit of vectors"));
    assert!(message(1, BUDGET + 1).starts_with("This write alone needs 2 MB, and the memory budget is 1 MB."));
    let tables = world.books.account("tables");
    tables.set(600_000);
    assert!(message(1, 500_000).contains("Write in smaller batches"));
    assert_eq!(world.write(1, 300_000), Ok(()));
    assert!(world.write(1_000, 0).is_ok(), "exactly full");
}

#[test]
fn too_many_vectors_or_a_full_disk_stop_writers_but_leave_the_tiers_alone() {
    let mut world = World::new();
    world.fill(400_000);
    let (vectors, disk) = (world.books.vector_account("store"), world.books.disk_account("files"));
    vectors.set(801);
    let reading = world.after(0);
    assert_eq!((reading.level, reading.tiers, reading.cause), (Level::RefuseWrites, Level::Normal, Cause::Vectors));
    assert_eq!(world.held(), [100_000; 4]);
    vectors.set(760);
    assert_eq!(world.after(9).level, Level::RefuseWrites);
    vectors.set(750);
    assert_eq!(world.after(0).level, Level::Normal);
    disk.set(900);
    let reading = world.after(0);
    assert_eq!((reading.level, reading.tiers, reading.cause), (Level::RefuseWrites, Level::Normal, Cause::Disk));
}

#[test]
fn without_limits_nothing_is_measured_against_them() {
    let mut world = World::new();
    world.monitor.configure(MonitorConfig { memory_budget: BUDGET, disk_budget: None, max_vectors: 0 });
    let accounts = [world.books.vector_account("store"), world.books.disk_account("files")];
    for account in &accounts {
        account.set(u64::MAX / 2);
    }
    let reading = world.after(0);
    assert_eq!((reading.vectors, reading.disk, reading.level), (0.0, 0.0, Level::Normal));
    assert_eq!(world.write(u64::MAX, 0), Ok(()));
}

#[test]
fn one_alert_for_each_crossing() {
    let mut world = World::new();
    let tables = world.books.account("tables");
    let mut set = |percent: u64| {
        tables.set(percent * BUDGET / 100);
        world.after(2);
    };
    [10, 72, 69, 71, 68, 90, 90, 10].into_iter().for_each(&mut set);
    let monitor = world.monitor.clone();
    let alerts = monitor.alerts_since(0);
    let crossings: Vec<_> = alerts.iter().map(|alert| (alert.seq, alert.from, alert.level)).collect();
    let expected = [
        (1, Level::Normal, Level::DropBytes),
        (2, Level::DropBytes, Level::RefuseWrites),
        (3, Level::RefuseWrites, Level::BitsOnly),
    ];
    assert_eq!(crossings, expected);
    assert_eq!(
        alerts[0].message,
        "Memory is short: int8 codes leave memory, searches read them from disk. The index holds 1 MB of its memory \
         budget of 1 MB in tables that cannot be given back. Raise the memory budget, or remove folders from the index."
    );
    assert_eq!(alerts[2].message, "Memory recovers: writing goes on, only 1-bit codes stay in memory.");
    assert_eq!(monitor.alerts_since(2), alerts[2..]);
    assert!(alerts[0].at > 1_600_000_000_000 && alerts[0].cause == Cause::Own);
    for _ in 0..100 {
        tables.set(BUDGET);
        world.after(0);
        tables.set(0);
        world.after(10);
        world.after(10);
    }
    let kept = monitor.alerts_since(0);
    assert_eq!((kept.len(), kept[63].seq - kept[0].seq), (64, 63));
}

#[test]
fn the_machine_is_read_at_most_four_times_a_second_and_the_books_always() {
    let world = World::new();
    let reads = || world.machine.reads.load(Ordering::Relaxed);
    let before = reads();
    let sample = |ms: u64| world.monitor.inner.sample(world.now + Duration::from_millis(1_000 + ms), false);
    sample(0);
    let tables = world.books.account("tables");
    tables.set(123);
    assert_eq!(sample(249).unevictable, 123);
    assert_eq!(reads(), before + 1);
    sample(250);
    assert_eq!(reads(), before + 2);
}

#[test]
fn hooks_hear_of_levels_until_they_are_dropped_and_may_ask_back() {
    let mut world = World::new();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (log, monitor) = (heard.clone(), world.monitor.clone());
    let hook = world.monitor.on_level(move |levels| {
        assert_eq!(monitor.reading().level, levels.level);
        log.lock().expect("no panic").push(levels);
    });
    let tables = world.books.account("tables");
    tables.set(730_000);
    world.after(0);
    tables.set(0);
    world.after(10);
    let (level, normal) = (Levels { level: Level::DropBytes, tiers: Level::DropBytes }, Levels::default());
    assert_eq!(*heard.lock().expect("no panic"), [level, normal]);
    drop(hook);
    tables.set(BUDGET);
    world.after(0);
    assert_eq!(heard.lock().expect("no panic").len(), 2);
}

#[test]
fn a_watched_monitor_notices_by_itself() {
    let world = World::new();
    let (told, telling) = std::sync::mpsc::channel();
    let hook = world.monitor.on_level(move |levels| told.send(levels.level).expect("the test listens"));
    let watch = world.monitor.watch();
    world.set_machine(0.9);
    let level = telling.recv_timeout(Duration::from_secs(30));
    assert_eq!(level, Ok(Level::RefuseWrites));
    drop(watch);
    drop(hook);
}

#[test]
fn parts_name_the_books_and_the_pages() {
    let world = World::new();
    let tables = world.books.account("key table");
    tables.set(77);
    world.fill(400_000);
    let parts: std::collections::BTreeMap<_, _> = world.monitor.parts().into_iter().collect();
    assert_eq!(parts["key table"], 77);
    assert_eq!(parts["page cache: int8 codes"], 100_000);
    assert!(parts["page cache: bookkeeping"] > 1_000);
}

#[test]
fn writers_beside_samplers_never_exceed_the_budget() {
    let world = World::new();
    let tables = world.books.account("tables");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let (monitor, tables) = (world.monitor.clone(), tables.clone());
            scope.spawn(move || {
                for _ in 0..500 {
                    if monitor.check_write(1, 1_000).is_ok() {
                        tables.add(1_000);
                    }
                    if monitor.reading().level == Level::RefuseWrites {
                        tables.sub(30_000);
                    }
                }
            });
        }
        for _ in 0..500 {
            // Eight writers may each have been let in just before.
            assert!(tables.bytes() <= BUDGET * 8 / 10 + 9_000);
        }
    });
}
