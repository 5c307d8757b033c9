//! Where rows and queries come from.

use std::path::Path;

use tiercel_codec::normalise;

use crate::mixture::Mixture;

const QUERY_NUMBERS: u64 = 1 << 40;

/// Unit vectors by number.
pub enum Source {
    Mixture(Mixture),
    /// The numbers of `base.f32` and of `queries.f32`, row-major.
    Files {
        base: Vec<f32>,
        queries: Vec<f32>,
    },
}

fn floats(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    bytes.as_chunks::<4>().0.iter().map(|number| f32::from_le_bytes(*number)).collect()
}

impl Source {
    /// The files of a folder, or a mixture of about `rows` rows.
    pub fn new(data: Option<&Path>, rows: usize, dimension: usize) -> Self {
        data.map_or_else(
            || Self::Mixture(Mixture::new(rows, dimension, 42)),
            |folder| Self::Files {
                base: floats(&folder.join("base.f32")),
                queries: floats(&folder.join("queries.f32")),
            },
        )
    }

    /// Writes row `number`, at length 1.
    pub fn row(&self, number: u64, out: &mut [f32]) {
        match self {
            Self::Mixture(mixture) => {
                let mut raw = vec![0.0; out.len()];
                mixture.row(number, &mut raw);
                normalise(&raw, out).expect("a direction");
            }
            Self::Files { base, .. } => {
                let at = number as usize * out.len();
                normalise(&base[at..at + out.len()], out).expect("a direction");
            }
        }
    }

    /// Up to `count` queries, at length 1.
    pub fn queries(&self, count: usize, dimension: usize) -> Vec<f32> {
        let count = match self {
            Self::Mixture(_) => count,
            Self::Files { queries, .. } => count.min(queries.len() / dimension),
        };
        let mut all = vec![0.0; count * dimension];
        for (at, out) in all.chunks_exact_mut(dimension).enumerate() {
            match self {
                Self::Mixture(_) => self.row(QUERY_NUMBERS + at as u64, out),
                Self::Files { queries, .. } => {
                    normalise(&queries[at * dimension..][..dimension], out).expect("a direction");
                }
            }
        }
        all
    }
}
