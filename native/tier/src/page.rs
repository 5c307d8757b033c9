//! What a page is called, which class it belongs to, and what it weighs.

use std::any::Any;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// Number of classes.
pub const CLASSES: usize = 4;

/// What a page holds, in order of worth: memory that runs short is taken from the last class first.
///
/// A byte of 1-bit codes saves the most work: every search reads all of them, and one page of them stands for as many
/// vectors as three pages of planes or seven of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Class {
    /// 1-bit codes.
    Bits,
    /// The three further planes of a 4-bit code.
    Planes,
    /// 8-bit codes.
    Bytes,
    /// 16-bit floats.
    Halves,
}

impl Class {
    /// All classes, the most worthy first.
    pub const ALL: [Self; CLASSES] = [Self::Bits, Self::Planes, Self::Bytes, Self::Halves];

    /// Position in [`Class::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// A word for books and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bits => "1-bit codes",
            Self::Planes => "4-bit planes",
            Self::Bytes => "int8 codes",
            Self::Halves => "f16 vectors",
        }
    }
}

/// The name of a page. What lies under a name never changes: another content gets another file number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageKey {
    /// An open space, from [`next_space`].
    pub space: u64,
    /// File within the space.
    pub file: u32,
    /// Page within the file.
    pub page: u32,
    /// What the page holds.
    pub class: Class,
}

impl PageKey {
    /// 64 well-mixed bits (the finaliser of `SplitMix64`: Steele, Lea & Flood, OOPSLA 2014).
    #[must_use]
    pub fn mixed(&self) -> u64 {
        let place = (u64::from(self.file) << 32) | u64::from(self.page);
        mix(mix(place ^ (self.class as u64).rotate_right(2))
            .wrapping_add(self.space.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
            >> 1
    }
}

impl Hash for PageKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.mixed());
    }
}

fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// A hasher for keys that are mixed already: passes the one `u64` through.
#[derive(Debug, Default, Clone, Copy)]
pub struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = mix(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// A number for a space that is being opened: never given twice in a process, so that pages of a closed space cannot be
/// mistaken for those of the same space opened again.
#[must_use]
pub fn next_space() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What the cache asks of a value.
pub trait Weight: Any + Send + Sync {
    /// Bytes of memory it holds, its own struct included. Must not change while the value is cached.
    fn bytes(&self) -> usize;
}

impl Weight for Vec<u8> {
    fn bytes(&self) -> usize {
        self.capacity() + size_of::<Self>()
    }
}

impl Weight for Box<[u8]> {
    fn bytes(&self) -> usize {
        self.len() + size_of::<Self>()
    }
}
