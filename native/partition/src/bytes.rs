//! The stored form of a partition, little-endian:
//!
//! | bytes | field |
//! |---|---|
//! | 4 | magic `TCEL` |
//! | 4 | version, 1 |
//! | 4 | dimensions |
//! | 4 | cells |
//! | 4 | groups, 0 when the search has one level |
//! | 4 | numbers of the calibration curves, 256 |
//! | 8 | rows that they were measured on, 0 for the sample |
//! | 4 x cells x dimensions | centroids, f32 |
//! | 8 x cells | rows of the sample (u32) and radius (f32) of each cell |
//! | 4 x cells, with groups | group of each cell, u32 |
//! | 4 x steps | calibration curves, f32: recall reached by reach, 64 steps of 0.04, for all rows and 1 in 4, 16 and 64 of them |
//! | 4 x steps | mean share of the cells visited at the same steps |
//!
//! Nothing follows. The file around it carries the checksum; what is checked here is that every length and number fits.

use tiercel_base::error::{Error, Result};

use crate::calibrate::{CURVE_STEPS, Curves};
use crate::centroids::{Centroids, Groups};
use crate::partition::Partition;
use crate::reach::Spread;

const MAGIC: u32 = u32::from_le_bytes(*b"TCEL");
const VERSION: u32 = 1;
const HEADER_WORDS: usize = 8;
const WORD: usize = 4;

impl Partition {
    /// The stored form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let groups = self.groups.as_ref();
        let [low, high] = halves(self.curves.rows);
        let header = [
            MAGIC,
            VERSION,
            word(self.dimension()),
            self.cells(),
            word(groups.map_or(0, |groups| groups.members.len())),
            word(self.curves.recall.len()),
            low,
            high,
        ];
        let words = HEADER_WORDS + self.centroids.values().len() + 3 * self.spreads.len() + 2 * CURVE_STEPS;
        let mut bytes = Vec::with_capacity(words * WORD);
        let mut put = |word: u32| bytes.extend_from_slice(&word.to_le_bytes());
        header.into_iter().for_each(&mut put);
        self.centroids.values().iter().for_each(|value| put(value.to_bits()));
        for spread in &self.spreads {
            put(spread.rows);
            put(spread.radius.to_bits());
        }
        if let Some(groups) = groups {
            groups.group_of(self.cells() as usize).into_iter().for_each(&mut put);
        }
        self.curves.recall.iter().chain(&self.curves.visited).for_each(|value| put(value.to_bits()));
        bytes
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// `UpdateTiercel` for a newer version, `RebuildIndex` for anything that is no stored partition.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (words, rest) = bytes.as_chunks::<WORD>();
        let mut words = words.iter().map(|word| u32::from_le_bytes(*word));
        let mut header = [0; HEADER_WORDS];
        for field in &mut header {
            *field = words.next().ok_or_else(|| damaged("is shorter than its header"))?;
        }
        let [magic, version, dimension, cells, groups, steps, low, high] = header;
        if magic != MAGIC {
            return Err(damaged("does not begin as one"));
        }
        if version > VERSION {
            return Err(Error::UpdateTiercel(format!(
                "The stored cells have version {version}, this Tiercel reads up to {VERSION}."
            )));
        }
        let (dimension, cells, groups, steps) = (dimension as usize, cells as usize, groups as usize, steps as usize);
        let per_cell = dimension as u128 + 2 + u128::from(groups > 0);
        if version == 0
            || dimension == 0
            || !dimension.is_multiple_of(tiercel_codec::WORD)
            || cells == 0
            || groups > cells
            || steps != CURVE_STEPS
            || !rest.is_empty()
            || words.len() as u128 != cells as u128 * per_cell + 2 * steps as u128
        {
            return Err(damaged("has lengths that do not fit"));
        }
        let values: Vec<f32> = words.by_ref().take(cells * dimension).map(f32::from_bits).collect();
        let spreads: Vec<Spread> =
            std::iter::from_fn(|| Some(Spread { rows: words.next()?, radius: f32::from_bits(words.next()?) }))
                .take(cells)
                .collect();
        let group_of: Vec<u32> = words.by_ref().take(if groups > 0 { cells } else { 0 }).collect();
        let mut recall: Vec<f32> = words.map(f32::from_bits).collect();
        let visited = recall.split_off(CURVE_STEPS);
        let finite = values.iter().chain(&recall).chain(&visited).chain(spreads.iter().map(|spread| &spread.radius));
        if !finite.into_iter().all(|value| value.is_finite()) {
            return Err(damaged("holds numbers that are not finite"));
        }
        if group_of.iter().any(|&group| group as usize >= groups) {
            return Err(damaged("names a group that is not there"));
        }
        let centroids = Centroids::new(dimension, values);
        let groups = (groups > 0).then(|| Groups::new(&centroids, &group_of, groups));
        Ok(Self::new(
            centroids,
            groups,
            spreads,
            Curves { recall, visited, rows: u64::from(low) | u64::from(high) << 32 },
        ))
    }
}

/// The lower and the upper half.
#[allow(clippy::cast_possible_truncation)]
fn halves(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

/// Sizes of a partition fit: cells are counted in u32, and so are dimensions.
#[allow(clippy::cast_possible_truncation)]
fn word(size: usize) -> u32 {
    size as u32
}

fn damaged(how: &str) -> Error {
    Error::RebuildIndex(format!("The stored partition into cells {how}: rebuild the index."))
}
