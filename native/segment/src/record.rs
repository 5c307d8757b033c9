//! One row's record: scale, checksum, codes, and behind them the halves with a checksum of their own.
//!
//! Both checksums begin with the row's number, which is not in the record: a record at the wrong place, or of another
//! file under the same name, does not pass. The halves have their own so that codes are read without them.

use crate::bytes::u32_at;
use crate::shape::{RECORD_HEAD, Shape};

fn sum_of_codes(row: u32, scale: [u8; 4], codes: &[u8]) -> u32 {
    let mut start = [0; 8];
    start[..4].copy_from_slice(&row.to_le_bytes());
    start[4..].copy_from_slice(&scale);
    crc32c::crc32c_append(crc32c::crc32c(&start), codes)
}

fn sum_of_halves(row: u32, halves: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&row.to_le_bytes()), halves)
}

/// Appends a record. `halves` are there exactly when the shape says so.
pub(crate) fn encode(row: u32, scale: f32, codes: &[i8], halves: Option<&[u16]>, out: &mut Vec<u8>) {
    let scale = scale.to_le_bytes();
    out.extend(scale);
    let sum_at = out.len();
    out.extend([0; 4]);
    out.extend(codes.iter().map(|code| code.cast_unsigned()));
    let sum = sum_of_codes(row, scale, &out[sum_at + 4..]);
    out[sum_at..sum_at + 4].copy_from_slice(&sum.to_le_bytes());
    if let Some(halves) = halves {
        let sum_at = out.len();
        out.extend([0; 4]);
        out.extend(halves.iter().flat_map(|half| half.to_le_bytes()));
        let sum = sum_of_halves(row, &out[sum_at + 4..]);
        out[sum_at..sum_at + 4].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Whether the first part of a record, `shape.code_bytes()` long, is what was written for `row`.
pub(crate) fn codes_are_sound(row: u32, part: &[u8]) -> bool {
    let Some((scale, rest)) = part.split_first_chunk::<4>() else { return false };
    rest.len() >= 4 && u32_at(rest, 0) == sum_of_codes(row, *scale, &rest[4..])
}

/// Whether the second part of a record, `shape.half_bytes()` long, is what was written for `row`.
pub(crate) fn halves_are_sound(row: u32, part: &[u8]) -> bool {
    part.len() >= 4 && u32_at(part, 0) == sum_of_halves(row, &part[4..])
}

/// Whether a whole record is what was written for `row`.
pub(crate) fn is_sound(shape: &Shape, row: u32, record: &[u8]) -> bool {
    let (codes, halves) = record.split_at(shape.code_bytes().min(record.len()));
    codes_are_sound(row, codes) && (!shape.halves || halves_are_sound(row, halves))
}

/// Takes scale and codes out of a sound first part.
pub(crate) fn decode_codes(part: &[u8], codes: &mut [i8]) -> f32 {
    for (code, byte) in codes.iter_mut().zip(&part[RECORD_HEAD..]) {
        *code = byte.cast_signed();
    }
    f32::from_bits(u32_at(part, 0))
}

/// Takes the halves out of a sound second part.
pub(crate) fn decode_halves(part: &[u8], halves: &mut [u16]) {
    for (half, bytes) in halves.iter_mut().zip(part[4..].as_chunks::<2>().0) {
        *half = u16::from_le_bytes(*bytes);
    }
}
