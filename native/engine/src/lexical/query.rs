//! A query's text to terms. There is no query language: every text is a valid query.

use std::collections::HashSet;

use super::terms;

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

/// The distinct terms of a query, in the order they appear. Stop words are left out of sentences, unless nothing
/// would be left.
#[must_use]
pub fn terms_of(query: &str) -> Vec<String> {
    let mut words = Vec::new();
    terms::for_each_word(query, |_, word| words.push(word));
    let telling: Vec<&str> = words.iter().copied().filter(|word| !is_stop_word(word)).collect();
    let chosen = if words.len() >= SENTENCE_WORDS && !telling.is_empty() { telling } else { words };
    let stemmer = terms::stemmer();
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for word in chosen {
        terms::for_each_term(&stemmer, word, |term| {
            if seen.insert(term.to_owned()) {
                found.push(term.to_owned());
            }
        });
    }
    found
}

fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word.to_lowercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_words_are_sorted() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn stop_words_leave_sentences_only() {
        assert_eq!(terms_of("how are the routes registered"), ["rout", "regist"]);
        assert_eq!(terms_of("if not in"), ["if", "not", "in"]);
        assert_eq!(terms_of("what is it for"), ["what", "is", "it", "for"]);
    }

    #[test]
    fn nothing_to_look_for_gives_no_terms() {
        assert!(terms_of("").is_empty());
        assert!(terms_of("  (*&^%) \"AND\\").len() == 1);
        assert!(terms_of("+-!(){}[]^\"~*?:\\/").is_empty());
    }

    #[test]
    fn terms_are_distinct() {
        assert_eq!(terms_of("route Routes ROUTE"), ["rout"]);
    }
}
