//! An immutable snapshot of an index.

use std::sync::Arc;

use tiercel_base::Key;
use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;
use tiercel_base::rows::RowSet;
use tiercel_codec::{Kernel, int8};

use crate::best::RowHit;
use crate::encode::Encoder;
use crate::hints::Hints;
use crate::options::SearchOptions;
use crate::pages::Pages;
use crate::search::Search;
use crate::state::State;

/// One state of an index. It stays as it is while the index goes on; files it needs stay until it is dropped.
pub struct Reader {
    pub(crate) state: Arc<State>,
    pub(crate) encoder: Arc<Encoder>,
    pub(crate) pages: Pages,
    pub(crate) kernel: Kernel,
    pub(crate) hints: Arc<Hints>,
}

impl Reader {
    /// One more than the greatest visible row.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.state.end
    }

    /// Rows stored.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.state.rows()
    }

    /// Components of a vector.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.encoder.dimension()
    }

    /// Hands every visible row and its key to `each`, file by file, read from the disk.
    ///
    /// # Errors
    /// [`tiercel_base::error::Error::RebuildIndex`] for damage, `FixTheMachine` when the disk refuses.
    pub fn for_each_key(&self, each: &mut dyn FnMut(u32, &Key)) -> Result<()> {
        let mut visible = |row: u32, key: &Key| {
            if row < self.state.end {
                each(row, key);
            }
        };
        self.state.files.iter().try_for_each(|file| file.segment.for_each_key(&mut visible))
    }

    /// The `k` rows of `allow` most similar to `query` (`dimension` components, any length but 0), best first, ties
    /// by row. At the recall asked for, on average; exact at the stored precision if so asked.
    ///
    /// # Errors
    /// `FixTheCall` for a query of another dimension or without direction; `Cancelled`; `RebuildIndex` when a file
    /// turns out damaged; `FixTheMachine` when the disk refuses.
    pub fn search(
        &self,
        query: &[f32],
        k: usize,
        options: &SearchOptions,
        allow: &RowSet,
        cancel: &Cancel,
    ) -> Result<Vec<RowHit>> {
        let rotated = self.encoder.query(query)?;
        let k = k.min(allow.len());
        if k == 0 {
            return Ok(Vec::new());
        }
        Search {
            state: &self.state,
            pages: &self.pages,
            kernel: self.kernel,
            int8: int8::Query::new(&rotated),
            rotated: &rotated,
            k,
            options: *options,
            allow,
            cancel,
            hints: &self.hints,
        }
        .run()
    }
}
