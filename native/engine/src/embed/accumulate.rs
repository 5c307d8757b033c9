//! `vector += weight x codes`, with the widest registers this processor has.
//!
//! Every implementation multiplies and adds component by component, without fused operations: they give the same bits.

/// Which implementation runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accumulator {
    /// Compiled for 256-bit registers.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Compiled for what every processor of the architecture has.
    Portable,
}

impl Accumulator {
    /// The fastest of this processor.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return Self::Avx2;
        }
        Self::Portable
    }

    /// Adds `weight` times the two's complement `codes`, of the vector's length.
    pub fn add(self, vector: &mut [f32], codes: &[u8], weight: f32) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `detect` makes this choice only after it found AVX2.
            Self::Avx2 => unsafe { add_avx2(vector, codes, weight) },
            Self::Portable => add_portable(vector, codes, weight),
        }
    }
}

// Inlined for certain: only inside `add_avx2` is the loop compiled for wide registers.
#[allow(clippy::inline_always)]
#[inline(always)]
fn add_portable(vector: &mut [f32], codes: &[u8], weight: f32) {
    for (sum, &code) in vector.iter_mut().zip(codes) {
        *sum += weight * f32::from(code.cast_signed());
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn add_avx2(vector: &mut [f32], codes: &[u8], weight: f32) {
    add_portable(vector, codes, weight);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_fastest_gives_the_bits_of_the_portable(
            start in prop::collection::vec(-10_f32..10.0, 0..300),
            codes in prop::collection::vec(any::<u8>(), 300),
            weight in -2_f32..2.0,
        ) {
            let codes = &codes[..start.len()];
            let (mut fast, mut slow) = (start.clone(), start);
            Accumulator::detect().add(&mut fast, codes, weight);
            Accumulator::Portable.add(&mut slow, codes, weight);
            prop_assert_eq!(fast, slow);
        }
    }
}
