//! From records to pairs of a question and the code that answers it.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::bags::{Bags, Reader};
use crate::random::Random;
use crate::records::{Record, Repository, read};

/// Of each kind at most so many pairs per repository: no repository shall be most of the data.
const MOST_OF_KIND: usize = 6000;
/// A question that asks for more chunks than this asks for nothing.
const MOST_REPEATS: u32 = 3;
/// Chunks of a file that its header stands for.
const CHUNKS_OF_HEADER: usize = 3;
/// Functions of one name that are paired with each other.
const MOST_OF_NAME: usize = 24;

/// Where a pair comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// First sentence of the documentation, and the code without it.
    Sentence,
    /// A further sentence.
    Further,
    /// Words of a name, and the code with the name hidden.
    Name,
    /// Header of a file, and chunks of the file.
    Header,
    /// Heading or sentence of a document, and the code block below it.
    Example,
    /// Name of a test, and the function it tests, its name hidden.
    Test,
    /// Functions of one name in two repositories, their names hidden.
    SameName,
}

/// A question and its answer, as numbers of bags.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Pair {
    pub kind: Kind,
    pub query: u32,
    pub passage: u32,
    /// The passage with the chunk's name hidden, or the same.
    pub hidden: u32,
    /// Pairs with the same number have the same code.
    pub code: u32,
}

/// The pairs of one repository.
#[derive(Debug, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub language: String,
    pub held_out: bool,
    pub pairs: Vec<Pair>,
    /// Bags of all its chunks, documentation left out, with the numbers of their code: among them an answer has to be found.
    pub chunks: Vec<(u32, u32)>,
}

/// All pairs.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Data {
    pub bags: Bags,
    pub groups: Vec<Group>,
}

/// What no pair may repeat.
pub struct Exclusions {
    codes: HashSet<String>,
    queries: HashSet<String>,
}

impl Exclusions {
    /// Reads the file of `models/training/exclusions.mjs`.
    pub fn read(file: &Path) -> Outcome<Self> {
        let mut found = Self { codes: HashSet::new(), queries: HashSet::new() };
        for line in std::fs::read_to_string(file)?.lines() {
            if let Some(code) = line.strip_prefix("code ") {
                found.codes.insert(code.to_owned());
            } else if let Some(query) = line.strip_prefix("query ") {
                found.queries.insert(query.to_owned());
            }
        }
        Ok(found)
    }
}

/// A chunk that has a name of several words, for pairs across repositories.
struct Named {
    group: usize,
    language: String,
    bag: u32,
    code: u32,
}

/// Makes the pairs of all repositories.
pub struct Maker<'a> {
    reader: Reader,
    exclusions: &'a Exclusions,
    data: Data,
    codes: HashMap<String, u32>,
    named: HashMap<String, Vec<Named>>,
    random: Random,
    pub excluded: usize,
    pub repeated: usize,
}

impl<'a> Maker<'a> {
    pub fn new(reader: Reader, exclusions: &'a Exclusions) -> Self {
        Self {
            reader,
            exclusions,
            data: Data::default(),
            codes: HashMap::new(),
            named: HashMap::new(),
            random: Random::new(7),
            excluded: 0,
            repeated: 0,
        }
    }

    /// Adds a repository's pairs.
    pub fn add(&mut self, extracted: &Path, repository: &Repository) -> Outcome<()> {
        let mut records = Vec::new();
        read(extracted, &repository.name, |record| records.push(record))?;
        let mut group = Group {
            name: repository.name.clone(),
            language: repository.language.clone(),
            held_out: repository.held_out,
            pairs: Vec::new(),
            chunks: Vec::new(),
        };
        let mut asked: HashMap<u32, u32> = HashMap::new();
        let mut of_file: HashMap<String, Vec<(u32, u32)>> = HashMap::new();
        let mut tests: Vec<String> = Vec::new();
        let mut tested: HashMap<String, Vec<(u32, u32)>> = HashMap::new();
        for record in &records {
            if !record.example.is_empty() {
                self.example(record, &mut group, &mut asked);
            }
            if record.plain.is_empty() {
                continue;
            }
            let Some(code) = self.code(&record.hash) else { continue };
            let Some(plain) = self.reader.add(&mut self.data.bags, &[&record.plain]) else { continue };
            group.chunks.push((plain, code));
            of_file.entry(record.path.clone()).or_default().push((plain, code));
            let hidden = self.reader.add(&mut self.data.bags, &[&record.masked]).unwrap_or(plain);
            for (place, sentence) in record.sentences.iter().take(3).enumerate() {
                let kind = if place == 0 { Kind::Sentence } else { Kind::Further };
                self.pair(&mut group, &mut asked, kind, sentence, plain, hidden, code);
            }
            let words = record.name.split(' ').count();
            if words >= 2 && !record.masked.is_empty() {
                let shown = self.reader.add(&mut self.data.bags, &[&record.masked, &record.doc]).unwrap_or(hidden);
                self.pair(&mut group, &mut asked, Kind::Name, &record.name, shown, shown, code);
                if record.kind == "test" {
                    tests.push(record.name.clone());
                } else if matches!(record.kind.as_str(), "function" | "method") {
                    tested.entry(record.name.clone()).or_default().push((shown, code));
                    self.named.entry(record.name.clone()).or_default().push(Named {
                        group: self.data.groups.len(),
                        language: record.language.clone(),
                        bag: hidden,
                        code,
                    });
                }
            }
        }
        for test in tests {
            if let Some((bag, code)) = tested_function(&test, &tested) {
                self.pair(&mut group, &mut asked, Kind::Test, &test, bag, bag, code);
            }
        }
        for record in &records {
            let Some(chunks) = of_file.get_mut(&record.path).filter(|_| !record.header.is_empty()) else { continue };
            self.random.shuffle(chunks);
            for &(bag, code) in chunks.iter().take(CHUNKS_OF_HEADER) {
                self.pair(&mut group, &mut asked, Kind::Header, &record.header.join(". "), bag, bag, code);
            }
        }
        self.cap(&mut group);
        self.data.groups.push(group);
        Ok(())
    }

    /// Adds the pairs across repositories and hands out everything.
    pub fn finish(mut self) -> Data {
        let mut names: Vec<(String, Vec<Named>)> = self.named.into_iter().collect();
        names.sort_by(|a, b| a.0.cmp(&b.0));
        for (_, mut found) in names {
            self.random.shuffle(&mut found);
            found.truncate(MOST_OF_NAME);
            for (place, a) in found.iter().enumerate() {
                let other = found[place + 1..].iter().find(|b| {
                    let apart = a.group != b.group && a.code != b.code;
                    apart && (a.language != b.language || place % 2 == 0)
                });
                let Some(b) = other else { continue };
                if self.data.groups[a.group].held_out != self.data.groups[b.group].held_out {
                    continue;
                }
                let pair = Pair { kind: Kind::SameName, query: a.bag, passage: b.bag, hidden: b.bag, code: b.code };
                self.data.groups[b.group].pairs.push(pair);
            }
        }
        self.data
    }

    /// The number of a piece of code; nothing when it stands in the evaluation data.
    fn code(&mut self, hash: &str) -> Option<u32> {
        if self.exclusions.codes.contains(hash) {
            self.excluded += 1;
            return None;
        }
        let next = u32::try_from(self.codes.len()).expect("fewer than 4 billion chunks");
        Some(*self.codes.entry(hash.to_owned()).or_insert(next))
    }

    fn example(&mut self, record: &Record, group: &mut Group, asked: &mut HashMap<u32, u32>) {
        let Some(code) = self.code(&record.hash) else { return };
        let Some(bag) = self.reader.add(&mut self.data.bags, &[&record.example]) else { return };
        for sentence in &record.sentences {
            self.pair(group, asked, Kind::Example, sentence, bag, bag, code);
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn pair(
        &mut self,
        group: &mut Group,
        asked: &mut HashMap<u32, u32>,
        kind: Kind,
        query: &str,
        passage: u32,
        hidden: u32,
        code: u32,
    ) {
        let folded = query.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        if self.exclusions.queries.contains(&folded) {
            self.excluded += 1;
            return;
        }
        let times = asked.entry(crc32c::crc32c(folded.as_bytes())).or_default();
        *times += 1;
        if *times > MOST_REPEATS {
            self.repeated += 1;
            return;
        }
        if let Some(query) = self.reader.add(&mut self.data.bags, &[query]) {
            group.pairs.push(Pair { kind, query, passage, hidden, code });
        }
    }

    fn cap(&mut self, group: &mut Group) {
        self.random.shuffle(&mut group.pairs);
        let mut taken: HashMap<Kind, usize> = HashMap::new();
        group.pairs.retain(|pair| {
            let count = taken.entry(pair.kind).or_default();
            *count += 1;
            *count <= MOST_OF_KIND
        });
    }
}

/// The function a test is named after: the longest run of its first words that is the name of one function alone.
fn tested_function(test: &str, functions: &HashMap<String, Vec<(u32, u32)>>) -> Option<(u32, u32)> {
    let words: Vec<&str> = test.split(' ').filter(|word| *word != "test" && *word != "tests").collect();
    (2..=words.len()).rev().find_map(|length| match functions.get(&words[..length].join(" "))?.as_slice() {
        [only] => Some(*only),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_belongs_to_the_longest_name_it_begins_with() {
        let functions = HashMap::from([
            ("parse request".to_owned(), vec![(1, 1)]),
            ("parse request line".to_owned(), vec![(2, 2)]),
            ("parse request line with".to_owned(), vec![(3, 3), (4, 4)]),
        ]);
        assert_eq!(tested_function("test parse request line with spaces", &functions), Some((2, 2)));
        assert_eq!(tested_function("parse request headers", &functions), Some((1, 1)));
        assert_eq!(tested_function("test parse", &functions), None);
    }
}
