//! Which documents hold every phrase of a query.

use tantivy::query::{BooleanQuery, EnableScoring, Occur, PhraseQuery, Query, TermQuery, Weight};
use tantivy::schema::IndexRecordOption;
use tantivy::{Searcher, SegmentReader, Term};

use super::terms::{self, Share};
use super::{Fields, failed};
use tiercel_base::error::Result;

/// All phrases of a query, to be looked for in bodies.
pub struct Phrases {
    weight: Box<dyn Weight>,
}

impl Phrases {
    /// # Errors
    /// [`tiercel_base::error::Error::RebuildIndex`] for a damaged index. Without a phrase that has a word: nothing.
    pub fn new(searcher: &Searcher, fields: Fields, phrases: &[String]) -> Result<Option<Self>> {
        let clauses: Vec<_> =
            phrases.iter().filter_map(|phrase| clause(fields, phrase)).map(|query| (Occur::Must, query)).collect();
        if clauses.is_empty() {
            return Ok(None);
        }
        let scoring = EnableScoring::disabled_from_searcher(searcher);
        Ok(Some(Self { weight: BooleanQuery::new(clauses).weight(scoring).map_err(failed)? }))
    }

    /// By document of a segment: whether it holds all phrases.
    ///
    /// # Errors
    /// [`tiercel_base::error::Error::RebuildIndex`] for a damaged index.
    pub fn documents(&self, segment: &SegmentReader) -> Result<Vec<bool>> {
        let mut found = vec![false; segment.max_doc() as usize];
        let mut note = |documents: &[u32]| {
            for &document in documents {
                found[document as usize] = true;
            }
        };
        self.weight.for_each_no_score(segment, &mut note).map_err(failed)?;
        Ok(found)
    }
}

fn clause(fields: Fields, phrase: &str) -> Option<Box<dyn Query>> {
    let stemmer = terms::stemmer();
    let mut parts = Vec::new();
    terms::for_each_word(phrase, |_, word| {
        terms::for_each_term(&stemmer, word, |term, share| {
            if share == Share::Part {
                parts.push(Term::from_field_text(fields.body, term));
            }
        });
    });
    match parts.len() {
        0 => None,
        1 => Some(Box::new(TermQuery::new(parts.pop()?, IndexRecordOption::Basic))),
        _ => Some(Box::new(PhraseQuery::new(parts))),
    }
}
