use std::time::{Duration, Instant};

use proptest::prelude::*;
use tiercel_base::cancel::Cancel;
use tiercel_base::error::Error;

use super::*;
use crate::testing::clustered;

const DIMENSION: usize = 64;

fn training(cells: usize) -> Training {
    Training { cells, iterations: 5, seed: 7, threads: 2 }
}

fn trained(sample: &[f32], cells: usize) -> Partition {
    Partition::train(sample, DIMENSION, &training(cells), &Cancel::new()).expect("trains")
}

fn assigned(partition: &Partition, vectors: &[f32]) -> Vec<u32> {
    let mut cells = vec![0; vectors.len() / DIMENSION];
    partition.assign(vectors, &mut cells, 2, &Cancel::new()).expect("assigns");
    cells
}

fn brute_force(partition: &Partition, row: &[f32]) -> u32 {
    (0..partition.cells())
        .min_by(|&a, &b| partition.squared_residual(a, row).total_cmp(&partition.squared_residual(b, row)))
        .expect("has a cell")
}

#[test]
fn one_level_assigns_to_the_true_nearest() {
    let vectors = clustered(1_500, DIMENSION, 40, 0.8, 1);
    let partition = trained(&vectors, 60);
    for (row, cell) in vectors.chunks_exact(DIMENSION).zip(assigned(&partition, &vectors)) {
        let truth = brute_force(&partition, row);
        let difference = partition.squared_residual(cell, row) - partition.squared_residual(truth, row);
        assert!(difference < 1e-5, "{cell} is not nearest, {truth} is");
    }
}

#[test]
fn two_levels_assign_97_in_100_to_the_true_nearest_and_the_rest_close_by() {
    let vectors = clustered(8_000, DIMENSION, 150, 0.8, 2);
    let partition = trained(&vectors, 400);
    assert!(partition.groups.is_some());
    let (mut right, mut single, mut excess) = (0_u32, 0_u32, 0.0_f32);
    for (row, cell) in vectors.chunks_exact(DIMENSION).zip(assigned(&partition, &vectors)).step_by(8) {
        let truth = brute_force(&partition, row);
        right += u32::from(cell == truth);
        single += u32::from(partition.nearest(row) == truth);
        excess += partition.squared_residual(cell, row) - partition.squared_residual(truth, row);
    }
    assert!(right >= 970, "{right} of 1,000");
    assert!(single >= 990, "{single} of 1,000 one by one");
    assert!(excess / 1_000.0 < 1e-2);
}

#[test]
fn cells_are_even() {
    let vectors = clustered(6_000, DIMENSION, 30, 0.6, 3);
    let partition = trained(&vectors, 100);
    let mut rows = vec![0_u32; partition.cells() as usize];
    for cell in assigned(&partition, &vectors) {
        rows[cell as usize] += 1;
    }
    assert_eq!(partition.cells(), 100);
    assert!(rows.iter().all(|&rows| (1..=360).contains(&rows)), "{rows:?}");
}

#[test]
fn the_seed_decides_and_the_threads_do_not() {
    let vectors = clustered(4_000, DIMENSION, 80, 0.8, 5);
    let train = |seed, threads| {
        let training = Training { cells: 300, iterations: 4, seed, threads };
        Partition::train(&vectors, DIMENSION, &training, &Cancel::new()).expect("trains").to_bytes()
    };
    assert_eq!(train(1, 1), train(1, 3));
    assert_ne!(train(1, 1), train(2, 1));
}

#[test]
fn equal_vectors_make_one_cell() {
    let one = clustered(1, DIMENSION, 1, 0.5, 6);
    let vectors = one.repeat(700);
    let partition = trained(&vectors, 50);
    assert_eq!(partition.cells(), 1);
    assert!(partition.squared_residual(0, &one) < 1e-5);
    assert!(assigned(&partition, &vectors).iter().all(|&cell| cell == 0));
}

#[test]
fn a_few_distinct_vectors_make_as_many_cells() {
    let distinct = clustered(7, DIMENSION, 7, 0.1, 7);
    let partition = trained(&distinct.repeat(100), 50);
    assert!((1..=7).contains(&partition.cells()), "{}", partition.cells());
}

#[test]
fn fewer_vectors_than_cells_make_fewer_cells() {
    let vectors = clustered(20, DIMENSION, 20, 0.8, 8);
    let partition = trained(&vectors, 500);
    assert!((1..=20).contains(&partition.cells()));
}

#[test]
fn one_cell_is_the_mean() {
    let vectors = clustered(300, DIMENSION, 3, 0.8, 9);
    let partition = Partition::mean(&vectors, DIMENSION).expect("has rows");
    assert_eq!(partition.cells(), 1);
    let mean: f32 = vectors.iter().step_by(DIMENSION).sum::<f32>() / 300.0;
    assert!((partition.centroid(0)[0] - mean).abs() < 1e-5);
    let mut ranked = Vec::new();
    partition.rank(&vectors[..DIMENSION], 5, &mut ranked);
    assert_eq!((ranked.len(), ranked[0].cell, partition.nearest(&vectors[..DIMENSION])), (1, 0, 0));
}

#[test]
fn one_row_is_enough_for_one_cell() {
    let row = clustered(1, DIMENSION, 1, 0.8, 15);
    let partition = Partition::mean(&row, DIMENSION).expect("has a row");
    assert_eq!((partition.cells(), partition.centroid(0)), (1, row.as_slice()));
    let rule = crate::ProbeRule { recall: 0.95, least: 0, max: 9 };
    let mut visit = crate::Prober::new(&partition, &row, &rule);
    assert_eq!(visit.next(0.9).map(|ranked| ranked.cell), Some(0));
    assert_eq!(visit.next(0.9), None);
}

#[test]
fn calls_that_do_not_fit_are_refused() {
    let vectors = clustered(30, DIMENSION, 3, 0.8, 10);
    let cancel = Cancel::new();
    let refused = |result: Result<Partition>| matches!(result, Err(Error::FixTheCall(_)));
    assert!(refused(Partition::train(&[], DIMENSION, &training(4), &cancel)));
    assert!(refused(Partition::train(&vectors, DIMENSION, &training(0), &cancel)));
    assert!(refused(Partition::train(&vectors[1..], DIMENSION, &training(4), &cancel)));
    assert!(refused(Partition::train(&vectors, 30, &training(4), &cancel)));
    let partition = trained(&vectors, 4);
    assert!(matches!(partition.assign(&vectors, &mut [0; 29], 1, &cancel), Err(Error::FixTheCall(_))));
}

/// Raises the flag while `work` runs and returns how long it went on.
fn stopped_after(delay: Duration, work: impl FnOnce(&Cancel) -> Result<()>) -> Duration {
    let cancel = Cancel::new();
    let raised = std::thread::scope(|scope| {
        let raiser = scope.spawn(|| {
            let begun = Instant::now();
            while begun.elapsed() < delay {
                std::thread::yield_now();
            }
            cancel.cancel();
            Instant::now()
        });
        assert_eq!(work(&cancel).expect_err("is long enough to be stopped"), Error::Cancelled);
        (raiser.join().expect("raises"), Instant::now())
    });
    raised.1.saturating_duration_since(raised.0)
}

/// The soonest of several tries, up to the first below 5 ms: on a busy machine any one may wait for the processor.
fn soonest(tries: impl Fn() -> Duration) -> Duration {
    let mut soonest = Duration::MAX;
    for _ in 0..30 {
        soonest = soonest.min(tries());
        if soonest < Duration::from_millis(5) {
            break;
        }
    }
    soonest
}

#[test]
fn training_and_assignment_stop_within_5_ms() {
    let vectors = clustered(20_000, DIMENSION, 300, 0.8, 11);
    let delays = || [3_u64, 20, 60, 120].into_iter().map(Duration::from_millis);
    let train = |cancel: &Cancel| {
        let training = Training { cells: 1_024, iterations: 50, seed: 1, threads: 1 };
        Partition::train(&vectors, DIMENSION, &training, cancel).map(|_| ())
    };
    for delay in delays() {
        let took = soonest(|| stopped_after(delay, train));
        assert!(took < Duration::from_millis(5), "training went on for {took:?} after {delay:?}");
    }
    let partition = trained(&vectors, 512);
    let many = vectors.repeat(8);
    let assign = |cancel: &Cancel| partition.assign(&many, &mut vec![0; many.len() / DIMENSION], 1, cancel);
    let took = soonest(|| stopped_after(Duration::from_millis(3), assign));
    assert!(took < Duration::from_millis(5), "assignment went on for {took:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn bytes_round_trip(rows in 1_usize..600, cells in 1_usize..300, seed: u64) {
        let vectors = clustered(rows, DIMENSION, 30, 0.8, seed);
        let partition = trained(&vectors, cells);
        let bytes = partition.to_bytes();
        let read = Partition::from_bytes(&bytes).expect("reads");
        prop_assert_eq!(&read.to_bytes(), &bytes);
        prop_assert_eq!(assigned(&read, &vectors), assigned(&partition, &vectors));
        prop_assert_eq!(read.bytes_in_memory(), partition.bytes_in_memory());
    }

    #[test]
    fn other_bytes_are_refused(cut in 0_usize..4_000, at in 0_usize..24, bit in 0_u32..8, noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = trained(&clustered(50, DIMENSION, 5, 0.8, 12), 8).to_bytes();
        let damaged = |bytes: &[u8]| matches!(Partition::from_bytes(bytes), Err(Error::RebuildIndex(_)));
        prop_assert!(damaged(&bytes[..cut.min(bytes.len() - 1)]));
        prop_assert!(damaged(&noise));
        let mut longer = bytes.clone();
        longer.push(0);
        prop_assert!(damaged(&longer));
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        prop_assert!(Partition::from_bytes(&flipped).is_err());
    }
}

#[test]
fn a_newer_version_asks_for_an_update() {
    let mut bytes = trained(&clustered(50, DIMENSION, 5, 0.8, 13), 8).to_bytes();
    bytes[4] = 2;
    assert!(matches!(Partition::from_bytes(&bytes), Err(Error::UpdateTiercel(_))));
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let mut bytes = trained(&clustered(50, DIMENSION, 5, 0.8, 14), 8).to_bytes();
    bytes[32..36].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(matches!(Partition::from_bytes(&bytes), Err(Error::RebuildIndex(_))));
}
