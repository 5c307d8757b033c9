//! Words to pieces: a `WordPiece` vocabulary, cut greedily from the left, longest piece first.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The mark of a piece that continues a word.
const CONTINUES: &str = "##";

/// A word with more letters than this has no pieces: it is data, not language.
const LONGEST_WORD: usize = 64;

type Pieces = HashMap<Box<str>, u32, BuildHasherDefault<WordHasher>>;

/// A vocabulary: every piece has the id of its line.
#[derive(Debug)]
pub struct Vocabulary {
    starting: Pieces,
    continuing: Pieces,
    longest: usize,
    size: u32,
}

impl Vocabulary {
    /// One piece per line; a piece that continues a word begins with `##`. An empty last line counts as no piece.
    ///
    /// Returns nothing when there are more pieces than 32 bits can number.
    #[must_use]
    pub fn parse(lines: &str) -> Option<Self> {
        let mut starting = Pieces::default();
        let mut continuing = Pieces::default();
        let mut longest = 0;
        let mut size = 0_u32;
        for line in lines.lines() {
            let (pieces, piece) = match line.strip_prefix(CONTINUES) {
                Some(piece) if !piece.is_empty() => (&mut continuing, piece),
                _ => (&mut starting, line),
            };
            longest = longest.max(piece.len());
            pieces.insert(piece.into(), size);
            size = size.checked_add(1)?;
        }
        Some(Self { starting, continuing, longest, size })
    }

    /// Number of pieces.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Appends the ids of the word's pieces; appends nothing when the vocabulary cannot spell the whole word.
    pub fn cut(&self, word: &str, ids: &mut Vec<u32>) {
        if word.len() > LONGEST_WORD && word.chars().count() > LONGEST_WORD {
            return;
        }
        let before = ids.len();
        let mut start = 0;
        while start < word.len() {
            let pieces = if start == 0 { &self.starting } else { &self.continuing };
            let mut end = floor_boundary(word, (start + self.longest).min(word.len()));
            let found = loop {
                if end <= start {
                    break None;
                }
                if let Some(&id) = pieces.get(&word[start..end]) {
                    break Some(id);
                }
                end = floor_boundary(word, end - 1);
            };
            let Some(id) = found else {
                ids.truncate(before);
                return;
            };
            ids.push(id);
            start = end;
        }
    }
}

/// The largest character boundary that is not beyond `at`.
fn floor_boundary(word: &str, mut at: usize) -> usize {
    while !word.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The pieces of words seen before: code repeats its words, so most are cut once.
#[derive(Debug, Default)]
pub struct WordCache {
    ranges: HashMap<Box<str>, (u32, u32), BuildHasherDefault<WordHasher>>,
    ids: Vec<u32>,
}

impl WordCache {
    /// Beyond this many words the cache starts anew (about 10 MB).
    const LIMIT: usize = 100_000;

    /// The ids of the word's pieces.
    pub fn pieces<'cache>(&'cache mut self, vocabulary: &Vocabulary, word: &str) -> &'cache [u32] {
        let known = self.ranges.get(word).copied();
        let (start, end) = known.unwrap_or_else(|| self.learn(vocabulary, word));
        &self.ids[start as usize..end as usize]
    }

    fn learn(&mut self, vocabulary: &Vocabulary, word: &str) -> (u32, u32) {
        if self.ranges.len() >= Self::LIMIT {
            self.ranges.clear();
            self.ids.clear();
        }
        // At most LIMIT words of LONGEST_WORD pieces each: far below 32 bits.
        #[allow(clippy::cast_possible_truncation)]
        let position = |ids: &Vec<u32>| ids.len() as u32;
        let start = position(&self.ids);
        vocabulary.cut(word, &mut self.ids);
        let range = (start, position(&self.ids));
        self.ranges.insert(word.into(), range);
        range
    }
}

/// A quick hash for short words (multiply and rotate, eight bytes at a time); the words are not an attacker's choice of
/// bucket that matters: at worst one file is slow to read.
#[derive(Debug, Default)]
pub struct WordHasher(u64);

impl WordHasher {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

    fn mix(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(Self::MULTIPLIER);
    }
}

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (eights, rest) = bytes.as_chunks::<8>();
        for eight in eights {
            self.mix(u64::from_le_bytes(*eight));
        }
        let mut last = [0_u8; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.mix(u64::from_le_bytes(last) ^ ((bytes.len() as u64) << 56));
    }

    fn write_u8(&mut self, _: u8) {
        // Closes a string; the length is mixed in already.
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(word: &str) -> Vec<u32> {
        let vocabulary = Vocabulary::parse("[PAD]\nun\n##aff\n##able\nunaff\n日\n##本\n##\n").expect("small");
        let mut ids = Vec::new();
        vocabulary.cut(word, &mut ids);
        ids
    }

    #[test]
    fn the_longest_piece_is_taken_first() {
        assert_eq!(pieces("unaffable"), [4, 3]);
        assert_eq!(pieces("unable"), [1, 3]);
        assert_eq!(pieces("日本"), [5, 6]);
    }

    #[test]
    fn a_word_that_cannot_be_spelled_to_its_end_has_no_pieces() {
        assert!(pieces("unaffx").is_empty());
        assert!(pieces("語").is_empty());
        assert!(pieces(&"un".repeat(40)).is_empty());
    }

    #[test]
    fn the_cache_gives_what_the_vocabulary_gives() {
        let vocabulary = Vocabulary::parse("a\n##b\nc").expect("small");
        let mut cache = WordCache::default();
        for word in ["ab", "c", "ab", "x", "abbb", "x"] {
            let mut ids = Vec::new();
            vocabulary.cut(word, &mut ids);
            assert_eq!(cache.pieces(&vocabulary, word), ids);
        }
    }
}
