//! What the machine has left: a reading, and how it becomes a pressure between 0 and 1.

#[cfg(target_os = "linux")]
pub mod linux;
#[cfg(not(target_os = "linux"))]
pub mod other;

use std::sync::Arc;

const MIB: u64 = 1 << 20;
/// Memory that is to stay free: a twentieth of the limit ...
const RESERVE_SHARE: u64 = 20;
/// ... but at most this, so that large machines are used ...
const MOST_RESERVE: u64 = 2048 * MIB;
/// ... and at least this, which an editor and a compiler take in a moment ...
const LEAST_RESERVE: u64 = 128 * MIB;
/// ... unless the whole limit is so small that it would be more than a tenth.
const SMALL_SHARE: u64 = 10;
/// The pressure is 0 with this many reserves free, and 0.8 (writers wait) with one.
const EASE: f64 = 5.0;
/// A stall counts where less than this share is left: otherwise it belongs to somebody else's limit, and giving memory
/// back would not end it.
const STALL_COUNTS_BELOW: f64 = 0.25;
/// Percent of the last 10 s in which some task waited for memory, at which the pressure is 1. A fifth of the time lost
/// (0.8) is where people notice.
const SOME_FULL_SCALE: f64 = 25.0;
/// The same for all tasks waiting at once: nothing at all gets done.
const FULL_FULL_SCALE: f64 = 12.5;

/// Where a limit of memory comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The machine's physical memory.
    Machine,
    /// The limit of a container, service or user session (a control group).
    Container,
}

/// A limit, and what is left below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Where it applies.
    pub place: Place,
    /// Bytes.
    pub limit: u64,
    /// Bytes that can still be had without swapping; file cache that can be given up counts as available.
    pub available: u64,
}

impl Room {
    /// Bytes that are to stay free below this limit.
    #[must_use]
    pub fn reserve(&self) -> u64 {
        let reserve = (self.limit / RESERVE_SHARE).clamp(LEAST_RESERVE, MOST_RESERVE);
        reserve.min(self.limit / SMALL_SHARE).max(1)
    }

    /// 0 with five reserves left, 0.8 with one, 1 with nothing.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    pub fn pressure(&self) -> f64 {
        (1.0 - self.available as f64 / (self.reserve() as f64 * EASE)).clamp(0.0, 1.0)
    }

    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    fn share_left(&self) -> f64 {
        self.available as f64 / self.limit.max(1) as f64
    }
}

/// Time lost to waiting for memory, as percent of the last 10 s (Linux pressure stall information).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stall {
    /// At least one task waited.
    pub some: f64,
    /// All tasks waited.
    pub full: f64,
}

/// One look at the machine. What a system does not tell is left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MachineReading {
    /// Every limit that applies to this process.
    pub rooms: Vec<Room>,
    /// The worst stall of those places.
    pub stall: Option<Stall>,
    /// Bytes of this process in physical memory.
    pub rss: Option<u64>,
}

/// What the machine's pressure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// Little is left below this limit.
    Room(Room),
    /// Tasks wait for memory.
    Stall,
}

impl MachineReading {
    /// The worst pressure and where it comes from.
    #[must_use]
    pub fn pressure(&self) -> (f64, Option<Shortage>) {
        let mut worst = (0.0, None);
        for room in &self.rooms {
            if room.pressure() > worst.0 {
                worst = (room.pressure(), Some(Shortage::Room(*room)));
            }
        }
        let short = self.rooms.iter().any(|room| room.share_left() < STALL_COUNTS_BELOW);
        if let Some(stall) = self.stall.filter(|_| short) {
            let pressure = (stall.some / SOME_FULL_SCALE).max(stall.full / FULL_FULL_SCALE).clamp(0.0, 1.0);
            if pressure > worst.0 {
                worst = (pressure, Some(Shortage::Stall));
            }
        }
        worst
    }

    /// Bytes that can still be had, by the tightest limit.
    #[must_use]
    pub fn available(&self) -> Option<u64> {
        self.rooms.iter().map(|room| room.available).min()
    }

    /// The smallest limit, in bytes.
    #[must_use]
    pub fn limit(&self) -> Option<u64> {
        self.rooms.iter().map(|room| room.limit).min()
    }
}

/// Reads the machine.
pub trait MachineProbe: Send + Sync {
    /// One look, within well under a millisecond. What cannot be read is left out: a system that tells nothing is no
    /// reason to stop.
    fn read(&self) -> MachineReading;
}

/// The probe of the system this runs on.
#[must_use]
pub fn this_machine() -> Arc<dyn MachineProbe> {
    #[cfg(target_os = "linux")]
    return Arc::new(linux::LinuxProbe::new(std::path::Path::new("/")));
    #[cfg(not(target_os = "linux"))]
    return Arc::new(other::SystemProbe::default());
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn room(limit: u64, available: u64) -> Room {
        Room { place: Place::Machine, limit, available }
    }

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() < 0.01
    }

    #[test]
    fn the_reserve_fits_the_size_of_the_limit() {
        assert_eq!(room(512 * MIB, 0).reserve(), 512 * MIB / 10);
        assert_eq!(room(2 * GIB, 0).reserve(), 128 * MIB);
        assert_eq!(room(16 * GIB, 0).reserve(), 16 * GIB / 20);
        assert_eq!(room(256 * GIB, 0).reserve(), 2 * GIB);
        assert_eq!(room(0, 0).reserve(), 1);
    }

    #[test]
    fn pressure_rises_as_the_room_shrinks() {
        let limit = 16 * GIB;
        let reserve = limit / 20;
        for (reserves, pressure) in [(10.0, 0.0), (5.0, 0.0), (2.0, 0.6), (1.0, 0.8), (0.0, 1.0)] {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "test"
            )]
            let available = (reserve as f64 * reserves) as u64;
            assert!(near(room(limit, available).pressure(), pressure), "{reserves} reserves");
        }
    }

    #[test]
    fn the_tightest_limit_decides() {
        let container = Room { place: Place::Container, limit: GIB, available: 50 * MIB };
        let reading = MachineReading { rooms: vec![room(64 * GIB, 60 * GIB), container], ..Default::default() };
        let (pressure, cause) = reading.pressure();
        assert!(near(pressure, 0.9));
        assert_eq!(cause, Some(Shortage::Room(container)));
        assert_eq!((reading.limit(), reading.available()), (Some(GIB), Some(50 * MIB)));
    }

    #[test]
    fn a_stall_counts_only_where_memory_is_short() {
        let stall = Some(Stall { some: 20.0, full: 5.0 });
        let ample = MachineReading { rooms: vec![room(16 * GIB, 12 * GIB)], stall, rss: None };
        assert_eq!(ample.pressure(), (0.0, None));
        let short = MachineReading { rooms: vec![room(16 * GIB, 3 * GIB)], stall, rss: None };
        let (pressure, cause) = short.pressure();
        assert!(near(pressure, 0.8));
        assert_eq!(cause, Some(Shortage::Stall));
    }

    #[test]
    fn a_machine_that_tells_nothing_is_no_pressure() {
        assert_eq!(MachineReading::default().pressure(), (0.0, None));
    }

    #[test]
    fn this_machine_can_be_read() {
        let reading = this_machine().read();
        let machine = reading.rooms.iter().find(|room| room.place == Place::Machine).expect("the machine's memory");
        assert!(machine.limit > 256 * MIB && machine.available <= machine.limit);
        assert!(reading.rss.expect("own memory") > MIB / 4);
        assert!((0.0..=1.0).contains(&reading.pressure().0));
    }
}
