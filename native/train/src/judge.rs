//! How well held-out repositories are searched.

use std::collections::BTreeMap;

use crate::model::Model;
use crate::pairs::{Data, Group, Kind, Pair};
use crate::wide::dot;

const CUTOFF: usize = 10;
/// Questions of one kind to one repository.
const MOST_QUESTIONS: usize = 150;
/// A repository with fewer questions of a kind says nothing about it.
const FEWEST_QUESTIONS: usize = 10;

/// NDCG@10 of the held-out repositories, their mean per task; also what each repository has.
pub struct Judgement {
    pub means: BTreeMap<&'static str, f32>,
    pub repositories: Vec<(String, &'static str, usize, f32)>,
}

/// The tasks: a sentence to its function, the same with the function's name hidden, a name to its body, a name to the
/// same name elsewhere.
const TASKS: [(&str, Kind, bool); 5] = [
    ("sentence", Kind::Sentence, false),
    ("sentence, name hidden", Kind::Sentence, true),
    ("name", Kind::Name, true),
    ("example", Kind::Example, false),
    ("code", Kind::SameName, true),
];

/// Searches each held-out repository's chunks with its own questions.
pub fn judge(data: &Data, model: &Model) -> Judgement {
    let mut repositories = Vec::new();
    for group in data.groups.iter().filter(|group| group.held_out) {
        let numbers: Vec<u32> = group.chunks.iter().map(|chunk| chunk.0).collect();
        let chunks = model.embed_all(&data.bags, &numbers);
        for (task, kind, hidden) in TASKS {
            let questions: Vec<&Pair> =
                group.pairs.iter().filter(|pair| pair.kind == kind).take(MOST_QUESTIONS).collect();
            if questions.len() < FEWEST_QUESTIONS {
                continue;
            }
            let score = score(data, model, group, &chunks, &questions, hidden);
            repositories.push((group.name.clone(), task, questions.len(), score));
        }
    }
    let mut means = BTreeMap::new();
    for (task, _, _) in TASKS {
        let scores: Vec<f32> = repositories.iter().filter(|row| row.1 == task).map(|row| row.3).collect();
        #[allow(clippy::cast_precision_loss)]
        means.insert(task, scores.iter().sum::<f32>() / scores.len().max(1) as f32);
    }
    Judgement { means, repositories }
}

fn score(data: &Data, model: &Model, group: &Group, chunks: &[f32], questions: &[&Pair], hidden: bool) -> f32 {
    let dimension = model.dimension;
    let mut query = vec![0.0; dimension];
    let mut answer = vec![0.0; dimension];
    let mut sum = 0.0;
    for pair in questions {
        model.embed(data.bags.get(pair.query), &mut query);
        model.embed(data.bags.get(if hidden { pair.hidden } else { pair.passage }), &mut answer);
        let own = dot(&query, &answer);
        let better = chunks
            .chunks_exact(dimension)
            .zip(&group.chunks)
            .filter(|(chunk, (_, code))| *code != pair.code && dot(&query, chunk) >= own)
            .count();
        if better < CUTOFF {
            #[allow(clippy::cast_precision_loss)]
            let rank = better as f32 + 1.0;
            sum += 1.0 / (1.0 + rank).log2();
        }
    }
    #[allow(clippy::cast_precision_loss)]
    let count = questions.len() as f32;
    sum / count
}
