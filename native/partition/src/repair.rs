//! Carrying out splits and merges.

use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};

use crate::balance::Operation;
use crate::centroids::{Centroids, Groups, Nearest, nearest};
use crate::halves::halves;
use crate::partition::{Partition, check_rows};
use crate::random::Random;
use crate::reach::Spread;

/// Rounds of k-means in which the new cells settle.
const ROUNDS: usize = 4;

/// A partition after splits and merges.
#[derive(Debug, Clone)]
pub struct Repaired {
    /// The new partition.
    pub partition: Partition,
    /// For each cell of the old partition, its number now: rows stay in it. None where the cell was split or given up:
    /// its rows are to be assigned anew.
    pub renamed: Vec<Option<u32>>,
}

/// Where the centroids of the new partition come from.
struct Layout {
    renamed: Vec<Option<u32>>,
    /// Old cells by their new numbers; none for an added one.
    order: Vec<Option<usize>>,
}

impl Partition {
    /// Carries out `operations`. `members` gives rows of a cell to be split, row-major; some hundred of them, drawn at
    /// random, are enough. They are held until the end. A cell whose rows are all alike stays whole.
    ///
    /// The new cells settle together, among the old ones, which do not move: data that came into several old cells at
    /// once finds new cells in common. Rows of untouched cells that would now be nearer to a new centroid stay where they
    /// are: at worst a query finds them some probes later.
    ///
    /// # Errors
    /// `FixTheCall` for a cell that is not there, is named twice or would be the last one given up; `Cancelled`; what
    /// `members` fails with.
    pub fn repair(
        &self,
        operations: &[Operation],
        mut members: impl FnMut(u32) -> Result<Vec<f32>>,
        seed: u64,
        cancel: &Cancel,
    ) -> Result<Repaired> {
        let mut random = Random::new(seed);
        let mut touched = vec![false; self.cells() as usize];
        let mut added = Vec::new();
        let mut pool = Vec::new();
        for operation in operations {
            cancel.check()?;
            let (Operation::Split { cell } | Operation::Merge { cell, .. }) = *operation;
            match touched.get_mut(cell as usize) {
                Some(touched @ false) => *touched = true,
                _ => return Err(Error::FixTheCall(format!("Cell {cell} is not there or is changed twice."))),
            }
            if let Operation::Split { cell } = *operation {
                let rows = members(cell)?;
                check_rows(&rows, self.dimension())?;
                match halves(&rows.chunks_exact(self.dimension()).collect::<Vec<_>>(), &mut random) {
                    Some(means) => {
                        added.extend(means);
                        pool.extend(rows);
                    }
                    None => touched[cell as usize] = false,
                }
            }
        }
        if added.is_empty() && touched.iter().all(|&touched| touched) {
            return Err(Error::FixTheCall("A partition keeps at least one cell.".into()));
        }
        let layout = Layout::new(&touched, added.len());
        let mut partition = self.laid_out(&layout, added);
        partition.settle(&layout, &pool, cancel)?;
        Ok(Repaired { partition, renamed: layout.renamed })
    }

    /// The partition with its cells where `layout` has them.
    fn laid_out(&self, layout: &Layout, added: Vec<Vec<f32>>) -> Self {
        let mut added = added.into_iter();
        let mut values = Vec::with_capacity(layout.order.len() * self.dimension());
        let mut spreads = Vec::with_capacity(layout.order.len());
        for old in &layout.order {
            if let Some(old) = *old {
                values.extend_from_slice(self.centroids.get(old));
                spreads.push(self.spreads[old]);
            } else {
                values.extend(added.next().unwrap_or_default());
                spreads.push(Spread { rows: 0, radius: 0.0 });
            }
        }
        let centroids = Centroids::new(self.dimension(), values);
        let group_of = |groups: &Groups| {
            let old_groups = groups.group_of(self.centroids.len());
            let group = |(cell, old): (usize, &Option<usize>)| {
                old.map_or_else(|| groups.nearest(centroids.get(cell)), |old| old_groups[old])
            };
            layout.order.iter().enumerate().map(group).collect::<Vec<u32>>()
        };
        let groups =
            self.groups.as_ref().map(|groups| Groups::new(&centroids, &group_of(groups), groups.members.len()));
        Self::new(centroids, groups, spreads, self.curves.clone())
    }

    /// Moves the added cells, and only them, to the means of what of `pool` is nearest to them.
    fn settle(&mut self, layout: &Layout, pool: &[f32], cancel: &Cancel) -> Result<()> {
        let dimension = self.dimension();
        let mut found = vec![Nearest { cell: 0, score: 0.0 }; pool.len() / dimension];
        for _ in 0..ROUNDS {
            nearest(&self.centroids, self.groups.as_ref(), pool, &mut found, 1, cancel)?;
            let mut values = self.centroids.values().to_vec();
            let mut loads = vec![(0_u32, 0.0_f64); layout.order.len()];
            for (row, found) in pool.chunks_exact(dimension).zip(&found) {
                let cell = found.cell as usize;
                if layout.order[cell].is_some() {
                    continue;
                }
                let sums = &mut values[cell * dimension..][..dimension];
                if loads[cell].0 == 0 {
                    sums.fill(0.0);
                }
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
                loads[cell].0 += 1;
                loads[cell].1 += f64::from(1.0 - 2.0 * found.score).max(0.0);
            }
            for (cell, &(rows, squares)) in loads.iter().enumerate().filter(|(_, load)| load.0 > 0) {
                #[expect(clippy::cast_possible_truncation, reason = "a share and a radius")]
                let (share, radius) = ((1.0 / f64::from(rows)) as f32, (squares / f64::from(rows)).sqrt() as f32);
                values[cell * dimension..][..dimension].iter_mut().for_each(|sum| *sum *= share);
                self.spreads[cell] = Spread { rows, radius };
            }
            let centroids = Centroids::new(dimension, values);
            let groups = self
                .groups
                .take()
                .map(|groups| Groups::new(&centroids, &groups.group_of(centroids.len()), groups.members.len()));
            *self = Self::new(centroids, groups, std::mem::take(&mut self.spreads), self.curves.clone());
        }
        Ok(())
    }
}

impl Layout {
    /// Gives the numbers of touched cells to the added ones. Added cells left over get new numbers at the end; free
    /// numbers left over are filled from there.
    #[expect(clippy::cast_possible_truncation, reason = "cells are counted in u32")]
    fn new(touched: &[bool], added: usize) -> Self {
        let survivors = touched.iter().filter(|&&touched| !touched).count();
        let cells = survivors + added;
        let mut renamed = vec![None; touched.len()];
        let mut order = vec![None; cells];
        let (stay, move_down): (Vec<usize>, Vec<usize>) =
            (0..touched.len()).filter(|&cell| !touched[cell]).partition(|&cell| cell < cells);
        for cell in stay {
            order[cell] = Some(cell);
            renamed[cell] = Some(cell as u32);
        }
        let mut free: Vec<usize> = (0..cells).filter(|&cell| order[cell].is_none()).rev().collect();
        for cell in move_down {
            if let Some(number) = free.pop() {
                order[number] = Some(cell);
                renamed[cell] = Some(number as u32);
            }
        }
        Self { renamed, order }
    }
}

#[cfg(test)]
#[path = "repair_tests.rs"]
mod tests;
