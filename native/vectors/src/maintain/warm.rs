//! Progressive loading: after opening, pages come into memory in the order of their use, while queries are answered.

use std::collections::HashSet;
use std::sync::Arc;

use tiercel_base::error::Result;
use tiercel_tier::Class;

use crate::hints::Hints;
use crate::index::Inner;
use crate::pages::BYTES_ROWS;
use crate::state::State;

/// The share of the cache's budget that is filled ahead of queries.
const FILL: f64 = 0.9;

/// Files whose pages were brought into memory, as far as there was room.
#[derive(Default)]
pub struct Warmed {
    files: HashSet<(u32, Class)>,
}

impl Warmed {
    /// Loads the pages of one file; false when nothing is left to load.
    pub fn step(&mut self, inner: &Inner) -> Result<bool> {
        let state = inner.state();
        for (class, wanted) in order(inner, &state) {
            for number in wanted {
                if self.files.insert((number, class)) {
                    load(inner, &state, number, class)?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// 1-bit codes first; then int8 codes if all of them fit, otherwise 4-bit codes, which spare reading most of them.
fn order(inner: &Inner, state: &State) -> Vec<(Class, Vec<u32>)> {
    let vectors = || state.files.iter().map(|file| file.number).collect::<Vec<_>>();
    let Some(set) = &state.codes else { return vec![(Class::Bytes, vectors())] };
    let codes = || set.files.iter().map(|file| file.number).collect::<Vec<_>>();
    let all = state.rows() * (inner.shape.padded as u64 * 9 / 8 + 16);
    if all <= inner.pages.cache.budget() || !set.planes {
        vec![(Class::Bits, codes()), (Class::Bytes, vectors())]
    } else {
        vec![(Class::Bits, codes()), (Class::Planes, codes()), (Class::Bytes, vectors())]
    }
}

fn load(inner: &Inner, state: &Arc<State>, number: u32, class: Class) -> Result<()> {
    let room = |inner: &Inner| {
        let cache = &inner.pages.cache;
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let fits = (cache.bytes().0 as f64) < cache.budget() as f64 * FILL;
        fits && cache.admits(class)
    };
    if class == Class::Bytes {
        let Some(file) = state.files.iter().find(|file| file.number == number) else { return Ok(()) };
        // The growing file's last page is in memory already.
        for page in 0..file.segment.rows() / BYTES_ROWS {
            if !room(inner) {
                return Ok(());
            }
            inner.pages.bytes(&file.segment, number, page)?;
        }
        return Ok(());
    }
    let Some(set) = &state.codes else { return Ok(()) };
    let Some(file) = set.files.iter().find(|file| file.number == number) else { return Ok(()) };
    for page in 0..file.codes.pages().len() {
        if !room(inner) {
            return Ok(());
        }
        if class == Class::Bits {
            file.bits(&inner.pages, page)?
        } else {
            file.planes(&inner.pages, page)?
        };
    }
    Ok(())
}

/// Loads one cold page that queries asked for; false when there is none.
pub fn promote(inner: &Inner, hints: &Hints) -> Result<bool> {
    let Some((number, page)) = hints.take_page() else { return Ok(false) };
    let state = inner.state();
    if let Some(file) = state.files.iter().find(|file| file.number == number)
        && file.segment.rows() / BYTES_ROWS > page
    {
        inner.pages.bytes(&file.segment, number, page)?;
    }
    Ok(true)
}
