//! Wall-clock times as the platform writes them, and random identifiers.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, as in `deadlineMs`.
pub(crate) fn epoch_ms(time: SystemTime) -> u64 {
    since_epoch(time).as_millis() as u64
}

/// ISO 8601 in UTC with milliseconds, as in an event's `time`: `2026-01-01T00:00:03.123Z`.
pub(crate) fn iso8601(time: SystemTime) -> String {
    let since = since_epoch(time);
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since.subsec_millis())
}

/// The date as in a log stream's name: `2026/01/01`.
pub(crate) fn date(time: SystemTime) -> String {
    let (year, month, day) = civil(since_epoch(time).as_secs() / 86_400);
    format!("{year:04}/{month:02}/{day:02}")
}

/// 64 random bits.
pub(crate) fn random() -> u64 {
    // The standard library seeds each hasher anew: random enough for identifiers, without a crate for it.
    RandomState::new().build_hasher().finish()
}

/// A random UUID (version 4).
pub(crate) fn uuid() -> String {
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Days since 1970 as year, month, day (Howard Hinnant's `civil_from_days`, for days after 1970).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_767_225_603, "2026-01-01T00:00:03.000Z"),
        ] {
            assert_eq!(iso8601(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_uuid_has_its_shape_and_is_new_each_time() {
        let (one, other) = (uuid(), uuid());
        assert_ne!(one, other);
        assert!(crate::api::is_uuid(&one), "{one}");
    }
}
