//! Keeping cells even as rows come and go: which to split, which to give up.
//!
//! Splitting overfull cells and dissolving sparse ones where they are, instead of training everything anew, follows
//! `SPFresh` (Xu et al., "`SPFresh`: Incremental In-Place Update for Billion-Scale Vector Search", SOSP 2023).

use crate::partition::Partition;

/// A cell with more than this many times the mean number of rows is split.
const OVERFULL: f64 = 4.0;
/// A cell with less than this share of the mean number of rows is given up.
const SPARSE: f64 = 0.125;
/// A cell of at least this share of the mean number of rows...
const LARGE_ENOUGH: f64 = 0.25;
/// ... is split when their mean squared distance from the centroid has become
/// this many times what it was in training: its rows are not those it was made for.
const DRIFTED: f64 = 1.3;
/// Fewest rows of a cell worth two.
const FEWEST_TO_SPLIT: u64 = 64;

/// A change to a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Two cells take the place of this one.
    Split {
        /// The cell.
        cell: u32,
    },
    /// The cell is given up.
    Merge {
        /// The cell.
        cell: u32,
        /// The cell with the nearest centroid, which will take most of the rows.
        into: u32,
    },
}

/// What lies in each cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Balance {
    cells: Vec<Load>,
    rows: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Load {
    rows: u64,
    squares: f64,
}

impl Balance {
    /// Empty cells.
    #[must_use]
    pub fn new(cells: u32) -> Self {
        Self { cells: vec![Load::default(); cells as usize], rows: 0 }
    }

    /// Counts a row, at this squared distance from the centroid ([`Partition::squared_residual`]). A cell that is not
    /// there is left alone.
    pub fn add(&mut self, cell: u32, squared_residual: f32) {
        if let Some(load) = self.cells.get_mut(cell as usize) {
            load.rows += 1;
            load.squares += f64::from(squared_residual);
            self.rows += 1;
        }
    }

    /// Counts many rows of this mean squared distance: [`Balance::add`] for a page of them.
    #[expect(clippy::cast_precision_loss, reason = "a sum")]
    pub fn add_rows(&mut self, cell: u32, rows: u64, mean_squared_residual: f32) {
        if let Some(load) = self.cells.get_mut(cell as usize) {
            load.rows += rows;
            load.squares += rows as f64 * f64::from(mean_squared_residual);
            self.rows += rows;
        }
    }

    /// Takes a row out that was counted with the same numbers.
    pub fn remove(&mut self, cell: u32, squared_residual: f32) {
        if let Some(load) = self.cells.get_mut(cell as usize)
            && load.rows > 0
        {
            load.rows -= 1;
            load.squares = (load.squares - f64::from(squared_residual)).max(0.0);
            self.rows -= 1;
        }
    }

    /// Rows of a cell.
    #[must_use]
    pub fn rows(&self, cell: u32) -> u64 {
        self.cells.get(cell as usize).map_or(0, |load| load.rows)
    }

    /// Mean squared distance of a cell's rows from its centroid; 0 without rows.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    pub fn mean_squared_residual(&self, cell: u32) -> f64 {
        self.cells.get(cell as usize).map_or(0.0, |load| load.squares / load.rows.max(1) as f64)
    }

    /// What to change now, the largest cells first and then the smallest; nothing while the cells are even. A cell many
    /// times too large is split once in each plan.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "means and shares")]
    pub fn plan(&self, partition: &Partition) -> Vec<Operation> {
        let cells = partition.cells().min(u32::try_from(self.cells.len()).unwrap_or(u32::MAX));
        if cells < 2 {
            return Vec::new();
        }
        let mean = self.rows as f64 / f64::from(cells);
        let splits = |cell: u32| {
            let rows = self.rows(cell);
            let trained = f64::from(partition.spread(cell).radius).powi(2);
            rows >= FEWEST_TO_SPLIT
                && (rows as f64 > OVERFULL * mean
                    || rows as f64 >= LARGE_ENOUGH * mean && self.mean_squared_residual(cell) > DRIFTED * trained)
        };
        let mut split: Vec<u32> = (0..cells).filter(|&cell| splits(cell)).collect();
        split.sort_by_key(|&cell| (std::cmp::Reverse(self.rows(cell)), cell));
        let mut sparse: Vec<u32> =
            (0..cells).filter(|&cell| (self.rows(cell) as f64) < SPARSE * mean && !splits(cell)).collect();
        sparse.sort_by_key(|&cell| (self.rows(cell), cell));
        let mut ranked = Vec::new();
        let merges = sparse.iter().filter_map(|&cell| {
            partition.rank(partition.centroid(cell), MERGE_CANDIDATES, &mut ranked);
            let into = ranked.iter().map(|ranked| ranked.cell).find(|into| *into != cell && !sparse.contains(into))?;
            Some(Operation::Merge { cell, into })
        });
        let merges: Vec<Operation> = merges.collect();
        split.into_iter().map(|cell| Operation::Split { cell }).chain(merges).collect()
    }
}

/// Neighbours among which a sparse cell finds one that stays.
const MERGE_CANDIDATES: usize = 32;
