//! Times as the platform, runtimes and loggers write them, in nanoseconds since 1970.
//!
//! RFC 3339 in all the spellings that are seen: `T`, `t` or a blank, `.`, `,` or `:` before the fraction (the last is
//! in AWS's own examples), any number of digits of it, `Z`, `z`, `+02:00`, `+0200`, `+02` or nothing (a sandbox's
//! clock is UTC unless `TZ` says otherwise).

use serde_json::Value;

/// The time that `text` is; `None` if it is none, or lies before 1970 or beyond 2554, where OTLP has no numbers.
pub fn parse(text: &str) -> Option<u64> {
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
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?.checked_add(nanos)
}

/// The time that a JSON value is: a text as [`parse`] reads it, or a number of seconds, milliseconds, microseconds or
/// nanoseconds, told apart by its size.
pub fn of_value(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => parse(text),
        Value::Number(number) => of_number(number.as_f64()?, number.as_u64()),
        _ => None,
    }
}

/// Seconds reach 1e11 in the year 5138, and so on; 1e8 seconds, the least that counts, are in 1973.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number below 1.8e19")]
fn of_number(number: f64, whole: Option<u64>) -> Option<u64> {
    let unit: u32 = match number {
        1e8..1e11 => 1_000_000_000,
        1e11..1e14 => 1_000_000,
        1e14..1e17 => 1_000,
        1e17..1.8e19 => 1,
        _ => return None,
    };
    whole.map_or(Some((number * f64::from(unit)) as u64), |whole| whole.checked_mul(u64::from(unit)))
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

/// Counted in years that begin in March, so that a leap day is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 719_469
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const DAY: u64 = 1_767_225_600_000_000_000;

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
            assert_eq!(parse(text), Some(DAY + nanos), "{text}");
        }
        assert_eq!(parse("2300-01-01T00:00:00Z"), Some(10_413_792_000_000_000_000));
        assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse("2024-02-29T00:00:00Z"), Some(1_709_164_800_000_000_000));
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
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_is_a_time_in_the_unit_that_its_size_tells() {
        for number in [
            json!(1_767_225_600),
            json!(1_767_225_600.0),
            json!(1_767_225_600_000_u64),
            json!(1_767_225_600_000_000_u64),
            json!(DAY),
        ] {
            assert_eq!(of_value(&number), Some(DAY), "{number}");
        }
        assert_eq!(of_value(&json!(1_767_225_600.5)), Some(DAY + 500_000_000));
        for odd in [json!(0), json!(5), json!(-1), json!(1e300), json!(u64::MAX), json!(true), json!(null)] {
            assert_eq!(of_value(&odd), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn a_time_that_is_written_reads_back_as_the_same(seconds in 0..18_000_000_000_u64, nanos in 0..1_000_000_000_u64) {
            let (mut year, mut days) = (1970, (seconds / 86_400).cast_signed());
            while days >= (1..=12).map(|month| days_of(year, month)).sum() {
                days -= (1..=12).map(|month| days_of(year, month)).sum::<i64>();
                year += 1;
            }
            let mut month = 1;
            while days >= days_of(year, month) {
                days -= days_of(year, month);
                month += 1;
            }
            let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
            let text = format!("{year}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z", days + 1);
            prop_assert_eq!(parse(&text), Some(seconds * 1_000_000_000 + nanos), "{}", text);
        }

        #[test]
        fn no_text_is_too_strange(text in "[-0-9TtZz:.,+ /]{0,40}", any in ".*") {
            let _ = (parse(&text), parse(&any));
        }
    }
}
