//! Errors, named by what the caller should do about them.
//!
//! The variants are the codes of `protocol/errors.ts`; [`Error::code`] gives the exact word that crosses the border.

use std::fmt;
use std::io;
use std::path::Path;

/// What went wrong, and by its variant what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The call itself is wrong: correct it.
    FixTheCall(String),
    /// Busy: the same call succeeds later.
    RetryLater {
        /// What is in the way.
        message: String,
        /// Milliseconds after which the call is expected to succeed.
        after_ms: u32,
    },
    /// Memory or disk is short: writers wait, readers go on. The same call succeeds once the pressure has fallen.
    MemoryPressure {
        /// Which budget or limit is short, and by how much.
        message: String,
        /// Milliseconds to wait before trying again.
        after_ms: u32,
    },
    /// The files were written by a newer version. Nothing was touched.
    UpdateTiercel(String),
    /// The stored index cannot be read: rebuild it.
    RebuildIndex(String),
    /// A file this machine lacks.
    InstallWhatIsMissing(String),
    /// The operating system refused.
    FixTheMachine(String),
    /// The caller cancelled.
    Cancelled,
    /// A defect.
    Report(String),
}

/// Every fallible function of the engine returns this.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The word of `protocol/errors.ts`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::FixTheCall(_) => "FixTheCall",
            Self::RetryLater { .. } => "RetryLater",
            Self::MemoryPressure { .. } => "MemoryPressure",
            Self::UpdateTiercel(_) => "UpdateTiercel",
            Self::RebuildIndex(_) => "RebuildIndex",
            Self::InstallWhatIsMissing(_) => "InstallWhatIsMissing",
            Self::FixTheMachine(_) => "FixTheMachine",
            Self::Cancelled => "Cancelled",
            Self::Report(_) => "Report",
        }
    }

    /// Milliseconds to wait, only for [`Error::RetryLater`] and [`Error::MemoryPressure`].
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u32> {
        match self {
            Self::RetryLater { after_ms, .. } | Self::MemoryPressure { after_ms, .. } => Some(*after_ms),
            _ => None,
        }
    }

    /// An operating system error at `path`, with what was being done: `("read", path)`.
    #[must_use]
    pub fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self::FixTheMachine(format!("Cannot {doing} {}: {error}.", path.display()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FixTheCall(message)
            | Self::RetryLater { message, .. }
            | Self::MemoryPressure { message, .. }
            | Self::UpdateTiercel(message)
            | Self::RebuildIndex(message)
            | Self::InstallWhatIsMissing(message)
            | Self::FixTheMachine(message)
            | Self::Report(message) => formatter.write_str(message),
            Self::Cancelled => formatter.write_str("Cancelled."),
        }
    }
}

impl std::error::Error for Error {}
