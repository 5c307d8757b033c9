use std::collections::HashSet;

use tiercel_codec::Kernel;

use super::*;
use crate::testing::clustered;
use crate::{Balance, Training};

const DIMENSION: usize = 64;

/// Rows with their cells, kept up to date through repairs.
struct Store {
    rows: Vec<f32>,
    partition: Partition,
    cells: Vec<u32>,
}

impl Store {
    fn new(rows: &[f32], cells: usize) -> Self {
        let training = Training { cells, iterations: 6, seed: 1, threads: 2 };
        let partition = Partition::train(rows, DIMENSION, &training, &Cancel::new()).expect("trains");
        let mut store = Self { rows: Vec::new(), partition, cells: Vec::new() };
        store.add(rows);
        store
    }

    fn add(&mut self, rows: &[f32]) {
        let mut cells = vec![0; rows.len() / DIMENSION];
        self.partition.assign(rows, &mut cells, 2, &Cancel::new()).expect("assigns");
        self.rows.extend_from_slice(rows);
        self.cells.extend(cells);
    }

    fn balance(&self) -> Balance {
        let mut balance = Balance::new(self.partition.cells());
        for (row, &cell) in self.rows.chunks_exact(DIMENSION).zip(&self.cells) {
            balance.add(cell, self.partition.squared_residual(cell, row));
        }
        balance
    }

    fn repair(&mut self, operations: &[Operation]) -> Repaired {
        let members = |cell| {
            let rows = self.rows.chunks_exact(DIMENSION).zip(&self.cells).filter(|&(_, &of)| of == cell);
            Ok(rows.flat_map(|(row, _)| row).copied().collect())
        };
        let repaired = self.partition.repair(operations, members, 5, &Cancel::new()).expect("repairs");
        self.partition = repaired.partition.clone();
        for (row, cell) in self.rows.chunks_exact(DIMENSION).zip(&mut self.cells) {
            *cell = repaired.renamed[*cell as usize].unwrap_or_else(|| self.partition.nearest(row));
        }
        repaired
    }

    fn most_rows(&self) -> u64 {
        let balance = self.balance();
        (0..self.partition.cells()).map(|cell| balance.rows(cell)).max().expect("has cells")
    }

    /// Share of each query's ten nearest rows in the cells visited while no more than `budget` rows are scanned.
    fn recall(&self, queries: &[f32], budget: u64) -> f64 {
        let balance = self.balance();
        let (mut found, mut ranked) = (0_u32, Vec::new());
        for query in queries.chunks_exact(DIMENSION) {
            let mut best: Vec<(f32, u32)> = self
                .rows
                .chunks_exact(DIMENSION)
                .zip(&self.cells)
                .map(|(row, &cell)| (Kernel::detect().dot_f32(query, row), cell))
                .collect();
            best.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
            self.partition.rank(query, self.partition.cells() as usize, &mut ranked);
            let mut scanned = 0;
            let visited: HashSet<u32> = ranked
                .iter()
                .map(|ranked| ranked.cell)
                .take_while(|&cell| {
                    scanned += balance.rows(cell);
                    scanned <= budget
                })
                .collect();
            found += u32::try_from(best[..10].iter().filter(|(_, cell)| visited.contains(cell)).count()).expect("ten");
        }
        f64::from(found) / f64::from(u32::try_from(queries.len() / DIMENSION * 10).expect("few"))
    }
}

#[test]
fn recall_comes_back_after_the_data_has_shifted() {
    let before = clustered(4_000, DIMENSION, 60, 0.8, 1);
    let mut shifted = clustered(12_200, DIMENSION, 150, 0.8, 2);
    let queries = shifted.split_off(12_000 * DIMENSION);
    let mut store = Store::new(&before, 64);
    store.add(&shifted);
    let spoiled = store.recall(&queries, 1_600);
    let crowded = store.most_rows();
    let mut rounds = 0;
    loop {
        let operations = store.balance().plan(&store.partition);
        if operations.is_empty() || rounds == 12 {
            break;
        }
        store.repair(&operations);
        rounds += 1;
    }
    let repaired = store.recall(&queries, 1_600);
    let all: Vec<f32> = before.iter().chain(&shifted).copied().collect();
    let anew = Store::new(&all, store.partition.cells() as usize).recall(&queries, 1_600);
    assert!(store.most_rows() < crowded, "{} of {crowded}", store.most_rows());
    assert!(repaired > spoiled + 0.05, "{spoiled} before, {repaired} after {rounds} rounds");
    assert!(repaired > anew - 0.06, "{repaired} where training anew brings {anew}");
}

#[test]
fn only_touched_cells_lose_their_rows() {
    let mut store = Store::new(&clustered(3_000, DIMENSION, 60, 0.8, 3), 300);
    let before = store.partition.clone();
    let operations = [
        Operation::Split { cell: 5 },
        Operation::Merge { cell: 0, into: 1 },
        Operation::Merge { cell: 299, into: 2 },
        Operation::Merge { cell: 7, into: 2 },
    ];
    let repaired = store.repair(&operations);
    assert_eq!(store.partition.cells(), 298);
    for (old, new) in (0..).zip(&repaired.renamed) {
        assert_eq!(new.is_none(), [5, 0, 299, 7].contains(&old));
        if let Some(new) = new {
            assert_eq!(before.centroid(old), store.partition.centroid(*new));
        }
    }
    let numbers: HashSet<u32> = repaired.renamed.iter().flatten().copied().collect();
    assert_eq!(numbers.len(), 296);
    assert!(numbers.iter().all(|&number| number < 298));
    let read = Partition::from_bytes(&store.partition.to_bytes()).expect("reads");
    assert_eq!(read.groups, store.partition.groups);
}

#[test]
fn a_cell_of_equal_rows_stays_whole() {
    let store = Store::new(&clustered(600, DIMENSION, 10, 0.5, 4), 10);
    let members = |_| Ok(clustered(1, DIMENSION, 1, 0.5, 9).repeat(100));
    let repaired =
        store.partition.repair(&[Operation::Split { cell: 2 }], members, 1, &Cancel::new()).expect("repairs");
    assert_eq!(repaired.renamed, (0..10).map(Some).collect::<Vec<_>>());
}

#[test]
fn operations_that_do_not_fit_are_refused() {
    let store = Store::new(&clustered(200, DIMENSION, 4, 0.5, 5), 2);
    let refused = |operations: &[Operation]| {
        let result = store.partition.repair(operations, |_| Ok(Vec::new()), 1, &Cancel::new());
        matches!(result, Err(Error::FixTheCall(_)))
    };
    let merge = |cell| Operation::Merge { cell, into: 0 };
    assert!(refused(&[merge(9)]));
    assert!(refused(&[merge(1), merge(1)]));
    assert!(refused(&[merge(0), merge(1)]));
}

#[test]
fn even_cells_need_nothing() {
    let store = Store::new(&clustered(4_000, DIMENSION, 100, 0.8, 6), 40);
    assert_eq!(store.balance().plan(&store.partition), []);
    assert_eq!(Balance::new(1).plan(&Partition::mean(&store.rows, DIMENSION).expect("has rows")), []);
}

#[test]
fn rows_taken_out_are_no_longer_counted() {
    let mut balance = Balance::new(2);
    balance.add(0, 0.5);
    balance.add(0, 0.25);
    balance.add(7, 1.0);
    balance.remove(0, 0.5);
    balance.remove(1, 0.5);
    balance.add_rows(0, 3, 0.25);
    assert_eq!((balance.rows(0), balance.rows(1), balance.rows(7)), (4, 0, 0));
    assert!((balance.mean_squared_residual(0) - 0.25).abs() < 1e-9);
}
