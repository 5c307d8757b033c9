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

/// An index with cells, with and without the GPU.
struct Pair {
    _folders: [TempDir; 2],
    hot: Arc<Hot>,
    with: VectorIndex,
    without: VectorIndex,
    base: Vec<f32>,
}

/// A tier on software Vulkan; none where the machine has none, which only a machine that is not CI may.
fn open_gpu() -> Option<Gpu> {
    static CHOSEN: LazyLock<()> = LazyLock::new(|| {
        // SAFETY: done once, before the first device of this process is opened; the other threads are those of the test
        // harness, which wait for a test or for this lock.
        unsafe { software::choose() };
    });
    LazyLock::force(&CHOSEN);
    let options = GpuOptions {
        mode: GpuMode::On,
        allow_software: true,
        memory_budget: Some(32 << 20),
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

impl Pair {
    fn open() -> Option<Self> {
        let gpu = open_gpu()?;
        let hot = gpu.get()?;
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let base = vectors(ROWS, 5);
        let open = |folder: &TempDir, gpu: Gpu| {
            // Few cells: software Vulkan takes its time for every page.
            let options = IndexOptions { gpu, cells: Some(12), ..small() };
            let index = VectorIndex::open(folder.path(), &spec(), 0, &governor(), &options).expect("opened");
            index.append(&keys(ROWS, 0), &base).expect("appended");
            index.publish();
            index.settle().expect("settled");
            index
        };
        let with = open(&folders[0], gpu);
        let without = open(&folders[1], Gpu::default());
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
