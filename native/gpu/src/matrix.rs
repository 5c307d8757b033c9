//! Many queries against many vectors at once, as tiles of a product of matrices: floats, or bytes with a scale each.

mod plan;

use std::time::{Duration, Instant};

use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};

use crate::MOST_BEST;
use crate::device::{Allocated, Device};
use crate::params::{Section, Sections};
use crate::pool::{Kind, Pool, Pooled};
use crate::ring::Ring;
use crate::select::{Level, bind, dispatch, numbers};
use plan::Plan;

/// Queries and rows of a workgroup.
const SIDE: usize = 64;
/// Passes between two looks at the cancellation.
const PASSES: usize = 4;

/// A row that a search found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Cosine similarity, or the scaled product of bytes.
    pub score: f32,
    /// Number of the row in its matrix.
    pub row: u32,
}

/// How products of bytes are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dots {
    /// Four at once (`dot4I8Packed`).
    Packed,
    /// One by one.
    Unpacked,
}

/// What a matrix holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Float,
    Byte,
}

/// Rows in the device's memory.
pub struct Matrix {
    number: Number,
    dimension: usize,
    rows: usize,
    /// Rows of a block; the last one may have fewer.
    per_block: usize,
    blocks: Vec<(Allocated, Allocated)>,
}

/// Searches over matrices, with buffers of their own.
pub struct Batches<'d> {
    device: &'d Device,
    pool: Pool,
}

/// Queries, as the device reads them.
struct Queries<'q> {
    number: Number,
    words: &'q [u32],
    scales: &'q [f32],
}

/// One over the length of every row of `dimension` floats; 0 for zeros.
fn lengths(rows: &[f32], dimension: usize) -> Vec<f32> {
    rows.chunks_exact(dimension)
        .map(|row| {
            let square: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
            #[expect(clippy::cast_possible_truncation, reason = "a scale")]
            let scale = if square > 0.0 { square.sqrt().recip() as f32 } else { 0.0 };
            scale
        })
        .collect()
}

fn whole(length: usize, dimension: usize, what: &str) -> Result<usize> {
    if dimension == 0 || !length.is_multiple_of(dimension) {
        return Err(Error::FixTheCall(format!("{length} {what} are not vectors of {dimension} dimensions.")));
    }
    Ok(length / dimension)
}

/// Bytes as words of four, each row filled up with zeros to whole words.
fn words_of(codes: &[i8], dimension: usize) -> Vec<u32> {
    codes
        .chunks_exact(dimension)
        .flat_map(|row| row.chunks(4))
        .map(|four| {
            let mut word = [0; 4];
            for (byte, code) in word.iter_mut().zip(four) {
                *byte = code.to_le_bytes()[0];
            }
            u32::from_le_bytes(word)
        })
        .collect()
}

impl<'d> Batches<'d> {
    /// Searches on `device` whose buffers take at most `budget` bytes, the matrices not counted.
    #[must_use]
    pub fn new(device: &'d Device, budget: u64) -> Self {
        Self { device, pool: Pool::new(budget) }
    }

    /// Copies `rows` (row-major floats of `dimension` each, of any length) into the device's memory.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] when the rows are not whole, [`Error::MemoryPressure`] when the device has no room,
    /// [`Error::RetryLater`] when it is lost.
    pub fn floats(&self, rows: &[f32], dimension: usize) -> Result<Matrix> {
        whole(rows.len(), dimension, "floats")?;
        self.matrix(Number::Float, bytemuck::cast_slice(rows), &lengths(rows, dimension), dimension)
    }

    /// Copies `codes` (row-major signed bytes of `dimension` each) with one scale per row into the device's memory.
    ///
    /// # Errors
    /// As [`Batches::floats`].
    pub fn bytes(&self, codes: &[i8], scales: &[f32], dimension: usize) -> Result<Matrix> {
        if whole(codes.len(), dimension, "bytes")? != scales.len() {
            return Err(Error::FixTheCall("A matrix of bytes needs one scale per row.".into()));
        }
        self.matrix(Number::Byte, &words_of(codes, dimension), scales, dimension)
    }

    fn matrix(&self, number: Number, words: &[u32], scales: &[f32], dimension: usize) -> Result<Matrix> {
        let per_row = number.words(dimension);
        let most = usize::try_from(self.device.gpu.limits().max_storage_buffer_binding_size).unwrap_or(usize::MAX);
        let per_block = (most / 2 / (per_row * 4) / SIDE * SIDE).max(1);
        let mut matrix = Matrix { number, dimension, rows: scales.len(), per_block, blocks: Vec::new() };
        let mut ring = Ring::new();
        for (words, scales) in words.chunks(per_block * per_row).zip(scales.chunks(per_block)) {
            let mut upload = |words: &[u32]| -> Result<Allocated> {
                let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
                let memory = self.device.allocate(size_of_val(words) as u64, usage, false)?;
                ring.upload(self.device, bytemuck::cast_slice(words), &memory.buffer, 0)?;
                Ok(memory)
            };
            matrix.blocks.push((upload(words)?, upload(bytemuck::cast_slice(scales))?));
        }
        Ok(matrix)
    }

    /// The `best` rows of every query (row-major floats of the matrix's dimension) by cosine similarity, best first, of
    /// equal scores the lower row first.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for queries that do not fit the matrix or too many rows wanted, [`Error::Cancelled`], and
    /// those of the device.
    pub fn cosine(&self, matrix: &Matrix, queries: &[f32], best: usize, cancel: &Cancel) -> Result<Vec<Vec<Hit>>> {
        whole(queries.len(), matrix.dimension, "floats")?;
        let scales = lengths(queries, matrix.dimension);
        let queries = Queries { number: Number::Float, words: bytemuck::cast_slice(queries), scales: &scales };
        self.search(matrix, &queries, &self.device.pipelines.floats, best, cancel)
    }

    /// The `best` rows of every query (row-major signed bytes, and a scale each) by `scale * row's scale * product`.
    ///
    /// # Errors
    /// As [`Batches::cosine`].
    pub fn dots(
        &self,
        matrix: &Matrix,
        (codes, scales): (&[i8], &[f32]),
        dots: Dots,
        best: usize,
        cancel: &Cancel,
    ) -> Result<Vec<Vec<Hit>>> {
        if whole(codes.len(), matrix.dimension, "bytes")? != scales.len() {
            return Err(Error::FixTheCall("Queries of bytes need one scale each.".into()));
        }
        let kernels = &self.device.pipelines;
        let kernel = if dots == Dots::Packed { &kernels.bytes_packed } else { &kernels.bytes_unpacked };
        let words = words_of(codes, matrix.dimension);
        self.search(matrix, &Queries { number: Number::Byte, words: &words, scales }, kernel, best, cancel)
    }

    fn search(
        &self,
        matrix: &Matrix,
        queries: &Queries<'_>,
        kernel: &wgpu::ComputePipeline,
        best: usize,
        cancel: &Cancel,
    ) -> Result<Vec<Vec<Hit>>> {
        if queries.number != matrix.number || best == 0 || best > MOST_BEST {
            return Err(Error::FixTheCall(format!("A batch wants 1 to {MOST_BEST} rows of a matrix of its own kind.")));
        }
        if matrix.rows == 0 {
            return Ok(vec![Vec::new(); queries.scales.len()]);
        }
        let plan = Plan::of(matrix, best);
        let mut all = Vec::with_capacity(queries.scales.len());
        let words = matrix.number.words(matrix.dimension);
        for (words, scales) in queries.words.chunks(plan.queries * words).zip(queries.scales.chunks(plan.queries)) {
            let part = Queries { number: queries.number, words, scales };
            all.extend(self.part(matrix, &part, kernel, &plan, cancel)?);
        }
        Ok(all)
    }

    /// As many queries as fit in one run over the rows.
    fn part(
        &self,
        matrix: &Matrix,
        queries: &Queries<'_>,
        kernel: &wgpu::ComputePipeline,
        plan: &Plan,
        cancel: &Cancel,
    ) -> Result<Vec<Vec<Hit>>> {
        let (device, count, best) = (self.device, queries.scales.len(), plan.best);
        let mut sections = Sections::default();
        let words = sections.push(queries.words);
        let scales = sections.push(bytemuck::cast_slice(queries.scales));
        let passes =
            plan.passes.iter().enumerate().map(|(at, pass)| plan.describe(matrix, count, at, pass, &mut sections));
        let passes: Vec<(Section, Section)> = passes.collect::<Result<_>>()?;
        let merges =
            plan.merges.iter().map(|level| plan.merge(level).push(&mut sections)).collect::<Result<Vec<_>>>()?;

        let bytes = |each: usize| (count * each) as u64;
        let size = sections.bytes().len() as u64;
        let upload = self.pool.take(device, Kind::Upload, size)?;
        let input = self.pool.take(device, Kind::Input, size)?;
        let keys = self.pool.take(device, Kind::Work, bytes(plan.rows * 4))?;
        let one = self.pool.take(device, Kind::Work, bytes(plan.passes.len() * best * 8))?;
        let lists = |level: Option<&Level>| bytes(level.map_or(1, |level| level.lists) * best * 8);
        let two = self.pool.take(device, Kind::Work, lists(plan.merges.first()))?;
        let found = self.pool.take(device, Kind::Readback, bytes(best * 8))?;
        upload.write(sections.bytes())?;

        let mut encoder = device.gpu.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(upload.buffer(), 0, input.buffer(), 0, size);
        let all = |section: Section| section.of(input.buffer());
        for (at, (pass, (product, choice))) in plan.passes.iter().zip(&passes).enumerate() {
            let (rows, row_scales) = &matrix.blocks[pass.block];
            let resources = [
                all(*product),
                rows.buffer.as_entire_binding(),
                row_scales.buffer.as_entire_binding(),
                all(words),
                all(scales),
                keys.buffer().as_entire_binding(),
            ];
            let size = numbers([pass.rows.div_ceil(SIDE), count.div_ceil(SIDE), 1])?;
            dispatch(&mut encoder, kernel, &bind(device, kernel, &resources), size);
            self.choose(&mut encoder, &[all(*choice), all_of(&keys), all_of(&one)], [1, count])?;
            if (at + 1) % PASSES == 0 {
                let next = device.gpu.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
                let submission = device.queue.submit([std::mem::replace(&mut encoder, next).finish()]);
                wait(device, &submission, cancel, &|| false)?;
            }
        }
        let (mut from, mut to, mut spare) = (&one, &two, &one);
        for (level, choice) in plan.merges.iter().zip(&merges) {
            self.choose(&mut encoder, &[all(*choice), all_of(from), all_of(to)], [level.lists, count])?;
            (from, to, spare) = (to, spare, to);
        }
        encoder.copy_buffer_to_buffer(from.buffer(), 0, found.buffer(), 0, bytes(best * 8));
        let submission = device.queue.submit([encoder.finish()]);
        upload.map();
        found.map();
        wait(device, &submission, cancel, &|| !found.is_mapped())?;
        let view = found.read(bytes(best * 8))?;
        let pairs: &[[u32; 2]] = bytemuck::cast_slice(&view);
        Ok(pairs.chunks_exact(best).map(hits).collect())
    }

    fn choose(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        resources: &[wgpu::BindingResource<'_>],
        [lists, queries]: [usize; 2],
    ) -> Result<()> {
        let kernel = &self.device.pipelines.select;
        dispatch(encoder, kernel, &bind(self.device, kernel, resources), numbers([lists, queries, 1])?);
        Ok(())
    }
}

fn all_of(buffer: &Pooled) -> wgpu::BindingResource<'_> {
    buffer.buffer().as_entire_binding()
}

/// Waits for a submission, and for as long as `pending` says after it.
fn wait(
    device: &Device,
    submission: &wgpu::SubmissionIndex,
    cancel: &Cancel,
    pending: &dyn Fn() -> bool,
) -> Result<()> {
    let start = Instant::now();
    while !device.wait(submission, Duration::from_millis(5))? || pending() {
        cancel.check()?;
        if device.hangs(start.elapsed()) {
            device.check()?;
        }
    }
    cancel.check()
}

/// Best first, of equal scores the lower row first.
fn hits(list: &[[u32; 2]]) -> Vec<Hit> {
    let mut list: Vec<[u32; 2]> = list.iter().copied().filter(|[key, _]| *key != 0).collect();
    list.sort_unstable_by_key(|[key, row]| (!*key, *row));
    list.into_iter().map(|[key, row]| Hit { score: score_of(key), row }).collect()
}

/// The inverse of `key_of` in `keys.wgsl`.
fn score_of(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & 0x7FFF_FFFF } else { !key })
}

impl Number {
    /// Words of a row.
    fn words(self, dimension: usize) -> usize {
        match self {
            Self::Float => dimension,
            Self::Byte => dimension.div_ceil(4),
        }
    }
}

#[cfg(test)]
mod tests;
