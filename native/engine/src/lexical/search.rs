//! The best chunks for a query's terms by BM25.
//!
//! Every term is looked up in every field and the scores are added, with fixed weights per field; tantivy's BM25
//! (k1 = 1.2, b = 0.75). Filters are applied while the postings are walked, so they cost no recall: the walk skips only
//! what cannot beat the k-th best chunk that passed.

use std::cmp::Reverse;

use tantivy::query::{BooleanQuery, BoostQuery, EnableScoring, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, Term};

use super::{Fields, failed};
use crate::top::{Hit, Top};
use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;

/// Most terms of a query that are looked up; of a longer text the rarest are taken.
const MOST_TERMS: usize = 128;

/// The `k` best chunks of tree `tree` that `passes` lets through (asked with the chunk's id), best first, ties by id.
///
/// # Errors
/// [`tiercel_base::error::Error::Cancelled`]; [`tiercel_base::error::Error::RebuildIndex`] for a damaged index.
pub fn search(
    searcher: &Searcher,
    fields: Fields,
    tree: u32,
    terms: Vec<String>,
    k: usize,
    passes: &dyn Fn(u64) -> bool,
    cancel: &Cancel,
) -> Result<Vec<Hit>> {
    let terms = rarest(searcher, fields, terms)?;
    if terms.is_empty() || k == 0 {
        return Ok(Vec::new());
    }
    let query = any_term_in_any_field(fields, &terms);
    let weight = query.weight(EnableScoring::enabled_from_searcher(searcher)).map_err(failed)?;
    let mut top = Top::new(k);
    for segment in searcher.segment_readers() {
        cancel.check()?;
        let ids = segment.fast_fields().u64("id").map_err(failed)?.first_or_default_col(0);
        let trees = segment.fast_fields().u64("tree").map_err(failed)?.first_or_default_col(u64::MAX);
        let alive = segment.alive_bitset();
        let start = floor(&top);
        let mut collect = |document: u32, score: f32| {
            if cancel.is_cancelled() {
                // Nothing beats this: the walk ends.
                return f32::INFINITY;
            }
            let lives = alive.is_none_or(|bits| bits.is_alive(document));
            if lives && trees.get_val(document) == u64::from(tree) {
                let id = ids.get_val(document);
                if top.would_take(score, id) && passes(id) {
                    top.push(Hit { id, score });
                }
            }
            floor(&top)
        };
        weight.for_each_pruning(start, segment, &mut collect).map_err(failed)?;
    }
    cancel.check()?;
    Ok(top.into_sorted())
}

/// Scores must exceed this. One step below the k-th best score, so that equal scores are seen and settled by id.
fn floor(top: &Top) -> f32 {
    top.worst().map_or(f32::MIN, f32::next_down)
}

fn rarest(searcher: &Searcher, fields: Fields, mut terms: Vec<String>) -> Result<Vec<String>> {
    if terms.len() > MOST_TERMS {
        let mut counted = Vec::with_capacity(terms.len());
        for term in terms {
            let count = searcher.doc_freq(&Term::from_field_text(fields.body, &term)).map_err(failed)?;
            counted.push((count, term));
        }
        // A term that is nowhere in the bodies is not rare but useless.
        counted.sort_by_key(|(count, _)| (Reverse(*count > 0), *count));
        terms = counted.into_iter().take(MOST_TERMS).map(|(_, term)| term).collect();
    }
    Ok(terms)
}

fn any_term_in_any_field(fields: Fields, terms: &[String]) -> BooleanQuery {
    let weights = [(fields.body, 1.0), (fields.symbol, 2.0), (fields.doc, 1.0), (fields.path, 1.0)];
    let clause = |term: &str, field: Field, weight: f32| -> (Occur, Box<dyn Query>) {
        let query = TermQuery::new(Term::from_field_text(field, term), IndexRecordOption::WithFreqs);
        (Occur::Should, Box::new(BoostQuery::new(Box::new(query), weight)))
    };
    let clauses = terms.iter().flat_map(|term| weights.map(|(field, weight)| clause(term, field, weight)));
    BooleanQuery::new(clauses.collect())
}
