use proptest::prelude::*;

use super::*;
use crate::aligned::Buffer;
use crate::bits::BitsBuilder;
use crate::int8;
use crate::planes::PlanesBuilder;
use crate::random::SplitMix64;
use crate::testing::{exact_dot, gaussian, unit};

/// Dimensions of a multiple of 64, small ones often and each up to 4,096 sometimes.
fn dimensions() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 1_usize..=13, 1 => 1_usize..=64].prop_map(|words| words * 64)
}

/// A page of 1-bit codes of random bytes with sane factors: no encoder would be as mean.
fn random_page(rows: usize, padded: usize, seed: u64) -> Buffer {
    let mut random = SplitMix64::new(seed);
    let mut page = Buffer::zeroed(crate::bits::bytes(rows, padded));
    for byte in page.iter_mut() {
        *byte = random.next().to_le_bytes()[0];
    }
    let groups = rows.div_ceil(GROUP) * GROUP;
    let factors = groups * padded / 8;
    for half in page[factors..factors + groups * 4].as_chunks_mut::<2>().0 {
        *half = crate::half::encode_one(crate::testing::uniform(&mut random)).to_le_bytes();
    }
    page
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]
    #[test]
    fn dot_products_of_bytes_are_exact(n in 0_usize..700, seed in any::<u64>(), rows in 0_usize..7) {
        let mut random = SplitMix64::new(seed);
        let codes: Vec<i16> = (0..n).map(|_| i16::from_le_bytes([random.next().to_le_bytes()[0], random.next().to_le_bytes()[1] % 16])).collect();
        let all: Vec<i8> = (0..n * rows).map(|_| i8::from_le_bytes([random.next().to_le_bytes()[0]]).max(-127)).collect();
        let query = int8::Query { codes, ..int8::Query::default() };
        for kernel in Kernel::all_available() {
            let mut dots = vec![0; rows];
            kernel.dots_i8(&query, &all, &mut dots);
            for (row, dot) in dots.iter().enumerate() {
                let codes = &all[row * n..(row + 1) * n];
                let expected: i32 = codes.iter().zip(&query.codes).map(|(&r, &q)| i32::from(r) * i32::from(q)).sum();
                prop_assert_eq!((*dot, kernel.dot_i8(&query, codes)), (expected, expected), "{}", kernel.name());
            }
        }
    }

    #[test]
    fn dot_products_of_floats_differ_by_rounding(n in 0_usize..700, seed in any::<u64>(), rows in 0_usize..7) {
        let (query, all) = (gaussian(n, seed), gaussian(n * rows, seed ^ 1));
        let halves: Vec<u16> = all.iter().map(|&x| crate::half::encode_one(x)).collect();
        let as_floats: Vec<f32> = halves.iter().map(|&h| crate::half::decode_one(h)).collect();
        for kernel in Kernel::all_available() {
            let mut dots = vec![0.0; rows];
            kernel.dots_f32(&query, &all, &mut dots);
            for (row, &dot) in dots.iter().enumerate() {
                let at = row * n..(row + 1) * n;
                // The error of a sum of n products of about one, added in lanes.
                let tolerance = 1e-6 * f64::from(u32::try_from(n).expect("small") + 1);
                let expected = exact_dot(&query, &all[at.clone()]);
                prop_assert!((f64::from(dot) - expected).abs() <= tolerance, "{}", kernel.name());
                prop_assert!((f64::from(kernel.dot_f32(&query, &all[at.clone()])) - expected).abs() <= tolerance);
                let expected = exact_dot(&query, &as_floats[at.clone()]);
                prop_assert!((f64::from(kernel.dot_f16(&query, &halves[at])) - expected).abs() <= tolerance, "{}", kernel.name());
            }
        }
    }

    #[test]
    fn scans_find_the_same_with_the_same_floats(
        rows in prop_oneof![0_usize..30, 250_usize..270, 500_usize..800], padded in dimensions(), bits in 1_u32..=4, seed in any::<u64>(), best in 1_usize..40,
    ) {
        let rows = if padded > 900 { rows % 40 } else { rows };
        let page = random_page(rows, padded, seed);
        let view = BitsView::new(&page, rows, padded).expect("whole");
        let (query, base) = (BitsQuery::new(&unit(padded, seed), bits), gaussian(1, seed)[0]);
        let accept = |row: u32| !row.is_multiple_of(3);
        let found = |kernel: Kernel, best: usize| {
            let mut found = Candidates::new(best);
            kernel.scan_bits(&query, base, &view, 1000, accept, &mut found);
            found.into_sorted()
        };
        let mut all = found(Kernel::PORTABLE, rows);
        prop_assert_eq!(all.len(), view.row_numbers().iter().filter(|&&row| accept(row)).count().min(rows.max(1)));
        for candidate in &all {
            let position = (candidate.place - 1000) as usize;
            prop_assert_eq!(view.row(candidate.place - 1000), candidate.row);
            let mut differing = 0;
            for (word, planes) in query.planes.chunks(bits as usize).enumerate() {
                let code = view.group(position / GROUP)[word * GROUP + position % GROUP];
                differing += planes.iter().enumerate().map(|(bit, plane)| (code ^ plane).count_ones() << bit).sum::<u32>();
            }
            let (f, g) = (crate::half::decode_one(view.factors(position / GROUP).0[position % GROUP]), crate::half::decode_one(view.factors(position / GROUP).1[position % GROUP]));
            let expected = query.estimate(base, differing.cast_signed(), f, g);
            prop_assert_eq!(candidate.score.to_bits(), expected.to_bits());
        }
        for kernel in Kernel::all_available() {
            prop_assert_eq!(&found(kernel, rows), &all, "{}", kernel.name());
        }
        all.truncate(best);
        for kernel in Kernel::all_available() {
            prop_assert_eq!(&found(kernel, best), &all, "{}", kernel.name());
        }
    }

    #[test]
    fn scores_of_planes_are_the_same_floats(rows in 1_usize..20, padded in dimensions(), seed in any::<u64>()) {
        let rows = if padded > 900 { rows % 3 + 1 } else { rows };
        let centroid: Vec<f32> = unit(padded, 3).iter().map(|x| x / 3.0).collect();
        let (mut bits, mut planes) = (BitsBuilder::new(padded), PlanesBuilder::new(padded));
        for row in 0..rows {
            let vector = unit(padded, seed ^ row as u64);
            bits.push(0, &vector, &centroid);
            planes.push(&vector, &centroid);
        }
        let (bits, planes) = (bits.finish(), planes.finish());
        let bits = BitsView::new(&bits, rows, padded).expect("whole");
        let planes = PlanesView::new(&planes, rows, padded).expect("whole");
        let (query, base) = (PlanesQuery::new(&unit(padded, seed ^ 0x4D)), gaussian(1, seed)[0]);
        for position in 0..u32::try_from(rows).expect("small") {
            let expected = Kernel::PORTABLE.score_planes(&query, base, &bits, &planes, position);
            for kernel in Kernel::all_available() {
                prop_assert_eq!(kernel.score_planes(&query, base, &bits, &planes, position).to_bits(), expected.to_bits(), "{}", kernel.name());
            }
        }
    }
}

#[test]
fn all_bits_differ_or_agree_without_overflow() {
    // The most that counters in bytes or 16 bits would have to hold.
    for padded in [64, 768, 1024, 2048, 4096, 8192] {
        for bits in 1..=4 {
            for byte in [0, 0xFF] {
                let mut page = Buffer::zeroed(crate::bits::bytes(8, padded));
                let factors = padded;
                page[..factors].fill(byte);
                for half in page[factors..factors + 16].as_chunks_mut::<2>().0 {
                    *half = crate::half::encode_one(1.0).to_le_bytes();
                }
                let view = BitsView::new(&page, 8, padded).expect("whole");
                let (mut query, flat) = (BitsQuery::empty(), vec![0.02; padded]);
                query.set(&flat, bits);
                query.planes.fill(u64::MAX);
                let expected = query.estimate(0.5, if byte == 0 { query.most() } else { 0 }, 1.0, 0.0);
                for kernel in Kernel::all_available() {
                    let mut found = Candidates::new(8);
                    kernel.scan_bits(&query, 0.5, &view, 0, |_| true, &mut found);
                    for candidate in found.into_sorted() {
                        assert_eq!(candidate.score.to_bits(), expected.to_bits(), "{} {padded} {bits}", kernel.name());
                    }
                }
            }
        }
    }
}

#[test]
fn the_largest_bytes_do_not_overflow() {
    let query = int8::Query { codes: vec![i16::MAX; 256], ..int8::Query::default() };
    for kernel in Kernel::all_available() {
        assert_eq!(kernel.dot_i8(&query, &[-127; 256]), -127 * 256 * i32::from(i16::MAX));
    }
}

#[test]
fn rows_beyond_the_end_are_never_found() {
    for rows in [1, 7, 9, 15] {
        let page = random_page(rows, 64, 5);
        let view = BitsView::new(&page, rows, 64).expect("whole");
        let query = BitsQuery::new(&unit(64, 1), 2);
        for kernel in Kernel::all_available() {
            let mut found = Candidates::new(100);
            kernel.scan_bits(&query, 0.0, &view, 0, |_| true, &mut found);
            let places: Vec<u32> = found.into_sorted().iter().map(|c| c.place).collect();
            assert_eq!(places.len(), rows);
            assert!(places.iter().all(|&place| (place as usize) < rows));
        }
    }
}

#[test]
fn the_detected_kernel_is_among_the_available() {
    let all = Kernel::all_available();
    assert!(all.contains(&Kernel::detect()) && all.contains(&Kernel::PORTABLE));
    let mut names: Vec<&str> = all.iter().map(|kernel| kernel.name()).collect();
    names.dedup();
    assert_eq!(names.len(), all.len());
}
