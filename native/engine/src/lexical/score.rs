//! BM25F over the chunks of a segment, term after term, and the same over whole files.
//!
//! Robertson, Zaragoza & Taylor, "Simple BM25 extension to multiple weighted fields" (CIKM 2004), with a length
//! normalisation per field as in Zaragoza et al. (TREC 2004): a term's frequencies in the fields are divided by their
//! field's length factor, weighted, added up, and saturated once.

use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, Searcher, SegmentReader, TERMINATED, Term};

use super::files::SegmentFiles;
use super::query::FieldWeights;
use super::{Fields, failed};
use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;

/// Saturation of frequencies (k1), and how much the length of each field counts (b).
const K1: f32 = 1.2;
const B_BODY: f32 = 0.6;
const B_SHORT: f32 = 0.5;
/// How much the length of a whole file counts.
const B_FILE: f32 = 0.4;
/// What a term in a symbol counts in the score of a whole file, 1 in a body.
const FILE_SYMBOL: f32 = 2.0;
/// Postings walked in full, over all terms from the rarest on. Of terms beyond only the best chunks so far are told.
pub const MOST_POSTINGS: u64 = 600_000;
/// How many chunks of a segment that are.
const BEST_SO_FAR: usize = 4096;

/// A group of terms that stand for one word of the query, the first for the word itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// Terms as they stand in the index, and what each counts of the word.
    pub terms: Vec<(String, f32)>,
    /// Weight in the query.
    pub weight: f32,
    /// Inverse document frequency over chunks.
    pub idf: f32,
    /// Chunks it occurs in, at most.
    pub chunks: u64,
    /// Made up of two words of the query.
    pub joined: bool,
}

/// A field with what its scores need.
#[derive(Debug, Clone, Copy)]
struct FieldFrame {
    field: Field,
    weight: f32,
    average: f32,
    b: f32,
}

/// What is the same for all segments.
#[derive(Debug)]
pub struct Frame {
    fields: [FieldFrame; 4],
    /// Live chunks.
    pub chunks: u64,
}

/// Positions of the fields in a [`Frame`].
const BODY: usize = 0;
const SYMBOL: usize = 1;
const DOC: usize = 2;

impl Frame {
    /// # Errors
    /// [`tiercel_base::error::Error::RebuildIndex`] for a damaged index.
    pub fn new(searcher: &Searcher, fields: Fields, weights: FieldWeights) -> Result<Self> {
        let (mut documents, mut tokens) = (0_u64, [0_u64; 4]);
        let all = [fields.body, fields.symbol, fields.doc, fields.path];
        for segment in searcher.segment_readers() {
            documents += u64::from(segment.max_doc());
            for (sum, field) in tokens.iter_mut().zip(all) {
                *sum += segment.inverted_index(field).map_err(failed)?.total_num_tokens();
            }
        }
        let frame = |at: usize, weight: f32, b: f32| FieldFrame {
            field: all[at],
            weight,
            average: (real(tokens[at]) / real(documents).max(1.0)).max(f32::MIN_POSITIVE),
            b,
        };
        let fields = [
            frame(BODY, weights.body, B_BODY),
            frame(SYMBOL, weights.symbol, B_SHORT),
            frame(DOC, weights.doc, B_SHORT),
            frame(3, weights.path, B_SHORT),
        ];
        Ok(Self { fields, chunks: searcher.num_docs() })
    }

    /// How many chunks a term is in, at most: of the field where it is most frequent.
    ///
    /// # Errors
    /// [`tiercel_base::error::Error::RebuildIndex`] for a damaged index.
    pub fn frequency(&self, searcher: &Searcher, term: &str) -> Result<u64> {
        let mut most = 0;
        for field in &self.fields {
            most = most.max(searcher.doc_freq(&Term::from_field_text(field.field, term)).map_err(failed)?);
        }
        Ok(most)
    }

    /// Inverse document frequency, never below zero.
    #[must_use]
    pub fn idf(&self, chunks: u64) -> f32 {
        idf(self.chunks, chunks)
    }
}

/// BM25's inverse document frequency: `ln(1 + (all - having + 0.5) / (having + 0.5))`.
#[must_use]
pub fn idf(all: u64, having: u64) -> f32 {
    (1.0 + (real(all.saturating_sub(having)) + 0.5) / (real(having) + 0.5)).ln()
}

#[expect(clippy::cast_precision_loss, reason = "counts, only compared as ratios")]
pub fn real(count: u64) -> f32 {
    count as f32
}

fn saturated(frequency: f32) -> f32 {
    (K1 + 1.0) * frequency / (K1 + frequency)
}

/// BM25 of a term in a whole file.
#[must_use]
pub fn of_file(frequency: f32, tokens: u32, average_tokens: f32) -> f32 {
    saturated(frequency / (1.0 - B_FILE + B_FILE * real(tokens.into()) / average_tokens))
}

/// Scores of a segment's chunks, by document.
#[derive(Debug, Default)]
pub struct ChunkScores {
    /// BM25F.
    pub total: Vec<f32>,
    /// BM25 of single fields.
    pub body: Vec<f32>,
    /// The same of symbols.
    pub symbol: Vec<f32>,
    /// The same of documentation.
    pub doc: Vec<f32>,
    /// Sum of `weight * idf` of the words that occur.
    pub covered: Vec<f32>,
    /// Documents with any word, each once.
    pub touched: Vec<u32>,
    /// By word: frequency in each file that has it.
    pub in_files: Vec<Vec<(u32, f32)>>,
}

/// Scores one segment. `words` come from the rarest to the most frequent.
///
/// # Errors
/// [`tiercel_base::error::Error::Cancelled`]; [`tiercel_base::error::Error::RebuildIndex`] for a damaged index.
pub fn segment(
    frame: &Frame,
    segment: &SegmentReader,
    files: &SegmentFiles,
    words: &[Word],
    cancel: &Cancel,
) -> Result<ChunkScores> {
    let size = segment.max_doc() as usize;
    let zeros = || vec![0.0_f32; size];
    let mut scores = ChunkScores {
        total: zeros(),
        body: zeros(),
        symbol: zeros(),
        doc: zeros(),
        covered: zeros(),
        touched: Vec::new(),
        in_files: Vec::with_capacity(words.len()),
    };
    let lengths: Vec<LengthFactors> =
        frame.fields.iter().map(|field| LengthFactors::new(segment, field)).collect::<Result<_>>()?;
    let mut current = Current { mixed: zeros(), parts: [zeros(), zeros(), zeros()], documents: Vec::new() };
    let mut in_file = vec![0.0_f32; files.len()];
    let (mut walked, mut told): (u64, Option<Vec<u32>>) = (0, None);
    for word in words {
        walked += word.chunks;
        if walked > MOST_POSTINGS && told.is_none() {
            told = Some(best_so_far(&scores));
        }
        for (term, share) in &word.terms {
            for (at, field) in frame.fields.iter().enumerate() {
                cancel.check()?;
                let term = Term::from_field_text(field.field, term);
                let index = segment.inverted_index(field.field).map_err(failed)?;
                let postings = index.read_postings(&term, IndexRecordOption::WithFreqs);
                let Some(postings) = postings.map_err(|error| failed(error.into()))? else { continue };
                let note = |document: u32, frequency: u32| {
                    current.note(at, document, share * real(frequency.into()), &lengths[at], field.weight);
                };
                walk(postings, told.as_deref(), note);
            }
        }
        scores.in_files.push(if told.is_none() { current.by_file(files, &mut in_file) } else { Vec::new() });
        current.add_to(&mut scores, word);
    }
    Ok(scores)
}

fn walk(mut postings: SegmentPostings, told: Option<&[u32]>, mut note: impl FnMut(u32, u32)) {
    match told {
        None => {
            while postings.doc() != TERMINATED {
                note(postings.doc(), postings.term_freq());
                postings.advance();
            }
        }
        Some(documents) => {
            for &document in documents {
                if postings.doc() < document {
                    postings.seek(document);
                }
                if postings.doc() == document {
                    note(document, postings.term_freq());
                }
            }
        }
    }
}

fn best_so_far(scores: &ChunkScores) -> Vec<u32> {
    let mut documents = scores.touched.clone();
    if documents.len() > BEST_SO_FAR {
        let score = |document: &u32| scores.total[*document as usize];
        documents.select_nth_unstable_by(BEST_SO_FAR, |a, b| score(b).total_cmp(&score(a)));
        documents.truncate(BEST_SO_FAR);
    }
    documents.sort_unstable();
    documents
}

/// `1 / (1 - b + b * length / average)` by the code under which tantivy keeps a length.
struct LengthFactors {
    norms: FieldNormReader,
    factors: [f32; 256],
}

impl LengthFactors {
    fn new(segment: &SegmentReader, field: &FieldFrame) -> Result<Self> {
        let norms = segment.get_fieldnorms_reader(field.field).map_err(failed)?;
        let factor = |code: u8| {
            let length = real(FieldNormReader::id_to_fieldnorm(code).into());
            1.0 / (1.0 - field.b + field.b * length / field.average)
        };
        let mut factors = [0.0; 256];
        for (code, value) in (0..=u8::MAX).zip(&mut factors) {
            *value = factor(code);
        }
        Ok(Self { norms, factors })
    }

    fn of(&self, document: u32) -> f32 {
        self.factors[usize::from(self.norms.fieldnorm_id(document))]
    }
}

/// Frequencies of the word that is being walked.
struct Current {
    /// All fields, weighted.
    mixed: Vec<f32>,
    /// Body, symbol and documentation by themselves.
    parts: [Vec<f32>; 3],
    documents: Vec<u32>,
}

impl Current {
    fn note(&mut self, field: usize, document: u32, frequency: f32, lengths: &LengthFactors, weight: f32) {
        let at = document as usize;
        let normalised = frequency * lengths.of(document);
        if self.mixed[at] == 0.0 && self.parts.iter().all(|part| part[at] == 0.0) {
            self.documents.push(document);
        }
        self.mixed[at] += weight * normalised;
        if let Some(part) = self.parts.get_mut(field) {
            part[at] += normalised;
        }
    }

    /// Sums by file: how often the word is there, roughly (lengths of chunks are divided out).
    fn by_file(&self, files: &SegmentFiles, in_file: &mut [f32]) -> Vec<(u32, f32)> {
        let mut found = Vec::new();
        for &document in &self.documents {
            let at = document as usize;
            let file = files.of_document(document);
            let before = in_file[file as usize];
            if before == 0.0 {
                found.push(file);
            }
            in_file[file as usize] =
                before + self.parts[BODY][at] + FILE_SYMBOL * self.parts[SYMBOL][at] + f32::MIN_POSITIVE;
        }
        found.into_iter().map(|file| (file, std::mem::take(&mut in_file[file as usize]))).collect()
    }

    fn add_to(&mut self, scores: &mut ChunkScores, word: &Word) {
        let worth = word.weight * word.idf;
        for document in self.documents.drain(..) {
            let at = document as usize;
            if scores.covered[at] == 0.0 {
                scores.touched.push(document);
            }
            scores.total[at] += worth * saturated(std::mem::take(&mut self.mixed[at]));
            let [body, symbol, doc] = &mut self.parts;
            scores.body[at] += worth * saturated(std::mem::take(&mut body[at]));
            scores.symbol[at] += worth * saturated(std::mem::take(&mut symbol[at]));
            scores.doc[at] += worth * saturated(std::mem::take(&mut doc[at]));
            // Two words that stand together are covered already, each for itself.
            scores.covered[at] += if word.joined { f32::MIN_POSITIVE } else { worth };
        }
    }
}
