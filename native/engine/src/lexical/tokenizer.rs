//! Our terms as a tokenizer of the lexical index.

use frostem::Stemmer;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::terms::{self, Share};

/// The name the schema refers to.
pub const NAME: &str = "code";

/// Gives the terms of [`super::terms`] as tokens.
#[derive(Clone)]
pub struct CodeTokenizer {
    stemmer: Stemmer,
    buffer: Buffer,
}

/// The terms of one text, back to back, so that indexing allocates nothing per term.
#[derive(Clone, Default)]
struct Buffer {
    text: String,
    /// Where each term ends, and its position.
    ends: Vec<(usize, usize)>,
}

impl CodeTokenizer {
    /// A tokenizer with empty buffers.
    #[must_use]
    pub fn new() -> Self {
        Self { stemmer: terms::stemmer(), buffer: Buffer::default() }
    }
}

impl Default for CodeTokenizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Tokenizer for CodeTokenizer {
    type TokenStream<'a> = Terms<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Terms<'a> {
        let (stemmer, buffer) = (self.stemmer, &mut self.buffer);
        buffer.text.clear();
        buffer.ends.clear();
        let mut position = 0;
        terms::for_each_word(text, |_, word| {
            let first = position;
            terms::for_each_term(&stemmer, word, |term, share| {
                buffer.text.push_str(term);
                // The whole stands where its first part does: a phrase goes from part to part.
                let at = if share == Share::Whole { first } else { position };
                buffer.ends.push((buffer.text.len(), at));
                position += usize::from(share == Share::Part);
            });
        });
        Terms { buffer: &self.buffer, next: 0, token: Token::default() }
    }
}

/// The terms of one text.
pub struct Terms<'a> {
    buffer: &'a Buffer,
    next: usize,
    token: Token,
}

impl TokenStream for Terms<'_> {
    fn advance(&mut self) -> bool {
        let Some(&(end, position)) = self.buffer.ends.get(self.next) else { return false };
        let start = self.next.checked_sub(1).map_or(0, |before| self.buffer.ends[before].0);
        self.token.text.clear();
        self.token.text.push_str(&self.buffer.text[start..end]);
        self.token.position = position;
        self.next += 1;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
