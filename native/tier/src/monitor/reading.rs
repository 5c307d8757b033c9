//! One look at everything, and its words.

use super::{Level, MonitorConfig};
use crate::machine::{MachineReading, Place, Shortage};

/// What the pressure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// What Tiercel holds, against its memory budget.
    Own,
    /// The number of vectors, against its limit.
    Vectors,
    /// Bytes on disk, against their budget.
    Disk,
    /// The machine has little memory left.
    Machine,
    /// The container, service or session has little memory left.
    Container,
    /// Programs on this machine wait for memory.
    Stall,
}

impl Cause {
    /// The word used in answers to clients.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Vectors => "vectors",
            Self::Disk => "disk",
            Self::Machine => "machine",
            Self::Container => "container",
            Self::Stall => "stall",
        }
    }
}

/// What the books say.
#[derive(Clone, Copy)]
pub(super) struct Figures {
    pub(super) unevictable: u64,
    pub(super) other_caches: u64,
    pub(super) cache: u64,
    pub(super) vectors: u64,
    pub(super) disk: u64,
}

/// How things stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The largest of the four that follow, 0 to 1.
    pub pressure: f64,
    /// Bytes that cannot be given back, as a share of the memory budget; above 1 counts as 1.
    pub own: f64,
    /// Vectors as a share of their limit; 0 without a limit.
    pub vectors: f64,
    /// Bytes on disk as a share of their budget; 0 without one.
    pub disk: f64,
    /// The machine, its containers and stalls.
    pub machine: f64,
    /// Where `pressure` comes from; the limits of Tiercel itself come first among equals.
    pub cause: Cause,
    /// What follows from it for writers and searches.
    pub level: Level,
    /// What may be in memory: the same level, unless only the number of vectors or the disk is short.
    pub tiers: Level,
    /// Bytes of memory that cannot be given back, pinned pages included.
    pub unevictable: u64,
    /// Bytes of the page cache, pinned pages included.
    pub cache: u64,
    /// Bytes of memory for everything.
    pub memory_budget: u64,
    /// Vectors stored.
    pub vector_count: u64,
    /// The limit of vectors; 0 for none.
    pub max_vectors: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// The budget of bytes on disk.
    pub disk_budget: Option<u64>,
    /// Bytes of this process in physical memory.
    pub rss: Option<u64>,
    /// Bytes that the machine, or the tightest container, has left.
    pub available: Option<u64>,
    /// The limit those are left of.
    pub machine_limit: Option<u64>,
}

impl Reading {
    pub(super) fn new(config: &MonitorConfig, figures: Figures, machine: &MachineReading) -> Self {
        let own = share(figures.unevictable, config.memory_budget);
        let vectors = if config.max_vectors == 0 { 0.0 } else { share(figures.vectors, config.max_vectors) };
        let disk = config.disk_budget.map_or(0.0, |budget| share(figures.disk, budget));
        let (machine_pressure, shortage) = machine.pressure();
        let room = match shortage {
            Some(Shortage::Room(room)) => Some(room),
            _ => machine.rooms.iter().copied().min_by_key(|room| room.available),
        };
        let machine_cause = match shortage {
            Some(Shortage::Stall) => Cause::Stall,
            Some(Shortage::Room(room)) if room.place == Place::Container => Cause::Container,
            _ => Cause::Machine,
        };
        let mut worst = (own, Cause::Own);
        for other in [(vectors, Cause::Vectors), (disk, Cause::Disk), (machine_pressure, machine_cause)] {
            if other.0 > worst.0 {
                worst = other;
            }
        }
        Self {
            pressure: worst.0,
            own,
            vectors,
            disk,
            machine: machine_pressure,
            cause: worst.1,
            level: Level::Normal,
            tiers: Level::Normal,
            unevictable: figures.unevictable,
            cache: figures.cache,
            memory_budget: config.memory_budget,
            vector_count: figures.vectors,
            max_vectors: config.max_vectors,
            disk_bytes: figures.disk,
            disk_budget: config.disk_budget,
            rss: machine.rss,
            available: room.map(|room| room.available),
            machine_limit: room.map(|room| room.limit),
        }
    }

    /// What is short, by how much, and what helps. One or two sentences.
    #[must_use]
    pub fn explain(&self) -> String {
        let left = |of: &str| match (self.available, self.machine_limit) {
            (Some(available), Some(limit)) => {
                format!("{of} has {} of {} of memory left.", megabytes(available), megabytes(limit))
            }
            _ => format!("{of} is short of memory."),
        };
        match self.cause {
            Cause::Own => format!(
                "The index holds {} of its memory budget of {} in tables that cannot be given back. Raise the memory budget, or remove folders from the index.",
                megabytes(self.unevictable),
                megabytes(self.memory_budget)
            ),
            Cause::Vectors => format!(
                "{} of at most {} vectors are stored. Raise the limit of vectors, or remove folders from the index.",
                self.vector_count, self.max_vectors
            ),
            Cause::Disk => format!(
                "The index takes {} of its {} on disk. Raise the disk budget, or remove folders from the index.",
                megabytes(self.disk_bytes),
                megabytes(self.disk_budget.unwrap_or(0))
            ),
            Cause::Machine => format!("{} Closing other programs helps.", left("The machine")),
            Cause::Container => format!("{} Raising its limit helps.", left("The container or session")),
            Cause::Stall => {
                format!("Programs on this machine wait for memory. {} Closing other programs helps.", left("It"))
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share(part: u64, whole: u64) -> f64 {
    match (part, whole) {
        (0, 0) => 0.0,
        (_, 0) => 1.0,
        _ => (part as f64 / whole as f64).min(1.0),
    }
}

/// Whole megabytes of 1,000,000 bytes, rounded up, for messages.
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}
