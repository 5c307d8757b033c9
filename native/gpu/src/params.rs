//! What a submission sends to the device: one run of bytes, in sections that start where bindings may start.

/// Where a binding may start, on every device.
pub const ALIGNMENT: usize = 256;
const WORDS: usize = ALIGNMENT / 8;

/// Sections of numbers, one after the other.
#[derive(Default)]
pub struct Sections {
    words: Vec<u64>,
}

/// Where a section lies, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    pub offset: u64,
    pub bytes: u64,
}

impl Sections {
    /// A section of numbers of 32 bits.
    pub fn push(&mut self, numbers: &[u32]) -> Section {
        let section = self.reserve(numbers.len().div_ceil(2));
        let start = offset(section) / 4;
        let all: &mut [u32] = bytemuck::cast_slice_mut(&mut self.words);
        all[start..start + numbers.len()].copy_from_slice(numbers);
        section
    }

    /// A section of `words` numbers of 64 bits, written by `fill`.
    pub fn fill(&mut self, words: usize, fill: impl FnOnce(&mut [u64])) -> Section {
        let section = self.reserve(words);
        let start = offset(section) / 8;
        fill(&mut self.words[start..start + words]);
        section
    }

    fn reserve(&mut self, words: usize) -> Section {
        let start = self.words.len();
        // A binding may not be empty.
        let words = words.max(2);
        self.words.resize(start + words.next_multiple_of(WORDS), 0);
        Section { offset: start as u64 * 8, bytes: words as u64 * 8 }
    }

    pub fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.words)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it lies within a vector")]
fn offset(section: Section) -> usize {
    section.offset as usize
}

impl Section {
    /// The section as a binding of `buffer`.
    pub fn of(self, buffer: &wgpu::Buffer) -> wgpu::BindingResource<'_> {
        let size = std::num::NonZero::new(self.bytes);
        wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset: self.offset, size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_start_where_bindings_may_and_hold_what_was_pushed() {
        let mut sections = Sections::default();
        let first = sections.push(&[1, 2, 3]);
        let second = sections.fill(40, |words| words.fill(7));
        let empty = sections.push(&[]);
        assert_eq!((first, second.offset, second.bytes), (Section { offset: 0, bytes: 16 }, 256, 320));
        assert_eq!((empty.offset, empty.bytes, sections.bytes().len()), (768, 16, 1024));
        assert_eq!(&sections.bytes()[..16], [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
    }
}
