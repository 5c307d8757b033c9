//! The list of a space's files: what the manifest says, and what codes it names.

use std::path::Path;

use tiercel_base::error::{Error, Result};
use tiercel_segment::{Manifest, Shape, VectorsFile};

/// Bytes of what is kept in the manifest's settings.
const SETTINGS: usize = 16;
/// Layout of the settings.
const SETTINGS_VERSION: u32 = 1;

/// The files of a space as they stand on the disk.
#[derive(Debug, Clone)]
pub struct Files {
    manifest: Manifest,
    /// The file of the partition whose codes are used; it comes first in the manifest's list.
    pub partition: Option<u32>,
    /// Rows below it have codes.
    pub coded_end: u32,
    /// Numbers from here on were never used.
    pub next_number: u32,
}

impl Files {
    /// A space without files.
    pub fn new(shape: &Shape, dimension: u32, seed: u64) -> Self {
        let manifest = Manifest {
            shape: *shape,
            dimension,
            seed,
            generation: 0,
            files: Vec::new(),
            codes: Vec::new(),
            settings: Vec::new(),
        };
        Self { manifest, partition: None, coded_end: 0, next_number: 1 }
    }

    /// What the folder's manifest says; `None` without one.
    ///
    /// # Errors
    /// As [`Manifest::load`]; `UpdateTiercel` for settings of a newer version.
    pub fn load(folder: &Path) -> Result<Option<Self>> {
        let Some(manifest) = Manifest::load(folder)? else { return Ok(None) };
        let word = |at: usize| manifest.settings.get(at..at + 4).and_then(|bytes| bytes.first_chunk::<4>());
        let word = |at: usize| word(at).map(|bytes| u32::from_le_bytes(*bytes));
        let (Some(version), Some(partition), Some(coded_end), Some(next_number)) =
            (word(0), word(4), word(8), word(12))
        else {
            return Err(Error::RebuildIndex(format!("{} lists no codes. Rebuild the index.", folder.display())));
        };
        if version > SETTINGS_VERSION {
            return Err(Error::UpdateTiercel(format!(
                "The index in {} was written by a newer version of Tiercel. Update Tiercel.",
                folder.display()
            )));
        }
        Ok(Some(Self { partition: partition.checked_sub(1), coded_end, next_number, manifest }))
    }

    /// Makes the list true. Only when this has returned may files it does not name be deleted.
    ///
    /// # Errors
    /// As [`Manifest::store`].
    pub fn store(&mut self, folder: &Path) -> Result<()> {
        self.manifest.generation += 1;
        let words = [SETTINGS_VERSION, self.partition.map_or(0, |number| number + 1), self.coded_end, self.next_number];
        self.manifest.settings.clear();
        self.manifest.settings.reserve(SETTINGS);
        self.manifest.settings.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        self.manifest.store(folder)
    }

    /// As the files room knows it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Vectors files, in the order of their rows.
    pub fn vectors(&self) -> &[VectorsFile] {
        &self.manifest.files
    }

    /// Files of codes, oldest first, without the partition's.
    pub fn codes(&self) -> &[u32] {
        self.manifest.codes.get(usize::from(self.partition.is_some())..).unwrap_or_default()
    }

    /// Adds a vectors file that grows from now on.
    pub fn add_vectors(&mut self, number: u32, first_row: u32) {
        self.manifest.files.push(VectorsFile { number, sealed: false, first_row });
        self.used(number);
    }

    /// A vectors file has its index file.
    pub fn seal(&mut self, number: u32) {
        for file in self.manifest.files.iter_mut().filter(|file| file.number == number) {
            file.sealed = true;
        }
    }

    /// Puts one sealed file, or nothing, in the place of several.
    pub fn replace_vectors(&mut self, old: &[u32], new: Option<VectorsFile>) {
        let at = self.manifest.files.iter().position(|file| old.contains(&file.number)).unwrap_or(0);
        self.manifest.files.retain(|file| !old.contains(&file.number));
        if let Some(new) = new {
            self.manifest.files.insert(at.min(self.manifest.files.len()), new);
            self.used(new.number);
        }
    }

    /// Names the codes that are used.
    pub fn set_codes(&mut self, partition: u32, codes: impl IntoIterator<Item = u32>, end: u32) {
        self.partition = Some(partition);
        self.coded_end = end;
        self.manifest.codes.clear();
        self.manifest.codes.push(partition);
        self.manifest.codes.extend(codes);
        if let Some(largest) = self.manifest.codes.iter().max().copied() {
            self.used(largest);
        }
    }

    /// Names no codes any more.
    pub fn forget_codes(&mut self) {
        self.partition = None;
        self.coded_end = 0;
        self.manifest.codes.clear();
    }

    fn used(&mut self, number: u32) {
        self.next_number = self.next_number.max(number + 1);
    }
}
