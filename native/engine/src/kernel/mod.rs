//! Dot products of a query with rows of codes; the fastest this processor has, chosen once.
//!
//! [`portable::dot`] is the definition: every other kernel gives exactly its integers.

#[cfg(target_arch = "x86_64")]
mod avx2;
pub mod portable;

/// Which implementation runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel(Choice);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Kernel {
    /// The fastest kernel of this processor.
    #[must_use]
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return Self(Choice::Avx2);
        }
        Self(Choice::Portable)
    }

    /// A word for reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Choice::Avx2 => "avx2",
            Choice::Portable => "portable",
        }
    }

    /// The sum of `query[i] * row[i]`. Both have the same length; the caller's encoding keeps the sum within 32 bits.
    #[must_use]
    #[inline]
    pub fn dot(self, query: &[i16], row: &[i8]) -> i32 {
        debug_assert_eq!(query.len(), row.len());
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this choice is made only by `detect`, after it found AVX2.
            Choice::Avx2 => unsafe { avx2::dot(query, row) },
            Choice::Portable => portable::dot(query, row),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs() -> impl Strategy<Value = (Vec<i16>, Vec<i8>)> {
        (0_usize..600).prop_flat_map(|n| {
            (prop::collection::vec(-25_000_i16..=25_000, n), prop::collection::vec(-127_i8..=127, n))
        })
    }

    proptest! {
        #[test]
        fn the_fastest_kernel_gives_the_integers_of_the_oracle((query, row) in pairs()) {
            prop_assert_eq!(Kernel::detect().dot(&query, &row), portable::dot(&query, &row));
        }
    }

    #[test]
    fn the_largest_values_do_not_overflow() {
        let query = vec![i16::MAX; 256];
        let row = vec![-127_i8; 256];
        assert_eq!(Kernel::detect().dot(&query, &row), -127 * 256 * i32::from(i16::MAX));
    }
}
