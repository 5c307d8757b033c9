//! The best chunks for a query, with what is known of each.
//!
//! Candidates are the chunks with the best scores, and the best chunk of each of the best whole files: a file that
//! answers a question with many middling chunks is found as well as one with a single good one.

use std::collections::HashMap;
use std::sync::Arc;

use tantivy::Searcher;

use super::expand::{self, BEGINNING, TYPO};
use super::files::SegmentFiles;
use super::phrase::Phrases;
use super::query::{QueryTerm, TextQuery, terms_of};
use super::score::{self, ChunkScores, Frame, Word};
use super::signals::{PathMatcher, Signals};
use super::{Fields, failed};
use crate::top::{Hit, Top};
use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;

/// A chunk with its signals.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Chunk id.
    pub id: u64,
    /// What is known of it.
    pub signals: Signals,
}

/// Which candidates are wanted.
pub struct Wanted<'w> {
    /// Chunks with the best scores.
    pub chunks: usize,
    /// Best whole files, each with its best chunk.
    pub files: usize,
    /// Chunks whose signals are wanted as well, with the id of their file's first chunk.
    pub also: &'w [(u64, u64)],
}

/// The index at a commit, with the tables of its files.
pub struct At<'s> {
    /// All segments.
    pub searcher: &'s Searcher,
    /// The schema.
    pub fields: Fields,
    /// By segment.
    pub files: &'s [Arc<SegmentFiles>],
}

impl At<'_> {
    /// The `k` best chunks that `passes` lets through (asked with the chunk's id), best first, ties by id.
    ///
    /// # Errors
    /// As [`At::candidates`].
    pub fn best(&self, query: &TextQuery, k: usize, passes: &dyn Fn(u64) -> bool, cancel: &Cancel) -> Result<Vec<Hit>> {
        let Some(scored) = self.scored(query, cancel)? else { return Ok(Vec::new()) };
        let mut top = Top::new(k);
        self.push_best(&scored, passes, &mut top)?;
        Ok(top.into_sorted())
    }

    /// The candidates, by score, then those of files, then `also`; each once. `path_of` gives the path of a chunk.
    ///
    /// # Errors
    /// [`tiercel_base::error::Error::Cancelled`]; [`tiercel_base::error::Error::RebuildIndex`] for a damaged index.
    pub fn candidates<'p>(
        &self,
        query: &TextQuery,
        wanted: &Wanted<'_>,
        passes: &dyn Fn(u64) -> bool,
        path_of: &dyn Fn(u64) -> Option<&'p str>,
        cancel: &Cancel,
    ) -> Result<Vec<Candidate>> {
        let Some(scored) = self.scored(query, cancel)? else { return Ok(Vec::new()) };
        let mut top = Top::new(wanted.chunks);
        self.push_best(&scored, passes, &mut top)?;
        let firsts = self.files.iter().map(|files| files.len());
        let offsets: Vec<usize> = firsts
            .scan(0, |sum, len| {
                let offset = *sum;
                *sum += len;
                Some(offset)
            })
            .collect();
        let of_files = self.file_scores(&scored, &offsets);
        let mut places = self.places(&scored, &top.into_sorted())?;
        places.extend(self.best_of_best_files(&scored, &offsets, &of_files, wanted.files, passes)?);
        places.extend(self.places_of(&scored, wanted.also)?);
        let matcher = PathMatcher::new(&scored.words);
        let mut seen = std::collections::HashSet::new();
        places.retain(|place| seen.insert(place.id));
        let mut by_path: HashMap<u64, Signals> = HashMap::new();
        Ok(places
            .into_iter()
            .map(|place| {
                let files = &self.files[place.segment];
                let file = files.of_document(place.document);
                let named = *by_path.entry(files.first(file)).or_insert_with(|| {
                    let mut signals = Signals::default();
                    if let Some(path) = path_of(place.id) {
                        matcher.match_path(path, &mut signals);
                    }
                    signals
                });
                let of_file = &of_files[offsets[place.segment] + file as usize];
                let columns = &scored.segments[place.segment];
                let at = place.document as usize;
                let share = |worth: f32| if matcher.worth() > 0.0 { worth / matcher.worth() } else { 0.0 };
                let signals = Signals {
                    score: columns.total[at],
                    body: columns.body[at],
                    symbol: columns.symbol[at],
                    doc: columns.doc[at],
                    covered: share(columns.covered[at]),
                    file: of_file.score,
                    file_best: of_file.best.iter().sum(),
                    file_covered: share(of_file.covered),
                    file_tokens: score::real(files.tokens(file).into()),
                    ..named
                };
                Candidate { id: place.id, signals }
            })
            .collect())
    }

    fn scored(&self, query: &TextQuery, cancel: &Cancel) -> Result<Option<Scored>> {
        let frame = Frame::new(self.searcher, self.fields, query.weights)?;
        let words = self.words(&frame, query)?;
        if words.is_empty() {
            return Ok(None);
        }
        let phrases = Phrases::new(self.searcher, self.fields, &query.phrases)?;
        let (mut segments, mut holding) = (Vec::new(), Vec::new());
        for (segment, files) in self.searcher.segment_readers().iter().zip(self.files) {
            let mut scores = score::segment(&frame, segment, files, &words, cancel)?;
            if let Some(alive) = segment.alive_bitset() {
                scores.touched.retain(|&document| alive.is_alive(document));
            }
            let held = phrases.as_ref().map(|phrases| phrases.documents(segment)).transpose()?;
            if let Some(held) = &held {
                scores.touched.retain(|&document| held[document as usize]);
            }
            segments.push(scores);
            holding.push(held);
        }
        Ok(Some(Scored { words, segments, holding }))
    }

    /// The words of a query with what is known of them, from the rarest on.
    fn words(&self, frame: &Frame, query: &TextQuery) -> Result<Vec<Word>> {
        let terms = terms_of(query);
        let last = terms.iter().rposition(|term| !term.joined);
        let mut words = Vec::with_capacity(terms.len());
        for (at, term) in terms.into_iter().enumerate() {
            let typed = query.prefix && Some(at) == last;
            words.extend(self.word(frame, term, typed)?);
        }
        words.sort_by_key(|word| word.chunks);
        Ok(words)
    }

    /// Nothing for a joined word that does not occur.
    fn word(&self, frame: &Frame, term: QueryTerm, typed: bool) -> Result<Option<Word>> {
        let mut chunks = frame.frequency(self.searcher, &term.text)?;
        if chunks == 0 && term.joined {
            return Ok(None);
        }
        let mut terms = vec![(term.text, 1.0)];
        if let Some(word) = &term.word {
            let (names, share) = if typed {
                (expand::beginning_with(self.searcher, self.fields, word)?, BEGINNING)
            } else if chunks == 0 {
                (expand::misspelled(self.searcher, self.fields, &terms[0].0)?, TYPO)
            } else {
                (Vec::new(), 0.0)
            };
            for name in names {
                chunks = chunks.max(frame.frequency(self.searcher, &name)?);
                terms.push((name, share));
            }
        }
        Ok(Some(Word { terms, weight: term.weight, idf: frame.idf(chunks), chunks, joined: term.joined }))
    }

    fn push_best(&self, scored: &Scored, passes: &dyn Fn(u64) -> bool, top: &mut Top) -> Result<()> {
        for (segment, scores) in self.searcher.segment_readers().iter().zip(&scored.segments) {
            let ids = segment.fast_fields().u64("id").map_err(failed)?.first_or_default_col(0);
            for &document in &scores.touched {
                let score = scores.total[document as usize];
                if score <= 0.0 || top.worst().is_some_and(|worst| score < worst) {
                    continue;
                }
                let id = ids.get_val(document);
                if top.would_take(score, id) && passes(id) {
                    top.push(Hit { id, score });
                }
            }
        }
        Ok(())
    }

    /// By file, those of all segments one after the other.
    fn file_scores(&self, scored: &Scored, offsets: &[usize]) -> Vec<OfFile> {
        let count: usize = self.files.iter().map(|files| files.len()).sum();
        let tokens: u64 = self.files.iter().map(|files| files.all_tokens()).sum();
        let average = (score::real(tokens) / score::real(count as u64).max(1.0)).max(1.0);
        let mut of_files = vec![OfFile::default(); count];
        for (at, word) in scored.words.iter().enumerate() {
            let having: usize = scored.segments.iter().map(|scores| scores.in_files[at].len()).sum();
            let worth = word.weight * score::idf(count as u64, having as u64);
            for ((scores, files), offset) in scored.segments.iter().zip(self.files).zip(offsets) {
                for &(file, frequency) in &scores.in_files[at] {
                    let of_file = &mut of_files[offset + file as usize];
                    of_file.score += worth * score::of_file(frequency, files.tokens(file), average);
                    of_file.covered += if word.joined { 0.0 } else { word.weight * word.idf };
                }
            }
        }
        for ((scores, files), offset) in scored.segments.iter().zip(self.files).zip(offsets) {
            for &document in &scores.touched {
                let file = offset + files.of_document(document) as usize;
                of_files[file].note(document, scores.total[document as usize]);
            }
        }
        of_files
    }

    fn best_of_best_files(
        &self,
        scored: &Scored,
        offsets: &[usize],
        of_files: &[OfFile],
        wanted: usize,
        passes: &dyn Fn(u64) -> bool,
    ) -> Result<Vec<Place>> {
        let mut files: Vec<usize> = (0..of_files.len()).filter(|&file| of_files[file].best[0] > 0.0).collect();
        files.sort_by(|&a, &b| of_files[b].score.total_cmp(&of_files[a].score));
        let mut places = Vec::new();
        for file in files {
            if places.len() == wanted {
                break;
            }
            let segment = offsets.partition_point(|&offset| offset <= file) - 1;
            let document = of_files[file].best_document;
            let place = self.place(segment, document)?;
            if scored.segments[segment].total[document as usize] > 0.0 && passes(place.id) {
                places.push(place);
            }
        }
        Ok(places)
    }

    fn place(&self, segment: usize, document: u32) -> Result<Place> {
        let reader = &self.searcher.segment_readers()[segment];
        let ids = reader.fast_fields().u64("id").map_err(failed)?.first_or_default_col(0);
        Ok(Place { id: ids.get_val(document), segment, document })
    }

    /// Where hits are.
    fn places(&self, scored: &Scored, hits: &[Hit]) -> Result<Vec<Place>> {
        let wanted: HashMap<u64, usize> = hits.iter().zip(0..).map(|(hit, at)| (hit.id, at)).collect();
        let least = hits.last().map_or(f32::INFINITY, |hit| hit.score);
        let mut found = vec![None; hits.len()];
        for (number, (segment, scores)) in self.searcher.segment_readers().iter().zip(&scored.segments).enumerate() {
            let ids = segment.fast_fields().u64("id").map_err(failed)?.first_or_default_col(0);
            for &document in scores.touched.iter().filter(|&&document| scores.total[document as usize] >= least) {
                let id = ids.get_val(document);
                if let Some(&at) = wanted.get(&id) {
                    found[at] = Some(Place { id, segment: number, document });
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Where chunks are that were found elsewhere.
    fn places_of(&self, scored: &Scored, chunks: &[(u64, u64)]) -> Result<Vec<Place>> {
        let mut places = Vec::with_capacity(chunks.len());
        for (segment, (reader, files)) in self.searcher.segment_readers().iter().zip(self.files).enumerate() {
            let ids = reader.fast_fields().u64("id").map_err(failed)?.first_or_default_col(0);
            for &(id, first) in chunks {
                let document = files.documents(first).find(|&document| ids.get_val(document) == id);
                let held =
                    |document: &u32| scored.holding[segment].as_ref().is_none_or(|held| held[*document as usize]);
                places.extend(document.filter(held).map(|document| Place { id, segment, document }));
            }
        }
        Ok(places)
    }
}

struct Scored {
    words: Vec<Word>,
    segments: Vec<ChunkScores>,
    /// By segment and document: whether it holds all phrases, if there are any.
    holding: Vec<Option<Vec<bool>>>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    id: u64,
    segment: usize,
    document: u32,
}

/// What a query finds in a whole file.
#[derive(Debug, Clone, Copy, Default)]
struct OfFile {
    score: f32,
    covered: f32,
    /// The three best chunks, best first.
    best: [f32; 3],
    best_document: u32,
}

impl OfFile {
    fn note(&mut self, document: u32, score: f32) {
        if score > self.best[0] {
            self.best_document = document;
        }
        let mut rest = score;
        for best in &mut self.best {
            if rest > *best {
                std::mem::swap(best, &mut rest);
            }
        }
    }
}
