//! Days since 1970 as dates of the Gregorian calendar, and back; times as RFC 3339 writes them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Year, month and day of a day counted from 1970-01-01.
///
/// Counts in eras of 400 years from March on, so that the leap day comes last
/// (<https://howardhinnant.github.io/date_algorithms.html#civil_from_days>).
pub(crate) fn date(day: i64) -> (i64, i64, i64) {
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
pub(crate) fn day(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + year * 365 + year / 4 - year / 100 + day - 719_468
}

/// `2026-01-01T06:00:00Z`, fractions of a second or an offset as they may be.
pub(crate) fn time(text: &str) -> Option<SystemTime> {
    let (date, time) = text.trim().split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, of_month) = (date.next()??, date.next()??, date.next()??);
    let at = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at(at);
    let mut time = time.splitn(3, ':').map(|part| part.split('.').next()?.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let offset = match zone.split_at(1) {
        ("Z" | "z", "") => 0,
        (sign, zone) => {
            let (hours, minutes) = zone.split_once(':')?;
            let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
            let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60;
            if sign == "-" { -seconds } else { seconds }
        }
    };
    let sound = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&of_month)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !sound {
        return None;
    }
    let seconds = day(year, month, of_month) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    Some(UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_time_is_read_with_fractions_and_offsets() {
        for (text, seconds) in [
            ("2026-01-01T06:00:00Z", Some(1_767_247_200)),
            ("2026-01-01T06:00:00.123456Z", Some(1_767_247_200)),
            ("2026-01-01T07:00:00+01:00", Some(1_767_247_200)),
            ("2026-01-01T03:30:00-02:30", Some(1_767_247_200)),
            ("2026-13-01T06:00:00Z", None),
            ("2026-01-01T06:00:00", None),
            ("2026-01-01", None),
            ("soon", None),
            ("", None),
            ("9223372036854775807-01-01T06:00:00Z", None),
            ("2026-01-01T9223372036854775807:00:00Z", None),
            ("2026-01-01T06:00:00+256:00", None),
        ] {
            let expected = seconds.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(time(text), expected, "{text}");
        }
    }
}
