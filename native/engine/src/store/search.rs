//! Searching: from one snapshot each, without a lock.

use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};
use tiercel_vectors::RowHit;

use super::Store;
use super::batch::{check_direction, check_tree};
use crate::filter::Filter;
use crate::lexical::query::TextQuery;
use crate::lexical::search::{At, Candidate, Wanted};
use crate::memory::column::NONE;
use crate::top::{Hit, Top};

impl Store {
    /// For each of the `vectors` (`n x dimension`) the `k` nearest chunks of the tree by cosine similarity, best first,
    /// ties by id. An unknown tree has no chunks.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for an unknown space, another dimension or vectors without direction;
    /// [`Error::Cancelled`].
    pub fn search_vectors(
        &self,
        tree: &str,
        space: &str,
        vectors: &[f32],
        k: usize,
        filter: &Filter,
        cancel: &Cancel,
    ) -> Result<Vec<Vec<Hit>>> {
        check_tree(tree)?;
        let snapshot = self.current.load_full();
        let (position, space) = snapshot.space(space)?;
        if !vectors.len().is_multiple_of(space.dimension) {
            return Err(Error::FixTheCall(format!(
                "{} numbers are not vectors of dimension {}.",
                vectors.len(),
                space.dimension
            )));
        }
        let queries = || vectors.chunks_exact(space.dimension);
        queries().try_for_each(check_direction)?;
        let Some(tree) = snapshot.trees.get(tree).filter(|_| k > 0) else {
            return Ok(vec![Vec::new(); queries().len()]);
        };
        let passing = filter.resolve(&snapshot, tree)?;
        let rows = passing.rows(position, space);
        cancel.check()?;
        let reader = self.rows.indexes[position].reader();
        let options = **self.search.load();
        let first = reader.search_many(vectors, k.saturating_add(1), &options, &rows, cancel)?;
        let finish = |(query, hits)| {
            let find = |wanted| reader.search(query, wanted, &options, &rows, cancel);
            let mut top = Top::new(k);
            for RowHit { row, score } in nearest_rows(k, rows.len(), hits, find)? {
                let key = space.ordinal_of(row);
                if key != NONE {
                    passing.chunks_with(key, k).into_iter().for_each(|id| top.push(Hit { id, score }));
                }
            }
            Ok(top.into_sorted())
        };
        queries().zip(first).map(finish).collect()
    }

    /// For each query the `k` best chunks of the tree by BM25F, best first, ties by id. A query without terms finds
    /// nothing.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for a filter that is not one; [`Error::Cancelled`].
    pub fn search_text(
        &self,
        tree: &str,
        queries: &[String],
        k: usize,
        filter: &Filter,
        cancel: &Cancel,
    ) -> Result<Vec<Vec<Hit>>> {
        check_tree(tree)?;
        let snapshot = self.current.load_full();
        let Some(tree) = snapshot.trees.get(tree) else { return Ok(vec![Vec::new(); queries.len()]) };
        let passing = filter.resolve(&snapshot, tree)?;
        let files = self.files.of(&snapshot.searcher, self.fields)?;
        let at = At { searcher: &snapshot.searcher, fields: self.fields, files: &files };
        let search = |text: &String| {
            cancel.check()?;
            let query = TextQuery { text: text.clone(), ..TextQuery::default() };
            at.best(&query, k, &|id| passing.id(id), cancel)
        };
        queries.iter().map(search).collect()
    }

    /// Candidates for a query with their signals: the `chunks` best of the tree by BM25F, the best chunks of the
    /// `files` best files, and those of `also`, as far as the filter lets them through. A query without terms has none.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for a filter that is not one; [`Error::Cancelled`].
    pub fn rank_text(
        &self,
        tree: &str,
        query: &TextQuery,
        (chunks, files): (usize, usize),
        also: &[u64],
        filter: &Filter,
        cancel: &Cancel,
    ) -> Result<Vec<Candidate>> {
        check_tree(tree)?;
        let snapshot = self.current.load_full();
        let Some(tree) = snapshot.trees.get(tree) else { return Ok(Vec::new()) };
        let passing = filter.resolve(&snapshot, tree)?;
        let passes = |id: u64| passing.id(id);
        let first = |file: u32| tree.files().get(file as usize).map(|file| file.first_id);
        let placed = |&id: &u64| tree.find(id).and_then(|(_, file)| Some((id, first(file)?)));
        let also: Vec<(u64, u64)> = also.iter().filter(|&&id| passes(id)).filter_map(placed).collect();
        let wanted = Wanted { chunks, files, also: &also };
        let path_of = |id: u64| tree.find(id).and_then(|(_, file)| tree.path(file));
        let files = self.files.of(&snapshot.searcher, self.fields)?;
        let at = At { searcher: &snapshot.searcher, fields: self.fields, files: &files };
        at.candidates(query, &wanted, &passes, &path_of, cancel)
    }
}

/// At least the `k` best of so many rows, and all that are as good as the last of them: which chunk comes first among
/// equals is settled by its id, not by its row. `hits` are the best `k + 1`, if there are as many; `find` gives more.
fn nearest_rows(
    k: usize,
    rows: usize,
    mut hits: Vec<RowHit>,
    find: impl Fn(usize) -> Result<Vec<RowHit>>,
) -> Result<Vec<RowHit>> {
    let mut wanted = k.saturating_add(1);
    loop {
        let worst = hits.get(k - 1).map(|hit| hit.score);
        let ends_within_equals = hits.len() == wanted && hits.last().map(|hit| hit.score) == worst;
        if !ends_within_equals || wanted >= rows {
            return Ok(hits);
        }
        wanted = wanted.saturating_mul(4);
        hits = find(wanted)?;
    }
}
