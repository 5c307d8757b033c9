//! Little-endian numbers in byte runs.

/// The number at `at`; 0 behind the end, which no checked reader reaches.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |found| u32::from_le_bytes(*found))
}

/// The number at `at`; 0 behind the end, which no checked reader reaches.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |found| u64::from_le_bytes(*found))
}

/// Puts a number at `at`, which lies within `bytes`.
pub(crate) fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Puts a number at `at`, which lies within `bytes`.
pub(crate) fn put_u64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// A length as the 32 bits it has on disk; lengths are bounded long before this saturates.
pub(crate) fn short(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// `length` up to the next multiple of `unit`.
pub(crate) fn aligned(length: u64, unit: u64) -> u64 {
    length.div_ceil(unit) * unit
}
