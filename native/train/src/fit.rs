//! Contrastive training: in a batch, each question shall find its own answer among all answers, and the other way round.

use crate::model::{Model, Optimizer};
use crate::pairs::{Data, Kind, Pair};
use crate::random::Random;

/// How to train.
#[derive(Debug, Clone)]
pub struct Recipe {
    pub epochs: usize,
    pub batch: usize,
    /// Pairs of one repository that stand together in a batch: the hard negatives.
    pub run: usize,
    pub temperature: f32,
    pub rate: f32,
    /// Share of sentences whose answer has its name hidden.
    pub hide: f32,
    /// Share of a passage's pieces that are left out.
    pub drop: f32,
    /// Share of the pairs of names and bodies that an epoch takes.
    pub names: f32,
    pub seed: u64,
}

/// Trains; calls `report` after every epoch with its number, its mean loss and the model.
pub fn fit(data: &Data, model: &mut Model, recipe: &Recipe, mut report: impl FnMut(usize, f32, &Model)) {
    let mut random = Random::new(recipe.seed);
    let mut optimizer = Optimizer::new(model);
    let trained = data.groups.iter().filter(|group| !group.held_out).flat_map(|group| &group.pairs);
    let pairs: f32 = trained.map(|pair| if pair.kind == Kind::Name { recipe.names } else { 1.0 }).sum();
    // A rounded estimate: what names an epoch takes is left to chance.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let total = recipe.epochs * (pairs as usize).div_ceil(recipe.batch) + 1;
    let mut done = 0;
    for epoch in 1..=recipe.epochs {
        let order = order(data, recipe, &mut random);
        let (mut loss, mut batches) = (0.0, 0.0);
        for batch in order.chunks(recipe.batch) {
            let rate = schedule(done, total);
            loss += step(data, model, &mut optimizer, batch, recipe, rate, &mut random);
            batches += 1.0;
            done += 1;
        }
        report(epoch, loss / batches, model);
    }
}

/// Short rise, then down to nothing along a line.
#[allow(clippy::cast_precision_loss)]
fn schedule(done: usize, total: usize) -> f32 {
    let share = done as f32 / total as f32;
    (share / 0.02).min(1.0 - share).clamp(0.01, 1.0)
}

/// The pairs of an epoch, in runs of one repository, the runs in random order.
fn order(data: &Data, recipe: &Recipe, random: &mut Random) -> Vec<Pair> {
    let mut runs: Vec<Vec<Pair>> = Vec::new();
    for group in data.groups.iter().filter(|group| !group.held_out) {
        let mut pairs = group.pairs.clone();
        pairs.retain(|pair| pair.kind != Kind::Name || random.chance(recipe.names));
        random.shuffle(&mut pairs);
        runs.extend(pairs.chunks(recipe.run).map(<[Pair]>::to_vec));
    }
    random.shuffle(&mut runs);
    runs.concat()
}

/// One step over a batch; returns its loss.
fn step(
    data: &Data,
    model: &mut Model,
    optimizer: &mut Optimizer,
    batch: &[Pair],
    recipe: &Recipe,
    rate: f32,
    random: &mut Random,
) -> f32 {
    let (n, d) = (batch.len(), model.dimension);
    let passages: Vec<Vec<(usize, u8)>> = batch
        .iter()
        .map(|pair| {
            let hidden = matches!(pair.kind, Kind::Sentence | Kind::Further) && random.chance(recipe.hide);
            let bag = data.bags.get(if hidden { pair.hidden } else { pair.passage });
            bag.filter(|_| recipe.drop == 0.0 || !random.chance(recipe.drop)).collect()
        })
        .collect();
    let (mut queries, mut answers) = (vec![0.0; n * d], vec![0.0; n * d]);
    let mut lengths = vec![(0.0, 0.0); n];
    for (i, pair) in batch.iter().enumerate() {
        let range = i * d..(i + 1) * d;
        lengths[i].0 = model.embed(data.bags.get(pair.query), &mut queries[range.clone()]);
        lengths[i].1 = model.embed(passages[i].iter().copied(), &mut answers[range]);
    }
    let mut scores = vec![0.0; n * n];
    multiply(&queries, &answers, &mut scores, n, d);
    let loss = to_gradient(&mut scores, batch, recipe.temperature);
    let (mut query_gradient, mut answer_gradient) = (vec![0.0; n * d], vec![0.0; n * d]);
    combine(&scores, &answers, &mut query_gradient, n, d, false);
    combine(&scores, &queries, &mut answer_gradient, n, d, true);
    for (i, pair) in batch.iter().enumerate() {
        let range = i * d..(i + 1) * d;
        let (length, gradient) = (lengths[i].0, &mut query_gradient[range.clone()]);
        optimizer.pass(data.bags.get(pair.query), &queries[range.clone()], length, gradient);
        let (length, gradient) = (lengths[i].1, &mut answer_gradient[range.clone()]);
        optimizer.pass(passages[i].iter().copied(), &answers[range], length, gradient);
    }
    optimizer.step(model, rate * recipe.rate);
    loss
}

/// Turns the cosines (n x n, question by answer) into the gradient of the loss for them; returns the loss.
///
/// The loss is the mean of the cross-entropies of finding the answer and of finding the question (`InfoNCE`, van den Oord
/// et al. 2018). Other pairs with the same code or the same question are no wrong answers: they are left out.
fn to_gradient(scores: &mut [f32], batch: &[Pair], temperature: f32) -> f32 {
    let n = batch.len();
    let mut by_code: std::collections::HashMap<u32, Vec<usize>> = std::collections::HashMap::new();
    for (i, pair) in batch.iter().enumerate() {
        by_code.entry(pair.code).or_default().push(i);
    }
    for same in by_code.values().filter(|same| same.len() > 1) {
        for &i in same {
            for &j in same.iter().filter(|&&j| j != i) {
                scores[i * n + j] = -1e9;
            }
        }
    }
    let inverse = 1.0 / temperature;
    // No cosine exceeds 1, which therefore is the maximum to subtract.
    let mut down = vec![0.0_f32; n];
    let mut right = vec![0.0_f32; n];
    let mut own = vec![0.0_f32; n];
    for i in 0..n {
        own[i] = (scores[i * n + i] - 1.0) * inverse;
        for j in 0..n {
            let e = ((scores[i * n + j] - 1.0) * inverse).exp();
            scores[i * n + j] = e;
            right[i] += e;
            down[j] += e;
        }
    }
    #[allow(clippy::cast_precision_loss)]
    let share = 0.5 / n as f32;
    let mut loss = 0.0;
    for i in 0..n {
        loss += share * (right[i].ln() + down[i].ln() - 2.0 * own[i]);
        for j in 0..n {
            let e = scores[i * n + j];
            scores[i * n + j] = share * inverse * (e / right[i] + e / down[j]);
        }
        scores[i * n + i] -= 2.0 * share * inverse;
    }
    loss
}

/// scores = queries x answers transposed
fn multiply(queries: &[f32], answers: &[f32], scores: &mut [f32], n: usize, d: usize) {
    assert!(queries.len() == n * d && answers.len() == n * d && scores.len() == n * n);
    let (row, wide) = (d.cast_signed(), n.cast_signed());
    // SAFETY: the strides stay inside of the three matrices, whose sizes were just checked.
    unsafe {
        matrixmultiply::sgemm(
            n,
            d,
            n,
            1.0,
            queries.as_ptr(),
            row,
            1,
            answers.as_ptr(),
            1,
            row,
            0.0,
            scores.as_mut_ptr(),
            wide,
            1,
        );
    }
}

/// out = scores (or its transpose) x vectors
fn combine(scores: &[f32], vectors: &[f32], out: &mut [f32], n: usize, d: usize, transposed: bool) {
    assert!(scores.len() == n * n && vectors.len() == n * d && out.len() == n * d);
    let (row, wide) = (d.cast_signed(), n.cast_signed());
    let (down, right) = if transposed { (1, wide) } else { (wide, 1) };
    // SAFETY: the strides stay inside of the three matrices, whose sizes were just checked.
    unsafe {
        matrixmultiply::sgemm(
            n,
            n,
            d,
            1.0,
            scores.as_ptr(),
            down,
            right,
            vectors.as_ptr(),
            row,
            1,
            0.0,
            out.as_mut_ptr(),
            row,
            1,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(code: u32) -> Pair {
        Pair { kind: Kind::Sentence, query: 0, passage: 0, hidden: 0, code }
    }

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let batch = [pair(1), pair(2), pair(2)];
        let start = [0.6, 0.1, -0.2, 0.3, 0.5, 0.9, -0.4, 0.2, 0.1];
        let mut gradient = start;
        to_gradient(&mut gradient, &batch, 0.2);
        for place in 0..start.len() {
            let loss = |by: f32| {
                let mut scores = start;
                scores[place] += by;
                to_gradient(&mut scores, &batch, 0.2)
            };
            let slope = (loss(0.005) - loss(-0.005)) / 0.01;
            assert!((slope - gradient[place]).abs() < 2e-3, "{place}: {slope} and {}", gradient[place]);
        }
    }

    #[test]
    fn the_same_code_is_no_wrong_answer() {
        let mut scores = [0.9, 0.9, 0.9, 0.9];
        let loss = to_gradient(&mut scores, &[pair(7), pair(7)], 0.05);
        assert!(loss.abs() < 1e-6);
        assert!(scores.iter().all(|slope| slope.abs() < 1e-6));
    }
}
