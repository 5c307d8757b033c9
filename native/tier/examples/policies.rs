//! Hit rates of the eviction policies on traces of page visits, at several shares of memory, beside what the best
//! possible order reaches: `cargo run --release -p tiercel-tier --example policies`.
//!
//! A trace is what searches ask of the cache: a search visits some cells, a page each. Popularity of cells follows Zipf's
//! law, as queries of one developer come back to the same code; in between somebody asks for an exact answer and every
//! page is read once, or moves on to another part of the code.

#![expect(clippy::cast_precision_loss, reason = "shares and times for people")]

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use tiercel_tier::policy::{PageId, Policy, PolicyKind, Sketch};

const PAGES: u64 = 4_096;
const VISITS: usize = 400_000;
/// Pages that a search visits.
const PROBES: usize = 16;
/// Budgets in percent of all pages.
const SHARES: [u64; 5] = [2, 5, 10, 25, 50];

fn main() {
    let mut random = Random(20_241_122);
    let popular = visits(&mut random, VISITS, |_| 0);
    let drifting = visits(&mut random, VISITS, |at| at as u64 / 20_000 * 97);
    let traces = [
        ("popular cells (Zipf, 0.9)", popular.clone()),
        ("popular cells, a full scan every 100,000 visits", with_scans(&popular, 100_000)),
        ("popular cells, a full scan every 20,000 visits", with_scans(&popular, 20_000)),
        ("a working set that moves on every 20,000 visits", drifting.clone()),
        ("moving working set and a full scan every 20,000", with_scans(&drifting, 20_000)),
        ("nothing but full scans", (0..VISITS as u64).map(|at| at % PAGES).collect()),
    ];
    let mut sums = [0.0; 4];
    for (name, trace) in &traces {
        println!("\n{name}: {} visits of {PAGES} pages", trace.len());
        print!("| memory |");
        for kind in PolicyKind::ALL {
            print!(" {} |", kind.name());
        }
        println!(" optimum |");
        for share in SHARES {
            let budget = PAGES * share / 100;
            print!("| {share} % |");
            for (kind, sum) in PolicyKind::ALL.into_iter().zip(&mut sums) {
                let rate = replay(kind, trace, budget);
                *sum += rate;
                print!(" {:.1} |", rate * 100.0);
            }
            println!(" {:.1} |", optimum(trace, budget) * 100.0);
        }
    }
    println!("\nmean of all rows, and time per visit at 10 % with the first trace");
    for (kind, sum) in PolicyKind::ALL.into_iter().zip(sums) {
        let started = Instant::now();
        replay(kind, &traces[0].1, PAGES / 10);
        let nanos = started.elapsed().as_nanos() / VISITS as u128;
        println!("| {} | {:.1} % | {nanos} ns |", kind.name(), sum * 100.0 / (traces.len() * SHARES.len()) as f64);
    }
}

/// xorshift64* (Vigna, ACM Transactions on Mathematical Software 2016).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Searches of [`PROBES`] different cells each. `moved` says by how much the ranks are shifted at a point of the trace:
/// what was popular is so no longer.
fn visits(random: &mut Random, count: usize, moved: impl Fn(usize) -> u64) -> Vec<u64> {
    let mut sum = 0.0;
    let cumulated: Vec<f64> = (1..=PAGES)
        .map(|rank| {
            sum += (rank as f64).powf(-0.9);
            sum
        })
        .collect();
    let mut trace = Vec::with_capacity(count);
    while trace.len() < count {
        let mut cells = BTreeSet::new();
        while cells.len() < PROBES {
            let at = random.unit() * sum;
            let rank = cumulated.partition_point(|upto| *upto < at) as u64;
            // Neighbours in rank are not neighbours in the file.
            cells.insert((rank + moved(trace.len())).wrapping_mul(1_861) % PAGES);
        }
        trace.extend(cells);
    }
    trace
}

fn with_scans(trace: &[u64], every: usize) -> Vec<u64> {
    trace.chunks(every).flat_map(|part| part.iter().copied().chain(0..PAGES)).collect()
}

/// The hit rate of a policy over pages of equal weight.
fn replay(kind: PolicyKind, trace: &[u64], budget: u64) -> f64 {
    let (mut policy, mut sketch): (Box<dyn Policy>, _) = (kind.build(), Sketch::default());
    sketch.fit(usize::try_from(budget).expect("small"));
    let mut places: Vec<Option<PageId>> = vec![None; usize::try_from(PAGES).expect("small")];
    let mut names: Vec<u64> = Vec::new();
    let mut free: Vec<PageId> = Vec::new();
    let mut hits = 0_u64;
    for name in trace {
        let hash = name.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 1;
        sketch.add(hash);
        let place = usize::try_from(*name).expect("small");
        if let Some(page) = places[place] {
            policy.hit(page);
            hits += 1;
            continue;
        }
        let page = free.pop().unwrap_or_else(|| {
            names.push(0);
            PageId::try_from(names.len() - 1).expect("small")
        });
        names[page as usize] = *name;
        places[place] = Some(page);
        policy.insert(page, hash, 1);
        while policy.bytes() > budget {
            let Some(victim) = policy.evict(&sketch) else { break };
            places[usize::try_from(names[victim as usize]).expect("small")] = None;
            free.push(victim);
        }
    }
    hits as f64 / trace.len() as f64
}

/// The best possible hit rate: what is needed again last leaves first, and need not come in at all (Belady, IBM Systems
/// Journal 1966).
fn optimum(trace: &[u64], budget: u64) -> f64 {
    let mut next = vec![usize::MAX; trace.len()];
    let mut seen: HashMap<u64, usize> = HashMap::new();
    for (at, name) in trace.iter().enumerate().rev() {
        next[at] = seen.insert(*name, at).unwrap_or(usize::MAX);
    }
    let mut held: HashMap<u64, usize> = HashMap::new();
    let mut order: BTreeSet<(usize, u64)> = BTreeSet::new();
    let mut hits = 0_u64;
    for (at, name) in trace.iter().enumerate() {
        if let Some(needed) = held.remove(name) {
            order.remove(&(needed, *name));
            hits += 1;
        }
        held.insert(*name, next[at]);
        order.insert((next[at], *name));
        while held.len() as u64 > budget {
            if let Some((_, victim)) = order.pop_last() {
                held.remove(&victim);
            }
        }
    }
    hits as f64 / trace.len() as f64
}
