//! What `models/training/extract.mjs` wrote of the repositories.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;

use crate::Outcome;

/// A line: a chunk, a file's header or an example of a document, by the fields that are there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Record {
    pub path: String,
    pub kind: String,
    pub language: String,
    /// Words of the chunk's own name; empty when it has several.
    pub name: String,
    pub doc: String,
    /// Sentences of the documentation, or those before an example.
    pub sentences: Vec<String>,
    /// The chunk's embedding text without its documentation.
    pub plain: String,
    /// The same with its name hidden.
    pub masked: String,
    pub header: Vec<String>,
    pub example: String,
    /// Of the code, without white space.
    pub hash: String,
}

/// A repository of the list.
#[derive(Debug)]
pub struct Repository {
    /// `owner+name`.
    pub name: String,
    pub language: String,
    /// Kept out of training to choose between variants.
    pub held_out: bool,
}

/// The repositories of the list `READY`; of each language the one whose name has the smallest checksum is held out.
pub fn repositories(list: &Path) -> Outcome<Vec<Repository>> {
    let mut found: Vec<Repository> = std::fs::read_to_string(list)?
        .lines()
        .filter_map(|line| {
            let mut fields = line.split('\t');
            let language = fields.next()?.to_owned();
            Some(Repository { language, name: fields.next()?.replace('/', "+"), held_out: false })
        })
        .collect();
    let languages: HashSet<String> = found.iter().map(|repository| repository.language.clone()).collect();
    for language in languages {
        let of_language = found.iter_mut().filter(|repository| repository.language == language);
        if let Some(first) = of_language.min_by_key(|repository| crc32c::crc32c(repository.name.as_bytes())) {
            first.held_out = true;
        }
    }
    Ok(found)
}

/// Calls `each` with every record of a repository.
pub fn read(extracted: &Path, repository: &str, mut each: impl FnMut(Record)) -> Outcome<()> {
    let file = File::open(extracted.join(format!("{repository}.jsonl")))?;
    for line in BufReader::with_capacity(1 << 20, file).lines() {
        each(serde_json::from_str(&line?)?);
    }
    Ok(())
}
