use tiercel_base::cancel::Cancel;

use super::*;
use crate::Training;
use crate::testing::clustered;

const DIMENSION: usize = 64;
const K: usize = 10;

struct Store {
    rows: Vec<f32>,
    queries: Vec<f32>,
    partition: Partition,
    members: Vec<Vec<usize>>,
}

fn store(cells: usize) -> Store {
    let mut rows = clustered(12_300, DIMENSION, 200, 0.9, 1);
    let queries = rows.split_off(12_000 * DIMENSION);
    let training = Training { cells, iterations: 5, seed: 3, threads: 2 };
    let partition = Partition::train(&rows, DIMENSION, &training, &Cancel::new()).expect("trains");
    let mut cell_of = vec![0; 12_000];
    partition.assign(&rows, &mut cell_of, 2, &Cancel::new()).expect("assigns");
    let mut members = vec![Vec::new(); partition.cells() as usize];
    for (row, &cell) in cell_of.iter().enumerate() {
        members[cell as usize].push(row);
    }
    Store { rows, queries, partition, members }
}

impl Store {
    fn score(&self, query: &[f32], row: usize) -> f32 {
        query.iter().zip(&self.rows[row * DIMENSION..]).map(|(a, b)| a * b).sum()
    }

    /// Recall of the ten nearest rows that `accept` takes, and probes, on average.
    fn measure(&self, rule: ProbeRule, share: f32, accept: impl Fn(usize) -> bool) -> (f64, f64) {
        let (mut found, mut wanted, mut probes) = (0, 0, 0);
        for query in self.queries.chunks_exact(DIMENSION) {
            let mut all: Vec<f32> =
                (0..self.rows.len() / DIMENSION).filter(|&row| accept(row)).map(|row| self.score(query, row)).collect();
            all.sort_unstable_by(|a, b| b.total_cmp(a));
            all.truncate(K);
            let mut best: Vec<f32> = Vec::new();
            let mut visit = Prober::new(&self.partition, query, &rule).filtered(share);
            while let Some(ranked) = visit.next(best.get(K - 1).copied().unwrap_or(f32::NEG_INFINITY)) {
                let rows = self.members[ranked.cell as usize].iter().filter(|&&row| accept(row));
                best.extend(rows.map(|&row| self.score(query, row)));
                best.sort_unstable_by(|a, b| b.total_cmp(a));
                best.truncate(K);
            }
            found += best.iter().zip(&all).filter(|(found, _)| **found >= all[all.len() - 1]).count();
            wanted += all.len();
            probes += visit.probed();
        }
        let share = |part: usize, whole: usize| {
            f64::from(u32::try_from(part).expect("small")) / f64::from(u32::try_from(whole).expect("small"))
        };
        (share(found, wanted), f64::from(probes) / 300.0)
    }
}

#[test]
fn the_recall_asked_for_comes_back_with_fewer_probes_than_a_fixed_number_takes() {
    let store = store(256);
    let fixed = |max| store.measure(ProbeRule { recall: 1.0, least: 0, max }, 1.0, |_| true);
    for recall in [0.9, 0.95, 0.985] {
        let (reached, probes) = store.measure(ProbeRule { recall, least: 0, max: u32::MAX }, 1.0, |_| true);
        assert!(reached > f64::from(recall) - 0.02, "{reached} for {recall}");
        let enough = (1..=256).find(|&max| fixed(max).0 >= reached).expect("all cells hold everything");
        assert!(probes <= f64::from(enough), "{probes} probes where {enough} fixed ones do");
    }
}

#[test]
fn without_k_rows_every_cell_is_visited_once() {
    let store = store(400);
    let rule = ProbeRule { recall: 0.5, least: 0, max: u32::MAX };
    let mut prober = Prober::new(&store.partition, &store.queries[..DIMENSION], &rule);
    let mut visited: Vec<u32> =
        std::iter::from_fn(|| prober.next(f32::NEG_INFINITY)).map(|ranked| ranked.cell).collect();
    visited.sort_unstable();
    assert_eq!(visited, (0..store.partition.cells()).collect::<Vec<_>>());
}

#[test]
fn a_filter_costs_probes_but_no_recall() {
    let store = store(256);
    let rule = ProbeRule { recall: 0.95, least: 0, max: u32::MAX };
    let mut before = 0.0;
    for every in [1_u16, 5, 50, 500] {
        let share = 1.0 / f32::from(every);
        let (recall, probes) = store.measure(rule, share, |row| row % usize::from(every) == 0);
        assert!(recall > 0.93, "{recall} of one row in {every}");
        assert!(probes >= before, "{probes} probes for one row in {every}");
        before = probes;
    }
}

#[test]
fn the_most_probes_are_kept_to() {
    let store = store(64);
    let rule = ProbeRule { recall: 1.0, least: 0, max: 5 };
    let mut prober = Prober::new(&store.partition, &store.queries[..DIMENSION], &rule);
    assert_eq!(std::iter::from_fn(|| prober.next(1.0)).count(), 5);
    assert_eq!(prober.probed(), 5);
    let none = ProbeRule { recall: 0.9, least: 0, max: 0 };
    assert!(Prober::new(&store.partition, &store.queries[..DIMENSION], &none).next(f32::NEG_INFINITY).is_none());
}

#[test]
fn a_score_that_nothing_can_reach_ends_the_probing() {
    let store = store(256);
    let rule = ProbeRule { recall: 0.95, least: 0, max: u32::MAX };
    let mut prober = Prober::new(&store.partition, &store.queries[..DIMENSION], &rule);
    assert!(prober.next(10.0).is_none());
}
