//! Static token vectors: text in, vectors out, thousands of chunks a second on one core.
//!
//! A text's vector is the sum over its distinct pieces of `(1 + ln tf) x weight x vector`, brought to unit length. The
//! weight stands in the row's scale.

mod accumulate;
mod file;
mod fold;
pub mod vocabulary;
pub mod words;

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use accumulate::Accumulator;
use file::VectorTable;
use vocabulary::{Vocabulary, WordCache};

/// A loaded model; shared by threads, each call working in a scratch space of its own.
#[derive(Debug)]
pub struct StaticModel {
    vocabulary: Vocabulary,
    table: VectorTable,
    accumulator: Accumulator,
    idle: Mutex<Vec<Scratch>>,
}

/// What a thread needs while it reads texts; kept for the next call because of the words it knows.
#[derive(Debug)]
struct Scratch {
    cache: WordCache,
    word: String,
    /// How often each piece of the vocabulary occurs in the present text; zero between texts.
    counts: Vec<u32>,
    /// The pieces that occur, in the order of their first occurrence.
    present: Vec<u32>,
}

impl StaticModel {
    /// Loads `vectors.bin` and the vocabulary that belongs to it.
    ///
    /// # Errors
    /// [`Error::InstallWhatIsMissing`] when a file is absent, damaged or belongs to another model,
    /// [`Error::UpdateTiercel`] when a newer version wrote it, [`Error::FixTheMachine`] when it cannot be read.
    pub fn load(vectors: &Path, vocabulary: &Path) -> Result<Self> {
        let table = VectorTable::read(vectors)?;
        let lines = read_part(vocabulary)?;
        let other = || {
            Error::InstallWhatIsMissing(format!(
                "{} does not belong to {}: install Tiercel again.",
                vocabulary.display(),
                vectors.display()
            ))
        };
        if crc32c::crc32c(&lines) != table.vocabulary_checksum() {
            return Err(other());
        }
        let lines = String::from_utf8(lines).map_err(|_| other())?;
        let parsed = Vocabulary::parse(&lines).ok_or_else(other)?;
        Self::new(parsed, table).ok_or_else(other)
    }

    fn new(vocabulary: Vocabulary, table: VectorTable) -> Option<Self> {
        (vocabulary.size() as usize == table.rows()).then(|| Self {
            vocabulary,
            table,
            accumulator: Accumulator::detect(),
            idle: Mutex::default(),
        })
    }

    /// Components of a vector.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.table.dimension()
    }

    /// Changes whenever the vectors would: CRC-32C of the table.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        self.table.checksum()
    }

    /// Vectors of unit length, one row of [`Self::dimension`] components per text. A text without a known word gets
    /// `(1, 0, 0, ...)`. The same text gets the same bits on every machine of one architecture, whatever its neighbours.
    #[must_use]
    pub fn embed<Text: AsRef<str>>(&self, texts: &[Text]) -> Vec<f32> {
        let dimension = self.dimension();
        let mut vectors = vec![0.0; texts.len() * dimension];
        let mut scratch = self.borrow_scratch();
        for (text, vector) in texts.iter().zip(vectors.chunks_exact_mut(dimension)) {
            self.embed_one(text.as_ref(), &mut scratch, vector);
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        vectors
    }

    fn borrow_scratch(&self) -> Scratch {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| Scratch {
            cache: WordCache::default(),
            word: String::new(),
            counts: vec![0; self.table.rows()],
            present: Vec::new(),
        })
    }

    /// `vector` comes zeroed.
    fn embed_one(&self, text: &str, scratch: &mut Scratch, vector: &mut [f32]) {
        let Scratch { cache, word, counts, present } = scratch;
        present.clear();
        words::for_each_word(text, word, |word| {
            for &piece in cache.pieces(&self.vocabulary, word) {
                let count = &mut counts[piece as usize];
                if *count == 0 {
                    present.push(piece);
                }
                *count += 1;
            }
        });
        for &piece in &*present {
            let row = piece as usize;
            let weight = self.table.scale(row) * frequency_weight(counts[row]);
            counts[row] = 0;
            self.accumulator.add(vector, self.table.codes(row), weight);
        }
        normalise(vector);
    }
}

/// `1 + ln tf`: a word said ten times means more than once, not ten times more.
fn frequency_weight(count: u32) -> f32 {
    match count {
        1 => 1.0,
        2 => 1.0 + std::f32::consts::LN_2,
        // A count beyond 24 bits would need a text of 16 MB of one word.
        #[allow(clippy::cast_precision_loss)]
        more => 1.0 + (more as f32).ln(),
    }
}

/// Unit length; `(1, 0, 0, ...)` for a vector without direction.
fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > f32::MIN_POSITIVE && length.is_finite() {
        let inverse = 1.0 / length;
        for x in vector {
            *x *= inverse;
        }
    } else {
        vector.fill(0.0);
        vector[0] = 1.0;
    }
}

/// Reads a file that comes with Tiercel.
fn read_part(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            Error::InstallWhatIsMissing(format!("{} is missing: install Tiercel again.", path.display()))
        }
        _ => Error::io("read", path, &error),
    })
}

#[cfg(test)]
mod tests;
