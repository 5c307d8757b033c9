//! Symbols of nearly the name that was asked for: for a word that is nowhere, names with a slip of the pen; for the
//! last word of a symbol being typed, names that begin with it.

use std::collections::BTreeMap;

use tantivy::query::FuzzyTermQuery;
use tantivy::{Searcher, Term};

use super::{Fields, failed};
use tiercel_base::error::Result;

/// What an almost right name counts of the right one.
pub const TYPO: f32 = 0.6;
/// What a longer name counts of its beginning.
pub const BEGINNING: f32 = 0.7;
/// Most names that stand for one word: the most frequent.
const MOST_NAMES: usize = 12;
/// Shorter words have too many names near them.
const SHORTEST_TYPO: usize = 4;
/// From this length on two slips are forgiven.
const LONG_WORD: usize = 8;
/// Shorter beginnings say nothing.
const SHORTEST_BEGINNING: usize = 3;
/// Names looked at, per segment.
const MOST_LOOKED_AT: usize = 4096;

/// Terms of symbols that differ from `word` by one insertion, deletion, exchange or swap, two in a long word.
///
/// # Errors
/// [`tiercel_base::error::Error::RebuildIndex`] for a damaged index.
pub fn misspelled(searcher: &Searcher, fields: Fields, word: &str) -> Result<Vec<String>> {
    if word.len() < SHORTEST_TYPO || word.bytes().any(|byte| !byte.is_ascii_alphabetic()) {
        return Ok(Vec::new());
    }
    let distance = if word.len() >= LONG_WORD { 2 } else { 1 };
    let fuzzy = FuzzyTermQuery::new(Term::from_field_text(fields.symbol, word), distance, true);
    let mut counts = BTreeMap::new();
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(fields.symbol).map_err(failed)?;
        let automaton = fuzzy.automaton().map_err(failed)?;
        let mut names = index.terms().search(automaton).into_stream().map_err(|error| failed(error.into()))?;
        for _ in 0..MOST_LOOKED_AT {
            if !names.advance() {
                break;
            }
            count(&mut counts, names.key(), names.value().doc_freq);
        }
    }
    Ok(most_frequent(counts))
}

/// Terms of symbols that begin with `word` and are longer.
///
/// # Errors
/// [`tiercel_base::error::Error::RebuildIndex`] for a damaged index.
pub fn beginning_with(searcher: &Searcher, fields: Fields, word: &str) -> Result<Vec<String>> {
    if word.len() < SHORTEST_BEGINNING {
        return Ok(Vec::new());
    }
    let mut counts = BTreeMap::new();
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(fields.symbol).map_err(failed)?;
        let range = index.terms().range().ge(word);
        let mut names = range.into_stream().map_err(|error| failed(error.into()))?;
        for _ in 0..MOST_LOOKED_AT {
            if !names.advance() || !names.key().starts_with(word.as_bytes()) {
                break;
            }
            if names.key().len() > word.len() {
                count(&mut counts, names.key(), names.value().doc_freq);
            }
        }
    }
    Ok(most_frequent(counts))
}

fn count(counts: &mut BTreeMap<String, u32>, name: &[u8], documents: u32) {
    if let Ok(name) = std::str::from_utf8(name) {
        *counts.entry(name.to_owned()).or_default() += documents;
    }
}

fn most_frequent(counts: BTreeMap<String, u32>) -> Vec<String> {
    let mut names: Vec<(String, u32)> = counts.into_iter().collect();
    names.sort_by_key(|&(_, documents)| std::cmp::Reverse(documents));
    names.into_iter().take(MOST_NAMES).map(|(name, _)| name).collect()
}
