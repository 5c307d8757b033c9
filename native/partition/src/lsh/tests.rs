use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::testing::clustered;

const DIMENSION: usize = 128;

fn index(rows: &[f32], options: &LshOptions) -> LshIndex {
    let mut index = LshIndex::new(DIMENSION, options).expect("has dimensions");
    for (number, row) in (0..).zip(rows.chunks_exact(DIMENSION)) {
        index.insert(number, row).expect("fits");
    }
    index
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Share of the ten nearest rows among the first `rescored` of `want` candidates, and rows looked into.
fn recall(index: &LshIndex, rows: &[f32], queries: &[f32], want: usize, rescored: usize) -> f64 {
    let mut found = 0_u32;
    for query in queries.chunks_exact(DIMENSION) {
        let mut best: Vec<(f32, u32)> =
            (0..).zip(rows.chunks_exact(DIMENSION)).map(|(number, row)| (dot(query, row), number)).collect();
        best.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let candidates = index.candidates(query, want, &|_| true).expect("fits");
        let kept: HashSet<u32> = candidates.iter().take(rescored).map(|&(_, row)| row).collect();
        found += u32::try_from(best[..10].iter().filter(|(_, row)| kept.contains(row)).count()).expect("ten");
    }
    f64::from(found) / f64::from(u32::try_from(queries.len() / DIMENSION * 10).expect("few"))
}

#[test]
fn near_rows_are_found_among_few() {
    let mut rows = clustered(5_050, DIMENSION, 150, 0.6, 1);
    let queries = rows.split_off(5_000 * DIMENSION);
    let index = index(&rows, &LshOptions { coarse: 10, ..LshOptions::default() });
    let few = recall(&index, &rows, &queries, 500, 100);
    assert!(few > 0.75, "{few} among 500");
    let many = recall(&index, &rows, &queries, 2_000, 400);
    assert!(many > few && many > 0.9, "{many} among 2,000");
}

#[test]
fn coordinates_hash_as_well_as_drawn_hyperplanes() {
    let mut rows = clustered(5_100, DIMENSION, 150, 0.6, 6);
    let queries = rows.split_off(5_000 * DIMENSION);
    let options = LshOptions { coarse: 10, ..LshOptions::default() };
    let (mut coordinates, mut hyperplanes) = (0.0, 0.0);
    for seed in 0..4 {
        coordinates += recall(&index(&rows, &LshOptions { seed, ..options }), &rows, &queries, 500, 200) / 4.0;
        let mut drawn = LshIndex::new(DIMENSION, &options).expect("has dimensions");
        drawn.functions = Arc::new(Functions::hyperplanes(DIMENSION, 10, 64, seed));
        for (number, row) in (0..).zip(rows.chunks_exact(DIMENSION)) {
            drawn.insert(number, row).expect("fits");
        }
        hyperplanes += recall(&drawn, &rows, &queries, 500, 200) / 4.0;
    }
    assert!(coordinates > hyperplanes - 0.03, "{coordinates} by coordinates, {hyperplanes} by hyperplanes");
}

#[test]
fn probing_everything_finds_every_accepted_row_once_by_distance() {
    let rows = clustered(800, DIMENSION, 20, 0.8, 2);
    let index = index(&rows, &LshOptions::default());
    let found = index.candidates(&rows[..DIMENSION], usize::MAX, &|row| row % 3 == 0).expect("fits");
    assert!(found.is_sorted());
    assert_eq!(found[0], (0, 0));
    let numbers: HashSet<u32> = found.iter().map(|&(_, row)| row).collect();
    assert_eq!((numbers, found.len()), ((0..800).filter(|row| row % 3 == 0).collect(), 267));
    assert_eq!(index.candidates(&rows[..DIMENSION], 5, &|_| false).expect("fits"), []);
}

#[test]
fn a_clone_is_a_snapshot_that_shares_pages() {
    let rows = clustered(3_000, DIMENSION, 40, 0.8, 3);
    let mut now = index(&rows, &LshOptions::default());
    let snapshot = now.clone();
    for (number, row) in (3_000..).zip(rows.chunks_exact(DIMENSION)).take(8) {
        now.insert(number, row).expect("fits");
    }
    assert_eq!((snapshot.rows(), now.rows()), (3_000, 3_008));
    let everything =
        |index: &LshIndex| index.candidates(&rows[..DIMENSION], usize::MAX, &|_| true).expect("fits").len();
    assert_eq!((everything(&snapshot), everything(&now)), (3_000, 3_008));
    let copied = snapshot
        .pages
        .iter()
        .zip(&now.pages)
        .filter(|(a, b)| match (a, b) {
            (Some(a), Some(b)) => !Arc::ptr_eq(a, b),
            (None, None) => false,
            _ => true,
        })
        .count();
    assert!((1..=8).contains(&copied), "{copied} pages copied for 8 rows");
}

#[test]
fn a_million_equal_rows_are_held_and_dropped() {
    let row = clustered(1, DIMENSION, 1, 0.8, 4);
    let mut index = LshIndex::new(DIMENSION, &LshOptions::default()).expect("has dimensions");
    for number in 0..1_000_000 {
        index.insert(number, &row).expect("fits");
    }
    assert!((12_000_000..16_000_000).contains(&index.bytes_in_memory()), "{}", index.bytes_in_memory());
    std::thread::Builder::new()
        .stack_size(64 << 10)
        .spawn(move || drop(index))
        .expect("starts")
        .join()
        .expect("drops without a deep stack");
}

#[test]
fn few_dimensions_take_drawn_hyperplanes() {
    let mut index = LshIndex::new(64, &LshOptions::default()).expect("has dimensions");
    let rows = clustered(50, 64, 5, 0.5, 5);
    for (number, row) in (0..).zip(rows.chunks_exact(64)) {
        index.insert(number, row).expect("fits");
    }
    assert_eq!(index.candidates(&rows[64 * 7..64 * 8], 1, &|_| true).expect("fits")[0], (0, 7));
}

#[test]
fn calls_that_do_not_fit_are_refused() {
    let options = LshOptions::default();
    assert!(LshIndex::new(0, &options).is_err());
    assert!(LshIndex::new(64, &LshOptions { coarse: 0, ..options }).is_err());
    assert!(LshIndex::new(64, &LshOptions { coarse: 25, ..options }).is_err());
    assert!(LshIndex::new(64, &LshOptions { fine: 65, ..options }).is_err());
    let mut index = LshIndex::new(64, &options).expect("has dimensions");
    assert!(index.insert(0, &[0.0; 63]).is_err());
    assert!(index.candidates(&[0.0; 65], 1, &|_| true).is_err());
}

proptest! {
    #[test]
    fn buckets_come_each_once_by_rising_cost(margins in prop::collection::vec(0.0_f32..2.0, 1..9), bucket in 0_usize..512) {
        let all = 1 << margins.len();
        let order: Vec<usize> = Buckets::new(bucket % all, &margins).collect();
        let costs: Vec<f32> = order
            .iter()
            .map(|probed| {
                let flipped = probed ^ (bucket % all);
                margins.iter().enumerate().filter(|(at, _)| flipped >> at & 1 == 1).map(|(_, margin)| margin * margin).sum()
            })
            .collect();
        prop_assert!(costs.windows(2).all(|pair| pair[0] <= pair[1] + 1e-4));
        prop_assert_eq!(order.iter().collect::<HashSet<_>>().len(), all);
        prop_assert_eq!(order.len(), all);
    }
}
