//! Which rows lie at which positions of a vectors file, and at which bytes.
//!
//! Rows are records of one size, so the place of a block follows from how many blocks and rows lie before it: the list
//! of first positions is the table of offsets. Row numbers ascend, nearly always by one: they are kept as runs.

use crate::block::BLOCK_HEADER;
use crate::header::HEADER;
use crate::shape::{ROW_HEAD, Shape};
use crate::shared_vec::SharedVec;

/// Rows that follow each other without a gap, up to the next run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// Position of the first.
    pub position: u32,
    /// Number of the first.
    pub row: u32,
}

/// Positions, rows and offsets. Clones share what does not change.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowMap {
    rows: u32,
    blocks: SharedVec<u32>,
    runs: SharedVec<Run>,
}

impl RowMap {
    /// From what an index file says; `None` when it contradicts itself.
    pub(crate) fn from_parts(rows: u32, blocks: SharedVec<u32>, runs: SharedVec<Run>) -> Option<Self> {
        let first_blocks = blocks.iter().zip(blocks.iter().skip(1));
        let blocks_ascend = first_blocks.into_iter().all(|(one, next)| one < next);
        let runs_ascend = runs.iter().zip(runs.iter().skip(1)).all(|(one, next)| {
            one.position < next.position
                && one.row.checked_add(next.position - one.position).is_some_and(|end| end < next.row)
        });
        let start = |first: Option<u32>, last: Option<u32>| match (first, last) {
            (Some(first), Some(last)) => first == 0 && last < rows,
            _ => rows == 0,
        };
        let last_fits = runs.last().is_none_or(|run| run.row.checked_add(rows - run.position.min(rows)).is_some());
        let sound = blocks_ascend
            && runs_ascend
            && last_fits
            && start(blocks.get(0), blocks.last())
            && start(runs.get(0).map(|run| run.position), runs.last().map(|run| run.position));
        sound.then_some(Self { rows, blocks, runs })
    }

    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    pub(crate) fn blocks(&self) -> &SharedVec<u32> {
        &self.blocks
    }

    pub(crate) fn runs(&self) -> &SharedVec<Run> {
        &self.runs
    }

    /// A block with these rows comes to the end; they ascend.
    pub(crate) fn push_block(&mut self, rows: &[u32]) {
        self.blocks.push(self.rows);
        let mut next = self.last_row().and_then(|last| last.checked_add(1));
        for &row in rows {
            if next != Some(row) {
                self.runs.push(Run { position: self.rows, row });
            }
            next = row.checked_add(1);
            self.rows += 1;
        }
    }

    /// Forgets all but the first `rows` rows; whether a block ends there (otherwise nothing happened).
    pub(crate) fn cut(&mut self, rows: u32) -> bool {
        let blocks = self.blocks.partition_point(|first| first < rows);
        if rows > self.rows || (rows < self.rows && self.blocks.get(blocks) != Some(rows)) {
            return false;
        }
        self.blocks.truncate(blocks);
        self.runs.truncate(self.runs.partition_point(|run| run.position < rows));
        self.rows = rows;
        true
    }

    /// Number of the row at a position.
    pub(crate) fn row_at(&self, position: u32) -> Option<u32> {
        if position >= self.rows {
            return None;
        }
        let run = self.runs.get(self.runs.partition_point(|run| run.position <= position).checked_sub(1)?)?;
        Some(run.row + (position - run.position))
    }

    /// Position of a row.
    pub(crate) fn position(&self, row: u32) -> Option<u32> {
        let at = self.runs.partition_point(|run| run.row <= row).checked_sub(1)?;
        let run = self.runs.get(at)?;
        let end = self.runs.get(at + 1).map_or(self.rows, |next| next.position);
        run.position.checked_add(row - run.row).filter(|&position| position < end)
    }

    /// The first position whose row is at least `row`; the number of rows when there is none.
    pub(crate) fn lower_position(&self, row: u32) -> u32 {
        let at = self.runs.partition_point(|run| run.row <= row);
        let end = self.runs.get(at).map_or(self.rows, |next| next.position);
        let run = at.checked_sub(1).and_then(|at| self.runs.get(at));
        run.map_or(0, |run| run.position.saturating_add(row - run.row).min(end))
    }

    pub(crate) fn last_row(&self) -> Option<u32> {
        self.row_at(self.rows.checked_sub(1)?)
    }

    /// Byte at which the record at a position below [`RowMap::rows`] starts.
    pub(crate) fn record_offset(&self, shape: &Shape, position: u32) -> u64 {
        let block = self.blocks.partition_point(|first| first <= position).saturating_sub(1);
        let first = self.blocks.get(block).unwrap_or(0);
        let end = self.blocks.get(block + 1).unwrap_or(self.rows);
        block_offset(shape, block, first)
            + BLOCK_HEADER as u64
            + ROW_HEAD as u64 * u64::from(end - first)
            + shape.record_bytes() as u64 * u64::from(position - first)
    }

    /// Position of the first row of the block behind the one that holds `position`.
    pub(crate) fn block_end(&self, position: u32) -> u32 {
        self.blocks.get(self.blocks.partition_point(|first| first <= position)).unwrap_or(self.rows)
    }

    /// Bytes of the file up to the end of the last block.
    pub(crate) fn file_bytes(&self, shape: &Shape) -> u64 {
        block_offset(shape, self.blocks.len(), self.rows)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.blocks.bytes() + self.runs.bytes()
    }
}

fn block_offset(shape: &Shape, blocks_before: usize, rows_before: u32) -> u64 {
    HEADER as u64 + (BLOCK_HEADER * blocks_before) as u64 + shape.row_bytes() as u64 * u64::from(rows_before)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bytes::short;

    fn blocks() -> impl Strategy<Value = Vec<Vec<u32>>> {
        prop::collection::vec(prop::collection::vec(1_u32..4, 1..40), 0..30).prop_map(|steps| {
            let mut row = 0;
            let mut next = |step: &u32| {
                row += step;
                row
            };
            steps.iter().map(|block| block.iter().map(&mut next).collect()).collect()
        })
    }

    proptest! {
        #[test]
        fn positions_rows_and_offsets_agree_with_a_list(blocks in blocks(), keep in 0_usize..30) {
            let shape = Shape { padded: 64, halves: true, space: 0 };
            let mut map = RowMap::default();
            for block in &blocks {
                map.push_block(block);
            }
            let kept = &blocks[..keep.min(blocks.len())];
            prop_assert!(map.cut(short(kept.iter().map(Vec::len).sum())));
            let all: Vec<u32> = kept.concat();
            prop_assert_eq!(map.rows() as usize, all.len());
            prop_assert_eq!(map.last_row(), all.last().copied());
            for row in 0..all.last().map_or(3, |last| last + 3) {
                prop_assert_eq!(map.position(row), all.iter().position(|&other| other == row).map(short));
                prop_assert_eq!(map.lower_position(row), short(all.partition_point(|&other| other < row)));
            }
            let (mut offset, mut position) = (64_u64, 0);
            for block in kept {
                offset += 16 + 20 * block.len() as u64;
                for &row in block {
                    prop_assert_eq!(map.row_at(position), Some(row));
                    prop_assert_eq!(map.record_offset(&shape, position), offset);
                    offset += 8 + 64 + 4 + 128;
                    position += 1;
                }
            }
            prop_assert_eq!(map.row_at(position), None);
            prop_assert_eq!(map.file_bytes(&shape), offset);
            prop_assert!(RowMap::from_parts(map.rows, map.blocks, map.runs).is_some());
        }
    }

    #[test]
    fn it_cuts_only_where_a_block_ends() {
        let mut map = RowMap::default();
        map.push_block(&[0, 1, 2]);
        map.push_block(&[3, 7]);
        assert!(!map.cut(4) && !map.cut(6));
        assert_eq!((map.rows(), map.last_row()), (5, Some(7)));
        assert!(map.cut(3) && map.cut(0));
    }

    #[test]
    fn contradictions_are_noticed() {
        let runs = |list: &[(u32, u32)]| list.iter().map(|&(position, row)| Run { position, row }).collect();
        let sound = |rows, blocks: &[u32], list: &[(u32, u32)]| {
            RowMap::from_parts(rows, blocks.iter().copied().collect(), runs(list)).is_some()
        };
        assert!(sound(5, &[0, 3], &[(0, 4), (2, 9)]) && sound(0, &[], &[]));
        assert!(!sound(5, &[0, 5], &[(0, 4)]));
        assert!(!sound(5, &[1, 3], &[(0, 4)]));
        assert!(!sound(5, &[0, 3], &[(0, 4), (2, 5)]));
        assert!(!sound(5, &[0], &[(0, u32::MAX - 3)]));
        assert!(!sound(5, &[], &[(0, 4)]) && !sound(0, &[0], &[]));
    }
}
