//! Every kernel that this processor has, with its bandwidth on a page that fits the caches, and the cost of encoding.
//!
//! `cargo bench -p tiercel-codec`

use tiercel_codec::aligned::Buffer;
use tiercel_codec::bits::BitsBuilder;
use tiercel_codec::planes::PlanesBuilder;
use tiercel_codec::{Kernel, normalise};

const ROWS: usize = 2048;
const PADDED: usize = 768;
const DIMENSIONS: [usize; 4] = [256, 384, 768, 1000];

fn main() {
    divan::main();
}

fn kernels() -> Vec<String> {
    Kernel::all_available().into_iter().map(|kernel| kernel.name().to_owned()).collect()
}

fn kernel(name: &str) -> Kernel {
    Kernel::all_available().into_iter().find(|kernel| kernel.name() == name).expect("one of the available")
}

/// A vector of length 1 whose components look random.
fn unit(dimension: usize, seed: usize) -> Vec<f32> {
    let raw: Vec<f32> = (0..dimension)
        .map(|at| {
            let mixed = (at + 1).wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(40_503)) % 65_521;
            f32::from(u16::try_from(mixed).expect("below 2^16")) - 32_760.0
        })
        .collect();
    let mut out = vec![0.0; dimension];
    normalise(&raw, &mut out).expect("not zero");
    out
}

fn centroid() -> Vec<f32> {
    unit(PADDED, 9999).iter().map(|x| x * 0.5).collect()
}

fn pages() -> (Buffer, Buffer) {
    let centroid = centroid();
    let (mut bits, mut planes) = (BitsBuilder::new(PADDED), PlanesBuilder::new(PADDED));
    for row in 0..ROWS {
        let vector = unit(PADDED, row);
        bits.push(u32::try_from(row).expect("small"), &vector, &centroid);
        planes.push(&vector, &centroid);
    }
    (bits.finish(), planes.finish())
}

mod scan {
    use divan::counter::{BytesCount, ItemsCount};
    use divan::{Bencher, black_box};
    use tiercel_codec::bits::{BitsQuery, BitsView};
    use tiercel_codec::candidates::Candidates;
    use tiercel_codec::half;
    use tiercel_codec::planes::{PlanesQuery, PlanesView};

    use super::{PADDED, ROWS, kernel, kernels, pages, unit};

    fn bits(bencher: Bencher, name: &str, query_bits: u32) {
        let (page, _) = pages();
        let view = BitsView::new(&page, ROWS, PADDED).expect("whole");
        let query = BitsQuery::new(&unit(PADDED, 7), query_bits);
        let kernel = kernel(name);
        // Of a large store nearly all rows are below the threshold: here, after the first round.
        let mut found = Candidates::new(20);
        bencher.counter(BytesCount::new(page.len())).bench_local(|| {
            kernel.scan_bits(&query, 0.1, &view, 0, |_| true, &mut found);
            found.threshold()
        });
    }

    #[divan::bench(args = kernels())]
    fn bits_1(bencher: Bencher, name: &str) {
        bits(bencher, name, 1);
    }

    #[divan::bench(args = kernels())]
    fn bits_2(bencher: Bencher, name: &str) {
        bits(bencher, name, 2);
    }

    #[divan::bench(args = kernels())]
    fn bits_4(bencher: Bencher, name: &str) {
        bits(bencher, name, 4);
    }

    #[divan::bench(args = kernels())]
    fn planes_of_all(bencher: Bencher, name: &str) {
        let (bits, planes) = pages();
        let bits = BitsView::new(&bits, ROWS, PADDED).expect("whole");
        let view = PlanesView::new(&planes, ROWS, PADDED).expect("whole");
        let (kernel, query) = (kernel(name), PlanesQuery::new(&unit(PADDED, 7)));
        let counter = BytesCount::new(planes.len() + ROWS * PADDED / 8);
        bencher.counter(counter).counter(ItemsCount::new(ROWS)).bench(|| {
            let rows = u32::try_from(ROWS).expect("small");
            (0..rows).map(|position| kernel.score_planes(&query, 0.1, &bits, &view, position)).sum::<f32>()
        });
    }

    #[divan::bench(args = kernels())]
    fn int8(bencher: Bencher, name: &str) {
        let mut codes = vec![0; ROWS * PADDED];
        for (row, codes) in codes.chunks_exact_mut(PADDED).enumerate() {
            black_box(tiercel_codec::int8::encode(&unit(PADDED, row), codes));
        }
        let (kernel, query) = (kernel(name), tiercel_codec::int8::Query::new(&unit(PADDED, 7)));
        let mut dots = vec![0; ROWS];
        bencher.counter(BytesCount::new(codes.len())).bench_local(|| {
            kernel.dots_i8(&query, black_box(&codes), &mut dots);
        });
    }

    #[divan::bench(args = kernels())]
    fn f16(bencher: Bencher, name: &str) {
        let mut halves = vec![0; ROWS * PADDED];
        for (row, halves) in halves.chunks_exact_mut(PADDED).enumerate() {
            half::encode(&unit(PADDED, row), halves);
        }
        let (kernel, query) = (kernel(name), unit(PADDED, 7));
        bencher
            .counter(BytesCount::new(halves.len() * 2))
            .bench(|| halves.chunks_exact(PADDED).map(|row| kernel.dot_f16(&query, row)).sum::<f32>());
    }

    #[divan::bench(args = kernels())]
    fn f32(bencher: Bencher, name: &str) {
        let rows: Vec<f32> = (0..ROWS).flat_map(|row| unit(PADDED, row)).collect();
        let (kernel, query) = (kernel(name), unit(PADDED, 7));
        let mut dots = vec![0.0; ROWS];
        bencher.counter(BytesCount::new(rows.len() * 4)).bench_local(|| {
            kernel.dots_f32(&query, black_box(&rows), &mut dots);
        });
    }
}

mod encode {
    use divan::counter::ItemsCount;
    use divan::{Bencher, black_box};
    use tiercel_codec::bits::{BitsBuilder, BitsQuery};
    use tiercel_codec::planes::{PlanesBuilder, PlanesQuery};
    use tiercel_codec::{Rotation, half, int8};

    use super::{DIMENSIONS, PADDED, ROWS, centroid, unit};

    #[divan::bench(args = DIMENSIONS)]
    fn rotation(bencher: Bencher, dimension: usize) {
        let rotation = Rotation::new(dimension, 1);
        let vector = unit(dimension, 1);
        let mut out = vec![0.0; rotation.padded()];
        bencher.bench_local(|| rotation.apply(black_box(&vector), &mut out));
    }

    #[divan::bench]
    fn bits_of_a_row(bencher: Bencher) {
        let (vector, centroid) = (unit(PADDED, 1), centroid());
        bencher.with_inputs(|| BitsBuilder::new(PADDED)).counter(ItemsCount::new(ROWS)).bench_values(|mut builder| {
            for _ in 0..ROWS {
                builder.push(0, black_box(&vector), &centroid);
            }
            builder
        });
    }

    #[divan::bench]
    fn planes_of_a_row(bencher: Bencher) {
        let (vector, centroid) = (unit(PADDED, 1), centroid());
        bencher.with_inputs(|| PlanesBuilder::new(PADDED)).counter(ItemsCount::new(ROWS)).bench_values(
            |mut builder| {
                for _ in 0..ROWS {
                    builder.push(black_box(&vector), &centroid);
                }
                builder
            },
        );
    }

    #[divan::bench]
    fn int8_of_a_row(bencher: Bencher) {
        let vector = unit(PADDED, 1);
        let mut codes = vec![0; PADDED];
        bencher.bench_local(|| int8::encode(black_box(&vector), &mut codes));
    }

    #[divan::bench]
    fn f16_of_a_row(bencher: Bencher) {
        let vector = unit(PADDED, 1);
        let mut halves = vec![0; PADDED];
        bencher.bench_local(|| half::encode(black_box(&vector), &mut halves));
    }

    #[divan::bench(args = [1, 2, 4])]
    fn query_of_bits(bencher: Bencher, bits: u32) {
        let vector = unit(PADDED, 1);
        let mut query = BitsQuery::empty();
        bencher.bench_local(|| query.set(black_box(&vector), bits));
    }

    #[divan::bench]
    fn query_of_planes(bencher: Bencher) {
        let vector = unit(PADDED, 1);
        let mut query = PlanesQuery::empty();
        bencher.bench_local(|| query.set(black_box(&vector)));
    }

    #[divan::bench]
    fn query_of_int8(bencher: Bencher) {
        let vector = unit(PADDED, 1);
        let mut query = int8::Query::default();
        bencher.bench_local(|| query.set(black_box(&vector)));
    }
}
