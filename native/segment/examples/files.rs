//! Measures the files: `cargo run --release -p tiercel-segment --example files -- FOLDER [FILES]`.
//!
//! 768 dimensions, 65,536 rows per file, 16 files unless said otherwise (0.8 GB); everything is read from the page cache
//! unless the machine has less memory than that. The folder is emptied of what was written when it is done.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tiercel_base::Key;
use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};
use tiercel_segment::{Rows, Segment, Shape, Throttle, Writer, compact};

const SHAPE: Shape = Shape { padded: 768, halves: false, space: 1 };
const PER_FILE: u32 = 65_536;
/// As narrow as rows get: the index files are those of any shape, the vectors files stay small.
const NARROW: Shape = Shape { padded: 1, halves: false, space: 1 };
const NARROW_FILES: u32 = 256;
const NARROW_ROWS: u32 = 39_063;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map(PathBuf::from);
    let folder = folder.ok_or_else(|| Error::FixTheCall("Name a folder to write to.".into()))?;
    let files = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(16_u32);
    std::fs::create_dir_all(&folder).map_err(|error| Error::io("create", &folder, &error))?;
    let source = Source::new();
    commits(&folder, &source)?;
    let sealed = write_files(&folder, &source, files)?;
    reads(&reopened(&folder, &SHAPE, files)?)?;
    sealed.iter().for_each(Segment::retire);
    drop(sealed);
    narrow_files(&folder, &source)
}

/// `SplitMix64` (Steele, Lea & Flood, OOPSLA 2014).
fn mix(number: u64) -> u64 {
    let z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn key(row: u32) -> Key {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&mix(u64::from(row)).to_le_bytes());
    key[8..].copy_from_slice(&mix(u64::from(row) | 1 << 40).to_le_bytes());
    key
}

/// Content to write: not what is measured, so it is the same for every batch.
struct Source {
    scales: Vec<f32>,
    codes: Vec<i8>,
}

impl Source {
    fn new() -> Self {
        let bytes = (0..1000 * 768 / 8).flat_map(|at| mix(at).to_le_bytes());
        Self { scales: vec![0.5; 1000], codes: bytes.map(u8::cast_signed).collect() }
    }

    fn append(&self, writer: &mut Writer, shape: &Shape, first: u32, count: u32) -> Result<()> {
        let rows: Vec<u32> = (first..first + count).collect();
        let keys: Vec<Key> = rows.iter().map(|&row| key(row)).collect();
        writer.append(&Rows {
            rows: &rows,
            keys: &keys,
            scales: &self.scales[..count as usize],
            codes: &self.codes[..count as usize * shape.padded],
            halves: None,
        })
    }
}

fn per_second(count: u32, time: Duration) -> f64 {
    f64::from(count) / time.as_secs_f64()
}

fn micros(time: Duration, count: u32) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(count)
}

/// Peak resident memory since the last call, in MB; where the system tells.
fn peak_megabytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    peak.trim().split(' ').next()?.parse::<f64>().ok().map(|kilobytes| kilobytes / 1e3)
}

fn peak() -> String {
    peak_megabytes().map_or_else(|| "?".into(), |megabytes| format!("{megabytes:.0} MB"))
}

fn commits(folder: &Path, source: &Source) -> Result<()> {
    for (batch, commits) in [(8, 1000), (256, 200), (1000, 60)] {
        let mut writer = Writer::create(folder, 0, &SHAPE)?;
        let (mut longest, mut views) = (Duration::ZERO, Duration::ZERO);
        let start = Instant::now();
        for at in 0..commits {
            let commit = Instant::now();
            source.append(&mut writer, &SHAPE, at * batch, batch)?;
            writer.sync()?;
            let view = Instant::now();
            black_box(writer.view());
            views += view.elapsed();
            longest = longest.max(commit.elapsed());
        }
        let time = start.elapsed();
        println!(
            "append + fsync, {batch} rows a commit: {:.0} rows/s, {:.2} ms a commit, longest {:.1} ms, view {:.1} us",
            per_second(batch * commits, time),
            micros(time, commits) / 1e3,
            longest.as_secs_f64() * 1e3,
            micros(views, commits)
        );
        writer.view().retire();
    }
    let mut writer = Writer::create(folder, 0, &SHAPE)?;
    for at in 0..PER_FILE / 8 {
        source.append(&mut writer, &SHAPE, at * 8, 8)?;
    }
    let start = Instant::now();
    for _ in 0..1000 {
        black_box(writer.view());
    }
    println!("view of {PER_FILE} rows in blocks of 8: {:.1} us", micros(start.elapsed(), 1000));
    writer.sync()?;
    let start = Instant::now();
    let reopened = Writer::open(folder, 0, &SHAPE, PER_FILE)?;
    let time = start.elapsed();
    println!(
        "reopen and verify them: {:.0} ms, {:.2} GB/s",
        time.as_secs_f64() * 1e3,
        gigabytes(reopened.bytes(), time)
    );
    reopened.view().retire();
    writer.view().retire();
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "a rate")]
fn gigabytes(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / 1e9 / time.as_secs_f64()
}

fn write_files(folder: &Path, source: &Source, files: u32) -> Result<Vec<Segment>> {
    let (mut appends, mut seals, mut sealed) = (Duration::ZERO, Duration::ZERO, Vec::new());
    peak_megabytes();
    for file in 0..files {
        let start = Instant::now();
        let mut writer = Writer::create(folder, file, &SHAPE)?;
        for first in (0..PER_FILE).step_by(1000) {
            source.append(&mut writer, &SHAPE, file * PER_FILE + first, 1000.min(PER_FILE - first))?;
        }
        writer.sync()?;
        appends += start.elapsed();
        let start = Instant::now();
        sealed.push(writer.seal()?);
        seals += start.elapsed();
    }
    println!("append in bulk, one fsync a file: {:.0} rows/s", per_second(files * PER_FILE, appends));
    println!("seal a file of {PER_FILE} rows: {:.1} ms, peak memory {}", micros(seals, files) / 1e3, peak());
    let (count, mut time) = (files.min(4), Duration::ZERO);
    let inputs = &sealed[..count as usize];
    let start = Instant::now();
    let keep = |row: u32| !row.is_multiple_of(4);
    let output = compact(inputs, &keep, folder, files, &SHAPE, &Throttle::unlimited(), &Cancel::new())?;
    time += start.elapsed();
    println!(
        "compact {count} files, a quarter of the rows dropped: {:.2} s, {:.0} rows/s read, peak memory {}",
        time.as_secs_f64(),
        per_second(count * PER_FILE, time),
        peak()
    );
    output.retire();
    Ok(sealed)
}

fn open_all(folder: &Path, shape: &Shape, files: u32) -> Result<Vec<Segment>> {
    (0..files).map(|file| Segment::open(folder, file, shape)).collect()
}

fn reopened(folder: &Path, shape: &Shape, files: u32) -> Result<Vec<Segment>> {
    let start = Instant::now();
    let first = open_all(folder, shape, files)?;
    let (rows, time) = (first.iter().map(Segment::rows).sum::<u32>(), start.elapsed());
    let memory: usize = first.iter().map(Segment::bytes_in_memory).sum();
    let start = Instant::now();
    let segments = open_all(folder, shape, files)?;
    println!(
        "open {files} sealed files, {rows} rows: {:.1} ms, again {:.1} ms; {:.2} bytes of memory a row",
        time.as_secs_f64() * 1e3,
        start.elapsed().as_secs_f64() * 1e3,
        micros(Duration::from_secs(memory as u64), rows) / 1e6
    );
    Ok(segments)
}

fn lookups(segments: &[Segment], rows: u32) -> Result<()> {
    const COUNT: u32 = 100_000;
    let some_row = |at: u32| u32::try_from(mix(u64::from(at)) % u64::from(rows)).unwrap_or(0);
    for (what, offset) in [("hit", 0), ("miss", 1 << 30)] {
        let start = Instant::now();
        for at in 0..COUNT {
            let row = some_row(at);
            let segment = &segments[(row as usize * segments.len()) / rows as usize];
            black_box(segment.find(&key(row + offset))?);
        }
        println!("find in one file, {what}: {:.2} us", micros(start.elapsed(), COUNT));
    }
    let start = Instant::now();
    for at in 0..COUNT {
        let missing = key(some_row(at) + (1 << 30));
        for segment in segments {
            black_box(segment.find(&missing)?);
        }
    }
    println!("find in {} files, miss: {:.2} us", segments.len(), micros(start.elapsed(), COUNT));
    Ok(())
}

fn reads(segments: &[Segment]) -> Result<()> {
    const COUNT: u32 = 100_000;
    let rows: u32 = segments.iter().map(Segment::rows).sum();
    lookups(segments, rows)?;
    let mut codes = vec![0; 4096 * SHAPE.padded];
    let mut scales = vec![0.0; 4096];
    let start = Instant::now();
    for at in 0..COUNT {
        let row = u32::try_from(mix(u64::from(at)) % u64::from(rows)).unwrap_or(0);
        black_box(segments[(row / PER_FILE) as usize].read_row(row % PER_FILE, &mut codes[..SHAPE.padded])?);
    }
    println!("read one row, verified: {:.2} us", micros(start.elapsed(), COUNT));
    for count in [64_u32, 4096] {
        let start = Instant::now();
        for segment in segments {
            for first in (0..segment.rows()).step_by(count as usize) {
                let end = segment.rows().min(first + count);
                let length = (end - first) as usize;
                segment.read(first..end, &mut codes[..length * SHAPE.padded], &mut scales[..length])?;
            }
        }
        let (time, bytes) = (start.elapsed(), u64::from(rows) * 776);
        println!("read {count} rows at a time, verified: {:.2} GB/s", gigabytes(bytes, time));
    }
    let start = Instant::now();
    for segment in segments {
        segment.verify(&Throttle::unlimited(), &Cancel::new())?;
    }
    let bytes = segments.iter().map(Segment::bytes_on_disk).sum();
    println!("verify everything: {:.2} GB/s", gigabytes(bytes, start.elapsed()));
    Ok(())
}

fn narrow_files(folder: &Path, source: &Source) -> Result<()> {
    for file in 0..NARROW_FILES {
        let mut writer = Writer::create(folder, file, &NARROW)?;
        for first in (0..NARROW_ROWS).step_by(1000) {
            source.append(&mut writer, &NARROW, file * NARROW_ROWS + first, 1000.min(NARROW_ROWS - first))?;
        }
        writer.seal()?;
    }
    let segments = reopened(folder, &NARROW, NARROW_FILES)?;
    lookups(&segments, NARROW_FILES * NARROW_ROWS)?;
    let start = Instant::now();
    let mut seen = 0_u32;
    for segment in &segments {
        segment.for_each_key(|row, _| seen += u32::from(row != u32::MAX))?;
    }
    println!("stream {seen} keys: {:.2} s", start.elapsed().as_secs_f64());
    segments.iter().for_each(Segment::retire);
    Ok(())
}
