//! A bound on how much of the machine background work takes.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tiercel_base::cancel::Cancel;
use tiercel_base::error::Result;

/// How long a pause goes on without a look at the cancel flag.
const NAP: Duration = Duration::from_millis(4);
/// Pauses shorter than this are saved up.
const SHORTEST: Duration = Duration::from_millis(1);
/// Work since the last pause that counts at most: what lies between two jobs is not work.
const LONGEST_STRETCH: Duration = Duration::from_millis(250);
/// Seconds of unused bandwidth that may be used at once.
const BURST_SECONDS: f64 = 0.1;

/// Paces work by pauses. One throttle may pace several jobs: they share the bound.
#[derive(Debug)]
pub struct Throttle {
    limit: Limit,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    None,
    /// Work takes at most this part of the time.
    Share(f64),
    /// A token bucket.
    BytesPerSecond(f64),
}

#[derive(Debug)]
struct State {
    /// When the last pause ended, or will end.
    since: Instant,
    /// Bytes that may pass at `since`; negative while a pause pays for them.
    tokens: f64,
}

impl Throttle {
    /// No bound.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::new(Limit::None)
    }

    /// Works at most `share` of the time, above 0 up to 1: after each stretch of work it pauses in proportion, so a disk
    /// that others keep busy makes it do less.
    #[must_use]
    pub fn share(share: f64) -> Self {
        Self::new(Limit::Share(if share.is_finite() { share.clamp(0.01, 1.0) } else { 1.0 }))
    }

    /// At most so many bytes per second, a tenth of a second's worth at once.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    pub fn bytes_per_second(bytes: u64) -> Self {
        Self::new(Limit::BytesPerSecond(bytes.max(1) as f64))
    }

    fn new(limit: Limit) -> Self {
        Self { limit, state: Mutex::new(State { since: Instant::now(), tokens: 0.0 }) }
    }

    /// Called every few hundred KiB of reading and writing: pauses as long as the bound demands.
    ///
    /// # Errors
    /// [`tiercel_base::error::Error::Cancelled`], within 5 ms of the flag going up.
    pub fn pace(&self, bytes: usize, cancel: &Cancel) -> Result<()> {
        let now = Instant::now();
        let pause = self.state.lock().unwrap_or_else(PoisonError::into_inner).pause(self.limit, now, bytes);
        let until = now + pause;
        loop {
            cancel.check()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(NAP));
        }
    }
}

impl State {
    #[allow(clippy::cast_precision_loss, reason = "bytes of one step, far below 2^52")]
    fn pause(&mut self, limit: Limit, now: Instant, bytes: usize) -> Duration {
        let stretch = now.saturating_duration_since(self.since);
        match limit {
            Limit::None => Duration::ZERO,
            Limit::Share(share) => {
                let pause = stretch.min(LONGEST_STRETCH).mul_f64((1.0 - share) / share);
                if pause < SHORTEST {
                    return Duration::ZERO;
                }
                self.since = now + pause;
                pause
            }
            Limit::BytesPerSecond(rate) => {
                self.tokens = (self.tokens + stretch.as_secs_f64() * rate).min(rate * BURST_SECONDS) - bytes as f64;
                // A pause that another job is in counts for this one too.
                self.since = self.since.max(now);
                let ahead = self.since - now;
                let pause = ahead + Duration::from_secs_f64((-self.tokens / rate).max(0.0));
                if pause > ahead {
                    self.tokens = 0.0;
                    self.since = now + pause;
                }
                pause
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tiercel_base::error::Error;

    use super::*;

    const STEP: usize = 1 << 18;

    /// Simulated: every step works for `work` and pauses as told. Returns the share of time worked and bytes per second.
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    fn run(throttle: &Throttle, work: Duration, steps: usize) -> (f64, f64) {
        let mut state = throttle.state.lock().expect("not poisoned");
        let start = state.since;
        let mut now = start;
        for _ in 0..steps {
            now += work;
            now += state.pause(throttle.limit, now, STEP);
        }
        let seconds = (now - start).as_secs_f64();
        (work.as_secs_f64() * steps as f64 / seconds, (STEP * steps) as f64 / seconds)
    }

    #[test]
    fn a_share_is_kept_for_short_and_long_steps() {
        for share in [0.1, 0.3, 0.9] {
            for work in [Duration::from_micros(70), Duration::from_millis(2), Duration::from_millis(60)] {
                let (worked, _) = run(&Throttle::share(share), work, 2000);
                assert!((worked - share).abs() < 0.02 * share + 0.001, "{worked} of {share}");
            }
        }
        let (worked, _) = run(&Throttle::unlimited(), Duration::from_millis(2), 100);
        assert!((worked - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_rate_is_kept_and_not_slowed_below() {
        let (_, rate) = run(&Throttle::bytes_per_second(10 << 20), Duration::from_micros(100), 2000);
        assert!((rate / f64::from(10 << 20) - 1.0).abs() < 0.01, "{rate}");
        let (worked, _) = run(&Throttle::bytes_per_second(1 << 40), Duration::from_micros(100), 2000);
        assert!((worked - 1.0).abs() < 1e-9);
    }

    #[test]
    fn idle_time_is_neither_work_nor_credit() {
        let later = Instant::now() + Duration::from_secs(3600);
        let mut state = State { since: Instant::now(), tokens: 0.0 };
        assert!(state.pause(Limit::Share(0.5), later, STEP) <= LONGEST_STRETCH);
        let mut state = State { since: Instant::now(), tokens: 0.0 };
        let pause = state.pause(Limit::BytesPerSecond(1e6), later, 2_000_000);
        assert!((pause.as_secs_f64() - 1.9).abs() < 0.01, "{pause:?}");
    }

    #[test]
    fn a_raised_flag_ends_a_pause() {
        let (throttle, cancel) = (Throttle::bytes_per_second(1), Cancel::new());
        let raise = cancel.clone();
        let other = thread::spawn(move || raise.cancel());
        assert_eq!(throttle.pace(1 << 30, &cancel), Err(Error::Cancelled));
        other.join().expect("raised");
    }
}
