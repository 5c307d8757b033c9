//! How many bytes of a device's memory the tier may hold.

use crate::memory::DeviceMemory;

const MIB: u64 = 1 << 20;

/// Left free for the desktop, the models' working memory and whatever starts next: at least this ...
const RESERVE: u64 = 512 * MIB;
/// ... and this share of the whole.
const RESERVE_SHARE: u64 = 16;
/// At most this share of the whole: 1.5 of 8 GiB.
const MOST: u64 = 3;
const OF: u64 = 16;
/// Without a figure from the driver.
const UNTOLD: u64 = 256 * MIB;

/// The budget in bytes. `held` is what the tier holds already, which the driver counts as taken. A budget that the user
/// set is a limit as well, not a promise: what another process has taken is not there.
#[must_use]
pub fn budget(setting: Option<u64>, memory: Option<DeviceMemory>, held: u64) -> u64 {
    let Some(memory) = memory else { return setting.unwrap_or(UNTOLD) };
    let reserve = RESERVE.max(memory.total / RESERVE_SHARE);
    let available = memory.free.saturating_add(held).saturating_sub(reserve);
    available.min(setting.unwrap_or(memory.total / OF * MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn eight_gibibytes_with_models_loaded_leave_at_most_one_and_a_half() {
        let card = |free| Some(DeviceMemory { total: 8 * GIB, free });
        assert_eq!(budget(None, card(8 * GIB), 0), 1536 * MIB);
        assert_eq!(budget(None, card(2 * GIB + 700 * MIB), 0), 1536 * MIB);
        assert_eq!(budget(None, card(GIB), 0), 512 * MIB);
        assert_eq!(budget(None, card(300 * MIB), 0), 0);
    }

    #[test]
    fn what_the_tier_holds_is_not_taken_from_it_and_what_another_takes_is() {
        let card = |free| Some(DeviceMemory { total: 8 * GIB, free });
        let before = budget(None, card(2 * GIB), 0);
        assert_eq!(budget(None, card(2 * GIB - before), before), before);
        assert_eq!(budget(None, card(256 * MIB), GIB), 768 * MIB);
    }

    #[test]
    fn a_setting_is_a_limit_and_not_a_promise() {
        let card = |free| Some(DeviceMemory { total: 24 * GIB, free });
        assert_eq!(budget(Some(2 * GIB), card(20 * GIB), 0), 2 * GIB);
        assert_eq!(budget(Some(2 * GIB), card(2 * GIB), 0), 512 * MIB);
        assert_eq!(budget(Some(MIB), None, 0), MIB);
        assert_eq!(budget(None, None, 0), 256 * MIB);
    }
}
