//! The vocabulary: the transformer's pieces and the most frequent words of code that they would cut.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use tiercel_engine::embed::vocabulary::Vocabulary;
use tiercel_engine::embed::words::for_each_word;

use crate::Outcome;
use crate::records::{Repository, read};

/// A word has to stand in so many repositories: names of one project's things are not language.
const FEWEST_REPOSITORIES: u32 = 4;
/// Longer words are joined names.
const LONGEST: usize = 20;

#[derive(Default, Clone, Copy)]
struct Use {
    count: u64,
    repositories: u32,
    last: u32,
}

/// Writes `vocab.txt` with `rows` pieces, and `counts.tsv`: piece, occurrences in the repositories that are trained on.
pub fn write(base: &Path, extracted: &Path, repositories: &[Repository], rows: usize, out: &Path) -> Outcome<()> {
    let mut uses: HashMap<String, Use> = HashMap::new();
    let mut buffer = String::new();
    let trained = repositories.iter().filter(|repository| !repository.held_out);
    for (number, repository) in (1..).zip(trained) {
        read(extracted, &repository.name, |record| {
            for text in [&record.plain, &record.doc, &record.example] {
                for_each_word(text, &mut buffer, |word| {
                    let entry = match uses.get_mut(word) {
                        Some(entry) => entry,
                        None => uses.entry(word.to_owned()).or_default(),
                    };
                    entry.count += 1;
                    entry.repositories += u32::from(entry.last != number);
                    entry.last = number;
                });
            }
        })?;
    }
    let base = std::fs::read_to_string(base)?;
    let mut pieces: Vec<&str> = base.lines().filter(|piece| !piece.starts_with('[')).collect();
    let known: std::collections::HashSet<&str> = pieces.iter().copied().collect();
    let mut new: Vec<(&str, Use)> = uses
        .iter()
        .map(|(word, usage)| (word.as_str(), *usage))
        .filter(|(word, usage)| {
            usage.repositories >= FEWEST_REPOSITORIES
                && !known.contains(word)
                && (3..=LONGEST).contains(&word.len())
                && word.bytes().all(|byte| byte.is_ascii_lowercase())
        })
        .collect();
    new.sort_by(|a, b| b.1.count.cmp(&a.1.count).then(a.0.cmp(b.0)));
    let room = rows.saturating_sub(pieces.len());
    println!("{} base pieces, {} candidates", pieces.len(), new.len());
    if let Some((word, usage)) = new.get(room.min(new.len().saturating_sub(1))) {
        println!("rarest word taken: {word}, {} times", usage.count);
    }
    pieces.extend(new.iter().take(room).map(|(word, _)| *word));
    let lines = pieces.join("\n") + "\n";
    let vocabulary = Vocabulary::parse(&lines).ok_or("too many pieces")?;
    let mut counts = vec![0_u64; pieces.len()];
    let mut ids = Vec::new();
    for (word, usage) in &uses {
        ids.clear();
        vocabulary.cut(word, &mut ids);
        for &id in &ids {
            counts[id as usize] += usage.count;
        }
    }
    let mut table = String::new();
    for (piece, count) in pieces.iter().zip(&counts) {
        writeln!(table, "{piece}\t{count}")?;
    }
    std::fs::write(out.join("counts.tsv"), table)?;
    std::fs::write(out.join("vocab.txt"), lines)?;
    Ok(())
}
