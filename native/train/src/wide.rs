//! The loops over components, compiled for the widest registers this processor has.

/// Defines a function that runs its body compiled for AVX-512, AVX2 or whatever there is.
macro_rules! wide {
    ($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)? $body:block) => {
        $(#[$doc])*
        pub fn $name($($argument: $type),*) $(-> $result)? {
            // Inlined for certain: only inside of the functions below are the loops compiled for wide registers.
            #[allow(clippy::inline_always)]
            #[inline(always)]
            fn body($($argument: $type),*) $(-> $result)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f")]
                fn with_512($($argument: $type),*) $(-> $result)? {
                    body($($argument),*)
                }
                #[target_feature(enable = "avx2")]
                fn with_256($($argument: $type),*) $(-> $result)? {
                    body($($argument),*)
                }
                if std::arch::is_x86_feature_detected!("avx512f") {
                    // SAFETY: AVX-512 was just found.
                    return unsafe { with_512($($argument),*) };
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: AVX2 was just found.
                    return unsafe { with_256($($argument),*) };
                }
            }
            body($($argument),*)
        }
    };
}

const LANES: usize = 16;

wide! {
    /// sum += weight x vector
    fn add(sum: &mut [f32], weight: f32, vector: &[f32]) {
        for (sum, x) in sum.iter_mut().zip(vector) {
            *sum += weight * x;
        }
    }
}

wide! {
    /// The scalar product of two vectors of a multiple of 16 components.
    fn dot(a: &[f32], b: &[f32]) -> f32 {
        let mut sums = [0.0_f32; LANES];
        for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
            for (sum, (x, y)) in sums.iter_mut().zip(a.iter().zip(b)) {
                *sum += x * y;
            }
        }
        sums.iter().sum()
    }
}

/// Decay of Adam's two means (Kingma and Ba, 2014), and what keeps it from dividing by zero.
pub const MEAN: f32 = 0.9;
pub const SQUARE: f32 = 0.999;
const TINY: f32 = 1e-8;

wide! {
    /// A step of Adam for one row, whose gradient is taken.
    fn adam(row: &mut [f32], gradient: &mut [f32], means: &mut [f32], squares: &mut [f32], rate: f32) {
        let memory = means.iter_mut().zip(squares);
        for ((x, g), (mean, square)) in row.iter_mut().zip(gradient).zip(memory) {
            *mean = MEAN * *mean + (1.0 - MEAN) * *g;
            *square = SQUARE * *square + (1.0 - SQUARE) * *g * *g;
            *x -= rate * *mean / (square.sqrt() + TINY);
            *g = 0.0;
        }
    }
}
