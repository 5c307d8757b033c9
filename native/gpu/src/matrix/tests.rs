use super::*;
use crate::testing::{self, Random};

/// By double precision, best first, of equal scores the lower row first.
fn exact(scores: impl Iterator<Item = f64>, best: usize) -> Vec<(u32, f64)> {
    let mut all: Vec<(u32, f64)> = (0..).zip(scores).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.truncate(best);
    all
}

fn dot(one: &[f32], two: &[f32]) -> f64 {
    one.iter().zip(two).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

fn cosine(one: &[f32], two: &[f32]) -> f64 {
    let lengths = (dot(one, one) * dot(two, two)).sqrt();
    if lengths > 0.0 { dot(one, two) / lengths } else { 0.0 }
}

#[test]
fn cosines_are_those_of_double_precision_on_any_shape() {
    let Some(device) = testing::device() else { return };
    let batches = Batches::new(&device, 128 << 20);
    for (seed, (rows, queries, dimension, best)) in (0..).zip([
        (1, 1, 1, 1),
        (1, 3, 768, 10),
        (63, 65, 17, 5),
        (64, 64, 16, 64),
        (65, 1, 384, 100),
        (4_097, 3, 33, 10),
        (9_000, 70, 64, 20),
        (5_000, 2, 100, 3_000),
    ]) {
        let random = &mut Random(seed);
        let mut table: Vec<f32> = (0..rows * dimension).map(|_| 3.0 * random.float()).collect();
        // A row of zeros is similar to nothing, and nothing to it.
        table[..dimension].fill(0.0);
        let asked: Vec<f32> = (0..queries * dimension).map(|_| random.float()).collect();
        let matrix = batches.floats(&table, dimension).expect("a device");
        let found = batches.cosine(&matrix, &asked, best, &Cancel::new()).expect("a device");
        assert_eq!(found.len(), queries);
        for (query, found) in asked.chunks(dimension).zip(found) {
            let exact = exact(table.chunks(dimension).map(|row| cosine(row, query)), best);
            assert_eq!(found.len(), exact.len());
            let tolerance = 1e-7 * f64::from(u32::try_from(dimension + 10).expect("small"));
            for (hit, (_, score)) in found.iter().zip(&exact) {
                let row = &table[hit.row as usize * dimension..][..dimension];
                assert!((f64::from(hit.score) - cosine(row, query)).abs() < tolerance);
                assert!((f64::from(hit.score) - score).abs() < tolerance);
            }
        }
    }
}

#[test]
fn products_of_bytes_are_exact_both_ways() {
    let Some(device) = testing::device() else { return };
    let batches = Batches::new(&device, 128 << 20);
    for (seed, (rows, queries, dimension, best)) in
        (0..).zip([(1, 1, 1, 1), (3, 2, 3, 10), (700, 66, 65, 9), (4_200, 3, 1_024, 50), (65, 65, 130, 65)])
    {
        let random = &mut Random(seed);
        let mut byte = |extreme: bool| {
            let value = i8::try_from(random.below(255)).unwrap_or(-1);
            if extreme { [-128, 127][random.below(2)] } else { value.wrapping_sub(63) }
        };
        let table: Vec<i8> = (0..rows * dimension).map(|at| byte(at % 7 == 0)).collect();
        let asked: Vec<i8> = (0..queries * dimension).map(|at| byte(at % 5 == 0)).collect();
        let matrix = batches.bytes(&table, &vec![1.0; rows], dimension).expect("a device");
        for dots in [Dots::Packed, Dots::Unpacked] {
            let ones = vec![1.0; queries];
            let found = batches.dots(&matrix, (&asked, &ones), dots, best, &Cancel::new()).expect("a device");
            for (query, found) in asked.chunks(dimension).zip(found) {
                // Below 2^24, so that the float of a sum is the sum.
                let sum = |row: &[i8]| row.iter().zip(query).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum::<i32>();
                let exact = exact(table.chunks(dimension).map(|row| f64::from(sum(row))), best);
                let found: Vec<(u32, f64)> = found.iter().map(|hit| (hit.row, f64::from(hit.score))).collect();
                assert_eq!(found, exact, "{dots:?}");
            }
        }
    }
}

#[test]
fn ties_go_to_the_lower_rows_across_passes() {
    let Some(device) = testing::device() else { return };
    let batches = Batches::new(&device, 128 << 20);
    let matrix = batches.bytes(&vec![1; 4 * 20_000], &vec![0.5; 20_000], 4).expect("a device");
    for best in [1, 300, 4_096] {
        let found =
            batches.dots(&matrix, (&[2, 2, 2, 2], &[0.5]), Dots::Packed, best, &Cancel::new()).expect("a device");
        assert!(found[0].iter().map(|hit| hit.row).eq(0..u32::try_from(best).expect("few")));
        assert!(found[0].iter().all(|hit| (hit.score - 2.0).abs() < f32::EPSILON));
    }
}

#[test]
fn scores_survive_as_keys_and_no_number_is_never_found() {
    let Some(device) = testing::device() else { return };
    let batches = Batches::new(&device, 128 << 20);
    let scales = [f32::NAN, -1.5, 0.0, 2.0, 1e-30, -1e30];
    let matrix = batches.bytes(&[1; 6], &scales, 1).expect("a device");
    let found = batches.dots(&matrix, (&[1], &[1.0]), Dots::Unpacked, 10, &Cancel::new()).expect("a device");
    let scores: Vec<(u32, f32)> = found[0].iter().map(|hit| (hit.row, hit.score)).collect();
    assert_eq!(scores, [(3, 2.0), (4, 1e-30), (2, 0.0), (1, -1.5), (5, -1e30)]);
}

#[test]
fn what_does_not_fit_is_refused_and_a_cancelled_batch_ends() {
    let Some(device) = testing::device() else { return };
    let batches = Batches::new(&device, 128 << 20);
    let matrix = batches.floats(&[1.0; 64], 8).expect("a device");
    let cancel = Cancel::new();
    assert!(matches!(batches.floats(&[1.0; 7], 8), Err(Error::FixTheCall(_))));
    assert!(matches!(batches.bytes(&[1; 8], &[1.0; 2], 8), Err(Error::FixTheCall(_))));
    assert!(matches!(batches.cosine(&matrix, &[1.0; 9], 1, &cancel), Err(Error::FixTheCall(_))));
    assert!(matches!(batches.cosine(&matrix, &[1.0; 8], 0, &cancel), Err(Error::FixTheCall(_))));
    assert!(matches!(batches.cosine(&matrix, &[1.0; 8], MOST_BEST + 1, &cancel), Err(Error::FixTheCall(_))));
    assert!(matches!(batches.dots(&matrix, (&[1; 8], &[1.0]), Dots::Packed, 1, &cancel), Err(Error::FixTheCall(_))));
    assert_eq!(batches.cosine(&matrix, &[], 1, &cancel).expect("nothing").len(), 0);
    let empty = batches.floats(&[], 8).expect("nothing");
    assert_eq!(batches.cosine(&empty, &[1.0; 16], 3, &cancel), Ok(vec![vec![]; 2]));
    cancel.cancel();
    assert_eq!(batches.cosine(&matrix, &[1.0; 8], 1, &cancel), Err(Error::Cancelled));
}
