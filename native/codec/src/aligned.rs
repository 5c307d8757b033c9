//! Byte buffers aligned to 64 bytes: a cache line, and the widest vector register.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::slice;

use tiercel_base::error::{Error, Result};

/// Alignment of a [`Buffer`] and of every page that is viewed in place.
pub const ALIGNMENT: usize = 64;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; ALIGNMENT]);

const ZEROS: Line = Line([0; ALIGNMENT]);

/// Bytes that start at a multiple of 64, so that a page read into them can be compared without being copied.
#[derive(Clone, Default)]
pub struct Buffer {
    lines: Vec<Line>,
    length: usize,
}

impl Buffer {
    /// `length` zeros.
    #[must_use]
    pub fn zeroed(length: usize) -> Self {
        Self { lines: vec![ZEROS; length.div_ceil(ALIGNMENT)], length }
    }

    /// A copy of `bytes`.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut buffer = Self::zeroed(bytes.len());
        buffer.copy_from_slice(bytes);
        buffer
    }

    /// An empty buffer that grows to `capacity` bytes without moving.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { lines: Vec::with_capacity(capacity.div_ceil(ALIGNMENT)), length: 0 }
    }

    /// Makes it `length` bytes long; what is new is zero.
    pub fn resize(&mut self, length: usize) {
        let old = self.length;
        self.lines.resize(length.div_ceil(ALIGNMENT), ZEROS);
        self.length = length;
        // The rest of the last line may hold bytes that were cut off earlier.
        if length > old {
            let stale = old.next_multiple_of(ALIGNMENT).min(length);
            self[old..stale].fill(0);
        }
    }

    /// Appends bytes.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let old = self.length;
        self.resize(old + bytes.len());
        self[old..].copy_from_slice(bytes);
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.lines.capacity() * ALIGNMENT
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `length <= lines.len() * 64` after every change, lines are initialised and bytes need no alignment.
        unsafe { slice::from_raw_parts(self.lines.as_ptr().cast(), self.length) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and `self` is borrowed exclusively. Every bit pattern is a valid byte.
        unsafe { slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.length) }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Buffer {}

impl fmt::Debug for Buffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Buffer({} bytes)", self.length)
    }
}

/// Numbers of which every bit pattern is a value, so that bytes may be viewed as them.
pub(crate) trait Plain: Copy {}
impl Plain for u8 {}
impl Plain for u16 {}
impl Plain for u32 {}
impl Plain for u64 {}
impl Plain for f32 {}

/// The bytes of `numbers`.
pub(crate) fn bytes_of<T: Plain>(numbers: &[T]) -> &[u8] {
    // SAFETY: `Plain` types have no padding, any address suits a byte, and the length in bytes is that of the slice.
    unsafe { slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) }
}

/// `bytes` as numbers, in place.
///
/// # Errors
/// [`Error::Report`] when the address or the length does not suit `T`.
pub(crate) fn numbers_of<T: Plain>(bytes: &[u8]) -> Result<&[T]> {
    // SAFETY: every bit pattern is a value of a `Plain` type.
    let (before, numbers, after) = unsafe { bytes.align_to::<T>() };
    if before.is_empty() && after.is_empty() {
        Ok(numbers)
    } else {
        Err(Error::Report("A code page does not lie at a multiple of 64 bytes.".into()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_an_aligned_vector_of_bytes(steps in prop::collection::vec((any::<bool>(), 0_usize..300), 0..20)) {
            let (mut buffer, mut oracle) = (Buffer::default(), Vec::new());
            for (grow, n) in steps {
                if grow {
                    let more = vec![u8::try_from(n % 255).expect("small") + 1; n];
                    buffer.extend_from_slice(&more);
                    oracle.extend_from_slice(&more);
                } else {
                    buffer.resize(n);
                    oracle.resize(n, 0);
                }
                prop_assert_eq!(&*buffer, &*oracle);
                prop_assert_eq!(buffer.as_ptr() as usize % ALIGNMENT, 0);
                prop_assert!(buffer.capacity() >= buffer.len());
            }
        }
    }

    #[test]
    fn numbers_must_be_aligned_and_whole() {
        let buffer = Buffer::copy_of(&[1, 0, 0, 0, 2, 0, 0, 0, 3]);
        assert_eq!(numbers_of::<u32>(&buffer[..8]).expect("aligned"), [1, 2]);
        assert!(numbers_of::<u32>(&buffer).is_err());
        assert!(numbers_of::<u32>(&buffer[1..5]).is_err());
        assert_eq!(bytes_of(&[1_u16, 2]), [1, 0, 2, 0]);
    }
}
