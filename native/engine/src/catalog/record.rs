//! What the catalog keeps of a file and of a chunk.

use tiercel_base::error::Result;
use tiercel_base::{KEY_BYTES, Key};

use super::bytes::{Reader, Writer};

/// State of one file and the keys of its chunks.
#[derive(Debug, Clone, PartialEq)]
pub struct FileRow {
    /// Language id.
    pub language: String,
    /// Size in bytes.
    pub size: f64,
    /// Time of the last change, milliseconds since 1970.
    pub mtime_ms: f64,
    /// Hash of the content, or zeros.
    pub content_hash: [u8; 16],
    /// Why the file has no chunks or not the parser's; empty when it is indexed as it should be.
    pub outcome: String,
    /// Id of its first chunk; the others follow without a gap.
    pub first_chunk: u64,
    /// Keys of its chunks.
    pub keys: Vec<Key>,
}

impl FileRow {
    /// The record's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new()
            .text(&self.language)
            .float(self.size)
            .float(self.mtime_ms)
            .fixed(&self.content_hash)
            .text(&self.outcome)
            .number(self.first_chunk)
            .number(self.keys.len() as u64);
        for key in &self.keys {
            writer = writer.fixed(key);
        }
        writer.finish()
    }

    /// # Errors
    /// [`tiercel_base::error::Error::RebuildIndex`] when the bytes are not a record.
    pub fn decode(record: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(record);
        let mut row = Self {
            language: reader.text()?.to_owned(),
            size: reader.float()?,
            mtime_ms: reader.float()?,
            content_hash: reader.fixed()?,
            outcome: reader.text()?.to_owned(),
            first_chunk: reader.number()?,
            keys: Vec::new(),
        };
        for _ in 0..reader.number()? {
            row.keys.push(reader.fixed::<KEY_BYTES>()?);
        }
        Ok(row)
    }
}

/// One chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkRow {
    /// Path of its file.
    pub path: String,
    /// Language of its file.
    pub language: String,
    /// Key of the text that is embedded.
    pub key: Key,
    /// First line, 1-based.
    pub start_line: u32,
    /// Last line, inclusive.
    pub end_line: u32,
    /// Opaque to the store.
    pub payload: Vec<u8>,
}

impl ChunkRow {
    /// The record's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Writer::new()
            .text(&self.path)
            .text(&self.language)
            .fixed(&self.key)
            .number(self.start_line.into())
            .number(self.end_line.into())
            .bytes(&self.payload)
            .finish()
    }

    /// # Errors
    /// [`tiercel_base::error::Error::RebuildIndex`] when the bytes are not a record.
    pub fn decode(record: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(record);
        Ok(Self {
            path: reader.text()?.to_owned(),
            language: reader.text()?.to_owned(),
            key: reader.fixed()?,
            start_line: reader.small()?,
            end_line: reader.small()?,
            payload: reader.bytes()?.to_vec(),
        })
    }
}
