//! The one instance of a process: the addon has several stores open, and they share memory.

use std::sync::{Arc, LazyLock};

use crate::books::Books;
use crate::cache::Cache;
use crate::machine::{MachineProbe, this_machine};
use crate::monitor::{Monitor, MonitorConfig};
use crate::policy::PolicyKind;

const MIB: u64 = 1 << 20;
/// Without a setting, a quarter of the machine or container ...
const SHARE: u64 = 4;
/// ... within these.
const LEAST: u64 = 128 * MIB;
const MOST: u64 = 2048 * MIB;

/// The page cache, the books and the monitor that belong together. Clones share them.
#[derive(Clone)]
pub struct Governor {
    cache: Cache,
    books: Books,
    monitor: Monitor,
}

/// What to change at run time; what is none stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of memory for everything.
    pub memory_budget: Option<u64>,
    /// Bytes on disk, 0 for no limit.
    pub disk_budget: Option<u64>,
    /// Vectors, 0 for no limit.
    pub max_vectors: Option<u64>,
    /// Which pages stay.
    pub policy: Option<PolicyKind>,
}

impl Governor {
    /// A set of its own, for tests and benches.
    #[must_use]
    pub fn new(config: MonitorConfig, policy: PolicyKind, probe: Arc<dyn MachineProbe>) -> Self {
        let cache = Cache::new(config.memory_budget, policy);
        let books = Books::new();
        let monitor = Monitor::new(config, books.clone(), cache.clone(), probe);
        Self { cache, books, monitor }
    }

    /// Pages in memory.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Who holds how much.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Pressure, levels, refusals.
    #[must_use]
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// Bytes of memory for everything.
    #[must_use]
    pub fn memory_budget(&self) -> u64 {
        self.monitor.config().memory_budget
    }

    /// Changes settings, and acts on them at once.
    pub fn configure(&self, settings: Settings) {
        if let Some(policy) = settings.policy {
            self.cache.set_policy(policy);
        }
        let mut config = self.monitor.config();
        config.memory_budget = settings.memory_budget.unwrap_or(config.memory_budget);
        config.max_vectors = settings.max_vectors.unwrap_or(config.max_vectors);
        if let Some(budget) = settings.disk_budget {
            config.disk_budget = Some(budget).filter(|budget| *budget > 0);
        }
        self.monitor.configure(config);
    }
}

/// The one of this process, made when first asked for: a quarter of the machine's memory (or the container's), 128 MiB
/// to 2 GiB, no limit of disk and vectors, until configured.
#[must_use]
pub fn global() -> &'static Governor {
    static GLOBAL: LazyLock<Governor> = LazyLock::new(|| {
        let probe = this_machine();
        let memory_budget = (probe.read().limit().unwrap_or(0) / SHARE).clamp(LEAST, MOST);
        let config = MonitorConfig { memory_budget, disk_budget: None, max_vectors: 0 };
        Governor::new(config, PolicyKind::default(), probe)
    });
    &GLOBAL
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::MachineReading;

    struct Silent;

    impl MachineProbe for Silent {
        fn read(&self) -> MachineReading {
            MachineReading::default()
        }
    }

    #[test]
    fn settings_change_what_they_name_and_nothing_else() {
        let config = MonitorConfig { memory_budget: 1_000, disk_budget: Some(5), max_vectors: 7 };
        let governor = Governor::new(config, PolicyKind::default(), Arc::new(Silent));
        assert_eq!(governor.cache().budget(), 1_000);
        governor.configure(Settings { memory_budget: Some(400), policy: Some(PolicyKind::Lru), ..Settings::default() });
        assert_eq!(governor.monitor().config(), MonitorConfig { memory_budget: 400, ..config });
        assert_eq!((governor.cache().budget(), governor.cache().stats().policy), (400, PolicyKind::Lru));
        governor.configure(Settings { disk_budget: Some(0), max_vectors: Some(0), ..Settings::default() });
        let expected = MonitorConfig { memory_budget: 400, disk_budget: None, max_vectors: 0 };
        assert_eq!(governor.monitor().config(), expected);
    }

    #[test]
    fn there_is_one_in_a_process() {
        assert!(std::ptr::eq(global(), global()));
        assert!((LEAST..=MOST).contains(&global().memory_budget()));
    }
}
