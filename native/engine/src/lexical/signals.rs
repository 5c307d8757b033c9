//! What the lexical index knows of a chunk and its file with regard to a query, as named numbers.

use std::collections::HashSet;

use super::score::Word;
use super::terms;

/// The names of a chunk's signals, in order.
pub const NAMES: [&str; COUNT] = [
    "score",
    "body",
    "symbol",
    "doc",
    "covered",
    "file",
    "fileBest",
    "fileCovered",
    "nameCovered",
    "namePrecision",
    "folderCovered",
    "fileTokens",
];

/// How many there are.
pub const COUNT: usize = 12;

/// The signals of one chunk. Scores are sums over words of `weight * idf * saturated frequency`; shares are of the
/// query's words, weighted by `weight * idf`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Signals {
    /// BM25F of the chunk.
    pub score: f32,
    /// BM25 of its text.
    pub body: f32,
    /// BM25 of its symbol path.
    pub symbol: f32,
    /// BM25 of its documentation.
    pub doc: f32,
    /// Share of the query that occurs in it.
    pub covered: f32,
    /// BM25 of the whole file.
    pub file: f32,
    /// Sum of the three best [`Signals::score`] of the file's chunks.
    pub file_best: f32,
    /// Share of the query that occurs in the file.
    pub file_covered: f32,
    /// Share of the query that the file's name has.
    pub name_covered: f32,
    /// Share of the name's words that the query has.
    pub name_precision: f32,
    /// Share of the query that the folders' names have.
    pub folder_covered: f32,
    /// Tokens of the file.
    pub file_tokens: f32,
}

impl Signals {
    /// In the order of [`NAMES`].
    #[must_use]
    pub fn values(&self) -> [f32; COUNT] {
        [
            self.score,
            self.body,
            self.symbol,
            self.doc,
            self.covered,
            self.file,
            self.file_best,
            self.file_covered,
            self.name_covered,
            self.name_precision,
            self.folder_covered,
            self.file_tokens,
        ]
    }
}

/// Names that say nothing of a file's content: their folder's name says it.
const NAMELESS: [&str; 9] = ["index", "mod", "__init__", "__main__", "main", "lib", "init", "doc", "package-info"];
/// A word and its beginning are taken for the same from this many letters on: `config`, `configuration`.
const SHORTEST_BEGINNING: usize = 3;
/// What a beginning counts.
const BEGINNING: f32 = 0.7;

/// What a query finds in paths.
pub struct PathMatcher<'w> {
    /// Words of the query that stand for themselves: their term and what each is worth.
    words: Vec<(&'w str, f32)>,
    worth: f32,
    stemmer: frostem::Stemmer,
}

impl<'w> PathMatcher<'w> {
    /// For the words of a query.
    #[must_use]
    pub fn new(words: &'w [Word]) -> Self {
        let plain = words.iter().filter(|word| !word.joined);
        let words: Vec<(&str, f32)> = plain
            .filter_map(|word| word.terms.first().map(|(term, _)| (term.as_str(), word.weight * word.idf)))
            .collect();
        let worth = words.iter().map(|(_, worth)| worth).sum();
        Self { words, worth, stemmer: terms::stemmer() }
    }

    /// Worth of all words of the query.
    #[must_use]
    pub fn worth(&self) -> f32 {
        self.worth
    }

    /// Sets the signals of a path.
    pub fn match_path(&self, path: &str, signals: &mut Signals) {
        let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| if stem.is_empty() { file } else { stem });
        let (outer, last) = folders.rsplit_once('/').unwrap_or(("", folders));
        let nameless = NAMELESS.contains(&stem) && !last.is_empty();
        let (name, folders) = if nameless { (last, outer) } else { (stem, folders) };
        let name = self.parts(name);
        let folders = self.parts(folders);
        signals.name_covered = self.covered(&name);
        signals.folder_covered = self.covered(&folders);
        let told: f32 =
            name.iter().map(|part| self.words.iter().map(|(word, _)| alike(word, part)).fold(0.0, f32::max)).sum();
        signals.name_precision = told / super::score::real(name.len() as u64).max(1.0);
    }

    fn covered(&self, parts: &HashSet<String>) -> f32 {
        if self.worth <= 0.0 || parts.is_empty() {
            return 0.0;
        }
        let found = |word: &str| parts.iter().map(|part| alike(word, part)).fold(0.0, f32::max);
        self.words.iter().map(|(word, worth)| worth * found(word)).sum::<f32>() / self.worth
    }

    fn parts(&self, names: &str) -> HashSet<String> {
        let mut parts = HashSet::new();
        terms::for_each_word(names, |_, word| {
            terms::for_each_term(&self.stemmer, word, |term, share| {
                if share == terms::Share::Part {
                    parts.insert(term.to_owned());
                }
            });
        });
        parts
    }
}

/// 1 for the same term, [`BEGINNING`] where one begins the other.
fn alike(a: &str, b: &str) -> f32 {
    if a == b {
        return 1.0;
    }
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    if short.len() >= SHORTEST_BEGINNING && long.starts_with(short) { BEGINNING } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signals(query: &[&str], path: &str) -> Signals {
        let word = |term: &&str| Word {
            terms: vec![((*term).to_owned(), 1.0)],
            weight: 1.0,
            idf: 1.0,
            chunks: 1,
            joined: false,
        };
        let words: Vec<Word> = query.iter().map(word).collect();
        let mut signals = Signals::default();
        PathMatcher::new(&words).match_path(path, &mut signals);
        signals
    }

    fn close(a: f32, b: f32) -> bool {
        (a - b).abs() < 1e-6
    }

    #[test]
    fn names_and_folders_are_told_apart() {
        let found = signals(&["session", "cookie"], "http/session_store.ts");
        assert!(close(found.name_covered, 0.5) && close(found.name_precision, 0.5) && close(found.folder_covered, 0.0));
        let found = signals(&["http"], "http/session.ts");
        assert!(close(found.folder_covered, 1.0) && close(found.name_covered, 0.0));
    }

    #[test]
    fn a_file_that_is_named_for_its_place_has_its_folder_s_name() {
        for path in ["src/router/index.ts", "src/router/mod.rs", "src/router/__init__.py"] {
            let found = signals(&["router"], path);
            assert!(close(found.name_covered, 1.0) && close(found.folder_covered, 0.0), "{path}");
        }
        assert!(close(signals(&["main"], "main.go").name_covered, 1.0));
    }

    #[test]
    fn an_abbreviation_is_taken_for_the_word() {
        assert!(close(signals(&["configur"], "config.py").name_covered, BEGINNING));
        assert!(close(signals(&["con"], "io.py").name_covered, 0.0));
        assert!(close(signals(&[], "io.py").name_covered, 0.0));
    }
}
