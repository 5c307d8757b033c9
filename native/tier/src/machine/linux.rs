//! Linux: `/proc` and the control groups of this process, version 2 and version 1.
//!
//! A control group's limit binds all groups below it, so the hierarchy is walked up to its mount. Inside a container the
//! path in `/proc/self/cgroup` may be that of the host while the mount shows only the container's part; the root given in
//! `/proc/self/mountinfo` is taken off, and folders that are not there are passed over on the way up.

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use super::{MachineProbe, MachineReading, Place, Room, Stall};

/// Deeper hierarchies than this do not occur.
const DEEPEST: usize = 64;

/// Reads the files below a root, `/` outside of tests. Where the control groups lie is found out once.
pub struct LinuxProbe {
    root: PathBuf,
    groups: Vec<Group>,
}

/// A control group that binds this process.
struct Group {
    folder: PathBuf,
    version: Version,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl LinuxProbe {
    /// A probe of the system whose `/proc` and `/sys` lie below `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), groups: find_groups(root) }
    }

    fn machine(&self) -> Option<Room> {
        let info = fs::read_to_string(self.root.join("proc/meminfo")).ok()?;
        let limit = kib(&info, "MemTotal:")?;
        // Before Linux 3.14 there is no estimate of what is available.
        let available =
            kib(&info, "MemAvailable:").or_else(|| Some(kib(&info, "MemFree:")? + kib(&info, "Cached:")?))?;
        Some(Room { place: Place::Machine, limit, available: available.min(limit) })
    }
}

impl MachineProbe for LinuxProbe {
    fn read(&self) -> MachineReading {
        let machine = self.machine();
        // Version 1 writes a huge number, and some runtimes write the machine's size, where there is no limit.
        let physical = machine.map_or(u64::MAX, |room| room.limit);
        let groups = self.groups.iter().filter_map(Group::room).filter(|room| room.limit < physical);
        let stalls = self.groups.iter().filter(|group| group.version == Version::Two);
        let stalls = stalls.map(|group| group.folder.join("memory.pressure"));
        let stalls = stalls.chain([self.root.join("proc/pressure/memory")]).filter_map(|file| read_stall(&file));
        let status = fs::read_to_string(self.root.join("proc/self/status")).unwrap_or_default();
        MachineReading {
            rooms: machine.into_iter().chain(groups).collect(),
            stall: stalls
                .reduce(|left, right| Stall { some: left.some.max(right.some), full: left.full.max(right.full) }),
            rss: kib(&status, "VmRSS:"),
        }
    }
}

impl Group {
    fn room(&self) -> Option<Room> {
        let (limit, used, reclaimable) = match self.version {
            Version::Two => {
                // Above `high` the kernel throttles and reclaims: that is where it hurts, before the limit.
                let limits = ["memory.max", "memory.high"].into_iter().filter_map(|name| self.number(name));
                (limits.min()?, self.number("memory.current")?, "inactive_file ")
            }
            Version::One => {
                let limit = self.number("memory.limit_in_bytes")?;
                (limit, self.number("memory.usage_in_bytes")?, "total_inactive_file ")
            }
        };
        let stat = fs::read_to_string(self.folder.join("memory.stat")).unwrap_or_default();
        let line = stat.lines().find_map(|line| line.strip_prefix(reclaimable));
        let reclaimable: u64 = line.and_then(|number| number.trim().parse().ok()).unwrap_or(0);
        let available = limit.saturating_sub(used.saturating_sub(reclaimable));
        Some(Room { place: Place::Container, limit, available })
    }

    /// A file with one number; `max` and what cannot be read are none.
    fn number(&self, name: &str) -> Option<u64> {
        fs::read_to_string(self.folder.join(name)).ok()?.trim().parse().ok()
    }
}

fn find_groups(root: &Path) -> Vec<Group> {
    let paths = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).unwrap_or_default();
    let mut groups = Vec::new();
    for line in paths.lines() {
        // hierarchy:controllers:path
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let version = match controllers {
            "" => Version::Two,
            _ if controllers.split(',').any(|controller| controller == "memory") => Version::One,
            _ => continue,
        };
        if let Some((mount_root, mount)) = find_mount(&mounts, version) {
            let top = root.join(mount.trim_start_matches('/'));
            let inside = path.strip_prefix(mount_root.trim_end_matches('/')).unwrap_or(path);
            let own = top.join(inside.trim_start_matches('/'));
            let folders = own.ancestors().take(DEEPEST).take_while(|folder| folder.starts_with(&top));
            groups.extend(
                folders.filter(|folder| folder.is_dir()).map(|folder| Group { folder: folder.to_owned(), version }),
            );
        }
    }
    groups
}

/// The root within the hierarchy, and the folder, of the mount that shows the memory controller.
fn find_mount(mounts: &str, version: Version) -> Option<(&str, &str)> {
    mounts.lines().find_map(|line| {
        // id parent device root folder options [tags] - type source options
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let matches = match (version, kind.next()?) {
            (Version::Two, "cgroup2") => true,
            (Version::One, "cgroup") => kind.nth(1)?.split(',').any(|option| option == "memory"),
            _ => false,
        };
        let mut place = place.split(' ').skip(3);
        matches.then_some((place.next()?, place.next()?))
    })
}

fn read_stall(file: &Path) -> Option<Stall> {
    let text = fs::read_to_string(file).ok()?;
    let average = |kind: &str| -> Option<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(kind))?;
        line.split(' ').find_map(|field| field.strip_prefix("avg10="))?.parse().ok()
    };
    // The machine's file of a kernel before 5.13 has no `full` line for some resources.
    Some(Stall { some: average("some ")?, full: average("full ").unwrap_or(0.0) })
}

/// The bytes of a line `name   123 kB`.
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}
