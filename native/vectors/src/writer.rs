//! What only the writer touches: the growing file, the manifest, and rows that are appended but not yet visible.

use tiercel_base::error::{Error, Result};
use tiercel_segment::{Rows, Segment, Writer as FileWriter};

use crate::encode::Encoded;
use crate::files::Files;
use crate::recent::RecentBuilder;

/// A file that is full and waits for its index file.
pub struct Unsealed {
    pub number: u32,
    pub file: FileWriter,
}

/// The writer's side of an index.
pub struct Writer {
    /// The growing file.
    pub file: FileWriter,
    /// Its number.
    pub number: u32,
    /// What the space consists of, as it is on the disk.
    pub files: Files,
    /// The number the next row gets.
    pub next_row: u32,
    /// Appended, durable, not visible.
    pub pending: Vec<Encoded>,
    /// The page of recent codes that is being filled, while recent codes are kept.
    pub recent: Option<RecentBuilder>,
    /// Full files.
    pub unsealed: Vec<Unsealed>,
    /// Rows of the growing file that are visible.
    published: u32,
    /// Why no row can be appended any more.
    broken: Option<String>,
}

impl Writer {
    /// A writer that goes on where `file` ends.
    pub fn new(file: FileWriter, number: u32, files: Files, next_row: u32) -> Self {
        let published = file.rows();
        Self {
            file,
            number,
            files,
            next_row,
            pending: Vec::new(),
            recent: None,
            unsealed: Vec::new(),
            published,
            broken: None,
        }
    }

    /// Appends rows and makes them durable; none of them on an error.
    pub fn append(&mut self, rows: &Rows<'_>) -> Result<()> {
        if let Some(why) = &self.broken {
            return Err(Error::FixTheMachine(format!(
                "An earlier write stopped half-way ({why}). Close the store and open it again."
            )));
        }
        let before = self.file.rows();
        let done = self.file.append(rows).and_then(|()| self.file.sync());
        if done.is_err() {
            self.cut(before)?;
        }
        done
    }

    /// Forgets rows that are not visible.
    pub fn retract(&mut self) -> Result<()> {
        self.cut(self.published)
    }

    fn cut(&mut self, rows: u32) -> Result<()> {
        let cut = self.file.cut(rows);
        if let Err(error) = &cut {
            self.broken = Some(error.to_string());
        }
        cut
    }

    /// All rows of the growing file are visible.
    pub fn published(&mut self) {
        self.published = self.file.rows();
    }

    /// The growing file as it is now.
    pub fn view(&self) -> Segment {
        self.file.view()
    }

    /// Puts a new, empty file in the place of the growing one, which is to be sealed.
    pub fn rotate(&mut self, number: u32, file: FileWriter) {
        let full = std::mem::replace(&mut self.file, file);
        self.unsealed.push(Unsealed { number: self.number, file: full });
        self.number = number;
        self.published = 0;
    }
}
