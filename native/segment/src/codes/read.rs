//! An open codes file: the page table in memory, everything else on the disk.

use std::path::Path;
use std::sync::Arc;

use tiercel_base::cancel::Cancel;
use tiercel_base::error::{Error, Result};

use super::{ALIGNMENT, CodesHeader, ENTRY, Extent, FOOTER, FOOTER_MAGIC, PageEntry, codes_path};
use crate::bytes::{u32_at, u64_at};
use crate::fault::damaged;
use crate::handle::Handle;
use crate::header::{CODES, HEADER};
use crate::shape::LARGEST_PADDED;
use crate::throttle::Throttle;

/// Bytes [`Codes::verify`] reads at a time.
const STEP_BYTES: usize = 1 << 18;

/// A codes file. Cloning is one reference count.
#[derive(Debug, Clone)]
pub struct Codes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    handle: Handle,
    header: CodesHeader,
    number: u32,
    pages: Vec<PageEntry>,
    attachment: Span,
    /// Where page table and footer start.
    table: u64,
    length: u64,
}

/// Bytes of the file under one checksum.
#[derive(Debug, Clone, Copy)]
struct Span {
    offset: u64,
    bytes: u64,
    sum: u32,
}

impl From<Extent> for Span {
    fn from(extent: Extent) -> Self {
        Self { offset: extent.offset, bytes: u64::from(extent.bytes), sum: extent.sum }
    }
}

impl Codes {
    /// Opens the file `number`: header, footer and page table are read, 40 bytes per page.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`] when it is gone, damaged or cut off, [`Error::UpdateTiercel`] for a newer layout,
    /// [`Error::FixTheMachine`].
    pub fn open(folder: &Path, number: u32) -> Result<Self> {
        let path = codes_path(folder, number);
        let handle = Handle::open(&path, false)?;
        let mut header = [0; HEADER];
        handle.read(0, &mut header)?;
        CODES.check(&path, &header)?;
        let (padded, flags) = (u32_at(&header, 12) as usize, u32_at(&header, 16));
        if u32_at(&header, 20) != number || !(1..=LARGEST_PADDED).contains(&padded) || flags > 1 {
            return Err(damaged(&path, "it was renamed"));
        }
        let length = handle.length()?;
        let broken = || damaged(&path, "its page table is damaged");
        let footer_at = length.checked_sub(FOOTER as u64).filter(|at| *at >= HEADER as u64).ok_or_else(broken)?;
        let mut footer = [0; FOOTER];
        handle.read(footer_at, &mut footer)?;
        let sound = footer[..8] == FOOTER_MAGIC && u32_at(&footer, 60) == crc32c::crc32c(&footer[..60]);
        let (table_at, count) = (u64_at(&footer, 32), u32_at(&footer, 40) as usize);
        // The length is compared before anything is allocated.
        if !sound || u32_at(&footer, 44) != number || table_at.checked_add((count * ENTRY) as u64) != Some(footer_at) {
            return Err(broken());
        }
        let mut table = vec![0; count * ENTRY];
        handle.read(table_at, &mut table)?;
        if crc32c::crc32c(&table) != u32_at(&footer, 28) {
            return Err(broken());
        }
        let pages: Vec<PageEntry> = table.as_chunks::<ENTRY>().0.iter().map(PageEntry::decode).collect();
        let attachment = Span { offset: u64_at(&footer, 8), bytes: u64_at(&footer, 16), sum: u32_at(&footer, 24) };
        let ends = pages.iter().flat_map(|page| [page.bits.end(), page.planes.end()]);
        let attachment_end = attachment.offset.checked_add(attachment.bytes);
        if !ends.chain([attachment_end]).all(|end| end.is_some_and(|end| end <= table_at)) {
            return Err(broken());
        }
        let header = CodesHeader { padded, with_planes: flags == 1, generation: u64_at(&header, 24) };
        Ok(Self(Arc::new(Inner { handle, header, number, pages, attachment, table: table_at, length })))
    }

    /// What the file holds.
    #[must_use]
    pub fn header(&self) -> &CodesHeader {
        &self.0.header
    }

    /// Number of the file.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.0.number
    }

    /// Its pages, in the order in which they were written.
    #[must_use]
    pub fn pages(&self) -> &[PageEntry] {
        &self.0.pages
    }

    /// Reads and verifies the bits of a page; `out` is as long as its extent.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] when there is no such page or `out` has another length, [`Error::RebuildIndex`] for damage,
    /// [`Error::FixTheMachine`].
    pub fn read_bits(&self, page: usize, out: &mut [u8]) -> Result<()> {
        self.read(page, "bits", self.0.pages.get(page).map(|entry| entry.bits), out)
    }

    /// Reads and verifies the planes of a page; `out` is as long as its extent.
    ///
    /// # Errors
    /// As [`Codes::read_bits`]; a file without planes has none to read.
    pub fn read_planes(&self, page: usize, out: &mut [u8]) -> Result<()> {
        let planes = self.0.pages.get(page).filter(|_| self.0.header.with_planes).map(|entry| entry.planes);
        self.read(page, "planes", planes, out)
    }

    fn read(&self, page: usize, what: &str, extent: Option<Extent>, out: &mut [u8]) -> Result<()> {
        let extent = extent.filter(|extent| extent.bytes as usize == out.len()).ok_or_else(|| {
            Error::FixTheCall(format!("The {what} of page {page} cannot be read into {} bytes.", out.len()))
        })?;
        self.0.handle.read(extent.offset, out)?;
        if crc32c::crc32c(out) == extent.sum {
            return Ok(());
        }
        Err(damaged(self.0.handle.path(), &format!("the {what} of page {page} are damaged")))
    }

    /// Reads and verifies the attachment.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`] for damage, [`Error::FixTheMachine`].
    pub fn attachment(&self) -> Result<Vec<u8>> {
        let Inner { handle, attachment, .. } = &*self.0;
        let mut bytes = vec![0; usize::try_from(attachment.bytes).unwrap_or(0)];
        handle.read(attachment.offset, &mut bytes)?;
        if crc32c::crc32c(&bytes) == attachment.sum {
            return Ok(bytes);
        }
        Err(damaged(handle.path(), "its attachment is damaged"))
    }

    /// Bytes of the file.
    #[must_use]
    pub fn bytes_on_disk(&self) -> u64 {
        self.0.length
    }

    /// Bytes it holds in memory.
    #[must_use]
    pub fn bytes_in_memory(&self) -> usize {
        size_of::<Inner>() + self.0.pages.len() * size_of::<PageEntry>()
    }

    /// Deletes the file once the last clone is gone. A manifest that does not name it comes first.
    pub fn retire(&self) {
        self.0.handle.retire();
    }

    /// Reads everything: compares every checksum, and the bytes between the streams with zero. Memory: 256 KiB.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`] for damage, [`Error::FixTheMachine`], [`Error::Cancelled`].
    pub fn verify(&self, throttle: &Throttle, cancel: &Cancel) -> Result<()> {
        let Inner { handle, pages, attachment, table, header, .. } = &*self.0;
        let mut buffer = Vec::new();
        let mut end = HEADER as u64;
        let planes = |page: &PageEntry| header.with_planes.then_some(Span::from(page.planes));
        let streams = pages.iter().flat_map(|page| [Some(Span::from(page.bits)), planes(page)]).flatten();
        let nothing = Span { offset: *table, bytes: 0, sum: 0 };
        for span in streams.chain([*attachment, nothing]) {
            let gap = span.offset.checked_sub(end).filter(|gap| *gap < ALIGNMENT);
            let Some(gap) = gap else {
                return Err(damaged(handle.path(), "its streams do not follow each other"));
            };
            buffer.resize(usize::try_from(gap).unwrap_or(0), 0);
            handle.read(end, &mut buffer)?;
            if buffer.iter().any(|&byte| byte != 0) {
                return Err(damaged(handle.path(), "the bytes between its streams are damaged"));
            }
            self.verify_span(span, &mut buffer, throttle, cancel)?;
            end = span.offset + span.bytes;
        }
        Ok(())
    }

    fn verify_span(&self, span: Span, buffer: &mut Vec<u8>, throttle: &Throttle, cancel: &Cancel) -> Result<()> {
        let (mut offset, end, mut sum) = (span.offset, span.offset + span.bytes, 0);
        while offset < end {
            buffer.resize(usize::try_from(end - offset).unwrap_or(STEP_BYTES).min(STEP_BYTES), 0);
            self.0.handle.read(offset, buffer)?;
            sum = crc32c::crc32c_append(sum, buffer);
            offset += buffer.len() as u64;
            throttle.pace(buffer.len(), cancel)?;
        }
        if sum == span.sum { Ok(()) } else { Err(damaged(self.0.handle.path(), "a stream is damaged")) }
    }
}
