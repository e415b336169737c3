//! How severe a record is, in the words of many loggers.

use opentelemetry_proto::tonic::logs::v1::SeverityNumber;
use serde_json::Value;

/// A record's severity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Severity {
    /// OpenTelemetry's number, from 1 (trace) to 24 (fatal); 0 if the level is none that is known.
    pub number: i32,
    /// The level as the record has it.
    pub text: String,
}

impl Severity {
    /// The severity that a level's name means, whatever its case; none if it is not known.
    pub fn of_name(text: &str) -> Option<Severity> {
        let number = number(&text.trim().to_ascii_uppercase())?;
        Some(Severity { number, text: text.into() })
    }

    /// The severity that a field means: a name, known or not, or a number as Bunyan and Pino write it (10 trace to 60
    /// fatal). `None` if it can be no level.
    pub fn of_value(value: &Value) -> Option<Severity> {
        match value {
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) => Some(match text.trim().parse() {
                Ok(level) => Severity { number: of_tens(level), text: text.clone() },
                Err(_) => Severity::of_name(text).unwrap_or(Severity { number: 0, text: text.clone() }),
            }),
            Value::Number(number) => {
                Some(Severity { number: of_tens(number.as_f64()?), text: number.to_string() })
            }
            _ => None,
        }
    }

    /// The severity of an error that the record does not name a level for.
    pub fn error() -> Severity {
        Severity { number: SeverityNumber::Error as i32, text: String::new() }
    }
}

/// The number that a level in capitals has. OpenTelemetry's own names and `ALL`, `WARNING`, `CRITICAL` as the Go
/// layer has them; the others by <https://opentelemetry.io/docs/specs/otel/logs/data-model-appendix/> and the bridges
/// of their loggers.
fn number(level: &str) -> Option<i32> {
    use SeverityNumber::{Debug, Debug2, Debug3, Error, Fatal, Fatal2, Fatal4, Info, Info2, Trace, Warn};
    if let Some(number) = with_digit(level).or_else(|| with_distance(level)) {
        return Some(number);
    }
    let number = match level {
        "TRACE" | "ALL" | "TRCE" | "FINEST" | "SILLY" => Trace,
        "DEBUG" | "DBUG" | "DBG" | "FINER" => Debug,
        "FINE" | "VERBOSE" => Debug2,
        "CONFIG" | "HTTP" => Debug3,
        "INFO" | "INFORMATION" | "INFORMATIONAL" => Info,
        "NOTICE" => Info2,
        "WARN" | "WARNING" => Warn,
        "ERROR" | "ERR" | "FAIL" | "SEVERE" => Error,
        "FATAL" | "CRITICAL" | "CRIT" | "DPANIC" => Fatal,
        "ALERT" | "PANIC" => Fatal2,
        "EMERGENCY" | "EMERG" => Fatal4,
        _ => return None,
    };
    Some(number as i32)
}

/// The four of OpenTelemetry's levels that begin with each of these.
const FOURS: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

/// `DEBUG2` to `DEBUG4` and the like.
fn with_digit(level: &str) -> Option<i32> {
    let (name, digit) = level.split_at_checked(level.len().checked_sub(1)?)?;
    let above = ["2", "3", "4"].iter().position(|valid| *valid == digit)?;
    let four = FOURS.iter().position(|four| *four == name)?;
    i32::try_from(four * 4 + above + 2).ok()
}

/// `INFO+2` or `DEBUG-4`: Go's slog writes a level that has no name as its distance from one that has.
fn with_distance(level: &str) -> Option<i32> {
    let (name, distance) = level.split_at(level.find(['+', '-'])?);
    let four = FOURS.iter().position(|four| *four == name)?;
    let number = i64::try_from(four * 4 + 1).ok()? + distance.parse::<i64>().ok()?.clamp(-24, 24);
    i32::try_from(number.clamp(1, 24)).ok()
}

/// The number of a level in tens, as Bunyan and Pino count; other numbers are no level that is known.
fn of_tens(level: f64) -> i32 {
    let four = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0].iter().position(|known| *known == level);
    four.and_then(|four| i32::try_from(four * 4 + 1).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn numbers<const N: usize>(values: [Value; N]) -> [i32; N] {
        values.map(|value| Severity::of_value(&value).unwrap().number)
    }

    #[test]
    fn opentelemetrys_names_are_their_numbers() {
        for (four, name) in FOURS.iter().enumerate() {
            for (above, digit) in ["", "2", "3", "4"].iter().enumerate() {
                let severity = Severity::of_name(&format!("{name}{digit}")).unwrap();
                assert_eq!(severity.number, i32::try_from(four * 4 + above + 1).unwrap());
            }
        }
    }

    #[test]
    fn a_level_keeps_its_text_whatever_its_case_and_blanks() {
        for (text, number) in
            [("info", 9), ("iNFO", 9), (" INFO", 9), ("WARNING", 13), ("Critical", 21), ("all", 1)]
        {
            assert_eq!(Severity::of_name(text), Some(Severity { number, text: text.into() }));
        }
    }

    #[test]
    fn the_names_of_other_loggers_are_known() {
        let names = ["Information", "fail", "trce", "SEVERE", "notice", "emergency", "verbose"];
        assert_eq!(numbers(names.map(Value::from)), [9, 17, 1, 17, 10, 24, 6]);
        assert_eq!(numbers([json!("INFO+2"), json!("DEBUG-4"), json!("ERROR+99")]), [11, 1, 24]);
    }

    #[test]
    fn a_number_is_read_in_tens() {
        assert_eq!(numbers([json!(10), json!(30), json!("60"), json!(35), json!(9)]), [1, 9, 21, 0, 0]);
        assert_eq!(Severity::of_value(&json!(30)).unwrap().text, "30");
    }

    #[test]
    fn a_name_that_is_not_known_is_kept_without_a_number() {
        for text in ["INFO5", "TRACE1", "INFOS", "LOUD", "INFO+x", "+", "é"] {
            assert_eq!(Severity::of_name(text), None);
            let kept = Some(Severity { number: 0, text: text.into() });
            assert_eq!(Severity::of_value(&json!(text)), kept);
        }
    }

    #[test]
    fn what_can_be_no_level_is_none() {
        for value in [json!(""), json!("  "), json!(true), json!(null), json!(["INFO"]), json!({"n": "INFO"})]
        {
            assert_eq!(Severity::of_value(&value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn every_number_is_one_of_opentelemetrys(text in ".*", number: f64, integer: i64) {
            for value in [json!(text), json!(number), json!(integer)] {
                let number = Severity::of_value(&value).map_or(0, |severity| severity.number);
                prop_assert!((0..=24).contains(&number));
            }
        }
    }
}
