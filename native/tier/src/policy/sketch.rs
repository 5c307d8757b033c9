//! How often a page was asked for lately, also when it is not in memory: a count-min sketch (Cormode & Muthukrishnan,
//! Journal of Algorithms 2005) whose counters are halved after a sample, as `TinyLFU` does (Einziger, Friedman & Manes,
//! ACM Transactions on Storage 2017).

/// Counters stop here; four bits suffice to tell a popular page from one that a scan has touched (section 3.4.1 there).
const MOST: u8 = 15;
const ROWS: usize = 4;
/// Counts per page of the cache until all are halved.
const SAMPLE: usize = 10;
const FEWEST: usize = 1024;
const SEEDS: [u64; ROWS] = [0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0xD6E8_FEB8_6659_FD93];

/// Frequencies of hashes, overestimated at times, never underestimated within a sample.
pub struct Sketch {
    counters: Vec<u8>,
    width: usize,
    additions: usize,
    pages: usize,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { counters: vec![0; FEWEST * ROWS], width: FEWEST, additions: 0, pages: FEWEST / ROWS }
    }
}

impl Sketch {
    /// Tells how many pages the cache holds: the sample, and with it the memory for popularity, is ten times that. Counts
    /// are lost when the table must grow, each time by the factor of two.
    pub fn fit(&mut self, pages: usize) {
        self.pages = pages.max(FEWEST / ROWS);
        let needed = (self.pages * ROWS).next_power_of_two();
        if needed > self.width {
            self.width = needed;
            self.counters = vec![0; needed * ROWS];
            self.additions = 0;
        }
    }

    /// Counts one use.
    pub fn add(&mut self, hash: u64) {
        let mut grew = false;
        for (row, seed) in SEEDS.into_iter().enumerate() {
            let counter = &mut self.counters[row * self.width + place(hash, seed, self.width)];
            if *counter < MOST {
                *counter += 1;
                grew = true;
            }
        }
        self.additions += usize::from(grew);
        if self.additions >= self.pages * SAMPLE {
            for counter in &mut self.counters {
                *counter >>= 1;
            }
            self.additions /= 2;
        }
    }

    /// Uses of late, up to 15.
    #[must_use]
    pub fn estimate(&self, hash: u64) -> u8 {
        let counts = SEEDS
            .into_iter()
            .enumerate()
            .map(|(row, seed)| self.counters[row * self.width + place(hash, seed, self.width)]);
        counts.min().unwrap_or(0)
    }

    /// Bytes of memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.counters.capacity()
    }
}

fn place(hash: u64, seed: u64, width: usize) -> usize {
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(seed);
    (mixed >> 32) as usize & (width - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_popular_page_stands_out_of_a_scan() {
        let mut sketch = Sketch::default();
        for round in 0..6_u64 {
            sketch.add(7);
            for page in 0..300 {
                sketch.add((1_000 + round * 300 + page).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 1);
            }
        }
        let scanned = (0..100).filter(|page| sketch.estimate((1_000 + page) << 20) >= sketch.estimate(7)).count();
        assert!(sketch.estimate(7) >= 3);
        assert_eq!(scanned, 0);
    }

    #[test]
    fn popularity_fades() {
        let mut sketch = Sketch::default();
        for _ in 0..100 {
            sketch.add(7);
        }
        assert_eq!(sketch.estimate(7), MOST);
        for page in 0..100_000_u64 {
            sketch.add(page.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 1);
        }
        assert!(sketch.estimate(7) < 12);
    }

    #[test]
    fn growing_keeps_counting() {
        let mut sketch = Sketch::default();
        sketch.fit(100_000);
        sketch.add(1);
        sketch.fit(10);
        assert_eq!(sketch.estimate(1), 1);
        assert_eq!(sketch.bytes(), 4 * 524_288);
    }
}
