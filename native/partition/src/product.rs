//! Products of sixteen vectors with six at a time: the block of a matrix product that fits the registers.
//!
//! Training and assignment are matrix products in disguise; a kernel that takes its right side row by row needs no copy
//! of the centroids in a second layout, and the left side is packed once for all the centroids it meets. Measured at
//! 768 dimensions against one core's peak, it is within a tenth of a packed general product.

/// Vectors of a panel.
pub(crate) const LANES: usize = 16;
/// Centroids of one step: with sixteen lanes these are the twelve accumulators that AVX2's sixteen registers leave room
/// for.
pub(crate) const STEP: usize = 6;

/// Coordinates between two looks at the bounds.
const UNROLLED: usize = 8;

/// Dot products of the vectors of a panel with `STEP` others.
pub(crate) type Products = [[f32; LANES]; STEP];

/// Sixteen vectors, coordinate by coordinate.
pub(crate) struct Panel {
    lanes: Vec<[f32; LANES]>,
}

impl Panel {
    pub(crate) fn new(dimension: usize) -> Self {
        Self { lanes: vec![[0.0; LANES]; dimension] }
    }

    /// Packs one to sixteen vectors; lanes without one repeat the last.
    pub(crate) fn pack<'a>(&mut self, vectors: impl Iterator<Item = &'a [f32]>) {
        let mut rows: [&[f32]; LANES] = [&[]; LANES];
        let mut last = 0;
        for (at, vector) in vectors.take(LANES).enumerate() {
            rows[at] = &vector[..self.lanes.len()];
            last = at;
        }
        for at in last + 1..LANES {
            rows[at] = rows[last];
        }
        let (packed, rest) = self.lanes.as_chunks_mut::<UNROLLED>();
        for (at, packed) in packed.iter_mut().enumerate() {
            for (lane, row) in rows.iter().enumerate() {
                let block = &row[at * UNROLLED..][..UNROLLED];
                for (lanes, &value) in packed.iter_mut().zip(block) {
                    lanes[lane] = value;
                }
            }
        }
        let first = packed.len() * UNROLLED;
        for (at, lanes) in rest.iter_mut().enumerate() {
            for (lane, row) in lanes.iter_mut().zip(rows) {
                *lane = row[first + at];
            }
        }
    }

    /// The products of every lane with every one of `others`, each of the panel's dimension.
    pub(crate) fn products(&self, others: [&[f32]; STEP]) -> Products {
        let others = others.map(|other| &other[..self.lanes.len()]);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA, as was just seen.
            return unsafe { products_avx2(&self.lanes, others) };
        }
        products::<{ cfg!(target_arch = "aarch64") }>(&self.lanes, others)
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn products_avx2(lanes: &[[f32; LANES]], others: [&[f32]; STEP]) -> Products {
    products::<true>(lanes, others)
}

/// The loop that the compiler turns into vector instructions of whatever its caller enables. `FUSED` says whether the
/// target multiplies and adds in one instruction: without, `mul_add` would be a call into the C library.
#[inline(always)]
#[allow(clippy::inline_always)]
fn products<const FUSED: bool>(lanes: &[[f32; LANES]], others: [&[f32]; STEP]) -> Products {
    let mut sums = [[0.0_f32; LANES]; STEP];
    let (blocks, rest) = lanes.as_chunks::<UNROLLED>();
    let views = others.map(|other| other.as_chunks::<UNROLLED>().0);
    // Six views walked in step: the bounds are looked at once per chunk instead of once per coordinate.
    let (first, second) = (views[0].iter().zip(views[1]), views[2].iter().zip(views[3]));
    let steps = first.zip(second).zip(views[4].iter().zip(views[5]));
    for (block, (((one, two), (three, four)), (five, six))) in blocks.iter().zip(steps) {
        for at in 0..UNROLLED {
            add::<FUSED>(&mut sums, &block[at], [one[at], two[at], three[at], four[at], five[at], six[at]]);
        }
    }
    for (at, lanes) in rest.iter().enumerate() {
        add::<FUSED>(&mut sums, lanes, others.map(|other| other[blocks.len() * UNROLLED + at]));
    }
    sums
}

#[inline(always)]
#[allow(clippy::inline_always)]
fn add<const FUSED: bool>(sums: &mut Products, lanes: &[f32; LANES], values: [f32; STEP]) {
    for (sums, value) in sums.iter_mut().zip(values) {
        for (sum, &lane) in sums.iter_mut().zip(lanes) {
            *sum = fused::<FUSED>(lane, value, *sum);
        }
    }
}

#[inline(always)]
#[allow(clippy::inline_always)]
fn fused<const FUSED: bool>(a: f32, b: f32, sum: f32) -> f32 {
    if FUSED { a.mul_add(b, sum) } else { sum + a * b }
}

/// Dot product of two vectors of one dimension.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the processor has AVX2 and FMA, as was just seen.
        return unsafe { dot_avx2(a, b) };
    }
    dot_lanes::<{ cfg!(target_arch = "aarch64") }>(a, b)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn dot_avx2(a: &[f32], b: &[f32]) -> f32 {
    dot_lanes::<true>(a, b)
}

#[inline(always)]
#[allow(clippy::inline_always)]
fn dot_lanes<const FUSED: bool>(a: &[f32], b: &[f32]) -> f32 {
    const WIDTH: usize = 32;
    let mut sums = [0.0_f32; WIDTH];
    let (a_blocks, a_rest) = a.as_chunks::<WIDTH>();
    let (b_blocks, b_rest) = b.as_chunks::<WIDTH>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for at in 0..WIDTH {
            sums[at] = fused::<FUSED>(a[at], b[at], sums[at]);
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
#[path = "product_tests.rs"]
mod tests;
