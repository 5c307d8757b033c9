//! Comparing queries with codes, by the widest instructions that the processor has.
//!
//! [`portable`] is the definition. Kernels of integers give exactly its integers, and scans of 1-bit codes exactly its
//! floats; dot products of floats add in another order and differ by rounding.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod prefetch;

pub use prefetch::prefetch;

#[cfg(target_arch = "x86_64")]
use prefetch::AHEAD;

use crate::bits::{BitsQuery, BitsView, GROUP};
use crate::candidates::{Candidate, Candidates};
use crate::int8::Query;
use crate::planes::{PlanesQuery, PlanesView};

/// Groups of a 1-bit page between two looks at the threshold.
const BLOCK: usize = 32;

/// Which implementation runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel(Choice);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

/// Rows of a block of a page whose estimates reach the threshold.
pub(crate) struct Hits {
    positions: [u32; BLOCK * GROUP],
    scores: [f32; BLOCK * GROUP],
    count: usize,
}

impl Hits {
    /// Takes the rows of a group whose bits are set in `reached`. What is beyond the end of the page is left out by
    /// [`Kernel::scan_bits`], once per page instead of once per group.
    #[inline]
    fn push(&mut self, group: usize, mut reached: u32, scores: &[f32; GROUP]) {
        while reached != 0 {
            let lane = reached.trailing_zeros() as usize;
            #[expect(clippy::cast_possible_truncation, reason = "a page has fewer than 2^32 rows")]
            let position = (group * GROUP + lane) as u32;
            self.positions[self.count] = position;
            self.scores[self.count] = scores[lane];
            self.count += 1;
            reached &= reached - 1;
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vpopcntdq")
        && is_x86_feature_detected!("avx512vnni")
}

macro_rules! choose {
    ($self:ident, $name:ident($($argument:expr),*)) => {
        match $self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this choice is made only where AVX-512 (F, BW, VL, VPOPCNTDQ, VNNI) was found beside AVX2.
            Choice::Avx512 => unsafe { avx512::$name($($argument),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this choice is made only where AVX2, FMA and F16C were found.
            Choice::Avx2 => unsafe { avx2::$name($($argument),*) },
            #[cfg(target_arch = "aarch64")]
            Choice::Neon => neon::$name($($argument),*),
            Choice::Portable => portable::$name($($argument),*),
        }
    };
}

impl Kernel {
    /// Plain loops: what runs where there is nothing better, and the oracle of the rest.
    pub const PORTABLE: Self = Self(Choice::Portable);

    /// The fastest kernel of this processor.
    #[must_use]
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        let choice = match (has_avx2(), has_avx512()) {
            (true, true) => Choice::Avx512,
            (true, false) => Choice::Avx2,
            (false, _) => Choice::Portable,
        };
        #[cfg(target_arch = "aarch64")]
        let choice = Choice::Neon;
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let choice = Choice::Portable;
        Self(choice)
    }

    /// Every kernel that this processor can run, the slowest first.
    #[must_use]
    pub fn all_available() -> Vec<Self> {
        let mut all = vec![Self::PORTABLE];
        #[cfg(target_arch = "x86_64")]
        if has_avx2() {
            all.push(Self(Choice::Avx2));
        }
        if !all.contains(&Self::detect()) {
            all.push(Self::detect());
        }
        all
    }

    /// Bits of a query's component against 1-bit codes: as many as are worth their time. Where bits are counted by an
    /// instruction of their own, memory is what a scan waits for, whatever the bits.
    #[must_use]
    pub fn query_bits(self) -> u32 {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512 => 4,
            _ => 3,
        }
    }

    /// A word for reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Choice::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Choice::Neon => "neon",
            Choice::Portable => "portable",
        }
    }

    /// Runs `work`, compiled for the instructions of this kernel where it is inlined. The results are the same floats.
    #[inline]
    pub(crate) fn wide<R>(self, work: impl FnOnce() -> R) -> R {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: these choices are made only where AVX2 was found.
            Choice::Avx512 | Choice::Avx2 => unsafe { avx2::wide(work) },
            // What NEON has is part of the architecture.
            _ => work(),
        }
    }

    /// The dot product of a query with one row of 8-bit codes, up to the shorter of both.
    #[must_use]
    #[inline]
    pub fn dot_i8(self, query: &Query, row: &[i8]) -> i32 {
        let length = query.codes.len().min(row.len());
        choose!(self, dot_i8(&query.codes[..length], &row[..length]))
    }

    /// [`Kernel::dot_i8`] for consecutive rows of the query's dimension: `dots[i]` for the `i`th row, as many as both
    /// hold.
    pub fn dots_i8(self, query: &Query, rows: &[i8], dots: &mut [i32]) {
        if query.dimension() == 0 {
            dots.fill(0);
            return;
        }
        for (dot, row) in dots.iter_mut().zip(rows.chunks_exact(query.dimension())) {
            *dot = choose!(self, dot_i8(&query.codes, row));
        }
    }

    /// The dot product of a query with one row of half floats, up to the shorter of both.
    #[must_use]
    #[inline]
    pub fn dot_f16(self, query: &[f32], row: &[u16]) -> f32 {
        let length = query.len().min(row.len());
        choose!(self, dot_f16(&query[..length], &row[..length]))
    }

    /// The dot product of two vectors, up to the shorter of both.
    #[must_use]
    #[inline]
    pub fn dot_f32(self, one: &[f32], two: &[f32]) -> f32 {
        let length = one.len().min(two.len());
        choose!(self, dot_f32(&one[..length], &two[..length]))
    }

    /// [`Kernel::dot_f32`] for consecutive rows of the query's dimension: `dots[i]` for the `i`th row, as many as both
    /// hold.
    pub fn dots_f32(self, query: &[f32], rows: &[f32], dots: &mut [f32]) {
        if query.is_empty() {
            dots.fill(0.0);
            return;
        }
        for (dot, row) in dots.iter_mut().zip(rows.chunks_exact(query.len())) {
            *dot = choose!(self, dot_f32(query, row));
        }
    }

    /// Estimates every row of a page of 1-bit codes and offers those that reach the threshold of `candidates` and that
    /// `accept` takes (by row number; it is asked for no other). `base` is the dot product of the query with the page's
    /// centroid, `place` the number of the page's first position.
    ///
    /// # Panics
    /// When query and page differ in dimension.
    pub fn scan_bits(
        self,
        query: &BitsQuery,
        base: f32,
        page: &BitsView<'_>,
        place: u32,
        accept: impl Fn(u32) -> bool,
        candidates: &mut Candidates,
    ) {
        assert_eq!(query.padded(), page.padded(), "a query of another space");
        let mut hits = Hits { positions: [0; BLOCK * GROUP], scores: [0.0; BLOCK * GROUP], count: 0 };
        let mut first = 0;
        while first < page.groups() {
            let end = (first + BLOCK).min(page.groups());
            hits.count = 0;
            choose!(self, scan_bits(query, base, page, first..end, candidates.threshold(), &mut hits));
            for (&position, &score) in hits.positions[..hits.count].iter().zip(&hits.scores) {
                // Positions rise: beyond the end there are only those of the last group.
                let Some(&row) = page.row_numbers().get(position as usize) else { break };
                if score >= candidates.threshold() && accept(row) {
                    candidates.push(Candidate { score, row, place: place.wrapping_add(position) });
                }
            }
            first = end;
        }
    }

    /// The estimate of one row from its 4-bit code: the sign bits in `bits` and the planes in `planes`; `base` is the dot
    /// product of the query with the page's centroid.
    ///
    /// # Panics
    /// When the dimensions differ or there is no such position.
    #[must_use]
    pub fn score_planes(
        self,
        query: &PlanesQuery,
        base: f32,
        bits: &BitsView<'_>,
        planes: &PlanesView<'_>,
        position: u32,
    ) -> f32 {
        assert_eq!((query.padded(), query.padded()), (bits.padded(), planes.padded()), "a query of another space");
        let position = position as usize;
        assert!(position < bits.rows() && position < planes.rows(), "no such row");
        let signs = &bits.group(position / GROUP)[position % GROUP..];
        let levels = choose!(self, dot_planes(&query.codes, signs, planes.row(position)));
        let (f, g) = planes.factors(position);
        query.estimate(base, levels, f, g)
    }
}

#[cfg(test)]
mod tests;
