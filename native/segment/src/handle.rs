//! An open file, read and written by position, and files that appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tiercel_base::error::Result;

use crate::fault::{system, writing};

/// An open file. It may be deleted once nobody has it open any more.
#[derive(Debug)]
pub(crate) struct Handle {
    // Fields are dropped in this order: the file is closed before it is removed, as Windows demands.
    file: File,
    removal: Removal,
}

#[derive(Debug)]
struct Removal {
    path: PathBuf,
    asked: AtomicBool,
}

impl Drop for Removal {
    fn drop(&mut self) {
        if self.asked.load(Ordering::Acquire) {
            // What cannot be removed now is swept at the next opening.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Handle {
    /// Opens a file that has to be there.
    pub(crate) fn open(path: &Path, writable: bool) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(writable).open(path);
        file.map(|file| Self::of(file, path)).map_err(|error| system("open", path, &error))
    }

    /// Makes a file, empty, in place of one that may be there.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(path);
        file.map(|file| Self::of(file, path)).map_err(|error| writing("create", path, &error))
    }

    fn of(file: File, path: &Path) -> Self {
        Self { file, removal: Removal { path: path.to_owned(), asked: AtomicBool::new(false) } }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.removal.path
    }

    /// Deletes the file when the last user has let go of it.
    pub(crate) fn retire(&self) {
        self.removal.asked.store(true, Ordering::Release);
    }

    pub(crate) fn length(&self) -> Result<u64> {
        self.file.metadata().map(|data| data.len()).map_err(|error| system("read", self.path(), &error))
    }

    pub(crate) fn set_length(&self, length: u64) -> Result<()> {
        self.file.set_len(length).map_err(|error| writing("shorten", self.path(), &error))
    }

    /// Fills `bytes` from `offset` on.
    pub(crate) fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        read_exact_at(&self.file, bytes, offset).map_err(|error| system("read", self.path(), &error))
    }

    /// Writes all of `bytes` at `offset`.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        write_all_at(&self.file, bytes, offset).map_err(|error| writing("write", self.path(), &error))
    }

    /// Waits until what was written is on the disk.
    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|error| writing("write", self.path(), &error))
    }
}

/// A file under a temporary name. It gets its own name when it is complete; dropped before that, it goes.
#[derive(Debug)]
pub(crate) struct Draft {
    handle: Handle,
    path: PathBuf,
}

impl Draft {
    /// Starts the file that is to be at `path`.
    pub(crate) fn create(path: PathBuf) -> Result<Self> {
        let mut temporary = path.clone().into_os_string();
        temporary.push(".tmp");
        let handle = Handle::create(Path::new(&temporary))?;
        handle.retire();
        Ok(Self { handle, path })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Gives the file its name, durably; one that is there is replaced.
    pub(crate) fn publish(self) -> Result<()> {
        let temporary = self.handle.path().to_owned();
        self.handle.sync()?;
        self.handle.removal.asked.store(false, Ordering::Release);
        drop(self.handle);
        if let Err(error) = fs::rename(&temporary, &self.path) {
            let _ = fs::remove_file(&temporary);
            return Err(writing("replace", &self.path, &error));
        }
        sync_folder_of(&self.path)
    }
}

/// Makes new, renamed and deleted names beside `path` durable. Windows has no such call and does it by itself.
pub(crate) fn sync_folder_of(path: &Path) -> Result<()> {
    if cfg!(unix)
        && let Some(folder) = path.parent()
    {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder).and_then(|open| open.sync_all()).map_err(|error| writing("write", folder, &error))?;
    }
    Ok(())
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                bytes = &mut bytes[read..];
                offset += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
