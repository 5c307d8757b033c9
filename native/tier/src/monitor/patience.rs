//! How long a refused writer is asked to wait.

use super::REFUSE_ABOVE;

const LEAST_MS: f64 = 250.0;
const MOST_MS: f64 = 10_000.0;
/// At a pressure of 1 the wait is this many times that at 0.8.
const STEEPEST: f64 = 4.0;
/// Refusals in a row after which the wait no longer doubles.
const DOUBLINGS: u32 = 6;

/// Refusals since a write was last accepted.
#[derive(Default)]
pub(super) struct Patience {
    refusals: u32,
}

impl Patience {
    /// Counts a refusal; milliseconds to wait. Doubles with each refusal in a row, and grows fourfold from the threshold
    /// to full pressure.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 250..=10,000")]
    pub(super) fn refuse(&mut self, pressure: f64) -> u32 {
        let above = ((pressure - REFUSE_ABOVE) / (1.0 - REFUSE_ABOVE)).clamp(0.0, 1.0);
        let wait = LEAST_MS * (1.0 + above * (STEEPEST - 1.0)) * f64::from(1_u32 << self.refusals);
        self.refusals = (self.refusals + 1).min(DOUBLINGS);
        wait.clamp(LEAST_MS, MOST_MS) as u32
    }

    /// A write was accepted, or the pressure fell.
    pub(super) fn recover(&mut self) {
        self.refusals = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_refusals_and_pressure_and_fall_back() {
        let mut patience = Patience::default();
        let waits: Vec<_> = (0..8).map(|_| patience.refuse(0.8)).collect();
        assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
        patience.recover();
        assert_eq!(patience.refuse(0.8), 250);
        patience.recover();
        assert_eq!(patience.refuse(1.0), 1_000);
        assert_eq!(patience.refuse(0.9), 1_250);
    }
}
