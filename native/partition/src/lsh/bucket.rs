//! A bucket: a list of blocks of entries whose full blocks are shared by every snapshot.

use std::sync::Arc;

/// Entries of a block: three KiB, what an insertion into a shared bucket copies at most.
const BLOCK_ENTRIES: usize = 256;

/// A row and its fine hash, in 12 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    row: u32,
    fine: [u8; 8],
}

impl Entry {
    pub(super) fn new(row: u32, fine: u64) -> Self {
        Self { row, fine: fine.to_le_bytes() }
    }

    pub(super) fn row(self) -> u32 {
        self.row
    }

    pub(super) fn fine(self) -> u64 {
        u64::from_le_bytes(self.fine)
    }
}

/// Entries in no particular order.
#[derive(Debug, Clone, Default)]
pub(super) struct Bucket(Option<Arc<Block>>);

#[derive(Debug, Clone)]
struct Block {
    entries: Vec<Entry>,
    next: Option<Arc<Block>>,
}

impl Bucket {
    /// Adds an entry; the bytes that the bucket holds more than before.
    pub(super) fn push(&mut self, entry: Entry) -> usize {
        match &mut self.0 {
            Some(block) if block.entries.len() < BLOCK_ENTRIES => {
                let before = block.entries.capacity();
                let block = Arc::make_mut(block);
                block.entries.push(entry);
                block.entries.capacity().saturating_sub(before) * size_of::<Entry>()
            }
            head => {
                let next = head.take();
                // Most buckets have few entries; one that has filled a block fills another.
                let mut entries = Vec::with_capacity(if next.is_some() { BLOCK_ENTRIES } else { 2 });
                entries.push(entry);
                let bytes = entries.capacity() * size_of::<Entry>() + size_of::<Block>() + 2 * size_of::<usize>();
                *head = Some(Arc::new(Block { entries, next }));
                bytes
            }
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        std::iter::successors(self.0.as_deref(), |block| block.next.as_deref())
            .flat_map(|block| block.entries.iter().copied())
    }
}

impl Drop for Block {
    /// Block by block: a list of millions of equal rows dropped by recursion would overflow the stack.
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut block) = next.and_then(Arc::into_inner) {
            next = block.next.take();
        }
    }
}
