use proptest::prelude::*;
use tiercel_base::error::Error;

use super::*;
use crate::testing::{exact_dot, gaussian, unit};
use crate::{Kernel, half};

fn page(rows: usize, padded: usize, centroid: &[f32]) -> BitsBuilder {
    let mut builder = BitsBuilder::new(padded);
    for row in 0..rows {
        let number = u32::try_from(row).expect("small") * 3 + 1;
        builder.push(number, &unit(padded, row as u64), centroid);
    }
    builder
}

/// A centroid that is short beside the rows, as a mean of unit vectors is.
fn centroid(padded: usize) -> Vec<f32> {
    unit(padded, 99).iter().map(|x| x * 0.4).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn a_page_holds_the_signs_the_factors_and_the_numbers(rows in 0_usize..40, words in 1_usize..13) {
        let padded = words * 64;
        let centroid = centroid(padded);
        let buffer = page(rows, padded, &centroid).finish();
        prop_assert_eq!(buffer.len(), bytes(rows, padded));
        let view = BitsView::new(&buffer, rows, padded).expect("whole");
        prop_assert_eq!((view.rows(), view.padded()), (rows, padded));
        for position in 0..rows {
            let residual: Vec<f32> = unit(padded, position as u64).iter().zip(&centroid).map(|(x, c)| x - c).collect();
            prop_assert_eq!(view.row(u32::try_from(position).expect("small")), u32::try_from(position).expect("small") * 3 + 1);
            for (dimension, r) in residual.iter().enumerate() {
                let word = view.group(position / GROUP)[dimension / 64 * GROUP + position % GROUP];
                prop_assert_eq!(word >> (dimension % 64) & 1 == 1, r.is_sign_positive());
            }
            let mut decoded = vec![0.0; padded];
            view.decode(u32::try_from(position).expect("small"), &mut decoded);
            prop_assert!(decoded.iter().zip(&residual).all(|(code, r)| code.is_sign_positive() == r.is_sign_positive()));
            // The estimate of a row's product with itself is unbiased: exact, for its own residual.
            let squares = exact_dot(&residual, &residual);
            prop_assert!((exact_dot(&decoded, &residual) / squares - 1.0).abs() < 1e-3);
            let magnitudes: f64 = residual.iter().map(|&r| f64::from(r.abs())).sum();
            let f = f64::from(half::decode_one(view.factors(position / GROUP).0[position % GROUP]));
            prop_assert!((f - exact_dot(&residual, &residual) / magnitudes).abs() < 1e-3 * f);
            // The other factor is what the code says of the row's product with the centroid, and what it does not.
            let shift = exact_dot(&residual, &centroid) - exact_dot(&decoded, &centroid);
            prop_assert!((f64::from(half::decode_one(view.factors(position / GROUP).1[position % GROUP])) - shift).abs() < 3e-4);
        }
    }

    #[test]
    fn a_query_is_rounded_to_its_levels(words in 1_usize..13, bits in 1_u32..=4, seed in any::<u64>()) {
        let query = unit(words * 64, seed);
        let coded = BitsQuery::new(&query, bits);
        let top = (1 << bits) - 1;
        let integers: Vec<f32> = (0..words * 64)
            .map(|at| {
                let level: i16 = (0..bits as usize)
                    .map(|bit| i16::from(coded.planes[at / 64 * bits as usize + bit] >> (at % 64) & 1 == 1) << bit)
                    .sum();
                f32::from(2 * level - top)
            })
            .collect();
        // Unbiased along itself, and the order of the levels is that of the components.
        let along = f64::from(coded.delta()) * exact_dot(&integers, &query);
        prop_assert!((along / exact_dot(&query, &query) - 1.0).abs() < 1e-4);
        for (a, i) in query.iter().zip(&integers) {
            for (b, j) in query.iter().zip(&integers) {
                prop_assert!(a >= b || i <= j);
            }
        }
    }
}

#[test]
fn a_row_moves_between_pages_as_it_is() {
    let centroid = centroid(192);
    let whole = page(21, 192, &centroid);
    let buffer = whole.snapshot();
    let view = BitsView::new(&buffer, 21, 192).expect("whole");
    let mut copy = page(5, 192, &centroid);
    for position in 5..21 {
        copy.push_from(&view, position);
    }
    assert_eq!(copy.finish(), whole.finish());
}

#[test]
fn estimates_are_near_and_unbiased() {
    let (padded, rows) = (768, 400);
    let centroid = centroid(padded);
    let buffer = page(rows, padded, &centroid).finish();
    let view = BitsView::new(&buffer, rows, padded).expect("whole");
    // A mix with one row, so that one similarity is high.
    let query: Vec<f32> = unit(padded, 5).iter().zip(unit(padded, 1000)).map(|(a, b)| 0.8 * a + 0.6 * b).collect();
    // All rows of a cell share the error of the rounded query, and so a bias, which falls with the bits.
    for (bits, most, bias) in [(1, 0.055, 0.02), (2, 0.040, 0.008), (3, 0.036, 0.007), (4, 0.034, 0.006)] {
        let coded = BitsQuery::new(&query, bits);
        let mut all = crate::candidates::Candidates::new(rows);
        Kernel::PORTABLE.scan_bits(&coded, Kernel::PORTABLE.dot_f32(&query, &centroid), &view, 0, |_| true, &mut all);
        let found = all.into_sorted();
        assert_eq!((found.len(), found[0].place), (rows, 5));
        let errors: Vec<f64> =
            found.iter().map(|c| f64::from(c.score) - exact_dot(&query, &unit(padded, u64::from(c.place)))).collect();
        let count = f64::from(u32::try_from(rows).expect("small"));
        let (mean, square) = (errors.iter().sum::<f64>() / count, errors.iter().map(|e| e * e).sum::<f64>() / count);
        assert!(square.sqrt() < most, "root mean square {} with {bits} bits", square.sqrt());
        assert!(mean.abs() < bias, "bias {mean} with {bits} bits");
    }
}

#[test]
fn a_row_that_is_its_centroid_is_estimated_exactly() {
    let one = unit(128, 1);
    let mut builder = BitsBuilder::new(128);
    builder.push(0, &one, &one);
    let page = builder.take();
    assert_eq!((builder.rows(), builder.snapshot().len()), (0, 0));
    let view = BitsView::new(&page, 1, 128).expect("whole");
    for query in [&one, &unit(128, 2)] {
        let mut found = crate::candidates::Candidates::new(1);
        let base = Kernel::PORTABLE.dot_f32(query, &one);
        Kernel::detect().scan_bits(&BitsQuery::new(query, 2), base, &view, 0, |_| true, &mut found);
        let found = found.into_sorted();
        assert!((f64::from(found[0].score) - exact_dot(query, &one)).abs() < 1e-3);
    }
}

#[test]
fn a_page_of_another_size_or_place_is_refused() {
    let buffer = page(9, 128, &gaussian(128, 1)).finish();
    assert!(BitsView::new(&buffer, 9, 128).is_ok());
    assert!(matches!(BitsView::new(&buffer, 17, 128), Err(Error::RebuildIndex(_))));
    assert!(matches!(BitsView::new(&buffer, 9, 192), Err(Error::RebuildIndex(_))));
    assert!(matches!(BitsView::new(&buffer, 9, 100), Err(Error::RebuildIndex(_))));
    assert!(matches!(BitsView::new(&buffer, 0, 0), Err(Error::RebuildIndex(_))));
    assert!(matches!(BitsView::new(&buffer, usize::MAX, 128), Err(Error::RebuildIndex(_))));
    let mut shifted = crate::aligned::Buffer::zeroed(8);
    shifted.extend_from_slice(&buffer);
    assert!(matches!(BitsView::new(&shifted[8..], 9, 128), Err(Error::Report(_))));
    assert_eq!(BitsView::new(&[], 0, 128).map(|view| view.rows()), Ok(0));
}
