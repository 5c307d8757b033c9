//! Searches that a GPU takes part in: the answers are those of the CPU, whatever happens to the device.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tempfile::TempDir;
use tiercel_gpu::{GpuMode, GpuOptions, GpuStatus, Hot, software};
use tiercel_tier::Books;

use super::*;
use crate::Gpu;

const ROWS: usize = 16_000;
const QUERIES: usize = 10;
/// Of device memory: what the tier needs for itself, and one arena of 1 MiB for the pages of one of two indexes.
const ROOM: u64 = 4 << 20;

/// An index with cells, with and without the GPU.
struct Pair {
    _folders: [TempDir; 2],
    hot: Arc<Hot>,
    with: VectorIndex,
    without: VectorIndex,
    base: Vec<f32>,
}

/// A tier on software Vulkan; none where the machine has none, which only a machine that is not CI may.
fn open_gpu(budget: u64) -> Option<Gpu> {
    static CHOSEN: LazyLock<()> = LazyLock::new(|| {
        // SAFETY: done once, before the first device of this process is opened; the other threads are those of the test
        // harness, which wait for a test or for this lock.
        unsafe { software::choose() };
    });
    LazyLock::force(&CHOSEN);
    let options = GpuOptions {
        mode: GpuMode::On,
        allow_software: true,
        memory_budget: Some(budget),
        cpu_threads: 1,
        reopen_after: Duration::from_millis(1),
        ..GpuOptions::default()
    };
    match Hot::open(options, Books::new().account("GPU tier")) {
        Ok(hot) => {
            let gpu = Gpu::default();
            gpu.replace(Some(hot));
            Some(gpu)
        }
        Err(error @ Error::InstallWhatIsMissing(_)) => {
            assert!(std::env::var_os("CI").is_none(), "CI must have a Vulkan driver (Debian: chromium): {error}");
            eprintln!("SKIPPED, no adapter: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// An index with few cells: software Vulkan takes its time for every page.
fn open_index(folder: &TempDir, gpu: Gpu, base: &[f32]) -> VectorIndex {
    let options = IndexOptions { gpu, cells: Some(12), ..small() };
    let index = VectorIndex::open(folder.path(), &spec(), 0, &governor(), &options).expect("opened");
    index.append(&keys(base.len() / DIMENSION, 0), base).expect("appended");
    index.publish();
    index.settle().expect("settled");
    index
}

impl Pair {
    fn open() -> Option<Self> {
        let gpu = open_gpu(32 << 20)?;
        let hot = gpu.get()?;
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let base = vectors(ROWS, 5);
        let with = open_index(&folders[0], gpu, &base);
        let without = open_index(&folders[1], Gpu::default(), &base);
        let pair = Self { _folders: folders, hot, with, without, base };
        pair.settle();
        Some(pair)
    }

    /// Everything that the tier takes is there and checked.
    fn settle(&self) {
        self.with.settle().expect("settled");
        self.hot.settle();
    }

    fn status(&self) -> GpuStatus {
        self.hot.status()
    }

    /// Both answer alike where neither visits cells: `allow` is a few rows, more than are listed.
    fn compare(&self, allow: &RowSet) {
        for query in vectors(5, 77).chunks_exact(DIMENSION) {
            let [with, without] = [&self.with, &self.without].map(|index| {
                let hits = index.reader().search(query, 10, &SearchOptions::default(), allow, &Cancel::new());
                hits.expect("an answer").into_iter().map(|hit| (hit.row, hit.score.to_bits())).collect::<Vec<_>>()
            });
            assert_eq!(with, without);
        }
    }

    /// Of searches over all rows.
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    fn recall(&self) -> f64 {
        let reader = self.with.reader();
        let mut found = 0;
        for query in vectors(QUERIES, 999).chunks_exact(DIMENSION) {
            let hits = reader.search(query, 10, &SearchOptions::default(), &all(), &Cancel::new()).expect("an answer");
            let expected = truth(&self.base, query, 10, &all());
            found += hits.iter().filter(|hit| expected.contains(&hit.row)).count();
        }
        found as f64 / (10 * QUERIES) as f64
    }
}

/// One row in 21: too few for cells, too many to be listed.
fn few() -> RowSet {
    (0..u32::try_from(ROWS).expect("small")).filter(|row| row % 21 == 0).collect()
}

fn all() -> RowSet {
    (0..u32::try_from(ROWS).expect("small")).collect()
}

#[test]
fn a_gpu_answers_as_the_cpu_does_and_gives_its_memory_back() {
    let Some(pair) = Pair::open() else { return };
    let pages = pair.status().pages.pages;
    assert!(pages > 0, "{:?}", pair.status().events);
    pair.compare(&few());
    let visited = pair.recall();
    assert!(visited > 0.96, "{visited}");
    assert_eq!((pair.status().searches, pair.status().failed_over), (5 + QUERIES as u64, 0));
    pair.with.close().expect("closed");
    assert_eq!(pair.hot.status().pages.pages, 0);
}

#[test]
fn many_searches_at_once_give_what_each_alone_gives() {
    let Some(pair) = Pair::open() else { return };
    let queries = vectors(6, 31);
    let reader = pair.with.reader();
    for allow in [few(), all()] {
        let before = pair.status().searches;
        let options = SearchOptions::default();
        let many = reader.search_many(&queries, 10, &options, &allow, &Cancel::new()).expect("answers");
        assert_eq!((many.len(), pair.status().searches), (6, before + 1));
        for (query, many) in queries.chunks_exact(DIMENSION).zip(many) {
            let one = reader.search(query, 10, &options, &allow, &Cancel::new()).expect("an answer");
            assert_eq!(many, one);
        }
    }
    let odd = reader.search_many(&queries[1..], 10, &SearchOptions::default(), &all(), &Cancel::new());
    assert!(matches!(odd, Err(Error::FixTheCall(_))));
}

#[test]
fn a_lost_device_costs_no_answer_and_its_pages_come_back() {
    let Some(pair) = Pair::open() else { return };
    let before = pair.status();
    pair.hot.lose_device();
    pair.compare(&few());
    assert!(pair.recall() > 0.96);
    // The tier opens another device, a search finds its pages missing, and the background brings them.
    while pair.status().devices == before.devices || pair.status().adapter.is_none() {
        pair.hot.settle();
    }
    pair.compare(&few());
    pair.settle();
    assert_eq!(pair.status().pages.pages, before.pages.pages);
    let answered = pair.status().searches;
    pair.compare(&few());
    assert_eq!(pair.status().searches, answered + 5);
}

#[test]
fn an_index_that_is_searched_takes_the_room_of_one_that_is_not() {
    let Some(gpu) = open_gpu(ROOM) else { return };
    let hot = gpu.get().expect("open");
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let rows = 2 * ROWS;
    let bases = [5, 6].map(|seed| vectors(rows, seed));
    let [idle, busy] = [0, 1].map(|at| {
        let index = open_index(&folders[at], gpu.clone(), &bases[at]);
        index.settle().expect("settled");
        hot.settle();
        index
    });
    let full = hot.status();
    assert!(full.pages.pages > 0 && full.pages.evictions == 0, "pages come ahead only where there is room: {full:?}");
    let allow: RowSet = (0..u32::try_from(rows).expect("small")).filter(|row| row % 21 == 0).collect();
    for query in vectors(12, 77).chunks_exact(DIMENSION) {
        let hits = busy.reader().search(query, 10, &SearchOptions::default(), &allow, &Cancel::new());
        let hits: Vec<u32> = hits.expect("an answer").into_iter().map(|hit| hit.row).collect();
        let expected = truth(&bases[1], query, 10, &allow);
        assert!(hits.iter().filter(|row| expected.contains(row)).count() >= 9, "{hits:?} {expected:?}");
        hot.settle();
        let now = hot.status();
        assert!(now.held <= ROOM, "{now:?}");
    }
    let after = hot.status();
    assert!(after.pages.evictions > 0 && after.searches > 0, "{after:?}");
    idle.close().expect("closed");
    let left = hot.status().pages.pages;
    assert!(left > 0 && left > full.pages.pages / 2, "{left} pages of the one that is searched, {full:?}");
    busy.close().expect("closed");
    assert_eq!(hot.status().pages.pages, 0);
}
