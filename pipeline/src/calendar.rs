//! Days since 1970 as dates of the Gregorian calendar, and back; times in words, in nanoseconds since 1970.
//!
//! RFC 3339 in all the spellings that are seen: `T`, `t` or a blank, `.`, `,` or `:` before the fraction (the last is
//! in AWS's own examples), any number of digits of it, `Z`, `z`, `+02:00`, `+0200`, `+02` or nothing (a sandbox's
//! clock is UTC unless `TZ` says otherwise).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Year, month and day of a day counted from 1970-01-01.
///
/// Counts in eras of 400 years from March on, so that the leap day comes last
/// (<https://howardhinnant.github.io/date_algorithms.html#civil_from_days>).
pub fn date(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    (era * 400 + year, month, day)
}

/// The day of a date, counted from 1970-01-01 (`days_from_civil` of the same source).
pub fn day(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + year * 365 + year / 4 - year / 100 + day - 719_468
}

/// The time that `text` is; `None` if it is none, or lies before 1970 or beyond 2554, where OTLP has no numbers.
pub fn time(text: &str) -> Option<u64> {
    let mut rest = text.trim().as_bytes();
    let year = number(&mut rest, 4, 4)?;
    let between = one_of(&mut rest, b"-/")?;
    let month = number(&mut rest, 1, 2)?;
    one_of(&mut rest, &[between])?;
    let day = number(&mut rest, 1, 2)?;
    one_of(&mut rest, b"Tt ")?;
    let hour = number(&mut rest, 1, 2)?;
    one_of(&mut rest, b":")?;
    let minute = number(&mut rest, 2, 2)?;
    one_of(&mut rest, b":")?;
    let second = number(&mut rest, 2, 2)?;
    let nanos = fraction(&mut rest)?;
    let offset = offset(rest)?;
    // 24:00:00 ends a day (ISO 8601); second 60 is a leap second.
    let is_time = minute < 60 && second <= 60 && (hour < 24 || (hour, minute, second) == (24, 0, 0));
    let is_date = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    if !is_time || !is_date {
        return None;
    }
    let seconds = self::day(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?.checked_add(nanos)
}

/// The same as a [`SystemTime`].
pub fn system_time(text: &str) -> Option<SystemTime> {
    time(text).map(|nanos| UNIX_EPOCH + Duration::from_nanos(nanos))
}

/// Takes a number of `least` to `most` digits off the front.
fn number(rest: &mut &[u8], least: usize, most: usize) -> Option<i64> {
    let digits = rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let (number, after) = rest.split_at_checked(digits).filter(|_| digits >= least)?;
    *rest = after;
    Some(number.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// Takes one byte off the front, if it is among `valid`.
fn one_of(rest: &mut &[u8], valid: &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first().filter(|(first, _)| valid.contains(first))?;
    *rest = after;
    Some(*first)
}

/// Takes a fraction of a second off the front, if there is one, and cuts it to nanoseconds.
fn fraction(rest: &mut &[u8]) -> Option<u64> {
    if one_of(rest, b".,:").is_none() {
        return Some(0);
    }
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, after) = rest.split_at(digits);
    *rest = after;
    let padded = fraction.iter().map(|digit| u64::from(digit - b'0')).chain(std::iter::repeat(0));
    (digits > 0).then(|| padded.take(9).fold(0, |sum, digit| sum * 10 + digit))
}

/// The seconds that a zone, which must be all of `rest`, is ahead of UTC.
fn offset(rest: &[u8]) -> Option<i64> {
    let mut rest = rest.trim_ascii_start();
    if matches!(rest, b"" | b"Z" | b"z" | b"UTC") {
        return Some(0);
    }
    let sign = if one_of(&mut rest, b"+-")? == b'-' { -1 } else { 1 };
    let hours = number(&mut rest, 2, 2)?;
    one_of(&mut rest, b":");
    let minutes = if rest.is_empty() { 0 } else { number(&mut rest, 2, 2)? };
    (rest.is_empty() && hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: u64 = 1_767_225_600_000_000_000;

    #[test]
    fn a_day_is_a_date_and_a_date_is_that_day() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(19_782), (2024, 2, 29));
        for number in (-800_000..800_000).step_by(13) {
            let (year, month, of_month) = date(number);
            assert_eq!(day(year, month, of_month), number);
        }
    }

    #[test]
    fn a_time_is_read_in_every_spelling_that_is_seen() {
        for (text, nanos) in [
            ("2026-01-01T00:00:00Z", 0),
            ("2026-01-01T00:00:05.123Z", 5_123_000_000),
            ("2026-01-01T00:00:05.1234567891Z", 5_123_456_789),
            ("2026-01-01t00:00:05z", 5_000_000_000),
            ("2026-01-01 00:00:05Z", 5_000_000_000),
            ("2026-01-01T02:00:05.5+02:00", 5_500_000_000),
            ("2025-12-31T22:30:00-0130", 0),
            ("2026-01-01T02:00:00+02", 0),
            ("2026-01-01T00:00:05-00:00", 5_000_000_000),
            ("2026-01-01T00:00:05,5Z", 5_500_000_000),
            ("2026-01-01T00:00:05:521Z", 5_521_000_000),
            ("2026-01-01 00:00:00,519+0000", 519_000_000),
            ("2026-01-01T00:00:00.519", 519_000_000),
            ("2026/01/01 00:00:05", 5_000_000_000),
            ("2026-01-01T0:00:05Z", 5_000_000_000),
            ("2026-01-01 00:00:05 +0000", 5_000_000_000),
            ("2025-12-31T24:00:00Z", 0),
            ("2025-12-31T23:59:60Z", 0),
            (" 2026-01-01T00:00:01Z\n", 1_000_000_000),
        ] {
            assert_eq!(time(text), Some(DAY + nanos), "{text}");
        }
        assert_eq!(time("2300-01-01T00:00:00Z"), Some(10_413_792_000_000_000_000));
        assert_eq!(time("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(time("2024-02-29T00:00:00Z"), Some(1_709_164_800_000_000_000));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "now",
            "yesterday",
            "2026-01-01",
            "2026-02-30T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-01T24:00:01Z",
            "2026-01-01T25:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:61Z",
            "2026-01-01T00:00:05.Z",
            "2026-01-01T00:00:05+2",
            "2026-01-01T00:00:05+24:00",
            "2026-01-01T00:00:05X",
            "2026-01/01T00:00:05Z",
            "1969-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_time_that_is_written_reads_back_as_the_same(seconds in 0..18_000_000_000_u64, nanos in 0..1_000_000_000_u64) {
            let (year, month, day) = date((seconds / 86_400).cast_signed());
            let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
            let text = format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z");
            prop_assert_eq!(time(&text), Some(seconds * 1_000_000_000 + nanos), "{}", text);
        }

        #[test]
        fn no_text_is_too_strange(text in "[-0-9TtZz:.,+ /]{0,40}", any in ".*") {
            let _ = (time(&text), time(&any));
        }
    }
}
