//! The folder of the lexical index, with fewer waits for the disk than tantivy's own.
//!
//! Tantivy syncs every file of a segment when it is written, and its list of files before each of them: some twenty
//! waits for a commit of a few chunks. Nothing is committed before `meta.json` is replaced, so here the files are synced
//! together, right before that. The list of files is not stored: it is what the folder holds, so that what a crash left
//! behind is deleted like any other file that is not needed.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::Directory;
use tantivy::directory::error::{DeleteError, LockError, OpenDirectoryError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, DirectoryLock, FileHandle, Lock, MmapDirectory, TerminatingWrite, WatchCallback, WatchHandle,
    WritePtr,
};

/// Tantivy's list of its files.
const MANAGED: &str = ".managed.json";
/// What makes a commit.
pub const META: &str = "meta.json";

/// Files written and not yet synced.
#[derive(Debug, Default)]
struct Pending {
    files: Vec<File>,
    /// A sync failed: the system may take for written what is not, so none succeeds any more.
    failed: bool,
}

/// A folder on the disk, read through memory maps.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    inner: MmapDirectory,
    pending: Arc<Mutex<Pending>>,
}

impl Folder {
    /// The folder at `path`, which must be there.
    ///
    /// # Errors
    /// Whatever keeps it from being read.
    pub fn open(path: &Path) -> Result<Self, OpenDirectoryError> {
        Ok(Self { path: path.to_owned(), inner: MmapDirectory::open(path)?, pending: Arc::default() })
    }

    /// The files tantivy made, as JSON: their names are hexadecimal numbers with an ending.
    fn list(&self) -> io::Result<String> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
            names.extend(
                name.to_str().filter(|name| !name.starts_with('.') && plain(name)).map(|name| format!("{name:?}")),
            );
        }
        Ok(format!("[{}]", names.join(",")))
    }
}

impl Directory for Folder {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.inner.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.inner.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.inner.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let full = self.path.join(path);
        let file = OpenOptions::new().write(true).create_new(true).open(full).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => OpenWriteError::FileAlreadyExists(path.to_owned()),
            _ => OpenWriteError::wrap_io_error(error, path.to_owned()),
        })?;
        Ok(BufWriter::new(Box::new(LaterSynced { file: Some(file), pending: Arc::clone(&self.pending) })))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        if path == Path::new(MANAGED) {
            let list = self.list().map_err(|error| OpenReadError::wrap_io_error(error, path.to_owned()))?;
            return Ok(list.into_bytes());
        }
        self.inner.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        if path == Path::new(MANAGED) {
            return Ok(());
        }
        if path == Path::new(META) {
            self.sync_directory()?;
        }
        self.inner.atomic_write(path, data)?;
        // A commit is one only once its name is on the disk.
        self.inner.sync_directory()
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.failed {
            return Err(io::Error::other("an earlier write did not reach the disk; close the store and open it again"));
        }
        let files = std::mem::take(&mut pending.files);
        if files.is_empty() {
            return Ok(());
        }
        if let Err(error) = files.iter().try_for_each(File::sync_data) {
            pending.failed = true;
            return Err(error);
        }
        drop(pending);
        self.inner.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.inner.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.inner.watch(callback)
    }
}

/// A file that is synced with all others before the next commit.
struct LaterSynced {
    file: Option<File>,
    pending: Arc<Mutex<Pending>>,
}

impl LaterSynced {
    fn file(&mut self) -> io::Result<&mut File> {
        self.file.as_mut().ok_or_else(|| io::Error::other("the file is complete"))
    }
}

impl Write for LaterSynced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TerminatingWrite for LaterSynced {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).files.extend(self.file.take());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Folder, name: &str) {
        let mut file = folder.open_write(Path::new(name)).expect("opened");
        file.write_all(b"content").expect("written");
        file.terminate().expect("ended");
    }

    #[test]
    fn what_is_written_is_synced_with_the_next_commit_and_can_be_read_before() {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::open(temporary.path()).expect("opened");
        written(&folder, "a.idx");
        let clone = folder.clone();
        written(&clone, "b.idx");
        assert_eq!(folder.pending.lock().expect("no panic").files.len(), 2);
        assert_eq!(
            folder.open_read(Path::new("a.idx")).expect("there").read_bytes().expect("read").as_slice(),
            b"content"
        );
        folder.atomic_write(Path::new(META), b"{}").expect("committed");
        assert!(clone.pending.lock().expect("no panic").files.is_empty());
        assert!(folder.open_write(Path::new("a.idx")).is_err());
    }

    #[test]
    fn the_list_of_files_is_the_folder() {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::open(temporary.path()).expect("opened");
        written(&folder, "0a.idx");
        std::fs::write(temporary.path().join(".tantivy-meta.lock"), "").expect("written");
        folder.atomic_write(Path::new(MANAGED), b"[\"other\"]").expect("ignored");
        assert_eq!(folder.atomic_read(Path::new(MANAGED)).expect("listed"), b"[\"0a.idx\"]");
        assert!(!temporary.path().join(MANAGED).exists());
    }
}
