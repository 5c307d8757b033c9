//! Writing pages of 1-bit codes.

use super::{BitsView, GROUP, bytes, pack};
use crate::aligned::{Buffer, bytes_of};
use crate::sums::{LANES, total};
use crate::{Kernel, WORD, half};

/// Encodes rows into a page. The page may be looked at while it grows ([`BitsBuilder::snapshot`]).
#[derive(Debug, Clone)]
pub struct BitsBuilder {
    kernel: Kernel,
    padded: usize,
    codes: Vec<u64>,
    f: Vec<u16>,
    g: Vec<u16>,
    rows: Vec<u32>,
    signs: Vec<u8>,
}

/// The sign bit of a float.
const SIGN: u32 = 1 << 31;

/// Sums over a residual `r = x - c`.
struct Sums {
    /// `r . r`
    squares: f32,
    /// Of `|r|`.
    magnitudes: f32,
    /// `c . r`
    along: f32,
    /// `c . s`, where `s` are the signs of `r`
    signed: f32,
}

impl BitsBuilder {
    /// An empty page of vectors of `padded` dimensions, a multiple of 64.
    #[must_use]
    pub fn new(padded: usize) -> Self {
        Self {
            kernel: Kernel::detect(),
            padded,
            codes: Vec::new(),
            f: Vec::new(),
            g: Vec::new(),
            rows: Vec::new(),
            signs: vec![0; padded],
        }
    }

    /// Appends the row of number `row`: a rotated unit vector, and the centroid of the page's cell.
    ///
    /// # Panics
    /// When a vector has another dimension than the page.
    pub fn push(&mut self, row: u32, unit_rotated: &[f32], centroid: &[f32]) {
        assert_eq!((unit_rotated.len(), centroid.len()), (self.padded, self.padded), "a vector of another space");
        let words = self.padded / WORD;
        let lane = self.make_room();
        let Self { kernel, codes, signs, .. } = self;
        let start = codes.len() - words * GROUP;
        let codes = &mut codes[start..];
        let sums = kernel.wide(
            #[inline(always)]
            || {
                let sums = measure(unit_rotated, centroid, signs);
                pack(signs, 0, |word, packed| codes[word * GROUP + lane] = packed);
                sums
            },
        );
        // A row that is its centroid has no residual to estimate.
        let f = if sums.magnitudes > 0.0 { sums.squares / sums.magnitudes } else { 0.0 };
        let f = half::encode_one(f);
        self.f.push(f);
        self.g.push(half::encode_one(sums.along - half::decode_one(f) * sums.signed));
        self.rows.push(row);
    }

    /// Appends the row at `position` of another page as it is. The page must be of the same centroid.
    ///
    /// # Panics
    /// When the other page has another dimension or there is no such position.
    pub fn push_from(&mut self, page: &BitsView<'_>, position: u32) {
        assert_eq!(page.padded(), self.padded, "a page of another space");
        let number = page.row(position);
        let position = position as usize;
        let words = self.padded / WORD;
        let lane = self.make_room();
        let start = self.codes.len() - words * GROUP;
        let from = page.group(position / GROUP).as_chunks::<GROUP>().0;
        for (to, from) in self.codes[start..].as_chunks_mut::<GROUP>().0.iter_mut().zip(from) {
            to[lane] = from[position % GROUP];
        }
        let (f, g) = page.factors(position / GROUP);
        self.f.push(f[position % GROUP]);
        self.g.push(g[position % GROUP]);
        self.rows.push(number);
    }

    /// Adds a group when the last one is full; gives the next row's place in the last group.
    fn make_room(&mut self) -> usize {
        let lane = self.rows.len() % GROUP;
        if lane == 0 {
            self.codes.resize(self.codes.len() + self.padded / WORD * GROUP, 0);
        }
        lane
    }

    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.codes.capacity() * 8 + (self.f.capacity() + self.g.capacity()) * 2 + self.rows.capacity() * 4 + self.padded
    }

    /// A copy of the page of the rows so far.
    #[must_use]
    pub fn snapshot(&self) -> Buffer {
        let mut page = Buffer::with_capacity(bytes(self.rows.len(), self.padded));
        let all = self.rows.len().next_multiple_of(GROUP);
        page.extend_from_slice(bytes_of(&self.codes));
        for halves in [&self.f, &self.g] {
            page.extend_from_slice(bytes_of(halves));
            page.resize(page.len() + (all - halves.len()) * 2);
        }
        page.extend_from_slice(bytes_of(&self.rows));
        page.resize(page.len() + (all - self.rows.len()) * 4);
        page
    }

    /// The finished page: [`bytes`] of the number of rows.
    #[must_use]
    pub fn finish(self) -> Buffer {
        self.snapshot()
    }

    /// [`BitsBuilder::finish`], and then ready for another page in the same memory.
    pub fn take(&mut self) -> Buffer {
        let page = self.snapshot();
        self.codes.clear();
        self.f.clear();
        self.g.clear();
        self.rows.clear();
        page
    }
}

#[inline(always)]
fn measure(vector: &[f32], centroid: &[f32], signs: &mut [u8]) -> Sums {
    let [mut squares, mut magnitudes, mut along, mut signed] = [[0.0; LANES]; 4];
    let chunks = vector.as_chunks::<LANES>().0.iter().zip(centroid.as_chunks::<LANES>().0);
    for ((x, c), signs) in chunks.zip(signs.as_chunks_mut::<LANES>().0) {
        for lane in 0..LANES {
            let r = x[lane] - c[lane];
            squares[lane] += r * r;
            magnitudes[lane] += r.abs();
            along[lane] += c[lane] * r;
            signed[lane] += f32::from_bits(c[lane].to_bits() ^ r.to_bits() & SIGN);
            signs[lane] = u8::from(r.to_bits() >> 31 == 0);
        }
    }
    Sums { squares: total(&squares), magnitudes: total(&magnitudes), along: total(&along), signed: total(&signed) }
}
