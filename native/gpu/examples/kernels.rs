//! Times of the GPU's kernels beside the processor's: `cargo run --release -p tiercel-gpu --example kernels`.
//!
//! `--json` prints one JSON object a line instead of the table, `--rows N` leaves out sizes above N, `--software` takes
//! software Vulkan, which proves that the results are right and nothing about speed.

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};
use tiercel_codec::aligned::Buffer;
use tiercel_codec::bits::{BitsBuilder, BitsQuery, BitsView};
use tiercel_codec::candidates::Candidates;
use tiercel_codec::{Kernel, int8};
use tiercel_gpu::matrix::{Batches, Dots};
use tiercel_gpu::{Ask, Asked, Device, GpuMode, GpuOptions, Hot, PAGE_ROWS, PageRef, software};
use tiercel_tier::{Books, Class, PageKey};

const DIMENSION: usize = 768;
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
const MANY: usize = 1_024;
const BEST: usize = 10;
/// As many as a search keeps of a scan of 1-bit codes.
const SCANNED: usize = 1_024;
const RUNS: usize = 5;
const POOL: u64 = 512 << 20;

/// Products that software Vulkan is asked for: ten seconds of work.
const MOST_ON_SOFTWARE: usize = 200_000;

/// How lines are printed.
#[derive(Clone, Copy)]
struct Report {
    json: bool,
}

impl Report {
    /// `bytes` is what has to be read of codes; `equal` whether the results were those of the processor.
    fn line(self, name: &str, rows: usize, queries: usize, time: Duration, bytes: usize, equal: bool) {
        let ms = time.as_secs_f64() * 1e3;
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let rate = bytes as f64 / time.as_secs_f64() / 1e9;
        if self.json {
            println!(
                r#"{{"kernel":"{name}","rows":{rows},"queries":{queries},"ms":{ms:.4},"gb_per_s":{rate:.3},"equal":{equal}}}"#
            );
        } else {
            let verdict = if equal { "" } else { "  DIFFERS" };
            println!("{name:<24} {rows:>9} {queries:>7} {ms:>12.3} ms {rate:>9.2} GB/s{verdict}");
        }
    }
}

struct Random(u64);

impl Random {
    #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
    fn float(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / 8_388_608.0 - 1.0
    }

    fn units(&mut self, count: usize) -> Vec<f32> {
        let mut all: Vec<f32> = (0..count * DIMENSION).map(|_| self.float()).collect();
        for row in all.chunks_mut(DIMENSION) {
            let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            for x in row {
                *x /= norm;
            }
        }
        all
    }
}

fn fastest<T>(runs: usize, mut run: impl FnMut() -> Result<T>) -> Result<(Duration, T)> {
    let mut best = Duration::MAX;
    let mut value = run()?;
    for _ in 0..runs {
        let start = Instant::now();
        value = run()?;
        best = best.min(start.elapsed());
    }
    Ok((best, value))
}

fn rows_of(found: &[Candidates]) -> Vec<u32> {
    found[0].clone().into_sorted().iter().take(BEST).map(|found| found.row).collect()
}

/// 1-bit codes in the hot tier: one query, as a search does it.
fn bits(report: Report, rows: usize, options: &GpuOptions) -> Result<()> {
    let random = &mut Random(1);
    let centroid = vec![0.0; DIMENSION];
    // Few different vectors: their number is what costs, not what they are.
    let vectors = random.units(PAGE_ROWS);
    let hot = Hot::open(options.clone(), Books::new().account("GPU"))?;
    let mut pages: Vec<(PageRef, usize, Arc<Buffer>)> = Vec::new();
    let mut first = 0;
    while first < rows {
        let count = PAGE_ROWS.min(rows - first);
        let mut builder = BitsBuilder::new(DIMENSION);
        let place = u32::try_from(first).map_err(|_| Error::FixTheCall("too many rows".into()))?;
        for (row, vector) in (place..).zip(vectors.chunks(DIMENSION).take(count)) {
            builder.push(row, vector, &centroid);
        }
        let number = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        let key = PageKey { space: 1, file: 1, page: number, class: Class::Bits };
        pages.push((PageRef { key, place, base: 0 }, count, Arc::new(builder.finish())));
        first += count;
    }
    let refs: Vec<PageRef> = pages.iter().map(|(page, ..)| *page).collect();
    let query = BitsQuery::new(&random.units(1), 2);
    let searches = [Asked { query: &query, bases: &[0.0] }];
    let ask = Ask { pages: &refs, searches: &searches, accept: None, best: SCANNED };
    for _ in 0..=pages.len().div_ceil(400) {
        drop(hot.submit(ask));
        for (page, count, bytes) in &pages {
            hot.offer(page.key, *count, DIMENSION, bytes.clone());
        }
        hot.settle();
    }
    let scan = |kernel: Kernel| {
        let mut found = [Candidates::new(SCANNED)];
        for (page, count, bytes) in &pages {
            let view = BitsView::new(bytes, *count, DIMENSION)?;
            kernel.scan_bits(&query, 0.0, &view, page.place, |_| true, &mut found[0]);
        }
        Ok(rows_of(&found))
    };
    let (cpu, expected) = fastest(RUNS, || scan(Kernel::detect()))?;
    let (gpu, (found, missing)) = fastest(RUNS, || {
        let mut found = [Candidates::new(SCANNED)];
        let ticket = hot.submit(ask);
        let missing = ticket.missing().len() + ticket.collect(&Cancel::new(), &mut found)?.len();
        Ok((rows_of(&found), missing))
    })?;
    let bytes = pages.iter().map(|(.., bytes)| bytes.len()).sum();
    report.line(&format!("1 bit, {}", Kernel::detect().name()), rows, 1, cpu, bytes, true);
    if missing == 0 {
        report.line("1 bit, GPU", rows, 1, gpu, bytes, found == expected);
    } else if !report.json {
        println!("1 bit, GPU: {missing} of {} pages do not fit in the budget", pages.len());
    }
    if !report.json {
        println!("  self-check: {}", hot.status().sentence);
    }
    Ok(())
}

/// Floats and bytes as a product of matrices, `queries` at once.
fn batch(report: Report, device: &Device, rows: usize, queries: usize) -> Result<()> {
    let random = &mut Random(2);
    let (table, asked) = (random.units(rows), random.units(queries));
    let batches = Batches::new(device, POOL);
    let (bytes, cancel) = (rows * DIMENSION, Cancel::new());

    // A part of the queries is enough for the processor's time; the figure is for all of them.
    let part = queries.min(4);
    let count = |queries: usize| f64::from(u32::try_from(queries).unwrap_or(u32::MAX));
    let for_all = |time: Duration| time.mul_f64(count(queries) / count(part));
    let best_of = |scores: &[f32]| (0_u32..).zip(scores).max_by(|a, b| a.1.total_cmp(b.1)).map(|(row, _)| row);
    let mut scores = vec![0.0; rows];
    for (name, kernel) in [("f32, scalar loop", None), ("f32, SIMD", Some(Kernel::detect()))] {
        let (time, ()) = fastest(1, || {
            for query in asked.chunks(DIMENSION).take(part) {
                match kernel {
                    Some(kernel) => kernel.dots_f32(query, &table, &mut scores),
                    None => scores.iter_mut().zip(table.chunks(DIMENSION)).for_each(|(score, row)| {
                        // Kept from being vectorised: what a loop in a language without SIMD does.
                        *score = row.iter().zip(query).fold(0.0, |sum, (a, b)| black_box(sum + a * b));
                    }),
                }
            }
            Ok(())
        })?;
        report.line(name, rows, queries, for_all(time), bytes * 4, true);
    }
    Kernel::detect().dots_f32(&asked[..DIMENSION], &table, &mut scores);
    let matrix = batches.floats(&table, DIMENSION)?;
    let (time, found) = fastest(1, || batches.cosine(&matrix, &asked, BEST, &cancel))?;
    let equal = found[0].first().map(|hit| hit.row) == best_of(&scores);
    report.line("f32, GPU", rows, queries, time, bytes * 4, equal);
    drop(matrix);

    let encode = |vectors: &[f32]| {
        let mut codes = vec![0; vectors.len()];
        let rows = codes.chunks_mut(DIMENSION).zip(vectors.chunks(DIMENSION));
        let scales: Vec<f32> = rows.map(|(codes, vector)| int8::encode(vector, codes)).collect();
        (codes, scales)
    };
    let ((codes, scales), (asked_codes, asked_scales)) = (encode(&table), encode(&asked));
    let query = int8::Query::new(&asked[..DIMENSION]);
    let mut dots = vec![0; rows];
    let (time, ()) = fastest(1, || {
        (0..part).for_each(|_| Kernel::detect().dots_i8(&query, &codes, &mut dots));
        Ok(())
    })?;
    report.line("int8, SIMD", rows, queries, for_all(time), bytes, true);
    let matrix = batches.bytes(&codes, &scales, DIMENSION)?;
    let mut expected = None;
    for (name, way) in [("int8, GPU unpacked", Dots::Unpacked), ("int8, GPU packed", Dots::Packed)] {
        let (time, found) = fastest(1, || batches.dots(&matrix, (&asked_codes, &asked_scales), way, BEST, &cancel))?;
        let equal = *expected.get_or_insert(found.clone()) == found;
        report.line(name, rows, queries, time, bytes, equal);
    }
    Ok(())
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let limit = arguments.iter().position(|argument| argument == "--rows").and_then(|at| arguments.get(at + 1));
    let most = limit.map_or(Ok(usize::MAX), |rows| rows.parse()).map_err(|_| Error::FixTheCall("--rows N".into()))?;
    let report = Report { json: has("--json") };
    let allow_software = has("--software");
    if allow_software {
        // SAFETY: there is no other thread yet.
        unsafe { software::choose() };
    }
    let options =
        GpuOptions { mode: GpuMode::On, allow_software, memory_budget: Some(1 << 30), ..GpuOptions::default() };
    let device = Device::open(&options, Books::new().account("GPU"))?;
    let adapter = device.report();
    if report.json {
        println!(
            r#"{{"device":"{}","driver":"{} {}","software":{},"packed":{}}}"#,
            adapter.name,
            adapter.driver,
            adapter.driver_version,
            adapter.is_software(),
            device.packed()
        );
    } else {
        println!("{adapter}; packed products of bytes: {}", device.packed());
        if adapter.is_software() {
            println!("This is software Vulkan: it proves that results are right and nothing about speed.");
        }
    }
    for rows in SIZES.into_iter().filter(|rows| *rows <= most) {
        bits(report, rows, &options)?;
    }
    let batches = [(10_000, 16), (100_000, 1), (100_000, MANY), (1_000_000, 1)];
    for (rows, queries) in batches.into_iter().filter(|(rows, _)| *rows <= most) {
        if !adapter.is_software() || rows * queries <= MOST_ON_SOFTWARE {
            batch(report, &device, rows, queries)?;
        } else if !report.json {
            println!("{queries} queries x {rows} vectors: left out on software Vulkan");
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
