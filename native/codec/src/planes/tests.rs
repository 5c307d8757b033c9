use proptest::prelude::*;

use super::*;
use crate::bits::BitsBuilder;
use crate::testing::{exact_dot, unit};

struct Page {
    bits: Buffer,
    planes: Buffer,
    centroid: Vec<f32>,
}

fn page(rows: usize, padded: usize) -> Page {
    let centroid: Vec<f32> = unit(padded, 99).iter().map(|x| x * 0.4).collect();
    let (mut bits, mut planes) = (BitsBuilder::new(padded), PlanesBuilder::new(padded));
    for row in 0..rows {
        let vector = unit(padded, row as u64);
        bits.push(u32::try_from(row).expect("small"), &vector, &centroid);
        planes.push(&vector, &centroid);
    }
    Page { bits: bits.finish(), planes: planes.finish(), centroid }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn estimates_are_ten_times_nearer_than_those_of_one_bit(rows in 1_usize..20, words in 1_usize..13, seed in any::<u64>()) {
        let padded = words * 64;
        let page = page(rows, padded);
        prop_assert_eq!(page.planes.len(), bytes(rows, padded));
        let bits = BitsView::new(&page.bits, rows, padded).expect("whole");
        let planes = PlanesView::new(&page.planes, rows, padded).expect("whole");
        let query = unit(padded, seed);
        let coded = PlanesQuery::new(&query);
        let base = Kernel::PORTABLE.dot_f32(&query, &page.centroid);
        for position in 0..rows {
            let score = Kernel::PORTABLE.score_planes(&coded, base, &bits, &planes, u32::try_from(position).expect("small"));
            let mut decoded = vec![0.0; padded];
            planes.decode(&bits, u32::try_from(position).expect("small"), &mut decoded);
            let residual: Vec<f32> = query.iter().zip(&page.centroid).map(|(q, c)| q - c).collect();
            let row: Vec<f32> = unit(padded, position as u64).iter().zip(&page.centroid).map(|(x, c)| x - c).collect();
            // A query in bytes and a half float are all that lies between the code and the estimate.
            let from_code = exact_dot(&residual, &decoded) + exact_dot(&query, &page.centroid) + exact_dot(&row, &page.centroid);
            prop_assert!((from_code - f64::from(score)).abs() < 0.008);
            let error = f64::from(score) - exact_dot(&query, &unit(padded, position as u64));
            // Six standard deviations.
            let most = 0.75 / f64::from(u32::try_from(padded).expect("small")).sqrt();
            prop_assert!(error.abs() < most, "{error} of {padded} dimensions");
        }
    }

    #[test]
    fn no_other_spacing_is_much_better(words in 1_usize..13, seed in any::<u64>()) {
        let residual = unit(words * 64, seed);
        let quality = |per_step| {
            let (along, codes) = agreement(&residual, per_step);
            along / codes.sqrt()
        };
        let mut levels = vec![0; residual.len()];
        let [factor, _] = encode(&residual, &vec![0.0; residual.len()], &mut vec![0.0; residual.len()], &mut levels);
        let deviation = f64::from(u32::try_from(residual.len()).expect("small")).sqrt().recip();
        #[expect(clippy::cast_possible_truncation, reason = "a test")]
        let best = (10..100).map(|step| quality((deviation * f64::from(step) / 100.0).recip() as f32)).fold(0.0, f32::max);
        let codes: f32 = levels.iter().zip(&residual).map(|(&u, &r)| {
            let level = if r.is_sign_positive() { 8 + u } else { u };
            let y = 2.0 * f32::from(level) - 15.0;
            y * y
        }).sum();
        // The factor is |r|^2 over the agreement, and |r| is one here.
        let reached = half::decode_one(factor).recip() / codes.sqrt();
        prop_assert!(reached > best - 0.003, "{reached} of {best}");
        prop_assert!(reached > 0.98);
    }
}

#[test]
fn a_row_moves_between_pages_as_it_is() {
    let one = page(7, 192);
    let view = PlanesView::new(&one.planes, 7, 192).expect("whole");
    let mut copy = PlanesBuilder::new(192);
    copy.push(&unit(192, 0), &one.centroid);
    for position in 1..7 {
        copy.push_from(&view, position);
    }
    assert_eq!(copy.finish(), one.planes);
}

#[test]
fn a_row_that_is_its_centroid_has_no_residual() {
    let one = unit(64, 1);
    let (mut bits, mut planes) = (BitsBuilder::new(64), PlanesBuilder::new(64));
    bits.push(0, &one, &one);
    planes.push(&one, &one);
    let (bits, page) = (bits.finish(), planes.take());
    assert_eq!((planes.rows(), planes.snapshot().len()), (0, 0));
    let bits = BitsView::new(&bits, 1, 64).expect("whole");
    let view = PlanesView::new(&page, 1, 64).expect("whole");
    let query = unit(64, 2);
    let score = Kernel::detect().score_planes(
        &PlanesQuery::new(&query),
        Kernel::PORTABLE.dot_f32(&query, &one),
        &bits,
        &view,
        0,
    );
    assert!((f64::from(score) - exact_dot(&query, &one)).abs() < 1e-3);
}

#[test]
fn a_page_of_another_size_or_place_is_refused() {
    let page = page(3, 128).planes;
    assert!(PlanesView::new(&page, 3, 128).is_ok());
    for (rows, padded) in [(5, 128), (3, 192), (3, 100), (0, 0), (usize::MAX, 128)] {
        assert!(matches!(PlanesView::new(&page, rows, padded), Err(Error::RebuildIndex(_))));
    }
    let mut shifted = Buffer::zeroed(4);
    shifted.extend_from_slice(&page);
    assert!(matches!(PlanesView::new(&shifted[4..], 3, 128), Err(Error::Report(_))));
}
