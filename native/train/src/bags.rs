//! Texts as bags of pieces, many in one place.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tiercel_engine::embed::vocabulary::{Vocabulary, WordCache};
use tiercel_engine::embed::words::for_each_word;

use crate::Outcome;

/// Bags, numbered from 0.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Bags {
    ends: Vec<u32>,
    pieces: Vec<u16>,
    counts: Vec<u8>,
}

impl Bags {
    /// Number of bags.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Pieces of a bag with how often each occurs (at most 255 times).
    pub fn get(&self, bag: u32) -> impl Iterator<Item = (usize, u8)> + '_ {
        let bag = bag as usize;
        let start = if bag == 0 { 0 } else { self.ends[bag - 1] as usize };
        let range = start..self.ends[bag] as usize;
        self.pieces[range.clone()].iter().map(|&piece| usize::from(piece)).zip(self.counts[range].iter().copied())
    }

    /// Adds a bag of the present pieces, in the order of their first occurrence; returns its number.
    fn push(&mut self, present: &[(u16, u8)]) -> u32 {
        self.pieces.extend(present.iter().map(|(piece, _)| piece));
        self.counts.extend(present.iter().map(|(_, count)| count));
        self.ends.push(u32::try_from(self.pieces.len()).expect("fewer than 4 billion pieces"));
        u32::try_from(self.ends.len() - 1).expect("fewer bags than pieces")
    }
}

/// Reads texts into bags.
pub struct Reader {
    vocabulary: Vocabulary,
    cache: WordCache,
    buffer: String,
    counts: Vec<u8>,
    present: Vec<u16>,
}

impl Reader {
    /// A reader with the vocabulary of a file.
    pub fn open(vocabulary: &Path) -> Outcome<Self> {
        let lines = std::fs::read_to_string(vocabulary)?;
        let vocabulary = Vocabulary::parse(&lines).ok_or("too many pieces")?;
        let rows = vocabulary.size() as usize;
        if rows > usize::from(u16::MAX) {
            return Err("a vocabulary of more than 65,535 pieces".into());
        }
        Ok(Self {
            vocabulary,
            cache: WordCache::default(),
            buffer: String::new(),
            counts: vec![0; rows],
            present: Vec::new(),
        })
    }

    /// Adds a bag of the texts together; returns its number, nothing when no word of them is known.
    pub fn add(&mut self, bags: &mut Bags, texts: &[&str]) -> Option<u32> {
        let Self { vocabulary, cache, buffer, counts, present } = self;
        present.clear();
        for text in texts {
            for_each_word(text, buffer, |word| {
                for &piece in cache.pieces(vocabulary, word) {
                    let count = &mut counts[piece as usize];
                    if *count == 0 {
                        present.push(u16::try_from(piece).expect("checked on opening"));
                    }
                    *count = count.saturating_add(1);
                }
            });
        }
        let bag: Vec<(u16, u8)> =
            present.iter().map(|&piece| (piece, std::mem::take(&mut counts[usize::from(piece)]))).collect();
        (!bag.is_empty()).then(|| bags.push(&bag))
    }
}
