//! Comparing int8 rows one by one: whole files, or the rows of a narrow filter.

use tiercel_base::error::Result;

use super::Search;
use crate::best::Best;
use crate::pages::BYTES_ROWS;
use crate::workers;

/// Fewer pages than this are not worth a second thread.
const SPLIT_PAGES: usize = 4;

/// Rows between two looks at the cancel flag.
const CANCEL_ROWS: usize = 256;

impl Search<'_> {
    /// Every allowed row from `from` on.
    pub(super) fn raw(&self, from: u32, best: &mut Best) -> Result<()> {
        let mut tasks = Vec::new();
        for at in 0..self.state.files.len() {
            let positions = self.state.positions_from(at, from);
            let mut first = positions.start;
            while first < positions.end {
                let end = ((first / BYTES_ROWS + 1) * BYTES_ROWS).min(positions.end);
                let segment = &self.state.files[at].segment;
                if let (Some(low), Some(high)) = (segment.row_at(first), segment.row_at(end - 1))
                    && self.allow.count_between(low, high.saturating_add(1)) > 0
                {
                    tasks.push((at, first, end));
                }
                first = end;
            }
        }
        let k = best.capacity();
        let one = |(at, first, end): (usize, u32, u32), best: &mut Best| -> Result<()> {
            self.cancel.check()?;
            let page = self.state.bytes(self.pages, at, first / BYTES_ROWS)?;
            let rows = page.rows()?;
            let segment = &self.state.files[at].segment;
            for position in first..end {
                let Some(row) = segment.row_at(position).filter(|row| self.allow.contains(*row)) else { continue };
                if let Some((codes, scale)) = rows.row((position % BYTES_ROWS) as usize) {
                    best.push(row, self.score(codes, scale));
                }
            }
            Ok(())
        };
        if tasks.len() < SPLIT_PAGES {
            return tasks.into_iter().try_for_each(|task| one(task, best));
        }
        for found in workers::share(tasks.len(), || Best::new(k), |best, task| one(tasks[task], best))? {
            best.merge(found);
        }
        Ok(())
    }

    /// Each allowed row, found by its number.
    pub(super) fn listed(&self, best: &mut Best) -> Result<()> {
        let mut buffer = vec![0; self.pages.padded];
        for (at, row) in self.allow.iter().enumerate() {
            if at % CANCEL_ROWS == 0 {
                self.cancel.check()?;
            }
            if let Some(score) = self.stored_score(row, &mut buffer)? {
                best.push(row, score);
            }
        }
        Ok(())
    }

    /// The similarity of one row by its int8 codes, from memory or from the file; `None` if the row is not stored.
    pub(super) fn stored_score(&self, row: u32, buffer: &mut [i8]) -> Result<Option<f32>> {
        let Some((at, position)) = self.state.locate(row) else { return Ok(None) };
        let page = position / BYTES_ROWS;
        if let Some(resident) = self.state.resident(self.pages, at, page) {
            return Ok(resident
                .rows()?
                .row((position % BYTES_ROWS) as usize)
                .map(|(codes, scale)| self.score(codes, scale)));
        }
        let file = &self.state.files[at];
        if self.pages.wants_bytes(file.number, page) {
            self.hints.promote(file.number, page);
        }
        let scale = file.segment.read_row(position, buffer)?;
        Ok(Some(self.score(buffer, scale)))
    }
}
