//! Times as JSON and clocks have them, in nanoseconds since 1970.

use std::time::{SystemTime, UNIX_EPOCH};

use pipeline::calendar;
use serde_json::Value;

/// The time that a JSON value is: a text as [`calendar::time`] reads it, or a number of seconds, milliseconds, microseconds or
/// nanoseconds, told apart by its size.
pub fn of_value(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => calendar::time(text),
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

/// What a clock shows.
pub fn of_clock(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Milliseconds as nanoseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
pub fn of_milliseconds(milliseconds: f64) -> u64 {
    (milliseconds * 1e6).round() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DAY: u64 = 1_767_225_600_000_000_000;

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
}
