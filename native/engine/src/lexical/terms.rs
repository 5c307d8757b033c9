//! Text to terms: the one definition of a term, for what is indexed and for what is asked.
//!
//! A *word* is a run of letters, digits and underscores. It is cut into *parts* at underscores, at changes of case
//! (`HTTPServer`: `http`, `server`) and between letters and digits; parts are lower-cased and English words among them
//! stemmed (Snowball's English stemmer). A word of several parts is kept whole too, lower-cased, without its underscores
//! and stemmed, so that an identifier asked for exactly finds itself first, however it is spelled (`parse_json`,
//! `parseJson`, `ParseJSON`). Runs of scripts written without spaces (Chinese, Japanese) give their overlapping pairs of
//! characters.

use frostem::{Algorithm, Stemmer};

/// Longer ASCII words are encoded data, not names: they give no terms.
const LONGEST_WORD: usize = 120;
/// Shorter parts are not stemmed.
const SHORTEST_STEMMED: usize = 3;

/// Calls `word` with each word of `text` and where it starts, in bytes.
pub fn for_each_word<'t>(text: &'t str, mut word: impl FnMut(usize, &'t str)) {
    let mut rest = 0;
    while let Some(start) = text[rest..].find(is_word_char).map(|at| rest + at) {
        let end = text[start..].find(|c| !is_word_char(c)).map_or(text.len(), |at| start + at);
        word(start, &text[start..end]);
        rest = end;
    }
}

/// What a term is of its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// One part of it, or all of it where it has one part only.
    Part,
    /// The whole of a word of several parts.
    Whole,
}

/// Calls `term` with each term of a word: its parts in order, then the whole if there are several parts.
pub fn for_each_term(stemmer: &Stemmer, word: &str, mut term: impl FnMut(&str, Share)) {
    if word.is_ascii() && word.len() > LONGEST_WORD {
        return;
    }
    let mut parts = 0;
    for_each_part(word, |part| {
        parts += 1;
        if part.chars().next().is_some_and(is_unspaced) {
            for_each_pair(part, &mut |pair: &str| term(pair, Share::Part));
        } else {
            term(&stemmed(stemmer, part), Share::Part);
        }
    });
    if parts > 1 && word.len() <= LONGEST_WORD {
        let joined: String = word.chars().filter(|&c| c != '_').collect();
        term(&stemmed(stemmer, &joined), Share::Whole);
    }
}

/// A word without borders inside, lower-cased, and stemmed where it is of English letters.
#[must_use]
pub fn stemmed(stemmer: &Stemmer, word: &str) -> String {
    if word.len() >= SHORTEST_STEMMED && word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        stemmer.stem(&word.to_ascii_lowercase()).into_owned()
    } else {
        word.to_lowercase()
    }
}

/// The stemmer of all terms.
#[must_use]
pub fn stemmer() -> Stemmer {
    Stemmer::new(Algorithm::English)
}

fn is_word_char(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Scripts written without spaces between words.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}')
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    Digit,
    Unspaced,
    Separator,
}

fn class(c: char) -> Class {
    match c {
        '_' => Class::Separator,
        _ if is_unspaced(c) => Class::Unspaced,
        _ if c.is_numeric() => Class::Digit,
        _ if c.is_uppercase() => Class::Upper,
        _ => Class::Lower,
    }
}

fn for_each_part<'w>(word: &'w str, mut part: impl FnMut(&'w str)) {
    let mut start = 0;
    let mut before = Class::Separator;
    let mut chars = word.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let this = class(c);
        let border = match (before, this) {
            (Class::Lower, Class::Upper) => true,
            // The last capital of a run belongs to the word it begins: `HTTP|Server`.
            (Class::Upper, Class::Upper) => chars.peek().is_some_and(|&(_, next)| class(next) == Class::Lower),
            (Class::Upper, Class::Lower) => false,
            _ => before != this,
        };
        if border {
            if before != Class::Separator {
                part(&word[start..at]);
            }
            start = at;
        }
        before = this;
    }
    if before != Class::Separator {
        part(&word[start..]);
    }
}

fn for_each_pair(run: &str, term: &mut impl FnMut(&str)) {
    let mut borders = run.char_indices().map(|(at, _)| at).chain([run.len()]);
    let (mut first, mut second) = (borders.next().unwrap_or(0), borders.next().unwrap_or(run.len()));
    let mut any = false;
    for third in borders {
        term(&run[first..third]);
        (first, second) = (second, third);
        any = true;
    }
    if !any {
        term(&run[first..second]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for_each_word(text, |_, word| for_each_term(&stemmer(), word, |term, _| found.push(term.to_owned())));
        found
    }

    #[test]
    fn identifiers_are_split_and_kept_whole() {
        assert_eq!(terms("HTTPServer"), ["http", "server", "httpserver"]);
        assert_eq!(terms("getUserName"), ["get", "user", "name", "getusernam"]);
        assert_eq!(terms("parse_json_2"), ["pars", "json", "2", "parsejson2"]);
        assert_eq!(terms("utf8Decoder"), ["utf", "8", "decod", "utf8decoder"]);
        assert_eq!(terms("XMLHttpRequest2"), ["xml", "http", "request", "2", "xmlhttprequest2"]);
        assert_eq!(terms("__init__"), ["init"]);
        assert_eq!(terms("MAX_VALUE"), ["max", "valu", "maxvalu"]);
    }

    #[test]
    fn an_identifier_is_one_term_however_it_is_spelled() {
        for spelling in ["rateLimiter", "RateLimiter", "rate_limiter", "RATE_LIMITER"] {
            assert_eq!(terms(spelling).last(), terms("ratelimiter").last(), "{spelling}");
        }
    }

    #[test]
    fn plain_words_are_stemmed_and_joined_by_nothing() {
        assert_eq!(terms("registered routes, routing"), ["regist", "rout", "rout"]);
        assert_eq!(terms("src/http_server.ts"), ["src", "http", "server", "httpserver", "ts"]);
    }

    #[test]
    fn other_scripts_give_terms() {
        assert_eq!(terms("größe ÜberGroß"), ["größe", "über", "groß", "übergroß"]);
        assert_eq!(terms("向量搜索"), ["向量", "量搜", "搜索"]);
        assert_eq!(terms("東"), ["東"]);
    }

    #[test]
    fn punctuation_and_encoded_data_give_none() {
        assert!(terms("(){};:<>!?*&^%$#@- ___ ").is_empty());
        assert!(terms(&"aB3".repeat(100)).is_empty());
    }

    proptest! {
        #[test]
        fn any_text_gives_terms_that_are_lower_case(text: String) {
            for term in terms(&text) {
                prop_assert!(!term.is_empty());
                prop_assert_eq!(&term.to_lowercase(), &term);
            }
        }
    }
}
