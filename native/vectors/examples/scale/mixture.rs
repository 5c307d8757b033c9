//! Synthetic embeddings with what makes real ones hard: clusters of very different sizes, few directions within each, a
//! common mean and some dimensions much larger than the rest. Streamed: a row is made from its number alone.

/// A generator of rows of one data set.
pub struct Mixture {
    dimension: usize,
    centers: Vec<f32>,
    clusters: usize,
    directions: Vec<f32>,
    noise: Vec<f32>,
    mean: Vec<f32>,
    loud: Vec<f32>,
    seed: u64,
}

/// Directions that the rows of all clusters vary along, and how many of them each cluster uses.
const DIRECTIONS: usize = 512;
const PER_CLUSTER: usize = 24;
/// Entries of the noise table; a row adds up two windows of it.
const NOISE: usize = 1 << 20;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    fn normal(&mut self) -> f32 {
        let radius = (-2.0 * self.unit().max(1e-7).ln()).sqrt();
        radius * (std::f32::consts::TAU * self.unit()).cos()
    }
}

impl Mixture {
    /// A data set of about `rows` rows.
    pub fn new(rows: usize, dimension: usize, seed: u64) -> Self {
        let mut random = Random(seed);
        let clusters = (rows / 150).clamp(64, 20_000);
        let mut normals = |count: usize| (0..count).map(|_| random.normal()).collect::<Vec<f32>>();
        let (centers, directions, noise, mean) =
            (normals(clusters * dimension), normals(DIRECTIONS * dimension), normals(NOISE), normals(dimension));
        // One dimension in a hundred is six times as loud.
        let loud = (0..dimension).map(|at| if at % 101 == 13 { 6.0 } else { 1.0 }).collect();
        Self { dimension, centers, clusters, directions, noise, mean, loud, seed }
    }

    /// Writes the row of this number; numbers from 2^40 on make queries.
    pub fn row(&self, number: u64, out: &mut [f32]) {
        let mut random = Random(self.seed ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93));
        // Zipf-like sizes: the square of a uniform number prefers small cluster numbers.
        let pick = random.unit();
        let cluster = ((pick * pick * self.clusters as f32) as usize).min(self.clusters - 1);
        let spread = 0.5 + (cluster % 7) as f32 * 0.1;
        let windows = [0, 1].map(|_| random.next() as usize % (NOISE - self.dimension));
        let center = &self.centers[cluster * self.dimension..][..self.dimension];
        for (at, value) in out.iter_mut().enumerate() {
            *value =
                0.6 * self.mean[at] + center[at] + 0.3 * (self.noise[windows[0] + at] + self.noise[windows[1] + at]);
        }
        for direction in 0..PER_CLUSTER {
            let weight = 0.15 * spread * random.normal();
            let at = (cluster * 31 + direction * 7) % DIRECTIONS;
            let direction = &self.directions[at * self.dimension..][..self.dimension];
            out.iter_mut().zip(direction).for_each(|(value, along)| *value += weight * along);
        }
        out.iter_mut().zip(&self.loud).for_each(|(value, loud)| *value *= loud);
    }
}
