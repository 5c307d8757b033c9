//! Cells of the vector space: training, assignment, probing, and their repair as the data shifts; and the index of
//! locality-sensitive hashes they are measured against.

mod balance;
mod bytes;
mod calibrate;
mod calibrator;
mod centroids;
mod halves;
mod kmeans;
pub mod lsh;
mod parallel;
mod partition;
mod probe;
mod product;
mod random;
mod rank;
mod reach;
mod repair;
mod size;
#[cfg(test)]
mod testing;

pub use balance::{Balance, Operation};
pub use calibrator::Neighbourhood;
pub use partition::{Partition, Training};
pub use probe::{ProbeRule, Prober};
pub use rank::Ranked;
pub use reach::Spread;
pub use repair::Repaired;
pub use size::{cells_for, outgrown, sample_for};
