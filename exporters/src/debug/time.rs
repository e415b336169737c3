//! Points in time as the Go collector prints them.

use std::fmt::{self, Display, Formatter};

use pipeline::calendar::date;

/// Nanoseconds since 1970 as `2026-01-01 00:00:00.0015 +0000 UTC`, without trailing zeros.
///
/// From 2^63 on they count as negative, as in Go: OTLP's times are unsigned, Go's are not.
pub struct Time(pub u64);

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const SECOND: i64 = 1_000_000_000;
        const DAY: i64 = 86_400;
        let nanos = self.0.cast_signed();
        let (second, fraction) = (nanos.div_euclid(SECOND), nanos.rem_euclid(SECOND));
        let (year, month, day) = date(second.div_euclid(DAY));
        let second = second.rem_euclid(DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")?;
        if fraction != 0 {
            let digits = format!("{fraction:09}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str(" +0000 UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_with_the_digits_they_have() {
        for (nanos, expected) in [
            (0, "1970-01-01 00:00:00 +0000 UTC"),
            (1_709_164_800_000_000_000, "2024-02-29 00:00:00 +0000 UTC"),
            (1_709_251_199_120_000_000, "2024-02-29 23:59:59.12 +0000 UTC"),
            (951_868_800_000_000_001, "2000-03-01 00:00:00.000000001 +0000 UTC"),
            (i64::MAX as u64, "2262-04-11 23:47:16.854775807 +0000 UTC"),
            (1 << 63, "1677-09-21 00:12:43.145224192 +0000 UTC"),
            (u64::MAX, "1969-12-31 23:59:59.999999999 +0000 UTC"),
            ((-2_203_977_600_i64 * 1_000_000_000) as u64, "1900-02-28 00:00:00 +0000 UTC"),
            ((-2_203_891_200_i64 * 1_000_000_000) as u64, "1900-03-01 00:00:00 +0000 UTC"),
        ] {
            assert_eq!(Time(nanos).to_string(), expected);
        }
    }
}
