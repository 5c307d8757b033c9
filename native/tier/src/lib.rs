//! What lies in memory, and how much of it: the page cache shared by all open stores, the books of every part that
//! holds memory, and the monitor that turns books and machine into a pressure, levels, and refusals to writers.
//!
//! [`governor::global`] is the one instance of a process; everything below it can be built alone.

pub mod books;
pub mod cache;
pub mod governor;
pub mod machine;
pub mod monitor;
pub mod page;
pub mod policy;

pub use books::{Account, Books, Charge};
pub use cache::{Cache, CacheStats, ClassStats, Pin};
pub use governor::{Governor, Settings, global};
pub use machine::MachineProbe;
pub use monitor::{Alert, Cause, Level, Levels, Monitor, MonitorConfig, Reading};
pub use page::{Class, PageKey, Weight, next_space};
pub use policy::PolicyKind;
