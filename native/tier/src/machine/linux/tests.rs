use tempfile::TempDir;

use super::*;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// A `/proc` and `/sys` in a folder.
struct Fake {
    folder: TempDir,
}

impl Fake {
    fn new() -> Self {
        let fake = Self { folder: TempDir::new().expect("a folder") };
        fake.file("proc/meminfo", "MemTotal:       16777216 kB\nMemFree:  100 kB\nMemAvailable:    8388608 kB\n");
        fake.file("proc/self/status", "Name:\ttest\nVmPeak:\t  999 kB\nVmRSS:\t    2048 kB\n");
        fake
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("a file");
    }

    /// A group of version 2.
    fn group(&self, path: &str, max: &str, current: u64, inactive: u64) {
        self.file(&format!("{path}/memory.max"), max);
        self.file(&format!("{path}/memory.current"), &current.to_string());
        self.file(&format!("{path}/memory.stat"), &format!("anon 5\ninactive_anon 7\ninactive_file {inactive}\n"));
    }

    fn version_2(&self, path: &str, mount_root: &str) {
        self.file("proc/self/cgroup", &format!("0::{path}\n"));
        let mounts = format!(
            "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n\
             30 23 0:26 {mount_root} /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
        );
        self.file("proc/self/mountinfo", &mounts);
    }

    fn read(&self) -> MachineReading {
        LinuxProbe::new(self.folder.path()).read()
    }
}

fn containers(reading: &MachineReading) -> Vec<(u64, u64)> {
    let rooms = reading.rooms.iter().filter(|room| room.place == Place::Container);
    rooms.map(|room| (room.limit, room.available)).collect()
}

#[test]
fn the_machine_and_this_process() {
    let reading = Fake::new().read();
    assert_eq!(reading.rooms, [Room { place: Place::Machine, limit: 16 * GIB, available: 8 * GIB }]);
    assert_eq!((reading.rss, reading.stall), (Some(2 * MIB), None));
}

#[test]
fn an_old_kernel_without_an_estimate() {
    let fake = Fake::new();
    fake.file("proc/meminfo", "MemTotal: 2048 kB\nMemFree: 512 kB\nCached: 256 kB\n");
    assert_eq!(fake.read().available(), Some(768 * 1024));
}

#[test]
fn version_2_is_walked_up_and_reclaimable_cache_does_not_count() {
    let fake = Fake::new();
    fake.version_2("/user.slice/app.scope", "/");
    fake.group("sys/fs/cgroup/user.slice/app.scope", "max", 300 * MIB, 0);
    fake.group("sys/fs/cgroup/user.slice", &(2 * GIB).to_string(), 1024 * MIB, 256 * MIB);
    assert_eq!(containers(&fake.read()), [(2 * GIB, 2 * GIB - 768 * MIB)]);
    fake.file("sys/fs/cgroup/user.slice/app.scope/memory.high", &(400 * MIB).to_string());
    assert_eq!(containers(&fake.read()), [(400 * MIB, 100 * MIB), (2 * GIB, 2 * GIB - 768 * MIB)]);
}

#[test]
fn a_container_that_sees_only_its_own_part_of_the_hierarchy() {
    let fake = Fake::new();
    fake.version_2("/docker/abc/inner", "/docker/abc");
    fake.group("sys/fs/cgroup", &GIB.to_string(), 2 * GIB, 0);
    assert_eq!(containers(&fake.read()), [(GIB, 0)]);
    fake.version_2("/", "/");
    assert_eq!(containers(&fake.read()), [(GIB, 0)]);
}

#[test]
fn version_1_beside_an_empty_version_2() {
    let fake = Fake::new();
    fake.file("proc/self/cgroup", "9:cpu,cpuacct:/x\n4:memory:/jobs/one\n0::/\n");
    fake.file(
        "proc/self/mountinfo",
        "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
         35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
         41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
    );
    let own = "sys/fs/cgroup/memory/jobs/one";
    fake.file(&format!("{own}/memory.limit_in_bytes"), &(512 * MIB).to_string());
    fake.file(&format!("{own}/memory.usage_in_bytes"), &(500 * MIB).to_string());
    fake.file(&format!("{own}/memory.stat"), &format!("inactive_file 1\ntotal_inactive_file {}\n", 100 * MIB));
    fake.file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
    fake.file("sys/fs/cgroup/memory/memory.usage_in_bytes", "1");
    fs::create_dir_all(fake.folder.path().join("sys/fs/cgroup/unified")).expect("a folder");
    assert_eq!(containers(&fake.read()), [(512 * MIB, 112 * MIB)]);
}

#[test]
fn the_worst_stall_counts() {
    let fake = Fake::new();
    fake.version_2("/app", "/");
    fake.group("sys/fs/cgroup/app", "max", 1, 0);
    let stall = |some: &str, full: &str| {
        format!(
            "some avg10={some} avg60=1.00 avg300=0.50 total=123\nfull avg10={full} avg60=0.00 avg300=0.00 total=45\n"
        )
    };
    fake.file("proc/pressure/memory", &stall("3.50", "2.25"));
    fake.file("sys/fs/cgroup/app/memory.pressure", &stall("12.00", "1.00"));
    assert_eq!(fake.read().stall, Some(Stall { some: 12.0, full: 2.25 }));
}

#[test]
fn files_full_of_nonsense_are_as_good_as_none() {
    let fake = Fake::new();
    fake.version_2("/app", "/");
    for file in ["proc/meminfo", "proc/self/status", "proc/pressure/memory", "sys/fs/cgroup/app/memory.max"] {
        fake.file(file, "some avg10=x MemTotal: -5 kB\nMemTotal:\n");
    }
    assert_eq!(fake.read(), MachineReading::default());
    fake.file("proc/self/cgroup", "::::\n4\n");
    fake.file("proc/self/mountinfo", "1 2 - cgroup2\n - \n");
    assert_eq!(fake.read(), MachineReading::default());
    fs::remove_dir_all(fake.folder.path().join("proc")).expect("removed");
    assert_eq!(fake.read(), MachineReading::default());
}

#[test]
fn what_changes_is_seen_by_the_next_reading() {
    let fake = Fake::new();
    fake.version_2("/app", "/");
    fake.group("sys/fs/cgroup/app", &GIB.to_string(), GIB / 2, 0);
    let probe = LinuxProbe::new(fake.folder.path());
    assert_eq!(containers(&probe.read()), [(GIB, GIB / 2)]);
    fake.group("sys/fs/cgroup/app", &GIB.to_string(), GIB, GIB / 4);
    assert_eq!(containers(&probe.read()), [(GIB, GIB / 4)]);
}
