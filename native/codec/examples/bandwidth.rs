//! How near the kernels come to the speed at which this machine reads memory.
//!
//! `cargo run --release -p tiercel-codec --example bandwidth -- [rows, 1000000] [dimension, 768] [--json FILE]`
//!
//! Reads a buffer of 1 GB as a stream, with one and with two threads, and in the same rounds scans pages of synthetic
//! codes, a slice of about 100 MB of each in every round; prints the fastest and the median slice, and each scan as a
//! share of the stream of as many threads, median against median of the same rounds.

use std::hint::black_box;
use std::time::Instant;

use tiercel_codec::aligned::Buffer;
use tiercel_codec::bits::{self, BitsQuery, BitsView};
use tiercel_codec::candidates::Candidates;
use tiercel_codec::int8::Query;
use tiercel_codec::{Kernel, half, padded};

const PAGE_ROWS: usize = 2048;
const STREAM_BYTES: usize = 1 << 30;
const ROUNDS: usize = 40;
const BEST: usize = 200;

struct Measured {
    name: String,
    threads: usize,
    bytes: usize,
    seconds: Vec<f64>,
}

impl Measured {
    /// The fastest slice and the median one, in GB/s.
    fn bandwidth(&self) -> (f64, f64) {
        let mut seconds = self.seconds.clone();
        seconds.sort_by(f64::total_cmp);
        #[expect(clippy::cast_precision_loss, reason = "a report")]
        let gigabytes = self.bytes as f64 / 1e9;
        (gigabytes / seconds[0], gigabytes / seconds[seconds.len() / 2])
    }
}

/// Does one of some equal parts of the work.
type Work<'a> = Box<dyn Fn(usize, usize) + Sync + 'a>;

/// What is scanned.
struct Data {
    kernel: Kernel,
    padded: usize,
    stream: Vec<u64>,
    pages: Vec<(usize, Buffer)>,
    queries: Vec<BitsQuery>,
    vector: Vec<f32>,
    byte_query: Query,
    bytes: Vec<i8>,
    halves: Vec<u16>,
    floats: Vec<f32>,
}

impl Data {
    fn new(rows: usize, padded: usize) -> Self {
        let mut random = Random(1);
        let stream: Vec<u64> = (0..STREAM_BYTES as u64 / 8).map(|_| random.next()).collect();
        let vector: Vec<f32> = (0..padded).map(|_| random.unit()).collect();
        // The wider codes are scanned over as many rows as fit the stream's bytes.
        let values = |width: usize| rows.min(STREAM_BYTES / padded / width) * padded;
        let halves_of = |word: &u64| [0, 16, 32, 48].map(|shift| half_of(word >> shift));
        let float_of = |word: &u64| word.to_le_bytes().map(|byte| f32::from(byte) - 127.5);
        Self {
            kernel: Kernel::detect(),
            padded,
            pages: (0..rows.div_ceil(PAGE_ROWS)).map(|page| synthetic(page, rows, padded)).collect(),
            queries: (1..=4).map(|bits| BitsQuery::new(&vector, bits)).collect(),
            byte_query: Query::new(&vector),
            bytes: stream.iter().flat_map(|word| word.to_le_bytes().map(u8::cast_signed)).take(values(1)).collect(),
            halves: stream.iter().flat_map(halves_of).take(values(2)).collect(),
            floats: stream.iter().flat_map(float_of).take(values(4)).collect(),
            vector,
            stream,
        }
    }

    fn read_stream(&self, part: usize, parts: usize) {
        let mut lanes = [0_u64; 32];
        for words in self.stream[share(self.stream.len(), part, parts)].as_chunks::<32>().0 {
            for (lane, word) in lanes.iter_mut().zip(words) {
                *lane = lane.wrapping_add(*word);
            }
        }
        black_box(lanes);
    }

    fn scan_bits(&self, query: &BitsQuery, part: usize, parts: usize) {
        let mut found = Candidates::new(BEST);
        let length = self.pages.len().div_ceil(parts);
        for (at, (rows, page)) in self.pages.iter().enumerate().skip(part * length).take(length) {
            let view = BitsView::new(page, *rows, self.padded).expect("whole");
            let place = u32::try_from(at * PAGE_ROWS).expect("small");
            self.kernel.scan_bits(query, 0.0, &view, place, |_| true, &mut found);
        }
        black_box(found.into_sorted());
    }

    fn scan_bytes(&self, part: usize, parts: usize) {
        let mut dots = vec![0; PAGE_ROWS];
        for rows in self.rows(&self.bytes, part, parts).chunks(PAGE_ROWS * self.padded) {
            self.kernel.dots_i8(&self.byte_query, rows, &mut dots);
        }
        black_box(dots);
    }

    fn scan_halves(&self, part: usize, parts: usize) {
        let rows = self.rows(&self.halves, part, parts).chunks_exact(self.padded);
        black_box(rows.map(|row| self.kernel.dot_f16(&self.vector, row)).sum::<f32>());
    }

    fn scan_floats(&self, part: usize, parts: usize) {
        let mut dots = vec![0.0; PAGE_ROWS];
        for rows in self.rows(&self.floats, part, parts).chunks(PAGE_ROWS * self.padded) {
            self.kernel.dots_f32(&self.vector, rows, &mut dots);
        }
        black_box(dots);
    }

    fn rows<'a, T>(&self, values: &'a [T], part: usize, parts: usize) -> &'a [T] {
        let rows = share(values.len() / self.padded, part, parts);
        &values[rows.start * self.padded..rows.end * self.padded]
    }

    fn works(&self) -> Vec<(String, usize, Work<'_>)> {
        let page_bytes: usize = self.pages.iter().map(|(_, page)| page.len()).sum();
        let mut works: Vec<(String, usize, Work)> =
            vec![("stream".into(), STREAM_BYTES, Box::new(|part, parts| self.read_stream(part, parts)))];
        for query in &self.queries {
            let scan = move |part: usize, parts: usize| self.scan_bits(query, part, parts);
            works.push((format!("1-bit scan, {}-bit query", query.bits()), page_bytes, Box::new(scan)));
        }
        let (bytes, halves, floats) = (self.bytes.len(), self.halves.len() * 2, self.floats.len() * 4);
        works.push(("int8 scan".into(), bytes, Box::new(|part, parts| self.scan_bytes(part, parts))));
        works.push(("f16 scan".into(), halves, Box::new(|part, parts| self.scan_halves(part, parts))));
        works.push(("f32 scan".into(), floats, Box::new(|part, parts| self.scan_floats(part, parts))));
        works
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let json = arguments.iter().position(|argument| argument == "--json").map(|at| {
        arguments.remove(at);
        arguments.remove(at)
    });
    let number = |at: usize, default| arguments.get(at).map_or(Ok(default), |text| text.parse()).expect("a number");
    let (rows, padded) = (number(0, 1_000_000_usize), padded(number(1, 768)));
    let data = Data::new(rows, padded);
    let works = data.works();
    let mut measured: Vec<Measured> = Vec::new();
    for (name, bytes, _) in &works {
        let bytes = bytes / slices(*bytes);
        measured.extend([1, 2].map(|threads| Measured { name: name.clone(), threads, bytes, seconds: vec![] }));
    }
    for round in 0..ROUNDS {
        for (at, (_, bytes, work)) in works.iter().enumerate() {
            for threads in [1, 2] {
                let slices = slices(*bytes);
                measured[at * 2 + threads - 1].seconds.push(time(work, round % slices, slices, threads));
            }
        }
    }
    report(data.kernel, rows, padded, &measured, json.as_deref());
}

/// Parts of about 100 MB in which a work is timed: far beyond the caches, and as long for one code as for another, so
/// that a pause of the machine spoils all alike.
fn slices(bytes: usize) -> usize {
    (bytes / 100_000_000).max(1)
}

/// The seconds that some threads take for a slice of the work.
fn time(work: &Work, slice: usize, slices: usize, threads: usize) -> f64 {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for part in 1..threads {
            scope.spawn(move || work(slice * threads + part, slices * threads));
        }
        work(slice * threads, slices * threads);
    });
    start.elapsed().as_secs_f64()
}

/// The rows of one of some equal parts.
fn share(total: usize, part: usize, parts: usize) -> std::ops::Range<usize> {
    part * (total / parts)..(part + 1) * (total / parts)
}

fn report(kernel: Kernel, rows: usize, padded: usize, measured: &[Measured], json: Option<&str>) {
    println!("{rows} rows of {padded} dimensions, kernel {}, {ROUNDS} rounds", kernel.name());
    println!("{:<24} {:>7} {:>8} {:>14} {:>16}", "", "threads", "fastest", "median GB/s", "share of stream");
    let mut entries = Vec::new();
    for Measured { name, threads, bytes, .. } in measured {
        let of = |name: &str| measured.iter().find(|one| one.name == name && one.threads == *threads);
        let [(best, median), (_, stream)] = [of(name), of("stream")].map(|one| one.expect("measured").bandwidth());
        let share = median / stream;
        println!("{name:<24} {threads:>7} {best:>8.2} {median:>14.2} {:>15.0}%", share * 100.0);
        entries.push(format!(
            r#"    {{ "name": "{name}", "threads": {threads}, "bytes": {bytes}, "gbPerSecond": {best:.3}, "medianGbPerSecond": {median:.3}, "shareOfStream": {share:.3} }}"#
        ));
    }
    if let Some(file) = json {
        let text = format!(
            "{{\n  \"kernel\": \"{}\",\n  \"rows\": {rows},\n  \"dimension\": {padded},\n  \"measured\": [\n{}\n  ]\n}}\n",
            kernel.name(),
            entries.join(",\n")
        );
        std::fs::write(file, text).expect("the file can be written");
    }
}

/// A positive finite half float.
fn half_of(word: u64) -> u16 {
    let [low, high, ..] = word.to_le_bytes();
    u16::from_le_bytes([low, high & 0x3F])
}

/// A page of random codes with factors as those of unit vectors are.
fn synthetic(page: usize, rows: usize, padded: usize) -> (usize, Buffer) {
    let count = PAGE_ROWS.min(rows - page * PAGE_ROWS);
    let mut random = Random(page as u64 + 7);
    let mut buffer = Buffer::zeroed(bits::bytes(count, padded));
    for word in buffer.as_chunks_mut::<8>().0 {
        *word = random.next().to_le_bytes();
    }
    let all = count.next_multiple_of(8);
    let factors = all * padded / 8;
    for half in buffer[factors..factors + all * 4].as_chunks_mut::<2>().0 {
        *half = half::encode_one(0.045 + random.unit() / 1000.0).to_le_bytes();
    }
    (count, buffer)
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In `-0.5 .. 0.5`.
    fn unit(&mut self) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
        let high = (self.next() >> 40) as f32;
        high / 16_777_216.0 - 0.5
    }
}
