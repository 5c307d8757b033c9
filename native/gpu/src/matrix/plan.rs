//! How a search over a matrix is cut into passes.

use tiercel_base::error::Result;

use super::Matrix;
use crate::params::{Section, Sections};
use crate::select::{Choice, Level, levels, numbers, tile};

/// Keys of a pass, in bytes, and lists of all passes.
const KEYS: usize = 16 << 20;
const LISTS: usize = 64 << 20;
/// Queries of one pass.
const MOST_QUERIES: usize = 1024;

/// Rows that one dispatch compares.
pub(super) struct Pass {
    pub(super) block: usize,
    /// The first row within the block, and how many.
    pub(super) first: usize,
    pub(super) rows: usize,
}

/// How a search is cut into passes.
pub(super) struct Plan {
    pub(super) best: usize,
    /// Rows of a pass, and queries of a run.
    pub(super) rows: usize,
    pub(super) queries: usize,
    pub(super) passes: Vec<Pass>,
    /// The selection over the lists of all passes; none when there is only one.
    pub(super) merges: Vec<Level>,
}

impl Plan {
    pub(super) fn of(matrix: &Matrix, best: usize) -> Self {
        let rows = tile(best).max(4096);
        let mut passes = Vec::new();
        for block in 0..matrix.blocks.len() {
            let held = matrix.per_block.min(matrix.rows - block * matrix.per_block);
            let starts = (0..held).step_by(rows);
            passes.extend(starts.map(|first| Pass { block, first, rows: rows.min(held - first) }));
        }
        let merges = if passes.len() > 1 { levels(passes.len() * best, best) } else { Vec::new() };
        let queries = (KEYS / (rows * 4)).min(LISTS / (passes.len() * best * 8)).clamp(1, MOST_QUERIES);
        Self { best, rows, queries, passes, merges }
    }

    pub(super) fn describe(
        &self,
        matrix: &Matrix,
        count: usize,
        at: usize,
        pass: &Pass,
        sections: &mut Sections,
    ) -> Result<(Section, Section)> {
        let words = matrix.number.words(matrix.dimension);
        let product = sections.push(&numbers([count, pass.rows, words, pass.first])?);
        let choice = Choice {
            length: pass.rows,
            stride: pass.rows,
            tile: self.rows,
            best: self.best,
            out_stride: self.passes.len() * self.best,
            out_first: at * self.best,
            pairs: false,
            id_first: pass.block * matrix.per_block + pass.first,
        };
        Ok((product, choice.push(sections)?))
    }

    pub(super) fn merge(&self, level: &Level) -> Choice {
        Choice {
            length: level.length,
            stride: level.length,
            tile: tile(self.best),
            best: self.best,
            out_stride: level.lists * self.best,
            out_first: 0,
            pairs: true,
            id_first: 0,
        }
    }
}
