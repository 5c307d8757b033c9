//! How published rows become part of the state, and how one vectors file follows another.

use std::sync::Arc;

use tiercel_base::error::{Error, Result};
use tiercel_base::rows::RowSet;
use tiercel_segment::Writer as FileWriter;

use crate::encode::Encoded;
use crate::index::Inner;
use crate::pages::{BYTES_ROWS, BytesPage, Page};
use crate::recent::RecentBuilder;
use crate::state::{State, VectorsFile};
use crate::writer::Writer;

/// Smaller files are not sealed when the index is closed: reading them at the next opening costs less.
const SEAL_AT_CLOSE: u32 = 4096;

impl Inner {
    /// Begins a new vectors file when the growing one is full. Readers see it as empty.
    pub fn rotate(&self, writer: &mut Writer) -> Result<()> {
        if writer.file.rows() < self.options.seal_rows || !writer.pending.is_empty() {
            return Ok(());
        }
        self.begin(writer)
    }

    /// Begins a new vectors file if the growing one holds one of `rows`, so that it can be written again without.
    pub fn begin_file(&self, rows: &RowSet) -> Result<()> {
        let mut writer = self.writer();
        let view = writer.view();
        let (Some(first), Some(last)) = (view.first_row(), view.last_row()) else { return Ok(()) };
        if rows.count_between(first, last.saturating_add(1)) == 0 {
            return Ok(());
        }
        if !writer.pending.is_empty() {
            return Err(Error::RetryLater { message: "A commit is under way.".into(), after_ms: 100 });
        }
        self.begin(&mut writer)
    }

    fn begin(&self, writer: &mut Writer) -> Result<()> {
        let number = self.number();
        let file = FileWriter::create(&self.folder, number, &self.shape)?;
        let first = writer.next_row;
        self.list(writer, |files| files.add_vectors(number, first))?;
        writer.rotate(number, file);
        let mut state = State::clone(&self.state());
        state.files.push(VectorsFile { number, segment: writer.view() });
        state.tail = Arc::new(BytesPage::new(self.shape.padded));
        self.replace(writer, state);
        Ok(())
    }

    /// Adds rows to a state: to the last page of int8 codes, to recent codes or to the hash index.
    ///
    /// `position` is the position in the growing file of the first of them, and moves on.
    pub fn extend(&self, writer: &mut Writer, state: &mut State, position: &mut u32, encoded: &Encoded) {
        let padded = self.shape.padded;
        let rows = encoded.scales.len();
        let first = state.end;
        let number = writer.number;
        let mut at = 0;
        while at < rows {
            let page = *position / BYTES_ROWS;
            let room = (BYTES_ROWS - *position % BYTES_ROWS) as usize;
            let take = room.min(rows - at);
            let tail = Arc::make_mut(&mut state.tail);
            tail.push(&encoded.codes[at * padded..(at + take) * padded], &encoded.scales[at..at + take]);
            if take == room {
                let full = std::mem::replace(&mut state.tail, Arc::new(BytesPage::new(padded)));
                let mut full = Arc::unwrap_or_clone(full);
                full.shrink();
                self.pages.completed(number, page, Arc::new(Page::Bytes(full)));
            }
            at += take;
            *position += u32::try_from(take).unwrap_or(u32::MAX);
        }
        let end = first + u32::try_from(rows).unwrap_or(u32::MAX);
        self.add_recent(writer, state, first, encoded);
        self.add_hashes(state, first, encoded);
        state.end = end;
    }

    /// Rows that follow the last recent ones directly get recent codes.
    fn add_recent(&self, writer: &mut Writer, state: &mut State, first: u32, encoded: &Encoded) {
        let Some(set) = state.codes.as_ref().filter(|_| state.raw_from == first) else { return };
        let center = || -> Arc<[f32]> { set.center().into() };
        let builder = writer.recent.get_or_insert_with(|| RecentBuilder::new(center(), first));
        let mut open = !builder.is_empty();
        for (row, (codes, &scale)) in (first..).zip(encoded.codes.chunks_exact(self.shape.padded).zip(&encoded.scales))
        {
            builder.push(row, codes, scale);
            if builder.is_full() {
                if open {
                    state.recent.pop();
                }
                state.recent.extend(builder.page());
                builder.next();
                open = false;
            }
        }
        if open {
            state.recent.pop();
        }
        state.recent.extend(builder.page());
        state.raw_from = first + u32::try_from(encoded.scales.len()).unwrap_or(u32::MAX);
    }

    /// A row the hash index does not take ends it there: rows from then on are compared one by one.
    fn add_hashes(&self, state: &mut State, first: u32, encoded: &Encoded) {
        let Some(hashes) = state.hashes.as_mut().filter(|hashes| hashes.end == first) else { return };
        let mut unit = vec![0.0; self.shape.padded];
        for (row, (codes, &scale)) in (first..).zip(encoded.codes.chunks_exact(self.shape.padded).zip(&encoded.scales))
        {
            tiercel_codec::int8::decode(codes, scale, &mut unit);
            if hashes.index.insert(row, &unit).is_err() {
                return;
            }
            hashes.end = row + 1;
        }
    }

    /// Gives the growing file its index file if it is large, so that the next opening need not read it.
    pub fn seal_on_close(&self) -> Result<()> {
        let mut writer = self.writer();
        writer.retract()?;
        if writer.file.rows() < SEAL_AT_CLOSE {
            return Ok(());
        }
        writer.file.seal()?;
        let number = writer.number;
        self.list(&mut writer, |files| files.seal(number))
    }
}
