//! Who holds how much: every part that holds memory, vectors or disk space has an account.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The books of a process. Clones share them.
#[derive(Clone, Default)]
pub struct Books {
    memory: Arc<Ledger>,
    caches: Arc<Ledger>,
    vectors: Arc<Ledger>,
    disk: Arc<Ledger>,
}

impl Books {
    /// Empty books.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An account of bytes of memory that cannot be given back on demand: key tables, row sets, tails, buffers. Each call
    /// opens one; [`Books::parts`] adds up those of the same name, so that several stores can use the same words. What an
    /// account holds goes with its last clone.
    #[must_use]
    pub fn account(&self, name: &str) -> Account {
        Ledger::open(&self.memory, name)
    }

    /// An account of bytes that can be given back: caches outside of the page cache. They are listed and lessen what the
    /// page cache may hold, but are no pressure.
    #[must_use]
    pub fn cache_account(&self, name: &str) -> Account {
        Ledger::open(&self.caches, name)
    }

    /// An account of stored vectors, in pieces, against `max_vectors`.
    #[must_use]
    pub fn vector_account(&self, name: &str) -> Account {
        Ledger::open(&self.vectors, name)
    }

    /// An account of bytes on disk, against the disk budget.
    #[must_use]
    pub fn disk_account(&self, name: &str) -> Account {
        Ledger::open(&self.disk, name)
    }

    /// Bytes of memory that cannot be given back.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.memory.total.load(Ordering::Relaxed)
    }

    /// Bytes of memory of caches outside of the page cache.
    #[must_use]
    pub fn caches(&self) -> u64 {
        self.caches.total.load(Ordering::Relaxed)
    }

    /// Vectors stored.
    #[must_use]
    pub fn vectors(&self) -> u64 {
        self.vectors.total.load(Ordering::Relaxed)
    }

    /// Bytes on disk.
    #[must_use]
    pub fn disk(&self) -> u64 {
        self.disk.total.load(Ordering::Relaxed)
    }

    /// Bytes of memory by name, in the order of the names, caches included.
    #[must_use]
    pub fn parts(&self) -> Vec<(String, u64)> {
        let mut parts = self.memory.parts();
        for (name, bytes) in self.caches.parts() {
            *parts.entry(name).or_default() += bytes;
        }
        parts.into_iter().collect()
    }

    /// Bytes on disk by name, in the order of the names.
    #[must_use]
    pub fn disk_parts(&self) -> Vec<(String, u64)> {
        self.disk.parts().into_iter().collect()
    }
}

#[derive(Default)]
struct Ledger {
    total: AtomicU64,
    entries: Mutex<Vec<Weak<Entry>>>,
}

impl Ledger {
    fn open(ledger: &Arc<Self>, name: &str) -> Account {
        let entry = Arc::new(Entry { name: name.into(), amount: AtomicU64::new(0), ledger: ledger.clone() });
        let mut entries = ledger.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.strong_count() > 0);
        entries.push(Arc::downgrade(&entry));
        Account { entry }
    }

    fn parts(&self) -> BTreeMap<String, u64> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut parts = BTreeMap::new();
        for entry in entries.iter().filter_map(Weak::upgrade) {
            *parts.entry(entry.name.to_string()).or_default() += entry.amount.load(Ordering::Relaxed);
        }
        parts
    }
}

struct Entry {
    name: Box<str>,
    amount: AtomicU64,
    ledger: Arc<Ledger>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.ledger.total.fetch_sub(*self.amount.get_mut(), Ordering::Relaxed);
    }
}

/// One part's entry in the books. Clones share the entry.
#[derive(Clone)]
pub struct Account {
    entry: Arc<Entry>,
}

impl Account {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// What it holds: bytes, or vectors for an account of those.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entry.amount.load(Ordering::Relaxed)
    }

    /// More.
    pub fn add(&self, amount: u64) {
        self.entry.amount.fetch_add(amount, Ordering::Relaxed);
        self.entry.ledger.total.fetch_add(amount, Ordering::Relaxed);
    }

    /// Less; never below nothing.
    pub fn sub(&self, amount: u64) {
        let change = |held: u64| Some(held.saturating_sub(amount));
        let held = match self.entry.amount.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change) {
            Ok(held) | Err(held) => held,
        };
        self.entry.ledger.total.fetch_sub(amount.min(held), Ordering::Relaxed);
    }

    /// Exactly so much, for parts that are measured rather than counted.
    pub fn set(&self, amount: u64) {
        let before = self.entry.amount.swap(amount, Ordering::Relaxed);
        let total = &self.entry.ledger.total;
        if amount >= before {
            total.fetch_add(amount - before, Ordering::Relaxed);
        } else {
            total.fetch_sub(before - amount, Ordering::Relaxed);
        }
    }

    /// Adds an amount that is taken back when the guard is dropped.
    pub fn charge(&self, amount: u64) -> Charge {
        self.add(amount);
        Charge { account: self.clone(), amount }
    }
}

/// An amount in the books for as long as this lives.
#[must_use = "the amount leaves the books when the guard is dropped"]
pub struct Charge {
    account: Account,
    amount: u64,
}

impl Charge {
    /// What it stands for.
    #[must_use]
    pub fn amount(&self) -> u64 {
        self.amount
    }

    /// Changes what it stands for.
    pub fn resize(&mut self, amount: u64) {
        if amount >= self.amount {
            self.account.add(amount - self.amount);
        } else {
            self.account.sub(self.amount - amount);
        }
        self.amount = amount;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.sub(self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_of_one_name_add_up_and_go_with_their_last_clone() {
        let books = Books::new();
        let (first, second) = (books.account("key table"), books.account("key table"));
        let tail = books.account("tail");
        first.add(100);
        second.set(50);
        tail.add(7);
        let clone = second.clone();
        drop(second);
        assert_eq!(books.parts(), [("key table".to_owned(), 150), ("tail".to_owned(), 7)]);
        assert_eq!(books.memory(), 157);
        drop(clone);
        assert_eq!(books.parts(), [("key table".to_owned(), 100), ("tail".to_owned(), 7)]);
        assert_eq!(books.memory(), 107);
    }

    #[test]
    fn an_account_never_falls_below_nothing() {
        let books = Books::new();
        let account = books.account("buffers");
        account.add(5);
        account.sub(9);
        assert_eq!((account.bytes(), books.memory()), (0, 0));
        account.set(3);
        assert_eq!((account.bytes(), books.memory()), (3, 3));
    }

    #[test]
    fn a_charge_follows_its_size_and_ends_with_its_guard() {
        let books = Books::new();
        let account = books.account("query buffers");
        let mut charge = account.charge(10);
        charge.resize(25);
        assert_eq!((charge.amount(), books.memory()), (25, 25));
        charge.resize(5);
        assert_eq!(account.bytes(), 5);
        drop(charge);
        assert_eq!(books.memory(), 0);
    }

    #[test]
    fn caches_vectors_and_disk_are_kept_apart() {
        let books = Books::new();
        let cache = books.cache_account("answers");
        let vectors = books.vector_account("store");
        let disk = books.disk_account("vectors files");
        cache.add(1);
        vectors.add(2);
        disk.add(3);
        assert_eq!((books.memory(), books.caches(), books.vectors(), books.disk()), (0, 1, 2, 3));
        assert_eq!(books.parts(), [("answers".to_owned(), 1)]);
        assert_eq!(books.disk_parts(), [("vectors files".to_owned(), 3)]);
    }

    #[test]
    fn threads_agree_on_the_total() {
        let books = Books::new();
        let account = books.account("shared");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for amount in 1..1_000 {
                        let mut charge = account.charge(amount);
                        charge.resize(amount / 2);
                    }
                });
            }
        });
        assert_eq!((account.bytes(), books.memory()), (0, 0));
    }
}
