//! macOS and Windows: what the system tells about its memory and this process, by the `sysinfo` crate.

use std::sync::{Mutex, PoisonError};

use sysinfo::{MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::{MachineProbe, MachineReading, Place, Room};

/// Physical memory and this process; no limits of containers, no stalls.
#[derive(Default)]
pub struct SystemProbe {
    system: Mutex<System>,
}

impl MachineProbe for SystemProbe {
    fn read(&self) -> MachineReading {
        let mut system = self.system.lock().unwrap_or_else(PoisonError::into_inner);
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let own = Pid::from_u32(std::process::id());
        let memory = ProcessRefreshKind::nothing().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, memory);
        let (limit, available) = (system.total_memory(), system.available_memory());
        let room = Room { place: Place::Machine, limit, available: available.min(limit) };
        MachineReading {
            rooms: if limit > 0 { vec![room] } else { Vec::new() },
            stall: None,
            rss: system.process(own).map(sysinfo::Process::memory),
        }
    }
}
