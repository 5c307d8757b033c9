//! Writing a codes file as a stream.

use std::path::{Path, PathBuf};

use tiercel_base::error::{Error, Result};

use super::read::Codes;
use super::{ALIGNMENT, CodesHeader, Extent, FOOTER, FOOTER_MAGIC, PageEntry, codes_path};
use crate::bytes::{aligned, put_u32, put_u64, short};
use crate::handle::Draft;
use crate::header::{self, CODES};
use crate::shape::LARGEST_PADDED;

/// Bytes that are written at a time.
const WRITE_BYTES: usize = 1 << 20;
/// Bytes after which the disk is waited for, so that the last sync is a short one.
const SYNC_BYTES: u64 = 32 << 20;

/// A codes file on its way. Memory: 1 MiB and 40 bytes per page. Dropped before [`CodesWriter::finish`], nothing stays.
#[derive(Debug)]
pub struct CodesWriter {
    folder: PathBuf,
    number: u32,
    with_planes: bool,
    draft: Draft,
    pages: Vec<PageEntry>,
    buffer: Vec<u8>,
    /// Bytes that left the buffer.
    written: u64,
    synced: u64,
}

impl CodesWriter {
    /// Starts the file `number`.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for an impossible `padded`, [`Error::FixTheMachine`].
    pub fn create(folder: &Path, number: u32, codes: &CodesHeader) -> Result<Self> {
        if !(1..=LARGEST_PADDED).contains(&codes.padded) {
            return Err(Error::FixTheCall(format!(
                "Codes have 1 to {LARGEST_PADDED} dimensions, not {}.",
                codes.padded
            )));
        }
        let mut header = CODES.header();
        put_u32(&mut header, 12, short(codes.padded));
        put_u32(&mut header, 16, u32::from(codes.with_planes));
        put_u32(&mut header, 20, number);
        put_u64(&mut header, 24, codes.generation);
        header::seal(&mut header);
        Ok(Self {
            folder: folder.to_owned(),
            number,
            with_planes: codes.with_planes,
            draft: Draft::create(codes_path(folder, number))?,
            pages: Vec::new(),
            buffer: header.to_vec(),
            written: 0,
            synced: 0,
        })
    }

    /// Appends a page.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] when planes are there or missing against the header, or a stream is 4 GiB or longer;
    /// [`Error::FixTheMachine`].
    pub fn page(&mut self, cell: u32, rows: u32, bits: &[u8], planes: Option<&[u8]>) -> Result<()> {
        if planes.is_some() != self.with_planes {
            return Err(Error::FixTheCall("Either every page of a codes file has planes or none.".into()));
        }
        let bits = self.stream(bits)?;
        let planes = planes.map(|planes| self.stream(planes)).transpose()?.unwrap_or_default();
        self.pages.push(PageEntry { cell, rows, bits, planes });
        Ok(())
    }

    fn stream(&mut self, bytes: &[u8]) -> Result<Extent> {
        let length = u32::try_from(bytes.len())
            .map_err(|_| Error::FixTheCall("A stream of a page is shorter than 4 GiB.".into()))?;
        let offset = aligned(self.position(), ALIGNMENT);
        self.pad_to(offset);
        self.put(bytes)?;
        Ok(Extent { offset, bytes: length, sum: crc32c::crc32c(bytes) })
    }

    fn position(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    fn pad_to(&mut self, offset: u64) {
        let padding = usize::try_from(offset - self.position()).unwrap_or(0);
        self.buffer.resize(self.buffer.len() + padding, 0);
    }

    fn put(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(WRITE_BYTES));
            self.buffer.extend(now);
            bytes = later;
            if self.buffer.len() >= WRITE_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.draft.handle().write(self.written, &self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        if self.written - self.synced >= SYNC_BYTES {
            self.draft.handle().sync()?;
            self.synced = self.written;
        }
        Ok(())
    }

    /// Bytes so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.position()
    }

    /// Writes the attachment, the page table and the footer, and gives the file its name: durable, as a whole, when this
    /// returns. The attachment is opaque; it is read only when asked for.
    ///
    /// # Errors
    /// [`Error::FixTheMachine`].
    pub fn finish(mut self, attachment: &[u8]) -> Result<Codes> {
        let attachment_at = aligned(self.position(), ALIGNMENT);
        self.pad_to(attachment_at);
        self.put(attachment)?;
        let table_at = aligned(self.position(), ALIGNMENT);
        self.pad_to(table_at);
        let table: Vec<u8> = self.pages.iter().flat_map(PageEntry::encode).collect();
        self.put(&table)?;
        let mut footer = [0; FOOTER];
        footer[..8].copy_from_slice(&FOOTER_MAGIC);
        put_u64(&mut footer, 8, attachment_at);
        put_u64(&mut footer, 16, attachment.len() as u64);
        put_u32(&mut footer, 24, crc32c::crc32c(attachment));
        put_u32(&mut footer, 28, crc32c::crc32c(&table));
        put_u64(&mut footer, 32, table_at);
        put_u32(&mut footer, 40, short(self.pages.len()));
        put_u32(&mut footer, 44, self.number);
        let sum = crc32c::crc32c(&footer[..60]);
        put_u32(&mut footer, 60, sum);
        self.put(&footer)?;
        self.flush()?;
        self.draft.publish()?;
        Codes::open(&self.folder, self.number)
    }
}
