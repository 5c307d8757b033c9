//! Hierarchical locality-sensitive hashing: a second index, against which cells are measured.
//!
//! The sign of a vector's product with a random hyperplane is a hash function under which near vectors collide (Charikar,
//! "Similarity estimation techniques from rounding algorithms", STOC 2002). Sixteen coarse functions choose the bucket;
//! buckets are probed in the order in which the query is likely to have missed them (Lv et al., "Multi-probe LSH:
//! efficient indexing for high-dimensional similarity search", VLDB 2007); sixty-four fine functions order what they
//! hold by Hamming distance.

mod bucket;
mod functions;
mod probe;

use std::sync::Arc;

use tiercel_base::error::{Error, Result};

use bucket::{Bucket, Entry};
use functions::Functions;
use probe::Buckets;

/// Buckets of a page: what an insertion into a shared index copies.
const PAGE_BUCKETS: usize = 64;
/// Most coarse functions.
const MOST_COARSE: u32 = 24;
/// Most fine functions: they share a word.
const MOST_FINE: u32 = 64;

/// How many functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LshOptions {
    /// Functions that choose the bucket, 1 to 24.
    pub coarse: u32,
    /// Functions that order the candidates, 1 to 64.
    pub fine: u32,
    /// Chooses the functions.
    pub seed: u64,
}

impl Default for LshOptions {
    fn default() -> Self {
        Self { coarse: 16, fine: 64, seed: 0 }
    }
}

type Page = [Bucket; PAGE_BUCKETS];

/// The index. A clone is a snapshot that shares its pages with the original: an insertion copies one page of pointers and
/// the last block of one bucket.
#[derive(Debug, Clone)]
pub struct LshIndex {
    functions: Arc<Functions>,
    pages: Vec<Option<Arc<Page>>>,
    rows: usize,
    bytes: usize,
}

impl LshIndex {
    /// An empty index of rotated unit vectors of `dimension` coordinates.
    ///
    /// # Errors
    /// `FixTheCall` for numbers of functions out of range or no dimension.
    pub fn new(dimension: usize, options: &LshOptions) -> Result<Self> {
        let LshOptions { coarse, fine, seed } = *options;
        if dimension == 0 || !(1..=MOST_COARSE).contains(&coarse) || !(1..=MOST_FINE).contains(&fine) {
            return Err(Error::FixTheCall(format!(
                "A hash index takes 1 to {MOST_COARSE} coarse and 1 to {MOST_FINE} fine functions of at least one \
                 dimension, not {coarse} and {fine} of {dimension}."
            )));
        }
        let functions = Functions::new(dimension, coarse as usize, fine as usize, seed);
        let pages = vec![None; (1_usize << coarse).div_ceil(PAGE_BUCKETS)];
        let bytes = functions.bytes() + pages.len() * size_of::<Option<Arc<Page>>>();
        Ok(Self { functions: Arc::new(functions), pages, rows: 0, bytes })
    }

    /// Adds a row. Dead rows stay until the index is built anew: `accept` keeps them out of the answers.
    ///
    /// # Errors
    /// `FixTheCall` for a vector of another dimension.
    pub fn insert(&mut self, row: u32, rotated_unit: &[f32]) -> Result<()> {
        let hash = self.functions.hash(rotated_unit)?;
        let page = self.pages[hash.bucket / PAGE_BUCKETS].get_or_insert_with(|| {
            self.bytes += size_of::<Page>();
            Arc::new(std::array::from_fn(|_| Bucket::default()))
        });
        self.bytes += Arc::make_mut(page)[hash.bucket % PAGE_BUCKETS].push(Entry::new(row, hash.fine));
        self.rows += 1;
        Ok(())
    }

    /// At least `want` rows that `accept` takes, fewer when there are no more, with the number of fine functions that
    /// tell them from the query: the nearest by that number first. Buckets are probed whole, so a few more than `want` may
    /// come back.
    ///
    /// # Errors
    /// `FixTheCall` for a query of another dimension.
    pub fn candidates(&self, query: &[f32], want: usize, accept: &dyn Fn(u32) -> bool) -> Result<Vec<(u32, u32)>> {
        let hash = self.functions.hash(query)?;
        let mut found = Vec::with_capacity(want.min(self.rows));
        let mut looked_at = 0;
        for bucket in Buckets::new(hash.bucket, &hash.margins) {
            if found.len() >= want || looked_at == self.rows {
                break;
            }
            let Some(page) = &self.pages[bucket / PAGE_BUCKETS] else { continue };
            for entry in page[bucket % PAGE_BUCKETS].entries() {
                looked_at += 1;
                if accept(entry.row()) {
                    found.push(((entry.fine() ^ hash.fine).count_ones(), entry.row()));
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Rows added.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes held, shared pages counted in full.
    #[must_use]
    pub fn bytes_in_memory(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests;
