//! A lock file: one holder on the machine at a time, freed by the operating system however the holder ends.
//!
//! The lock is taken on `<path>`. The holder's process id stands in `<path>.pid`, a file of its own, because Windows
//! forbids reading a locked one.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use tiercel_base::error::{Error, Result};

/// A held lock; dropping it frees it.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

/// What an attempt at a lock gave.
#[derive(Debug)]
pub enum LockAttempt {
    /// It is ours.
    Acquired(FileLock),
    /// Another holder has it: its process id, when it could be read.
    HeldBy(Option<u32>),
}

impl FileLock {
    /// Tries to take the lock at `path` without waiting. The folder must exist.
    ///
    /// # Errors
    /// [`Error::FixTheMachine`] when the file cannot be created or locked.
    pub fn acquire(path: &Path) -> Result<LockAttempt> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(|error| Error::io("open the lock file", path, &error))?;
        match file.try_lock() {
            Ok(()) => {
                let pid_path = pid_path(path);
                std::fs::write(&pid_path, std::process::id().to_string())
                    .map_err(|error| Error::io("write", &pid_path, &error))?;
                Ok(LockAttempt::Acquired(Self { _file: file }))
            }
            Err(TryLockError::WouldBlock) => Ok(LockAttempt::HeldBy(read_pid(path))),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", path, &error)),
        }
    }
}

fn pid_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pid");
    PathBuf::from(name)
}

fn read_pid(path: &Path) -> Option<u32> {
    std::fs::read_to_string(pid_path(path)).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_attempt_names_the_holder_and_a_drop_frees() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("lock");
        let LockAttempt::Acquired(held) = FileLock::acquire(&path).expect("the first attempt") else {
            panic!("a fresh lock must be free");
        };
        match FileLock::acquire(&path).expect("the second attempt") {
            LockAttempt::HeldBy(pid) => assert_eq!(pid, Some(std::process::id())),
            LockAttempt::Acquired(_) => panic!("two holders"),
        }
        drop(held);
        assert!(matches!(FileLock::acquire(&path), Ok(LockAttempt::Acquired(_))));
    }
}
