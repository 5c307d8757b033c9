//! 1-bit codes in the hot tier, as a search has them scanned.

use std::sync::Arc;

use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};
use tiercel_codec::aligned::Buffer;
use tiercel_codec::bits::{BitsBuilder, BitsQuery, BitsView};
use tiercel_codec::candidates::Candidates;
use tiercel_gpu::{Ask, Asked, GpuStatus, Hot, PAGE_ROWS, PageRef, same_candidates};
use tiercel_tier::{Books, Class, PageKey};

use crate::Setup;
use crate::cpu::{Cost, kernel, scalar, share};
use crate::data::Random;
use crate::report::{Line, print_skipped};

const NAME: &str = "1 bit";
/// As many as a search keeps of a scan.
const BEST: usize = 1_024;
/// Bits of a component of a query.
const QUERY_BITS: u32 = 2;
/// Searches that are sent together.
pub const TOGETHER: usize = 64;

struct Page {
    place: PageRef,
    rows: usize,
    bytes: Arc<Buffer>,
}

fn pages(rows: usize, dimension: usize) -> Result<Vec<Page>> {
    let (random, centroid) = (&mut Random(1), vec![0.0; dimension]);
    let mut pages = Vec::new();
    for (number, first) in (0..).zip((0..rows).step_by(PAGE_ROWS)) {
        let count = PAGE_ROWS.min(rows - first);
        let place = u32::try_from(first).map_err(|_| Error::FixTheCall("too many rows".into()))?;
        let mut builder = BitsBuilder::new(dimension);
        for (row, vector) in (place..).zip(random.units(count, dimension).chunks(dimension)) {
            builder.push(row, vector, &centroid);
        }
        let key = PageKey { space: 1, file: 1, page: number, class: Class::Bits };
        pages.push(Page { place: PageRef { key, place, base: 0 }, rows: count, bytes: Arc::new(builder.finish()) });
    }
    Ok(pages)
}

fn scan(pages: &[Page], queries: &[BitsQuery], dimension: usize) -> Vec<Candidates> {
    let mut found: Vec<Candidates> = queries.iter().map(|_| Candidates::new(BEST)).collect();
    for Page { place, rows, bytes } in pages {
        let view = BitsView::new(bytes, *rows, dimension).expect("a page of the builder");
        for (query, found) in queries.iter().zip(&mut found) {
            kernel().scan_bits(query, 0.0, &view, place.place, |_| true, found);
        }
    }
    found
}

fn on_cpu(pages: &[Page], queries: &[BitsQuery], setup: &Setup, threads: usize) -> (Cost, Vec<Candidates>) {
    let (timing, parts) = setup
        .runs
        .time_threads(threads, |thread| scan(&pages[share(pages.len(), thread, threads)], queries, setup.dimension));
    let mut all: Vec<Candidates> = queries.iter().map(|_| Candidates::new(BEST)).collect();
    for mut part in parts {
        part.iter_mut().zip(&mut all).for_each(|(part, all)| all.merge(part));
    }
    let rows = pages.iter().map(|page| page.rows).sum();
    (Cost { time: timing.time, rows, queries: queries.len() }, all)
}

/// One search, and as many as are sent together.
pub fn measure(setup: &Setup, rows: usize) -> Result<()> {
    let wanted: Vec<usize> = [1, TOGETHER]
        .into_iter()
        .filter(|&queries| {
            let possible = setup.can_wait_for_scan(rows, queries);
            if !possible {
                print_skipped(NAME, rows, queries, "too slow on software Vulkan");
            }
            possible
        })
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let pages = pages(rows, setup.dimension)?;
    let refs: Vec<PageRef> = pages.iter().map(|page| page.place).collect();
    let hot = Hot::open(setup.options.clone(), Books::new().account("GPU"))?;
    for page in &pages {
        // Waits while others are before it.
        hot.warm(page.place.key, page.rows, setup.dimension, 0, page.bytes.clone());
    }
    hot.settle();
    for queries in wanted {
        search(setup, &hot, &pages, &refs, queries)?;
    }
    Ok(())
}

fn search(setup: &Setup, hot: &Hot, pages: &[Page], refs: &[PageRef], count: usize) -> Result<()> {
    let vectors = Random(2).units(count, setup.dimension);
    let queries: Vec<BitsQuery> =
        vectors.chunks(setup.dimension).map(|vector| BitsQuery::new(vector, QUERY_BITS)).collect();
    let searches: Vec<Asked<'_>> = queries.iter().map(|query| Asked { query, bases: &[0.0] }).collect();
    let ask = Ask { pages: refs, searches: &searches, accept: None, best: BEST };
    let rows = pages.iter().map(|page| page.rows).sum();
    let (gpu, (found, absent)) = setup.device_runs().time(|| {
        let mut found: Vec<Candidates> = queries.iter().map(|_| Candidates::new(BEST)).collect();
        let ticket = hot.submit(ask);
        let absent = ticket.missing().len() + ticket.collect(&Cancel::new(), &mut found)?.len();
        Ok((found, absent))
    })?;
    if absent > 0 {
        return why_absent(&hot.status(), pages.len(), |reason| print_skipped(NAME, rows, count, reason));
    }
    let (all_threads, _) = on_cpu(pages, &queries, setup, setup.threads);
    let (one_thread, expected) = on_cpu(pages, &queries, setup, 1);
    let equal = expected
        .into_iter()
        .zip(found)
        .all(|(expected, found)| same_candidates(&expected.into_sorted(), &found.into_sorted()));
    Line {
        kernel: NAME,
        rows,
        queries: count,
        bytes: pages.iter().map(|page| page.bytes.len()).sum(),
        gpu,
        simd: [one_thread, all_threads],
        scalar: scalar(rows, count, setup.dimension, setup.runs),
        compared: count,
        equal,
    }
    .print();
    Ok(())
}

/// A device with too little memory is one thing, a device that is wrong or fails another.
fn why_absent(status: &GpuStatus, pages: usize, skip: impl Fn(&str)) -> Result<()> {
    let wrong = status.check.as_ref().is_some_and(|check| !check.equal);
    if wrong || status.failed_over > 0 || status.pages.pages >= pages as u64 {
        let last = status.events.last().map_or("", |event| event.message.as_str());
        return Err(Error::Report(format!("The device did not answer. {} {last}", status.sentence)));
    }
    skip(&format!("{} of {pages} pages fit in the {} bytes that may be used", status.pages.pages, status.budget));
    Ok(())
}
