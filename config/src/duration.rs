//! Go's durations: `1h30m`, `200ms`.

use std::fmt;
use std::time::Duration;

use serde::Deserializer;
use serde::de::{Error, Visitor};

use crate::read::DURATION;

/// Reads a Go duration such as `1m30s` or `200ms`: for `#[serde(deserialize_with = "config::duration")]`.
///
/// Accepted with a warning: days (`1d`), and a number without unit. Below a million that means seconds: who writes
/// `timeout: 5` means seconds, though the Collector reads nanoseconds; from a million on it means nanoseconds.
///
/// # Errors
/// What is not one, with an example of what is.
pub fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    from.deserialize_newtype_struct(DURATION, Nanos).map(Duration::from_nanos)
}

/// Reads a Go duration from a text that stands outside any document, such as an environment variable.
///
/// # Errors
/// What was expected.
pub fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    of_text(text).map(|(nanos, _)| Duration::from_nanos(nanos))
}

const WRONG: &str = "expected a duration such as 200ms, 5s or 1m30s";
const NEGATIVE: &str = "expected a duration that is not negative, such as 5s";
const TOO_LONG: &str = "expected a duration of at most 292 years, such as 5s";

/// Takes nanoseconds from this crate's deserializer, and from any other the value itself.
struct Nanos;

impl<'de> Visitor<'de> for Nanos {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as 200ms, 5s or 1m30s")
    }

    fn visit_u64<E: Error>(self, nanos: u64) -> Result<u64, E> {
        Ok(nanos)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<u64, D::Error> {
        from.deserialize_any(Written)
    }
}

/// A duration as it is written, where nobody listens to advice.
struct Written;

impl Visitor<'_> for Written {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Nanos.expecting(f)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        of_text(text).map(|(nanos, _)| nanos).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        self.visit_f64(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        self.visit_f64(number as f64)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
        of_number(number).map(|(nanos, _)| nanos).map_err(E::custom)
    }
}

/// Nanoseconds, and advice on how to write them better; or what was expected.
type Read = Result<(u64, Option<String>), &'static str>;

/// A number without unit.
pub(crate) fn of_number(number: f64) -> Read {
    if number == 0.0 {
        return Ok((0, None));
    }
    let (nanos, unit) = if number < 1e6 { (number * 1e9, "seconds") } else { (number, "nanoseconds") };
    let nanos = in_range(nanos)?;
    Ok((nanos, Some(format!("a number without unit is taken as {unit} here; write {}", in_go(nanos)))))
}

/// A text by the grammar of Go's `time.ParseDuration`, extended by `d`.
pub(crate) fn of_text(text: &str) -> Read {
    if let Ok(number) = text.parse::<f64>() {
        return if number.is_finite() { of_number(number) } else { Err(WRONG) };
    }
    let (negative, mut rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let mut nanos = 0.0;
    let mut days = false;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let factor = match unit {
            "ns" => 1.0,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            "d" => {
                days = true;
                86400e9
            }
            _ => return Err(WRONG),
        };
        nanos += number.parse::<f64>().map_err(|_| WRONG)? * factor;
        rest = after;
    }
    if text.len() <= 1 {
        return Err(WRONG);
    }
    let nanos = in_range(if negative { -nanos } else { nanos })?;
    Ok((nanos, days.then(|| format!("the Collector knows no days; write {}", in_go(nanos)))))
}

/// Go's durations are nanoseconds in 63 bits: 292 years.
fn in_range(nanos: f64) -> Result<u64, &'static str> {
    if nanos < 0.0 {
        return Err(NEGATIVE);
    }
    if nanos >= i64::MAX as f64 {
        return Err(TOO_LONG);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    Ok(nanos.round() as u64)
}

/// As one would write it: `1h30m`, `1.5s`, `250us`.
fn in_go(nanos: u64) -> String {
    let unit = |nanos: u64, size: f64, name: &str| format!("{}{name}", nanos as f64 / size);
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => unit(nanos, 1e3, "us"),
        1_000_000..1_000_000_000 => unit(nanos, 1e6, "ms"),
        _ => {
            let (minutes, rest) = (nanos / 60_000_000_000, nanos % 60_000_000_000);
            let part =
                |count: u64, name: &str| if count > 0 { format!("{count}{name}") } else { String::new() };
            let seconds = if rest > 0 { unit(rest, 1e9, "s") } else { String::new() };
            format!("{}{}{seconds}", part(minutes / 60, "h"), part(minutes % 60, "m"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_go_duration_is_read_as_go_reads_it() {
        for (text, nanos) in [
            ("0", 0),
            ("0s", 0),
            ("5s", 5_000_000_000),
            ("+5s", 5_000_000_000),
            ("0.5s", 500_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("200ms", 200_000_000),
            ("1us", 1_000),
            ("1\u{b5}s", 1_000),
            ("1\u{3bc}s", 1_000),
            ("7ns", 7),
            ("1h2m3.5s", 3_723_500_000_000),
            ("1m1m", 120_000_000_000),
            ("-0s", 0),
        ] {
            assert_eq!(of_text(text), Ok((nanos, None)), "{text}");
        }
    }

    #[test]
    fn what_people_mean_is_accepted_with_advice() {
        for (text, nanos, advice) in [
            ("5", 5_000_000_000, "write 5s"),
            ("900", 900_000_000_000, "write 15m"),
            ("1.5", 1_500_000_000, "write 1.5s"),
            ("5000000000", 5_000_000_000, "write 5s"),
            ("1000000", 1_000_000, "write 1ms"),
            ("1d", 86_400_000_000_000, "write 24h"),
            ("1d30m", 88_200_000_000_000, "write 24h30m"),
        ] {
            let (read, said) = of_text(text).unwrap();
            assert_eq!(read, nanos, "{text}");
            assert!(said.unwrap().ends_with(advice), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_duration() {
        for text in [
            "",
            " ",
            "s",
            "-",
            ".s",
            ".",
            "5 s",
            "5 seconds",
            "5sec",
            "5S",
            "1w",
            "five",
            "1..5s",
            "inf",
            "nan",
            "-5s",
            "-1",
            "1e400",
            "300000000h",
            "1s-1s",
        ] {
            assert!(of_text(text).is_err(), "{text:?}");
        }
    }
}
