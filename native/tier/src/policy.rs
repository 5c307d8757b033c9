//! Which page leaves when room is needed.
//!
//! A policy is a small pure structure over page numbers: it is told what enters, what is used and what leaves, and names
//! the next victim. Bytes, pins, classes and locks are the cache's affair. `examples/policies.rs` compares them.

mod chains;
mod lfu;
mod lru;
mod s3_fifo;
mod sketch;
mod tiny_lfu;

#[cfg(test)]
mod tests;

pub use sketch::Sketch;

/// A page's place in the cache's table, reused once the page has left.
pub type PageId = u32;

/// An eviction order.
pub trait Policy: Send {
    /// A page enters. `hash` names it beyond its stay, `bytes` is its weight.
    fn insert(&mut self, page: PageId, hash: u64, bytes: u64);

    /// A page was used. Unknown pages are ignored.
    fn hit(&mut self, page: PageId);

    /// A page left for another reason than eviction. Unknown pages are ignored.
    fn remove(&mut self, page: PageId);

    /// Takes the victim out and names it; none when empty. `sketch` estimates how often any page was asked for, also
    /// those that are not here.
    fn evict(&mut self, sketch: &Sketch) -> Option<PageId>;

    /// The page that is about to be a victim, for comparisons: an estimate where finding the exact one would change the
    /// order.
    fn candidate(&self) -> Option<PageId>;

    /// Bytes of all pages inside.
    fn bytes(&self) -> u64;
}

/// The policies to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PolicyKind {
    /// Least recently used.
    Lru,
    /// Least frequently used since it came in; of equals, the least recently used.
    Lfu,
    /// S3-FIFO (Yang, Zhang, Qiu, Yue & Rashmi, SOSP 2023).
    S3Fifo,
    /// W-TinyLFU (Einziger, Friedman & Manes, ACM Transactions on Storage 2017).
    #[default]
    TinyLfu,
}

impl PolicyKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Lru, Self::Lfu, Self::S3Fifo, Self::TinyLfu];

    /// The word used in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lru => "lru",
            Self::Lfu => "lfu",
            Self::S3Fifo => "s3-fifo",
            Self::TinyLfu => "w-tinylfu",
        }
    }

    /// The policy of a word used in settings.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// An empty policy of this kind.
    #[must_use]
    pub fn build(self) -> Box<dyn Policy> {
        match self {
            Self::Lru => Box::new(lru::Lru::default()),
            Self::Lfu => Box::new(lfu::Lfu::default()),
            Self::S3Fifo => Box::new(s3_fifo::S3Fifo::default()),
            Self::TinyLfu => Box::new(tiny_lfu::TinyLfu::default()),
        }
    }
}
