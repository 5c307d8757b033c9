use proptest::prelude::*;

use super::*;
use crate::random::Random;

proptest! {
    #[test]
    fn products_are_those_of_plain_sums(dimension in 1_usize..200, rows in 1_usize..=LANES, seed: u64) {
        let mut random = Random::new(seed);
        let mut vector = || (0..dimension).map(|_| random.normal()).collect::<Vec<f32>>();
        let rows: Vec<Vec<f32>> = (0..rows).map(|_| vector()).collect();
        let others: Vec<Vec<f32>> = (0..STEP).map(|_| vector()).collect();
        let mut panel = Panel::new(dimension);
        panel.pack(rows.iter().map(Vec::as_slice));
        let views = std::array::from_fn(|at| others[at].as_slice());
        let found = panel.products(views);
        let plain = products::<false>(&panel.lanes, views);
        for (lane, row) in rows.iter().enumerate() {
            for (step, other) in others.iter().enumerate() {
                let exact: f64 = row.iter().zip(other).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                let scale: f64 = row.iter().zip(other).map(|(a, b)| f64::from((a * b).abs())).sum();
                prop_assert!((f64::from(found[step][lane]) - exact).abs() <= 1e-5 * scale + 1e-6);
                prop_assert!((f64::from(plain[step][lane]) - exact).abs() <= 1e-5 * scale + 1e-6);
            }
        }
    }
}
