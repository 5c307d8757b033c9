//! What each code loses: errors of reconstruction and of estimated cosines by dimension, and recall@10.
//!
//! `cargo run --release -p tiercel-codec --example errors`
//!
//! On a seeded mixture: clusters whose spread falls with the dimension's number as it does in embeddings, four outlier
//! dimensions, and a global mean. Prints the tables of `docs/codes.md`.

use tiercel_codec::bits::{BitsBuilder, BitsQuery, BitsView};
use tiercel_codec::candidates::{Candidate, Candidates};
use tiercel_codec::planes::{PlanesBuilder, PlanesQuery, PlanesView};
use tiercel_codec::{Kernel, Rotation, half, int8, normalise};

const DIMENSIONS: [usize; 6] = [64, 256, 384, 768, 1024, 4096];
const CLUSTERS: usize = 200;
const K: usize = 10;

fn main() {
    println!("| dimension | code | reconstruction | cosine, mean | cosine, p99 |");
    println!("| --- | --- | --- | --- | --- |");
    for dimension in DIMENSIONS {
        let space = Space::new(dimension, 2_000, 50);
        space.errors();
    }
    let space = Space::new(768, 20_000, 400);
    println!("\n| scan, then rescoring | recall@{K} |");
    println!("| --- | --- |");
    space.recalls();
}

/// A query's estimates of all rows by one code.
type Estimates = Vec<f32>;

struct Space {
    padded: usize,
    rows: Vec<Vec<f32>>,
    queries: Vec<Vec<f32>>,
    centroid: Vec<f32>,
    bits: tiercel_codec::aligned::Buffer,
    planes: tiercel_codec::aligned::Buffer,
    bytes: Vec<i8>,
    scales: Vec<f32>,
    halves: Vec<u16>,
}

impl Space {
    fn new(dimension: usize, rows: usize, queries: usize) -> Self {
        let rotation = Rotation::new(dimension, 1);
        let padded = rotation.padded();
        let mixture = Mixture::new(dimension);
        let mut random = Random(2);
        let mut rotated = || {
            let mut unit = vec![0.0; dimension];
            normalise(&mixture.draw(&mut random), &mut unit).expect("not zero");
            let mut out = vec![0.0; padded];
            rotation.apply(&unit, &mut out);
            out
        };
        let rows: Vec<Vec<f32>> = (0..rows).map(|_| rotated()).collect();
        let queries = (0..queries).map(|_| rotated()).collect();
        let mut centroid = vec![0.0; padded];
        for row in &rows {
            for (sum, value) in centroid.iter_mut().zip(row) {
                *sum += value / float(rows.len());
            }
        }
        let (mut bits, mut planes) = (BitsBuilder::new(padded), PlanesBuilder::new(padded));
        let (mut bytes, mut halves) = (vec![0; rows.len() * padded], vec![0; rows.len() * padded]);
        let mut scales = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            bits.push(u32::try_from(at).expect("small"), row, &centroid);
            planes.push(row, &centroid);
            scales.push(int8::encode(row, &mut bytes[at * padded..(at + 1) * padded]));
            half::encode(row, &mut halves[at * padded..(at + 1) * padded]);
        }
        Self { padded, rows, queries, centroid, bits: bits.finish(), planes: planes.finish(), bytes, scales, halves }
    }

    fn bits(&self) -> BitsView<'_> {
        BitsView::new(&self.bits, self.rows.len(), self.padded).expect("whole")
    }

    fn planes(&self) -> PlanesView<'_> {
        PlanesView::new(&self.planes, self.rows.len(), self.padded).expect("whole")
    }

    fn scan_bits(&self, query: &[f32], query_bits: u32, best: usize) -> Vec<Candidate> {
        let coded = BitsQuery::new(query, query_bits);
        let base = Kernel::detect().dot_f32(query, &self.centroid);
        let mut found = Candidates::new(best);
        Kernel::detect().scan_bits(&coded, base, &self.bits(), 0, |_| true, &mut found);
        found.into_sorted()
    }

    fn by_bits(&self, query: &[f32], query_bits: u32) -> Estimates {
        let mut estimates = vec![0.0; self.rows.len()];
        for candidate in self.scan_bits(query, query_bits, self.rows.len()) {
            estimates[candidate.place as usize] = candidate.score;
        }
        estimates
    }

    fn by_planes(&self, query: &[f32]) -> Estimates {
        let coded = PlanesQuery::new(query);
        let base = Kernel::detect().dot_f32(query, &self.centroid);
        let (bits, planes) = (self.bits(), self.planes());
        let rows = u32::try_from(self.rows.len()).expect("small");
        (0..rows).map(|position| Kernel::detect().score_planes(&coded, base, &bits, &planes, position)).collect()
    }

    fn by_bytes(&self, query: &[f32]) -> Estimates {
        let coded = int8::Query::new(query);
        let mut dots = vec![0; self.rows.len()];
        Kernel::detect().dots_i8(&coded, &self.bytes, &mut dots);
        dots.iter().zip(&self.scales).map(|(&dot, &scale)| coded.score(dot, scale)).collect()
    }

    fn by_halves(&self, query: &[f32]) -> Estimates {
        self.halves.chunks_exact(self.padded).map(|row| Kernel::detect().dot_f16(query, row)).collect()
    }

    fn exact(&self, query: &[f32]) -> Vec<f64> {
        self.rows.iter().map(|row| dot(query, row)).collect()
    }

    fn errors(&self) {
        let (bits, planes) = (self.bits(), self.planes());
        let mut decoded = vec![0.0; self.padded];
        let mut reconstruction = [0.0_f64; 4];
        for (position, row) in (0..).zip(&self.rows) {
            let residual: Vec<f32> = row.iter().zip(&self.centroid).map(|(x, c)| x - c).collect();
            bits.decode(position, &mut decoded);
            reconstruction[0] += off_direction(&residual, &decoded);
            planes.decode(&bits, position, &mut decoded);
            reconstruction[1] += off_direction(&residual, &decoded);
            let at = position as usize * self.padded..(position as usize + 1) * self.padded;
            int8::decode(&self.bytes[at.clone()], self.scales[position as usize], &mut decoded);
            reconstruction[2] += off_direction(row, &decoded);
            half::decode(&self.halves[at], &mut decoded);
            reconstruction[3] += off_direction(row, &decoded);
        }
        let names = ["1 bit, 1-bit query", "1 bit, 2-bit query", "1 bit, 4-bit query", "4 bits", "8 bits", "f16"];
        let mut errors = vec![Vec::new(); names.len()];
        for query in &self.queries {
            let exact = self.exact(query);
            let estimates = [
                self.by_bits(query, 1),
                self.by_bits(query, 2),
                self.by_bits(query, 4),
                self.by_planes(query),
                self.by_bytes(query),
                self.by_halves(query),
            ];
            for (errors, estimates) in errors.iter_mut().zip(estimates) {
                errors
                    .extend(estimates.iter().zip(&exact).map(|(&estimate, exact)| (f64::from(estimate) - exact).abs()));
            }
        }
        for ((name, mut errors), code) in names.into_iter().zip(errors).zip([0, 0, 0, 1, 2, 3]) {
            errors.sort_by(f64::total_cmp);
            println!(
                "| {} | {name} | {:.5} | {:.6} | {:.6} |",
                self.padded,
                reconstruction[code] / f64::from(float(self.rows.len())),
                errors.iter().sum::<f64>() / f64::from(float(errors.len())),
                errors[errors.len() * 99 / 100]
            );
        }
    }

    fn recalls(&self) {
        let names = [
            "1 bit, 1-bit query",
            "1 bit, 2-bit query",
            "1 bit, 4-bit query",
            "1 bit, then 8 bits of 100",
            "1 bit, then 8 bits of 200",
            "1 bit, then 8 bits of 500",
            "1 bit, then 4 bits of 200",
            "1 bit, then 4 bits of 200, then 8 bits of 24",
            "1 bit, then 4 bits of 500, then 8 bits of 24",
            "4 bits of all",
            "8 bits of all",
            "8 bits of all, then f16 of 20",
            "f16 of all",
        ];
        let mut found = vec![0_usize; names.len()];
        for query in &self.queries {
            let mut exact: Vec<(f64, usize)> = self.exact(query).into_iter().zip(0..).collect();
            exact.sort_by(|a, b| b.0.total_cmp(&a.0));
            let truth: Vec<usize> = exact[..K].iter().map(|&(_, row)| row).collect();
            let all: Vec<usize> = (0..self.rows.len()).collect();
            let (planes, bytes, halves) = (self.by_planes(query), self.by_bytes(query), self.by_halves(query));
            let bits = |query_bits, best| -> Vec<usize> {
                self.scan_bits(query, query_bits, best).iter().map(|candidate| candidate.row as usize).collect()
            };
            let ways = [
                bits(1, K),
                bits(2, K),
                bits(4, K),
                best(bits(2, 100), &bytes, K),
                best(bits(2, 200), &bytes, K),
                best(bits(2, 500), &bytes, K),
                best(bits(2, 200), &planes, K),
                best(best(bits(2, 200), &planes, 24), &bytes, K),
                best(best(bits(2, 500), &planes, 24), &bytes, K),
                best(all.clone(), &planes, K),
                best(all.clone(), &bytes, K),
                best(best(all.clone(), &bytes, 20), &halves, K),
                best(all, &halves, K),
            ];
            for (found, way) in found.iter_mut().zip(ways) {
                *found += way.iter().filter(|row| truth.contains(row)).count();
            }
        }
        for (name, found) in names.iter().zip(found) {
            println!("| {name} | {:.4} |", float(found) / float(K * self.queries.len()));
        }
    }
}

/// The `count` of `rows` with the highest estimates.
fn best(mut rows: Vec<usize>, estimates: &[f32], count: usize) -> Vec<usize> {
    rows.sort_by(|&a, &b| estimates[b].total_cmp(&estimates[a]));
    rows.truncate(count);
    rows
}

/// The distance of `vector` from the line through `code`.
fn off_direction(vector: &[f32], code: &[f32]) -> f64 {
    let along = dot(vector, code);
    (dot(vector, vector) - along * along / dot(code, code)).max(0.0).sqrt()
}

fn dot(one: &[f32], two: &[f32]) -> f64 {
    one.iter().zip(two).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn float(count: usize) -> f32 {
    count as f32
}

struct Mixture {
    spread: Vec<f32>,
    mean: Vec<f32>,
    centers: Vec<Vec<f32>>,
}

impl Mixture {
    fn new(dimension: usize) -> Self {
        let mut random = Random(3);
        let mut spread: Vec<f32> = (0..dimension).map(|at| (1.0 + float(at) / 16.0).sqrt().recip()).collect();
        let mut mean: Vec<f32> = spread.iter().map(|spread| random.normal() * spread / 2.0).collect();
        for outlier in [5, 17, 40, 61] {
            mean[outlier] = 6.0;
            spread[outlier] = 2.0;
        }
        let centers = (0..CLUSTERS).map(|_| spread.iter().map(|spread| random.normal() * spread).collect()).collect();
        Self { spread, mean, centers }
    }

    fn draw(&self, random: &mut Random) -> Vec<f32> {
        let center = usize::try_from(random.next() >> 32).expect("32 bits") % CLUSTERS;
        let parts = self.mean.iter().zip(&self.centers[center]).zip(&self.spread);
        parts.map(|((mean, center), spread)| mean + center + 0.6 * spread * random.normal()).collect()
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// By the method of Box and Muller.
    fn normal(&mut self) -> f32 {
        let mut uniform = || {
            let high = u16::try_from(self.next() >> 48).expect("16 bits");
            (f32::from(high) + 0.5) / 65_536.0
        };
        let radius = (-2.0 * uniform().ln()).sqrt();
        radius * (std::f32::consts::TAU * uniform()).cos()
    }
}
