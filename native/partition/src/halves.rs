//! Cutting a cell in two across its longest axis.
//!
//! In hundreds of dimensions a row is farther from every other row of its cell than their mean is, so a row makes no
//! second centroid: it would attract only itself. The means of two halves do.

use crate::product::dot;
use crate::random::Random;

/// Rows looked at, at most: enough for an axis and two means.
const MOST_ROWS: usize = 512;
/// Rounds of power iteration; the axis need not be exact.
const ROUNDS: usize = 4;
/// Share of the rows' mean squared length that their spread along the axis must exceed to count as spread at all.
const SPREAD: f32 = 1e-9;

/// The means of the two halves of `rows` on either side of the median along their principal axis. None when the rows are
/// all (nearly) equal or fewer than two.
pub(crate) fn halves(rows: &[&[f32]], random: &mut Random) -> Option<[Vec<f32>; 2]> {
    let chosen = random.sample(MOST_ROWS, rows.len());
    let first = *rows.first()?;
    let centre = mean(&chosen.iter().map(|&at| rows[at]).collect::<Vec<_>>(), first.len());
    let centred: Vec<f32> =
        chosen.iter().flat_map(|&at| rows[at].iter().zip(&centre).map(|(value, mean)| value - mean)).collect();
    let mut axis: Vec<f32> = (0..centre.len()).map(|_| random.normal()).collect();
    for _ in 0..ROUNDS {
        let mut next = vec![0.0; axis.len()];
        for row in centred.chunks_exact(axis.len()) {
            let along = dot(row, &axis);
            next.iter_mut().zip(row).for_each(|(sum, value)| *sum += along * value);
        }
        let length = dot(&next, &next).sqrt();
        if length <= f32::MIN_POSITIVE {
            return None;
        }
        for value in &mut next {
            *value /= length;
        }
        axis = next;
    }
    let mut along: Vec<(f32, usize)> =
        centred.chunks_exact(axis.len()).zip(chosen).map(|(row, at)| (dot(row, &axis), at)).collect();
    along.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let reach = along.last()?.0 - along.first()?.0;
    if reach * reach <= SPREAD * dot(first, first) {
        return None;
    }
    // The median, moved up to the next gap, so that equal rows stay on one side.
    let mut cut = along.len() / 2;
    while cut < along.len() && along[cut].0 <= along[cut - 1].0 {
        cut += 1;
    }
    if cut == along.len() {
        cut = along.partition_point(|&(at, _)| at < along[along.len() / 2].0);
    }
    if cut == 0 || cut == along.len() {
        return None;
    }
    let (lower, upper) = along.split_at(cut);
    Some([lower, upper].map(|half| mean(&half.iter().map(|&(_, at)| rows[at]).collect::<Vec<_>>(), centre.len())))
}

/// The mean of at least one row.
pub(crate) fn mean(rows: &[&[f32]], dimension: usize) -> Vec<f32> {
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = 1.0 / rows.len() as f32;
    let mut mean = vec![0.0; dimension];
    for row in rows {
        mean.iter_mut().zip(*row).for_each(|(sum, value)| *sum += value);
    }
    for sum in &mut mean {
        *sum *= share;
    }
    mean
}
