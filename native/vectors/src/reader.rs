//! An immutable snapshot of an index.

use std::sync::Arc;

use tiercel_base::Key;
use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};
use tiercel_base::rows::RowSet;
use tiercel_codec::{Kernel, int8};

use crate::best::RowHit;
use crate::encode::Encoder;
use crate::hints::Hints;
use crate::options::SearchOptions;
use crate::pages::Pages;
use crate::search::{Many, Search};
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
        let found = self.run(&[self.encoder.query(query)?], k, *options, allow, cancel)?;
        Ok(found.into_iter().next().unwrap_or_default())
    }

    /// As [`Reader::search`] for each of `queries` (`n x dimension`, row-major): a GPU that has the codes in its memory
    /// scans them for many queries at once.
    ///
    /// # Errors
    /// As [`Reader::search`], for the first query that has one.
    pub fn search_many(
        &self,
        queries: &[f32],
        k: usize,
        options: &SearchOptions,
        allow: &RowSet,
        cancel: &Cancel,
    ) -> Result<Vec<Vec<RowHit>>> {
        let dimension = self.dimension();
        if !queries.len().is_multiple_of(dimension) {
            return Err(Error::FixTheCall(format!(
                "{} numbers are not queries of dimension {dimension}.",
                queries.len()
            )));
        }
        let rotated = queries.chunks_exact(dimension).map(|query| self.encoder.query(query));
        self.run(&rotated.collect::<Result<Vec<_>>>()?, k, *options, allow, cancel)
    }

    fn run(
        &self,
        rotated: &[Vec<f32>],
        k: usize,
        options: SearchOptions,
        allow: &RowSet,
        cancel: &Cancel,
    ) -> Result<Vec<Vec<RowHit>>> {
        let k = k.min(allow.len());
        if k == 0 {
            return Ok(vec![Vec::new(); rotated.len()]);
        }
        let searches: Vec<Search<'_>> = rotated
            .iter()
            .map(|rotated| Search {
                state: &self.state,
                pages: &self.pages,
                kernel: self.kernel,
                int8: int8::Query::new(rotated),
                rotated,
                k,
                options,
                allow,
                cancel,
                hints: &self.hints,
            })
            .collect();
        let swept = Many(&searches).sweep()?;
        searches.iter().zip(swept).map(|(search, swept)| search.run(swept)).collect()
    }
}
