//! What the files of this room promise together. Tests of one part are beside the part.

mod codes;
mod compaction;
mod crash;
mod damage;
mod manifest;
mod system;
mod vectors;

use std::path::Path;

use tiercel_base::Key;
use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};

use crate::{Rows, Segment, Shape, Throttle, Writer};

const SHAPE: Shape = Shape { padded: 64, halves: false, space: 5 };
const WITH_HALVES: Shape = Shape { halves: true, ..SHAPE };

/// `SplitMix64` (Steele, Lea & Flood, OOPSLA 2014).
fn mix(number: u64) -> u64 {
    let z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// The key row `row` has in tests.
fn key(row: u32) -> Key {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&mix(u64::from(row) + 1).to_le_bytes());
    key[8..].copy_from_slice(&mix(u64::from(row) + (1 << 40)).to_le_bytes());
    key
}

/// Rows whose content follows from their numbers.
#[derive(Debug, Default, Clone, PartialEq)]
struct Sample {
    rows: Vec<u32>,
    keys: Vec<Key>,
    scales: Vec<f32>,
    codes: Vec<i8>,
    halves: Vec<u16>,
}

impl Sample {
    fn of(shape: &Shape, rows: impl IntoIterator<Item = u32>) -> Self {
        let mut sample = Self::default();
        for row in rows {
            sample.rows.push(row);
            sample.keys.push(key(row));
            sample.scales.push(f32::from(u16::try_from(row % 60_000).expect("small")) + 0.25);
            for at in 0..shape.padded as u64 {
                let bytes = mix(u64::from(row) << 20 | at).to_le_bytes();
                sample.codes.push(bytes[0].cast_signed());
                if shape.halves {
                    sample.halves.push(u16::from_le_bytes([bytes[1], bytes[2]]));
                }
            }
        }
        sample
    }

    fn rows<'a>(&'a self, shape: &Shape) -> Rows<'a> {
        Rows {
            rows: &self.rows,
            keys: &self.keys,
            scales: &self.scales,
            codes: &self.codes,
            halves: shape.halves.then_some(&self.halves),
        }
    }

    /// Everything a segment has, by all ways of reading.
    fn read(segment: &Segment) -> Result<Self> {
        let shape = segment.shape();
        let count = segment.rows();
        let mut sample = Self {
            rows: (0..count).filter_map(|position| segment.row_at(position)).collect(),
            keys: vec![[0; 16]; count as usize],
            scales: vec![0.0; count as usize],
            codes: vec![0; count as usize * shape.padded],
            halves: vec![0; if shape.halves { count as usize * shape.padded } else { 0 }],
        };
        segment.read(0..count, &mut sample.codes, &mut sample.scales)?;
        if shape.halves {
            for (position, halves) in (0..).zip(sample.halves.chunks_mut(shape.padded)) {
                segment.read_halves(position, halves)?;
            }
        }
        segment.for_each_key(|row, key| {
            let position = segment.position(row).expect("a row of the segment");
            sample.keys[position as usize] = *key;
        })?;
        Ok(sample)
    }
}

/// Writes batches to file `number`, synced.
fn write(folder: &Path, number: u32, shape: &Shape, batches: &[Vec<u32>]) -> Writer {
    let mut writer = Writer::create(folder, number, shape).expect("created");
    for batch in batches {
        writer.append(&Sample::of(shape, batch.iter().copied()).rows(shape)).expect("appended");
    }
    writer.sync().expect("synced");
    writer
}

fn verify(segment: &Segment) -> Result<()> {
    segment.verify(&Throttle::unlimited(), &Cancel::new())
}

fn needs_rebuild<T: std::fmt::Debug>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(Error::RebuildIndex(_)))
}

/// Ascending row numbers in batches, with gaps and without.
fn batches() -> impl proptest::strategy::Strategy<Value = Vec<Vec<u32>>> {
    use proptest::prelude::*;
    let step = prop_oneof![8 => Just(1_u32), 1 => 2_u32..9];
    (0_u32..5, prop::collection::vec(prop::collection::vec(step, 1..120), 0..12)).prop_map(|(first, batches)| {
        let mut next = first;
        let mut row = |step: u32| {
            next += step;
            next - 1
        };
        batches.into_iter().map(|batch| batch.into_iter().map(&mut row).collect()).collect()
    })
}
