//! When to try again and how long to wait for a backend: decisions, made of values and a clock.

use std::time::Duration;

use tokio::time::Instant;

use crate::component::RetryOnFailure;

/// How long an invocation is held for a backend that did not answer lately.
const SHORT_PATIENCE: Duration = Duration::from_millis(50);

/// The longest wait between attempts when the process is about to end: what is not delivered then is lost.
const LAST_WAIT: Duration = Duration::from_millis(250);

/// The shortest wait between attempts, whatever is configured: one that fails at once would be asked as fast as the CPU
/// allows, which is the function's.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// The longest wish of a backend that is honoured: longer than an environment lives. What backends send is any number.
const LONGEST_WISH: Duration = Duration::from_secs(24 * 60 * 60);

/// What the outbox knows about its backend.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Attempts that failed since one last got through.
    failures: u32,
    /// Flushes that ended while an answer was waited for and got nothing through, since one last did. One that the
    /// backend failed at once held nobody.
    missed: u32,
    /// No attempt before this, by our own back-off. A new invocation is a new chance and ignores it.
    rest: Option<Instant>,
    /// No attempt before this, by the backend's wish.
    wish: Option<Instant>,
    /// The process is about to end.
    last: bool,
}

impl Health {
    /// Whether the backend failed or missed the last flush: then one request at a time asks whether it is back.
    pub fn in_trouble(&self) -> bool {
        self.failures > 0 || self.missed > 0
    }

    /// No attempt may start before this.
    pub fn rests_until(&self, now: Instant) -> Option<Instant> {
        self.rest.max(self.wish).filter(|until| *until > now)
    }

    /// A backend took or finally refused a request. Returns whether it was in trouble before.
    pub fn is_back(&mut self) -> bool {
        let last = self.last;
        std::mem::replace(self, Health { last, ..Health::default() }).in_trouble()
    }

    /// An attempt failed. Returns whether that is news.
    pub fn failed(
        &mut self,
        now: Instant,
        retry: &RetryOnFailure,
        after: Option<Duration>,
        random: f64,
    ) -> bool {
        let news = !self.in_trouble();
        // Requests that were under way side by side fail together: the others say nothing new.
        if self.rest.is_none_or(|rest| rest <= now) {
            self.rest = Some(now + backoff(retry, self.failures, random));
            self.failures = self.failures.saturating_add(1);
        }
        self.wish = after.map(|after| now + after.min(LONGEST_WISH));
        if self.last {
            self.last_chance();
            self.rest = Some(now + backoff(retry, 0, random).min(LAST_WAIT));
        }
        news
    }

    /// One attempt may be made, whatever the back-off says. The backend's wish still holds.
    pub fn new_chance(&mut self) {
        self.rest = None;
    }

    /// The process is about to end: from now on waits are short, whatever the backend wished.
    pub fn last_chance(&mut self) {
        (self.rest, self.wish, self.last) = (None, None, true);
    }

    /// A flush ended without an answer to what was under way, and delivered nothing. Returns whether that is news.
    pub fn missed(&mut self) -> bool {
        let news = !self.in_trouble();
        self.missed = self.missed.saturating_add(1);
        news
    }

    /// How long a flush may hold the invocation: `hold` while all is well; a moment once the backend missed a
    /// flush, but `hold` again after 1, 2, 4, 8, ... of them, so that one that is back but slow is found out.
    pub fn patience(&self, hold: Duration) -> Duration {
        if self.missed == 0 || self.missed.is_power_of_two() && self.missed > 1 {
            hold
        } else {
            hold.min(SHORT_PATIENCE)
        }
    }
}

/// The wait after the failure that follows `failures` others: `initial_interval` times `multiplier` for each,
/// at most `max_interval`, at least [`SHORTEST_WAIT`], spread by `randomization_factor`; `random` is in 0..1.
fn backoff(retry: &RetryOnFailure, failures: u32, random: f64) -> Duration {
    let growth = retry.multiplier.max(1.0).powi(failures.min(1000) as i32);
    let wait = (retry.initial_interval.as_secs_f64() * growth).min(retry.max_interval.as_secs_f64());
    let spread = 1.0 + retry.randomization_factor.clamp(0.0, 1.0) * (2.0 * random - 1.0);
    Duration::from_secs_f64(wait * spread).max(SHORTEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(1);

    #[test]
    fn the_wait_grows_to_its_maximum() {
        let retry = RetryOnFailure { randomization_factor: 0.0, ..RetryOnFailure::default() };
        let waits: Vec<f64> = (0..7).map(|n| backoff(&retry, n, 0.9).as_secs_f64()).collect();
        assert_eq!(waits, [5.0, 7.5, 11.25, 16.875, 25.3125, 30.0, 30.0]);
    }

    #[test]
    fn the_wait_is_spread_around_its_value() {
        let retry = RetryOnFailure::default();
        assert_eq!(backoff(&retry, 0, 0.0), Duration::from_millis(2500));
        assert_eq!(backoff(&retry, 0, 1.0), Duration::from_millis(7500));
    }

    #[test]
    fn odd_settings_give_a_wait_all_the_same() {
        let retry =
            RetryOnFailure { multiplier: 0.0, randomization_factor: 7.0, ..RetryOnFailure::default() };
        assert_eq!(backoff(&retry, u32::MAX, 0.0), SHORTEST_WAIT);
        assert_eq!(backoff(&retry, 3, 0.5), Duration::from_secs(5));
    }

    #[test]
    fn patience_shortens_after_misses_and_returns_in_full_ever_more_rarely() {
        let mut health = Health::default();
        let mut full = Vec::new();
        for flush in 0..100 {
            if health.patience(HOLD) == HOLD {
                full.push(flush);
            }
            health.missed();
        }
        assert_eq!(full, [0, 2, 4, 8, 16, 32, 64]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_chance_ends_the_back_off_but_not_the_wish_of_the_backend() {
        let (now, retry) = (Instant::now(), RetryOnFailure::default());
        let mut health = Health::default();
        assert!(health.failed(now, &retry, None, 0.5));
        assert_eq!(health.rests_until(now), Some(now + Duration::from_secs(5)));
        health.new_chance();
        assert_eq!(health.rests_until(now), None);
        assert!(!health.failed(now, &retry, Some(Duration::from_secs(60)), 0.5));
        health.new_chance();
        assert_eq!(health.rests_until(now), Some(now + Duration::from_secs(60)));
        assert!(health.is_back());
        assert_eq!(health.rests_until(now), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wish_beyond_all_clocks_is_a_day() {
        let (now, retry) = (Instant::now(), RetryOnFailure::default());
        let mut health = Health::default();
        health.failed(now, &retry, Some(Duration::MAX), 0.5);
        assert_eq!(health.rests_until(now), Some(now + LONGEST_WISH));
    }
}
