//! What is asked: terms with weights, and phrases that must occur. There is no syntax, every text is a valid query.

use super::terms::{self, Share};

/// How much a field counts in a chunk's score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FieldWeights {
    /// Text of the chunk.
    pub body: f32,
    /// Nested symbol path.
    pub symbol: f32,
    /// Documentation comment.
    pub doc: f32,
    /// Path within the tree.
    pub path: f32,
}

impl Default for FieldWeights {
    fn default() -> Self {
        Self { body: 1.0, symbol: 3.0, doc: 1.0, path: 1.0 }
    }
}

/// A question to the lexical index.
#[derive(Debug, Clone, Default)]
pub struct TextQuery {
    /// Any text.
    pub text: String,
    /// Texts that must occur in a chunk as they are, but for case and punctuation.
    pub phrases: Vec<String>,
    /// Words that say little here, such as the repository's own name: they count [`QUIET`].
    pub quiet: Vec<String>,
    /// The last word may be the beginning of a symbol.
    pub prefix: bool,
    /// How the fields count.
    pub weights: FieldWeights,
}

/// The weight of a quiet word.
pub const QUIET: f32 = 0.2;
/// The weight of two neighbouring words taken for one identifier.
const JOINED: f32 = 0.5;
/// Words are joined in queries of up to this many words.
const MOST_JOINED: usize = 24;
/// Most terms of a query that are looked up: beyond, those that come first.
const MOST_TERMS: usize = 256;

/// One term of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryTerm {
    /// As it stands in the index.
    pub text: String,
    /// What it counts, 1 for a plain word.
    pub weight: f32,
    /// The word it comes from, for a term that is all of its word: symbols of nearly that name are looked for.
    pub word: Option<String>,
    /// Made up of two words: counts only where it occurs.
    pub joined: bool,
}

/// Words that say nothing about code, left out of sentences. Sorted.
const STOP_WORDS: [&str; 114] = [
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "because", "been",
    "before", "being", "between", "both", "but", "by", "can", "code", "could", "did", "do", "does", "doing", "each",
    "find", "for", "from", "had", "happen", "happens", "has", "have", "having", "here", "how", "i", "if", "in", "into",
    "is", "it", "its", "itself", "just", "let", "like", "made", "make", "may", "me", "might", "more", "most", "must",
    "my", "need", "no", "not", "of", "on", "once", "one", "only", "or", "other", "our", "out", "over", "s", "same",
    "shall", "she", "should", "show", "so", "some", "such", "t", "than", "that", "the", "their", "them", "then",
    "there", "these", "they", "this", "those", "through", "to", "under", "until", "up", "use", "used", "very", "was",
    "we", "were", "what", "when", "where", "which", "while", "who", "why", "will", "with",
];

/// From this many words on a query is taken for a sentence.
const SENTENCE_WORDS: usize = 4;

/// The distinct terms of a query, in the order they appear; a term that comes again counts a little more. Stop words
/// are left out of sentences, unless nothing would be left.
#[must_use]
pub fn terms_of(query: &TextQuery) -> Vec<QueryTerm> {
    let mut words = Vec::new();
    terms::for_each_word(&query.text, |_, word| words.push(word));
    let telling: Vec<&str> = words.iter().copied().filter(|word| !is_stop_word(word)).collect();
    let chosen = if words.len() >= SENTENCE_WORDS && !telling.is_empty() { telling } else { words };
    let quiet: Vec<String> = query.quiet.iter().map(|word| word.to_lowercase()).collect();
    let stemmer = terms::stemmer();
    let mut found = Found::default();
    for word in &chosen {
        let weight = if quiet.contains(&word.to_lowercase()) { QUIET } else { 1.0 };
        let mut own = Vec::new();
        terms::for_each_term(&stemmer, word, |term, share| own.push((term.to_owned(), share)));
        let single = own.len() == 1;
        for (term, share) in own {
            let whole = single || share == Share::Whole;
            let word = whole.then(|| word.chars().filter(|&c| c != '_').collect::<String>().to_lowercase());
            found.add(QueryTerm { text: term, weight, word, joined: false });
        }
    }
    if chosen.len() <= MOST_JOINED {
        for pair in chosen.windows(2) {
            let joined = pair.concat().replace('_', "");
            found.add(QueryTerm { text: terms::stemmed(&stemmer, &joined), weight: JOINED, word: None, joined: true });
        }
    }
    found.terms.truncate(MOST_TERMS);
    found.terms.into_iter().zip(found.times).map(|(term, times)| repeated(term, times)).collect()
}

/// Terms in order, and how often each came.
#[derive(Default)]
struct Found {
    terms: Vec<QueryTerm>,
    times: Vec<u16>,
    places: std::collections::HashMap<String, usize>,
}

impl Found {
    fn add(&mut self, term: QueryTerm) {
        let known = *self.places.entry(term.text.clone()).or_insert(self.terms.len());
        match self.times.get_mut(known) {
            Some(times) if !term.joined => *times = times.saturating_add(1),
            Some(_) => {}
            None => {
                self.terms.push(term);
                self.times.push(1);
            }
        }
    }
}

fn repeated(term: QueryTerm, times: u16) -> QueryTerm {
    let weight = term.weight * (1.0 + f32::from(times).ln());
    QueryTerm { weight, ..term }
}

fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word.to_lowercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(query: &str) -> Vec<String> {
        let query = TextQuery { text: query.to_owned(), ..TextQuery::default() };
        terms_of(&query).into_iter().filter(|term| !term.joined).map(|term| term.text).collect()
    }

    #[test]
    fn stop_words_are_sorted() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn stop_words_leave_sentences_only() {
        assert_eq!(plain("how are the routes registered"), ["rout", "regist"]);
        assert_eq!(plain("if not in"), ["if", "not", "in"]);
        assert_eq!(plain("what is it for"), ["what", "is", "it", "for"]);
    }

    #[test]
    fn nothing_to_look_for_gives_no_terms() {
        assert!(plain("").is_empty());
        assert!(plain("  (*&^%) \"AND\\").len() == 1);
        assert!(plain("+-!(){}[]^\"~*?:\\/").is_empty());
    }

    #[test]
    fn terms_are_distinct_and_count_more_when_they_come_again() {
        let query = TextQuery { text: "route Routes ROUTE other".into(), ..TextQuery::default() };
        let terms = terms_of(&query);
        assert_eq!(plain("route Routes ROUTE other"), ["rout"]);
        assert!(terms[0].weight > 2.0 && terms[0].weight < 2.2);
    }

    #[test]
    fn neighbours_are_tried_as_one_identifier() {
        let query = TextQuery { text: "rate limiter".into(), ..TextQuery::default() };
        let joined: Vec<String> =
            terms_of(&query).into_iter().filter(|term| term.joined).map(|term| term.text).collect();
        assert_eq!(joined, ["ratelimit"]);
    }

    #[test]
    fn quiet_words_whisper() {
        let query = TextQuery { text: "flask routes".into(), quiet: vec!["Flask".into()], ..TextQuery::default() };
        let weights: Vec<f32> = terms_of(&query).iter().map(|term| term.weight).collect();
        assert_eq!(weights, [QUIET, 1.0, JOINED]);
    }
}
