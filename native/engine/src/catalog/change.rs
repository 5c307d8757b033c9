//! A commit as a list of changes to the catalog: applied at once, or kept aside until the lexical index has its part.

use tiercel_base::error::{Error, Result};

use super::Extent;
use super::bytes::{Reader, Writer};

/// One change. Applying a change twice is the same as applying it once.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A work tree gets a number.
    PutTree {
        /// Absolute path of its root.
        root: String,
        /// The number.
        number: u32,
    },
    /// A file's record, replacing what was there.
    PutFile {
        /// Number of the tree.
        tree: u32,
        /// Path within the tree.
        path: String,
        /// Encoded [`super::record::FileRow`].
        row: Vec<u8>,
    },
    /// A file is gone.
    RemoveFile {
        /// Number of the tree.
        tree: u32,
        /// Path within the tree.
        path: String,
    },
    /// A chunk's record.
    PutChunk {
        /// Chunk id.
        id: u64,
        /// Encoded [`super::record::ChunkRow`].
        row: Vec<u8>,
    },
    /// Chunks are gone: `count` ids from `first`.
    RemoveChunks {
        /// First id.
        first: u64,
        /// How many.
        count: u64,
    },
    /// How much of a space's vectors counts.
    SetExtent {
        /// Name of the space.
        space: String,
        /// The extent.
        extent: Extent,
    },
    /// The id the next new chunk gets.
    SetNextChunk(u64),
    /// The number of this commit.
    SetGeneration(u64),
    /// The number of the last commit that changed the lexical index.
    SetLexicalGeneration(u64),
}

/// Encodes a list of changes.
#[must_use]
pub fn encode(changes: &[Change]) -> Vec<u8> {
    let mut writer = Writer::new().number(changes.len() as u64);
    for change in changes {
        writer = match change {
            Change::PutTree { root, number } => writer.number(0).text(root).number(u64::from(*number)),
            Change::PutFile { tree, path, row } => writer.number(1).number(u64::from(*tree)).text(path).bytes(row),
            Change::RemoveFile { tree, path } => writer.number(2).number(u64::from(*tree)).text(path),
            Change::PutChunk { id, row } => writer.number(3).number(*id).bytes(row),
            Change::RemoveChunks { first, count } => writer.number(4).number(*first).number(*count),
            Change::SetExtent { space, extent } => {
                writer.number(5).text(space).number(extent.rows.into()).number(extent.bytes)
            }
            Change::SetNextChunk(id) => writer.number(6).number(*id),
            Change::SetGeneration(generation) => writer.number(7).number(*generation),
            Change::SetLexicalGeneration(generation) => writer.number(8).number(*generation),
        };
    }
    writer.finish()
}

/// Decodes a list of changes.
///
/// # Errors
/// [`Error::RebuildIndex`] when the bytes are not such a list.
pub fn decode(record: &[u8]) -> Result<Vec<Change>> {
    let mut reader = Reader::new(record);
    let count = reader.number()?;
    let mut changes = Vec::new();
    for _ in 0..count {
        changes.push(match reader.number()? {
            0 => Change::PutTree { root: reader.text()?.to_owned(), number: reader.small()? },
            1 => Change::PutFile {
                tree: reader.small()?,
                path: reader.text()?.to_owned(),
                row: reader.bytes()?.to_vec(),
            },
            2 => Change::RemoveFile { tree: reader.small()?, path: reader.text()?.to_owned() },
            3 => Change::PutChunk { id: reader.number()?, row: reader.bytes()?.to_vec() },
            4 => Change::RemoveChunks { first: reader.number()?, count: reader.number()? },
            5 => Change::SetExtent {
                space: reader.text()?.to_owned(),
                extent: Extent { rows: reader.small()?, bytes: reader.number()? },
            },
            6 => Change::SetNextChunk(reader.number()?),
            7 => Change::SetGeneration(reader.number()?),
            8 => Change::SetLexicalGeneration(reader.number()?),
            other => {
                return Err(Error::RebuildIndex(format!(
                    "The catalog holds an unknown change ({other}). Rebuild the index."
                )));
            }
        });
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn changes() -> impl Strategy<Value = Change> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..40);
        prop_oneof![
            (any::<String>(), any::<u32>()).prop_map(|(root, number)| Change::PutTree { root, number }),
            (any::<u32>(), any::<String>(), bytes()).prop_map(|(tree, path, row)| Change::PutFile { tree, path, row }),
            (any::<u32>(), any::<String>()).prop_map(|(tree, path)| Change::RemoveFile { tree, path }),
            (any::<u64>(), bytes()).prop_map(|(id, row)| Change::PutChunk { id, row }),
            (any::<u64>(), any::<u64>()).prop_map(|(first, count)| Change::RemoveChunks { first, count }),
            (any::<String>(), any::<u32>(), any::<u64>())
                .prop_map(|(space, rows, bytes)| Change::SetExtent { space, extent: Extent { rows, bytes } }),
            any::<u64>().prop_map(Change::SetNextChunk),
            any::<u64>().prop_map(Change::SetGeneration),
            any::<u64>().prop_map(Change::SetLexicalGeneration),
        ]
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(list in prop::collection::vec(changes(), 0..20)) {
            prop_assert_eq!(decode(&encode(&list)), Ok(list));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(record: Vec<u8>) {
            let _ = decode(&record);
        }
    }
}
