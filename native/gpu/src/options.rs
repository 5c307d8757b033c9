//! What a user may set.

use std::path::PathBuf;
use std::time::Duration;

use tiercel_tier::PolicyKind;

/// Whether the GPU takes part in searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GpuMode {
    /// Never opened.
    Off,
    /// Opened, and used where the self-check found it right and faster.
    #[default]
    Auto,
    /// Used wherever the self-check found it right, also where it is slower.
    On,
}

impl GpuMode {
    /// The word used in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Auto => "auto",
            Self::On => "on",
        }
    }

    /// The mode of a word used in settings.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Off, Self::Auto, Self::On].into_iter().find(|mode| mode.name() == name)
    }
}

/// Options of [`crate::Hot::open`].
#[derive(Debug, Clone)]
pub struct GpuOptions {
    /// Whether the GPU takes part.
    pub mode: GpuMode,
    /// Takes an adapter that is a program on the CPU (`SwiftShader`, llvmpipe, WARP). For tests: it is never faster.
    pub allow_software: bool,
    /// Bytes of the device's memory for everything; none for what is free, less a reserve.
    pub memory_budget: Option<u64>,
    /// Folder for compiled pipelines; none keeps them in memory only.
    pub pipeline_cache: Option<PathBuf>,
    /// Which pages stay in the device's memory.
    pub policy: PolicyKind,
    /// Threads that share a scan on the CPU, for the self-check's comparison: at least 1.
    pub cpu_threads: usize,
    /// How often free memory is measured again.
    pub measure_every: Duration,
    /// The wait before a lost device is opened again; doubles with every failure, up to 64 times as long.
    pub reopen_after: Duration,
}

impl Default for GpuOptions {
    fn default() -> Self {
        Self {
            mode: GpuMode::default(),
            allow_software: false,
            memory_budget: None,
            pipeline_cache: None,
            policy: PolicyKind::default(),
            cpu_threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            measure_every: Duration::from_secs(5),
            reopen_after: Duration::from_secs(1),
        }
    }
}
