use tiercel_codec::Kernel;
use tiercel_codec::aligned::Buffer;
use tiercel_codec::bits::{BitsBuilder, BitsView};
use tiercel_tier::{Class, PageKey};

use super::*;
use crate::PAGE_ROWS;
use crate::arena::Arenas;
use crate::check::same_candidates;
use crate::ring::Ring;
use crate::testing::{self, Random, page};

/// Pages in both memories.
struct Held {
    device: Arc<Device>,
    pool: Pool,
    arenas: Arenas,
    ring: Ring,
    padded: usize,
    pages: Vec<(Buffer, usize, Target)>,
}

impl Held {
    fn new(padded: usize) -> Option<Self> {
        let (pool, arenas, ring) = (Pool::new(64 << 20), Arenas::new(8 << 20), Ring::new());
        Some(Self { device: testing::device()?, pool, arenas, ring, padded, pages: Vec::new() })
    }

    fn add(&mut self, bytes: Buffer, rows: usize, base: u32) {
        let number = u32::try_from(self.pages.len()).expect("few");
        let key = PageKey { space: 1, file: 1, page: number, class: Class::Bits };
        let (held, padded) = (u32::try_from(rows).expect("few"), u32::try_from(self.padded).expect("few"));
        let placed = self.arenas.place(&self.device, key, bytes.len() as u64, held, padded).expect("a device");
        let resident = Arc::new(placed.expect("room"));
        self.ring.upload(&self.device, &bytes, resident.arena.buffer(), resident.offset).expect("a device");
        let target = Target { resident, place: number * 10_000, base };
        self.pages.push((bytes, rows, target));
    }

    fn on_gpu(&self, job: &Job<'_>) -> Result<Vec<Vec<Candidate>>> {
        let copy = |target: &Target| Target { resident: target.resident.clone(), ..*target };
        let targets = self.pages.iter().map(|(_, _, target)| copy(target)).collect();
        let mut found = vec![Candidates::new(job.best); job.searches.len()];
        assert!(fits(job));
        submit(&self.device, &self.pool, job, targets)?.collect(&self.device, job, &Cancel::new(), &mut found)?;
        Ok(found.into_iter().map(Candidates::into_sorted).collect())
    }

    fn on_cpu(&self, job: &Job<'_>) -> Vec<Vec<Candidate>> {
        let one = |asked: &Asked<'_>| {
            let mut found = Candidates::new(job.best);
            for (bytes, rows, target) in &self.pages {
                let view = BitsView::new(bytes, *rows, self.padded).expect("whole");
                let accept = |row| job.accept.is_none_or(|(rows, _)| rows.contains(row));
                let base = asked.bases[target.base as usize];
                Kernel::PORTABLE.scan_bits(asked.query, base, &view, target.place, accept, &mut found);
            }
            found.into_sorted()
        };
        job.searches.iter().map(one).collect()
    }

    fn agree(&self, job: &Job<'_>) {
        let (cpu, gpu) = (self.on_cpu(job), self.on_gpu(job).expect("a device"));
        for (cpu, gpu) in cpu.iter().zip(&gpu) {
            assert!(same_candidates(cpu, gpu), "{} and {} rows, best {}", cpu.len(), gpu.len(), job.best);
        }
    }
}

/// A query of its own, and its dot products with the centroids.
struct Search {
    query: BitsQuery,
    bases: Vec<f32>,
}

impl Search {
    fn new(random: &mut Random, centroids: &[Vec<f32>], bits: u32) -> Self {
        let query = random.unit(centroids[0].len());
        let bases = centroids.iter().map(|centroid| Kernel::PORTABLE.dot_f32(&query, centroid)).collect();
        Self { query: BitsQuery::new(&query, bits), bases }
    }

    fn asked(&self) -> Asked<'_> {
        Asked { query: &self.query, bases: &self.bases }
    }
}

#[test]
fn random_shapes_give_what_the_scalar_kernel_gives() {
    for seed in 0..24_u64 {
        let random = &mut Random(seed);
        let padded = 64 * (1 + random.below(if seed % 4 == 0 { 16 } else { 4 }));
        let Some(mut pages) = Held::new(padded) else { return };
        let centroids: Vec<Vec<f32>> =
            (0..=random.below(3)).map(|_| random.unit(padded).iter().map(|x| x * 0.4).collect()).collect();
        let mut first = 0;
        for _ in 0..=random.below(7) {
            let most = [PAGE_ROWS, 300, 300][random.below(3)];
            let rows = 1 + random.below(most);
            let base = random.below(centroids.len());
            pages.add(page(random, rows, first, &centroids[base]), rows, u32::try_from(base).expect("few"));
            first += u32::try_from(rows + random.below(100)).expect("few");
        }
        let bits = 1 + u32::try_from(seed % 4).expect("few");
        let searches: Vec<_> = (0..=random.below(7)).map(|_| Search::new(random, &centroids, bits)).collect();
        let searches: Vec<Asked<'_>> = searches.iter().map(Search::asked).collect();
        let some: RowSet = (0..first).filter(|_| random.below(3) == 0).collect();
        for best in [1, 10, 200, 1024, MOST_BEST] {
            pages.agree(&Job { searches: &searches, accept: None, best });
            pages.agree(&Job { searches: &searches[..1], accept: Some((&some, first)), best });
        }
    }
}

#[test]
fn the_largest_dimension_and_a_full_page_fit() {
    let random = &mut Random(5);
    for (padded, rows) in [(tiercel_codec::LARGEST_DIMENSION, 9), (768, PAGE_ROWS), (64, 1)] {
        let Some(mut pages) = Held::new(padded) else { return };
        let centroids = [vec![0.0; padded]];
        pages.add(page(random, rows, 0, &centroids[0]), rows, 0);
        let searches: Vec<_> = (0..5).map(|_| Search::new(random, &centroids, 4)).collect();
        let searches: Vec<Asked<'_>> = searches.iter().map(Search::asked).collect();
        pages.agree(&Job { searches: &searches, accept: None, best: 7 });
    }
}

#[test]
fn of_equal_scores_the_lower_rows_are_taken() {
    let random = &mut Random(8);
    let Some(mut pages) = Held::new(64) else { return };
    let (centroid, row) = (vec![0.0; 64], random.unit(64));
    for first in [0, 2_000, 4_000_u32] {
        let mut builder = BitsBuilder::new(64);
        (first..first + 2_000).for_each(|number| builder.push(number, &row, &centroid));
        pages.add(builder.finish(), 2_000, 0);
    }
    let query = Search::new(random, &[centroid], 2);
    for best in [1, 255, 2_001, 4_000] {
        let job = Job { searches: &[query.asked()], accept: None, best };
        let rows: Vec<u32> = pages.on_gpu(&job).expect("a device")[0].iter().map(|found| found.row).collect();
        assert!(rows.iter().copied().eq(0..u32::try_from(best).expect("few")));
    }
}

#[test]
fn nothing_is_found_where_nothing_is_accepted_and_one_where_one_is() {
    let random = &mut Random(3);
    let Some(mut pages) = Held::new(128) else { return };
    let centroid = vec![0.0; 128];
    pages.add(page(random, 777, 100, &centroid), 777, 0);
    let query = Search::new(random, &[centroid], 2);
    let searches = [query.asked()];
    let job = |rows, end| Job { searches: &searches, accept: Some((rows, end)), best: 50 };
    let none = RowSet::default();
    assert!(pages.on_gpu(&job(&none, 900)).expect("a device")[0].is_empty());
    let one: RowSet = [876].into_iter().collect();
    let found = pages.on_gpu(&job(&one, 877)).expect("a device");
    assert_eq!((found[0].len(), found[0][0].row, found[0][0].place), (1, 876, 776));
    // A bitmap that ends earlier accepts nothing beyond its end.
    assert!(pages.on_gpu(&job(&one, 876)).expect("a device")[0].is_empty());
}

#[test]
fn a_search_in_steady_state_allocates_no_buffer() {
    let random = &mut Random(4);
    let Some(mut pages) = Held::new(256) else { return };
    // A device of its own: other tests allocate as well.
    pages.device = testing::own_device().expect("there was one");
    (pages.arenas, pages.ring) = (Arenas::new(8 << 20), Ring::new());
    let centroid = vec![0.0; 256];
    for at in 0..5 {
        pages.add(page(random, 1_000, at * 1_000, &centroid), 1_000, 0);
    }
    let query = Search::new(random, &[centroid], 2);
    let accept = RowSet::up_to(3_000);
    let job = Job { searches: &[query.asked()], accept: Some((&accept, 5_000)), best: 100 };
    pages.agree(&job);
    let (ours, theirs) = (pages.device.allocations(), pages.device.counted_by_wgpu());
    for _ in 0..20 {
        pages.agree(&job);
    }
    assert_eq!((pages.device.allocations(), pages.device.counted_by_wgpu()), (ours, theirs));
    // It keeps a few hundred bytes more or less for itself.
    assert!(pages.device.held().abs_diff(theirs) < 1_024, "the books are what wgpu counts");
}

#[test]
fn several_searches_are_in_flight_and_a_cancelled_one_leaves_its_buffers_whole() {
    let random = &mut Random(6);
    let Some(mut pages) = Held::new(128) else { return };
    let centroid = vec![0.0; 128];
    for at in 0..4 {
        pages.add(page(random, 2_000, at * 2_000, &centroid), 2_000, 0);
    }
    let all: Vec<_> = (0..6).map(|_| Search::new(random, std::slice::from_ref(&centroid), 2)).collect();
    let searches: Vec<Asked<'_>> = all.iter().map(Search::asked).collect();
    let jobs: Vec<Job<'_>> =
        searches.iter().map(|query| Job { searches: std::slice::from_ref(query), accept: None, best: 20 }).collect();
    let targets = || pages.pages.iter().map(|(_, _, t)| Target { resident: t.resident.clone(), ..*t }).collect();
    let flights: Vec<Flight> =
        jobs.iter().map(|job| submit(&pages.device, &pages.pool, job, targets()).expect("a device")).collect();
    let cancelled = Cancel::new();
    cancelled.cancel();
    for (at, (flight, job)) in flights.into_iter().zip(&jobs).enumerate() {
        let mut found = [Candidates::new(20)];
        if at % 2 == 0 {
            let given_up = flight.collect(&pages.device, job, &cancelled, &mut found);
            // One that the device has finished already may still be given.
            assert!(matches!(given_up, Ok(()) | Err(Error::Cancelled)));
        } else {
            flight.collect(&pages.device, job, &Cancel::new(), &mut found).expect("a device");
            let [found] = found;
            assert!(same_candidates(&pages.on_cpu(job)[0], &found.into_sorted()));
        }
    }
    for job in &jobs {
        pages.agree(job);
    }
}

#[test]
fn searches_that_the_kernels_cannot_take_do_not_fit() {
    let (one, two) = (BitsQuery::new(&[0.1; 64], 2), BitsQuery::new(&[0.1; 64], 3));
    let of = |query| Asked { query, bases: &[0.0] };
    let fit = |searches: &[Asked<'_>], best| fits(&Job { searches, accept: None, best });
    assert!(fit(&[of(&one)], 1) && fit(&[of(&one), of(&one)], MOST_BEST));
    assert!(!fit(&[of(&one)], 0) && !fit(&[of(&one)], MOST_BEST + 1) && !fit(&[], 1));
    assert!(!fit(&[of(&one), of(&two)], 1));
    assert!(!fit(&[of(&one), Asked { query: &one, bases: &[0.0, 0.0] }], 1));
}
