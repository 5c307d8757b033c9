//! One batch of searches over pages in the device's memory: what is sent, dispatched and read back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};
use tiercel_base::rows::RowSet;
use tiercel_codec::bits::BitsQuery;
use tiercel_codec::candidates::{Candidate, Candidates};
use tiercel_codec::half;

use crate::arena::Resident;
use crate::device::Device;
use crate::params::{Section, Sections};
use crate::pipelines::TILE;
use crate::pool::{Kind, Pool, Pooled};
use crate::select::{Choice, Level, bind, dispatch, levels, numbers, tile};
use crate::{MOST_BEST, PIECE_ROWS};

/// Workgroups of a dispatch along one axis.
const MOST_GROUPS: usize = 65_535;
/// Between two looks at the cancellation.
const GLANCE: Duration = Duration::from_millis(5);
/// Numbers of 32 bits that the device writes for each row it selected.
const FOUND: usize = 4;

/// A page to scan.
pub struct Target {
    pub resident: Arc<Resident>,
    /// What the scan's positions are counted from.
    pub place: u32,
    /// Which of each search's bases is of the page's centroid.
    pub base: u32,
}

/// A query, and its dot products with the centroids of the pages.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The query.
    pub query: &'a BitsQuery,
    /// One for each centroid; pages name theirs by its place here.
    pub bases: &'a [f32],
}

/// What to scan for.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// What each search asks for.
    pub searches: &'a [Asked<'a>],
    /// Accepted row numbers, and how many rows there are; none for all.
    pub accept: Option<(&'a RowSet, u32)>,
    pub best: usize,
}

/// Searches that the device is at.
pub struct Flight {
    targets: Vec<Target>,
    pieces: Pieces,
    best: usize,
    searches: usize,
    submission: wgpu::SubmissionIndex,
    found: Pooled,
    /// Back in the pool when the flight ends, however it does.
    _buffers: Vec<Pooled>,
    started: Instant,
}

/// Whether the device can take such searches at all.
pub fn fits(job: &Job<'_>) -> bool {
    let Some(first) = job.searches.first() else { return false };
    job.best > 0
        && job.best <= MOST_BEST
        && job.searches.len() <= MOST_GROUPS
        && job.searches.iter().all(|asked| {
            (asked.bases.len(), asked.query.bits(), asked.query.padded())
                == (first.bases.len(), first.query.bits(), first.query.padded())
        })
}

/// The targets cut into pieces, which are numbered in the order of the targets: of equal scores the lower slot is taken.
struct Pieces {
    /// The first piece of each target.
    firsts: Vec<u32>,
    /// The target of each piece.
    owners: Vec<u32>,
}

impl Pieces {
    fn of(targets: &[Target]) -> Result<Self> {
        let mut pieces = Self { firsts: Vec::with_capacity(targets.len()), owners: Vec::new() };
        for (at, target) in targets.iter().enumerate() {
            let [owner, first] = numbers([at, pieces.owners.len()])?;
            let count = (target.resident.rows as usize).div_ceil(PIECE_ROWS);
            pieces.firsts.push(first);
            pieces.owners.resize(pieces.owners.len() + count, owner);
        }
        Ok(pieces)
    }

    /// Keys of one search.
    fn slots(&self) -> usize {
        self.owners.len() * PIECE_ROWS
    }

    /// The target of a slot, and the row's position in it.
    fn find(&self, slot: u32) -> Option<(usize, u32)> {
        let owner = *self.owners.get(slot as usize / PIECE_ROWS)? as usize;
        let first = *self.firsts.get(owner)? as usize * PIECE_ROWS;
        let position = (slot as usize).checked_sub(first)?;
        Some((owner, u32::try_from(position).ok()?))
    }
}

/// The pieces by arena.
struct Grouped {
    order: Vec<u32>,
    /// For each arena: a target in it, its first place in `order`, and how many pieces there are.
    arenas: Vec<(usize, usize, usize)>,
}

fn group(targets: &[Target], pieces: &Pieces) -> Grouped {
    let arena = |piece: u32| targets[pieces.owners[piece as usize] as usize].resident.arena.number;
    let mut order: Vec<u32> = (0..).take(pieces.owners.len()).collect();
    order.sort_by_key(|piece| arena(*piece));
    let mut arenas: Vec<(usize, usize, usize)> = Vec::new();
    for (place, &piece) in order.iter().enumerate() {
        match arenas.last_mut() {
            Some((first, _, count))
                if targets[*first].resident.arena.number == arena(piece) && *count < MOST_GROUPS =>
            {
                *count += 1;
            }
            _ => arenas.push((pieces.owners[piece as usize] as usize, place, 1)),
        }
    }
    Grouped { order, arenas }
}

/// What all dispatches read.
struct Inputs {
    table: Section,
    order: Section,
    owners: Section,
    queries: Section,
    accept: Section,
    /// For each arena.
    params: Vec<Section>,
    /// For each level of the selection.
    choices: Vec<Section>,
}

fn describe(
    sections: &mut Sections,
    job: &Job<'_>,
    targets: &[Target],
    pieces: &Pieces,
    grouped: &Grouped,
    levels: &[Level],
) -> Result<Inputs> {
    let query = job.searches[0].query;
    let (searches, slots) = (job.searches.len(), pieces.slots());
    let first_arena = targets[grouped.arenas[0].0].resident.arena.number as usize;
    let accept_rows = job.accept.map_or(0, |(_, rows)| rows as usize);
    let params = grouped
        .arenas
        .iter()
        .map(|&(target, first, _)| {
            Ok(sections.push(&numbers([
                first,
                query.padded() / 64,
                query.bits(),
                searches,
                slots,
                accept_rows,
                job.searches[0].bases.len(),
                job.best,
                targets[target].resident.arena.number as usize,
                first_arena,
                0,
                0,
            ])?))
        })
        .collect::<Result<_>>()?;
    let choices = levels
        .iter()
        .enumerate()
        .map(|(at, level)| {
            let choice = Choice {
                length: level.length,
                stride: level.length,
                tile: tile(job.best),
                best: job.best,
                out_stride: level.lists * job.best,
                out_first: 0,
                pairs: at > 0,
                id_first: 0,
            };
            choice.push(sections)
        })
        .collect::<Result<_>>()?;
    let mut table = Vec::with_capacity(targets.len() * 5);
    for (target, first) in targets.iter().zip(&pieces.firsts) {
        let resident = &target.resident;
        let offset = u32::try_from(resident.offset / 8).unwrap_or(u32::MAX);
        table.extend([offset, resident.rows, target.base, resident.arena.number, *first]);
    }
    let mut queries = Vec::new();
    for asked in job.searches {
        queries.push(asked.query.delta().to_bits());
        queries.extend(asked.bases.iter().map(|base| base.to_bits()));
        queries.extend_from_slice(bytemuck::cast_slice(asked.query.planes()));
    }
    let accept = match job.accept {
        Some((rows, end)) => sections.fill((end as usize).div_ceil(64), |words| rows.copy_words(words)),
        None => sections.push(&[]),
    };
    Ok(Inputs {
        table: sections.push(&table),
        order: sections.push(&grouped.order),
        owners: sections.push(&pieces.owners),
        queries: sections.push(&queries),
        accept,
        params,
        choices,
    })
}

/// Sends the searches on their way. `targets` is not empty, and the job [`fits`].
///
/// # Errors
/// Those of [`Pool::take`], and [`Error::RetryLater`] when the device is lost.
pub fn submit(device: &Device, pool: &Pool, job: &Job<'_>, targets: Vec<Target>) -> Result<Flight> {
    let started = Instant::now();
    let (searches, best) = (job.searches.len(), job.best);
    let pieces = Pieces::of(&targets)?;
    let slots = pieces.slots();
    let levels = levels(slots, best);
    let grouped = group(&targets, &pieces);
    let mut sections = Sections::default();
    let inputs = describe(&mut sections, job, &targets, &pieces, &grouped, &levels)?;

    let bytes = |count: usize, each: usize| (searches * count * each) as u64;
    let lists = |level: Option<&Level>| bytes(level.map_or(1, |level| level.lists) * best, 8);
    let upload = pool.take(device, Kind::Upload, sections.bytes().len() as u64)?;
    let input = pool.take(device, Kind::Input, sections.bytes().len() as u64)?;
    let keys = pool.take(device, Kind::Work, bytes(slots, 4))?;
    let one = pool.take(device, Kind::Work, lists(levels.first()))?;
    let two = pool.take(device, Kind::Work, lists(levels.get(1)))?;
    let rows = pool.take(device, Kind::Work, bytes(best, FOUND * 4))?;
    let found = pool.take(device, Kind::Readback, bytes(best, FOUND * 4))?;
    upload.write(sections.bytes())?;

    let mut encoder = device.gpu.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let size = sections.bytes().len() as u64;
    encoder.copy_buffer_to_buffer(upload.buffer(), 0, input.buffer(), 0, size);
    let all = |section: Section| section.of(input.buffer());
    let kernels = &device.pipelines;
    let (scan, tile) = if searches == 1 { (&kernels.scan_one, 1) } else { (&kernels.scan_tile, TILE) };
    let in_arena = |at: usize| targets[grouped.arenas[at].0].resident.arena.buffer().as_entire_binding();
    for (at, &(_, _, count)) in grouped.arenas.iter().enumerate() {
        let resources = [
            all(inputs.params[at]),
            in_arena(at),
            all(inputs.table),
            all(inputs.order),
            all(inputs.queries),
            all(inputs.accept),
            all(inputs.owners),
            keys.buffer().as_entire_binding(),
        ];
        let size = numbers([count, 1, searches.div_ceil(tile)])?;
        dispatch(&mut encoder, scan, &bind(device, scan, &resources), size);
    }
    let (mut from, mut to, mut spare) = (&keys, &one, &two);
    for (level, choice) in levels.iter().zip(&inputs.choices) {
        let resources = [all(*choice), from.buffer().as_entire_binding(), to.buffer().as_entire_binding()];
        let size = numbers([level.lists, searches, 1])?;
        dispatch(&mut encoder, &kernels.select, &bind(device, &kernels.select, &resources), size);
        (from, to, spare) = (to, spare, to);
    }
    for at in 0..grouped.arenas.len() {
        let resources = [
            all(inputs.params[at]),
            in_arena(at),
            all(inputs.table),
            from.buffer().as_entire_binding(),
            all(inputs.queries),
            all(inputs.owners),
            rows.buffer().as_entire_binding(),
        ];
        let size = numbers([best.div_ceil(64), searches, 1])?;
        dispatch(&mut encoder, &kernels.gather, &bind(device, &kernels.gather, &resources), size);
    }
    encoder.copy_buffer_to_buffer(rows.buffer(), 0, found.buffer(), 0, bytes(best, FOUND * 4));
    let submission = device.queue.submit([encoder.finish()]);
    upload.map();
    found.map();
    device.check()?;
    Ok(Flight {
        targets,
        pieces,
        best,
        searches,
        submission,
        found,
        _buffers: vec![upload, input, keys, one, two, rows],
        started,
    })
}

impl Flight {
    /// Waits for the device and offers what it found to `candidates`, one for each search.
    ///
    /// # Errors
    /// [`Error::Cancelled`], and [`Error::RetryLater`] when the device is lost.
    pub fn collect(
        &self,
        device: &Device,
        job: &Job<'_>,
        cancel: &Cancel,
        candidates: &mut [Candidates],
    ) -> Result<()> {
        while !self.found.is_mapped() {
            cancel.check()?;
            device.wait(&self.submission, GLANCE)?;
            if device.hangs(self.started.elapsed()) {
                device.check()?;
            }
        }
        let view = self.found.read((self.searches * self.best * FOUND * 4) as u64)?;
        let numbers: &[u32] = bytemuck::cast_slice(&view);
        let per_search = numbers.chunks_exact(self.best * FOUND);
        for ((found, asked), candidates) in per_search.zip(job.searches).zip(candidates) {
            for one in found.as_chunks::<FOUND>().0 {
                if let Some(candidate) = self.candidate(*one, asked)? {
                    candidates.push(candidate);
                }
            }
        }
        Ok(())
    }

    fn candidate(&self, [slot, row, differing, factors]: [u32; FOUND], asked: &Asked<'_>) -> Result<Option<Candidate>> {
        if slot == u32::MAX {
            return Ok(None);
        }
        let place = self.pieces.find(slot).map(|(owner, position)| (&self.targets[owner], position));
        let place = place.filter(|(target, position)| *position < target.resident.rows);
        let base = place.and_then(|(target, _)| asked.bases.get(target.base as usize));
        let (Some((target, position)), Some(&base)) = (place, base) else {
            return Err(Error::RetryLater {
                message: "The GPU named a row that does not exist.".into(),
                after_ms: 1_000,
            });
        };
        #[expect(clippy::cast_possible_truncation, reason = "two halves of a number")]
        let (f, g) = (half::decode_one(factors as u16), half::decode_one((factors >> 16) as u16));
        let score = asked.query.estimate(base, differing.cast_signed(), f, g);
        Ok(Some(Candidate { score, row, place: target.place.wrapping_add(position) }))
    }
}

#[cfg(test)]
mod tests;
