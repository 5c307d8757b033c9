//! The stored vectors of all spaces, and which of their rows may be thrown away.
//!
//! A row that no chunk refers to stays until the disk budget needs its place: a branch that is checked out again costs
//! no inference. Throwing away takes long and waits for nobody, so rows are *claimed* against it: those about to be
//! thrown away are not given to commits, and those lately given to somebody are not thrown away.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tiercel_base::Key;
use tiercel_base::error::{Error, Result};
use tiercel_base::rows::RowSet;
use tiercel_vectors::VectorIndex;

use crate::memory::column::NONE;
use crate::memory::snapshot::Snapshot;

/// How long at least a row stays that somebody was told of: time to embed what is missing beside it and to commit.
const PROMISE: Duration = Duration::from_secs(600);

/// Rows thrown away at a time: about a file of them, so that closing does not wait long.
const MOST_ROWS: usize = 65_536;

/// The vector indexes of a store, in the order of [`Snapshot::spaces`].
pub(super) struct Rows {
    pub indexes: Vec<VectorIndex>,
    /// By space.
    claims: Mutex<Vec<Claims>>,
    thrown: Condvar,
}

enum Found {
    Row(u32),
    Nothing,
    /// Is being thrown away.
    Going(u32),
    /// Rows were thrown away while this one was looked up.
    Moved,
}

struct Claims {
    /// Rows that are being thrown away.
    going: RowSet,
    /// How often rows were thrown away.
    throws: u64,
    promised: RowSet,
    promised_before: RowSet,
    since: Instant,
}

impl Rows {
    pub fn new(indexes: Vec<VectorIndex>) -> Self {
        let claims = indexes.iter().map(|_| Claims::new()).collect();
        Self { indexes, claims: Mutex::new(claims), thrown: Condvar::new() }
    }

    /// The row of a key in a space (by position), whether or not a chunk refers to it, or [`NONE`]. It stays for some
    /// minutes then. Waits while it is being thrown away.
    pub fn find(&self, space: usize, key: &Key) -> Result<u32> {
        loop {
            match self.look_up(space, key)? {
                Found::Row(row) => return Ok(row),
                Found::Nothing => return Ok(NONE),
                Found::Going(row) => {
                    let is_going =
                        |claims: &mut Vec<Claims>| claims.get(space).is_some_and(|claim| claim.going.contains(row));
                    drop(self.thrown.wait_while(self.claims(), is_going).unwrap_or_else(PoisonError::into_inner));
                }
                Found::Moved => {}
            }
        }
    }

    /// Whether a key has a row in a space (by position), which stays for some minutes then. Never waits.
    pub fn holds(&self, space: usize, key: &Key) -> Result<bool> {
        loop {
            match self.look_up(space, key)? {
                Found::Row(_) => return Ok(true),
                Found::Nothing | Found::Going(_) => return Ok(false),
                Found::Moved => {}
            }
        }
    }

    fn look_up(&self, space: usize, key: &Key) -> Result<Found> {
        let throws = self.claims().get(space).map(|claim| claim.throws);
        let Some(row) = self.index(space)?.find(key)? else { return Ok(Found::Nothing) };
        let mut claims = self.claims();
        let Some(claim) = claims.get_mut(space) else { return Ok(Found::Nothing) };
        Ok(if claim.going.contains(row) {
            Found::Going(row)
        } else if throws != Some(claim.throws) {
            Found::Moved
        } else {
            claim.promise(row);
            Found::Row(row)
        })
    }

    /// Throws away rows that no chunk of any tree refers to, oldest first: as many as make `bytes`, at most some
    /// thousands of each space. Gives the bytes freed, 0 when there are no such rows. `snapshot` gives the current one.
    pub fn throw_away(&self, bytes: u64, snapshot: impl Fn() -> Arc<Snapshot>) -> Result<u64> {
        let mut freed = 0;
        for space in 0..self.indexes.len() {
            if freed >= bytes {
                break;
            }
            let index = self.index(space)?;
            let stats = index.stats()?;
            let each = (stats.bytes_on_disk / stats.rows.max(1)).max(1);
            let most = usize::try_from((bytes - freed).div_ceil(each)).unwrap_or(usize::MAX).min(MOST_ROWS);
            let rows = self.claim_unreferenced(space, most, &snapshot)?;
            if !rows.is_empty() {
                let outcome = index.drop_rows(&rows);
                if let Some(claim) = self.claims().get_mut(space) {
                    claim.going = RowSet::default();
                    claim.throws += 1;
                }
                self.thrown.notify_all();
                freed += outcome?;
            }
        }
        Ok(freed)
    }

    /// Marks the oldest unreferenced rows as going, `most` at most.
    fn claim_unreferenced(&self, space: usize, most: usize, snapshot: &impl Fn() -> Arc<Snapshot>) -> Result<RowSet> {
        let mut stored = RowSet::default();
        self.index(space)?.reader().for_each_key(&mut |row, _| {
            stored.insert(row);
        })?;
        // From here on no commit can be given one of these rows without a promise; what was given before is in this
        // snapshot or promised.
        let mut claims = self.claims();
        let snapshot = snapshot();
        let (Some(claim), Some(known)) = (claims.get_mut(space), snapshot.spaces.get(space)) else {
            return Ok(RowSet::default());
        };
        claim.expire();
        let unreferenced =
            stored.iter().filter(|&row| row < known.end && known.ordinal_of(row) == NONE && !claim.is_promised(row));
        claim.going = unreferenced.take(most).collect();
        Ok(claim.going.clone())
    }

    /// Ends all background work and lets go of the files.
    pub fn close(self) -> Result<()> {
        let close = |first: Result<()>, index: VectorIndex| first.and(index.close());
        self.indexes.into_iter().fold(Ok(()), close)
    }

    /// Forgets all promises, as if their time had passed.
    #[cfg(test)]
    pub fn break_promises(&self) {
        self.claims().iter_mut().for_each(|claim| *claim = Claims::new());
    }

    fn claims(&self) -> MutexGuard<'_, Vec<Claims>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self, space: usize) -> Result<&VectorIndex> {
        self.indexes.get(space).ok_or_else(|| Error::Report("A space has no vectors.".into()))
    }
}

impl Claims {
    fn new() -> Self {
        let none = RowSet::default;
        Self { going: none(), throws: 0, promised: none(), promised_before: none(), since: Instant::now() }
    }

    fn promise(&mut self, row: u32) {
        self.expire();
        self.promised.insert(row);
    }

    fn is_promised(&self, row: u32) -> bool {
        self.promised.contains(row) || self.promised_before.contains(row)
    }

    fn expire(&mut self) {
        if self.since.elapsed() > PROMISE {
            self.promised_before = std::mem::take(&mut self.promised);
            self.since = Instant::now();
        }
    }
}
