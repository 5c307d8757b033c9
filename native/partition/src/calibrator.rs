//! Calibrating a partition on the whole store: queries are rows of it, and their true neighbours are known exactly.
//!
//! A sample is sparser than the store it is taken from: its neighbours lie farther away, and what brings them a recall need
//! not bring it there. Measured on 100,000 embeddings of code in 512 cells, the sample's curves asked for 1.6 times the
//! probes that the recall took; on a million rows of the mixture in 2,048 cells they brought .97 where .985 was asked.

use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;
use tiercel_codec::Kernel;

use crate::calibrate::{FEWER, Found, KEPT, NEIGHBOURS, SHARES, curves, demands, walk};
use crate::parallel::{self, Run};
use crate::partition::Partition;

/// A row as seen from a query: the score, and the row's cell.
type Seen = (f32, u32);

/// The best rows so far for one query, of all rows and of one in 4, 16 and 64 of them.
#[derive(Debug, Clone)]
pub struct Neighbourhood {
    /// The query's own row, which is no neighbour.
    own: u32,
    best: [Vec<Seen>; SHARES],
    floors: [f32; SHARES],
}

impl Neighbourhood {
    /// Nothing seen yet of the neighbours of row `own`.
    #[must_use]
    pub fn new(own: u32) -> Self {
        Self { own, best: Default::default(), floors: [f32::NEG_INFINITY; SHARES] }
    }

    /// Takes a row of a cell into account.
    #[inline]
    pub fn see(&mut self, row: u32, cell: u32, score: f32) {
        // The fewer rows pass, the lower the floor is: nothing passes that a smaller share would not take.
        if score <= self.floors[SHARES - 1] || row == self.own {
            return;
        }
        self.keep(row, cell, score);
    }

    fn keep(&mut self, row: u32, cell: u32, score: f32) {
        // Rows that lie together were written together: a hash spreads the shares over all of them.
        let mut rest = row.wrapping_mul(0x9e37_79b1) >> 8;
        for (best, floor) in self.best.iter_mut().zip(&mut self.floors) {
            if score > *floor {
                best.push((score, cell));
                if best.len() >= 4 * KEPT {
                    best.select_nth_unstable_by(KEPT - 1, |a, b| b.0.total_cmp(&a.0));
                    best.truncate(KEPT);
                    *floor = best[KEPT - 1].0;
                }
            }
            if !(rest as usize).is_multiple_of(FEWER) {
                return;
            }
            rest /= 4;
        }
    }
}

impl Partition {
    /// Rows of the store that the partition was calibrated on; 0 when only its sample was looked at.
    #[must_use]
    pub fn calibrated_on(&self) -> u64 {
        self.curves.rows
    }

    /// The share of the cells that a probe for `recall` visits on average, when `share` of the rows may be returned.
    #[must_use]
    pub fn visited_share(&self, recall: f32, share: f32) -> f32 {
        self.curves.visited_for(recall, share)
    }

    /// The same cells, calibrated by what `queries` (row-major, rotated unit vectors) found among all `rows` of the store.
    ///
    /// # Errors
    /// `Cancelled`.
    pub fn calibrated(
        &self,
        queries: &[f32],
        seen: &[Neighbourhood],
        rows: u64,
        threads: usize,
        cancel: &Cancel,
    ) -> Result<Self> {
        let kernel = Kernel::detect();
        let cells = self.centroids.len();
        let run = Run { threads, cancel };
        let mut found = vec![Found::default(); seen.len()];
        let work: Vec<_> = queries.chunks_exact(self.centroids.dimension()).zip(seen).zip(found.iter_mut()).collect();
        parallel::each(
            work,
            threads,
            || (),
            |(), ((query, seen), found)| {
                let dots: Vec<f32> = (0..cells).map(|cell| kernel.dot_f32(query, self.centroids.get(cell))).collect();
                let order = demands(&dots, &self.centroids, &self.spreads);
                for (best, steps) in seen.best.iter().zip(&mut found.0) {
                    walk(&order, &crate::calibrate::best(best), NEIGHBOURS, steps, &run)?;
                }
                Ok(())
            },
        )?;
        let curves = curves(&found, NEIGHBOURS, cells, rows);
        Ok(Self { curves, ..self.clone() })
    }
}
