//! The encoding of catalog records: numbers as LEB128, strings and byte runs with their length before them.

use tiercel_base::error::{Error, Result};

/// Builds a record.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// An empty record.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a number, seven bits to a byte, low bits first.
    #[must_use]
    pub fn number(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push((value & 0x7f) as u8);
        self
    }

    /// Appends the eight bytes of a float.
    #[must_use]
    pub fn float(mut self, value: f64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Appends bytes whose count the reader knows.
    #[must_use]
    pub fn fixed(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    /// Appends bytes and their count.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        self.number(bytes.len() as u64).fixed(bytes)
    }

    /// Appends a string.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// The record.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes a record apart, in the order it was built. Any mismatch is [`Error::RebuildIndex`].
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader at the start of a record.
    #[must_use]
    pub fn new(record: &'a [u8]) -> Self {
        Self(record)
    }

    /// # Errors
    /// [`Error::RebuildIndex`], as for all readers here.
    pub fn number(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.fixed::<1>()?[0];
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(damaged());
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(damaged())
    }

    /// A number that fits 32 bits.
    ///
    /// # Errors
    /// [`Error::RebuildIndex`].
    pub fn small(&mut self) -> Result<u32> {
        u32::try_from(self.number()?).map_err(|_| damaged())
    }

    /// # Errors
    /// [`Error::RebuildIndex`].
    pub fn float(&mut self) -> Result<f64> {
        Ok(f64::from_le_bytes(self.fixed()?))
    }

    /// # Errors
    /// [`Error::RebuildIndex`].
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (found, rest) = self.0.split_first_chunk::<N>().ok_or_else(damaged)?;
        self.0 = rest;
        Ok(*found)
    }

    /// # Errors
    /// [`Error::RebuildIndex`].
    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = usize::try_from(self.number()?).map_err(|_| damaged())?;
        let (found, rest) = self.0.split_at_checked(length).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(found)
    }

    /// # Errors
    /// [`Error::RebuildIndex`].
    pub fn text(&mut self) -> Result<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| damaged())
    }

    /// Whether the record is used up.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}

fn damaged() -> Error {
    Error::RebuildIndex("A record of the catalog is damaged. Rebuild the index.".into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(number: u64, float: f64, fixed: [u8; 16], bytes: Vec<u8>, text: String) {
            let record =
                Writer::new().number(number).float(float).fixed(&fixed).bytes(&bytes).text(&text).finish();
            let mut reader = Reader::new(&record);
            prop_assert_eq!(reader.number(), Ok(number));
            prop_assert_eq!(reader.float().map(f64::to_bits), Ok(float.to_bits()));
            prop_assert_eq!(reader.fixed::<16>(), Ok(fixed));
            prop_assert_eq!(reader.bytes(), Ok(bytes.as_slice()));
            prop_assert_eq!(reader.text(), Ok(text.as_str()));
            prop_assert!(reader.is_at_end());
        }

        #[test]
        fn any_bytes_are_read_or_refused(record: Vec<u8>) {
            let mut reader = Reader::new(&record);
            while !reader.is_at_end() {
                if reader.number().is_err() || reader.text().is_err() {
                    break;
                }
            }
        }
    }
}
