//! Doubles in the shortest decimal form, digit by digit as Go has it.

use std::ops::Range;

/// The shortest decimal that reads back as the same double; `double` must be finite.
///
/// It is written out (`0.0001`) if its decimal exponent is in `positional`, else with an exponent (`1e-05`) of at
/// least `width` digits.
pub fn shortest(double: f64, positional: Range<i32>, width: usize) -> String {
    let (digits, exponent) = digits(double.abs());
    let sign = if double.is_sign_negative() { "-" } else { "" };
    if positional.contains(&exponent) {
        return format!("{sign}{}", written_out(&digits, exponent));
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{first}{point}{rest}e{exponent_sign}{:0width$}", exponent.unsigned_abs())
}

/// The digits and the exponent of the first of them.
///
/// Of two decimals equally short and equally near, Go takes the even one (Rust the larger), which is what rounding
/// the exact value to so many digits gives.
fn digits(double: f64) -> (String, i32) {
    let shortest = format!("{double:e}");
    let precision = shortest.find('e').unwrap_or_default().saturating_sub(2);
    let rounded = format!("{double:.precision$e}");
    let text = if rounded.parse() == Ok(double) { rounded } else { shortest };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (digits.replace('.', ""), exponent.parse().unwrap_or_default())
}

fn written_out(digits: &str, exponent: i32) -> String {
    let Ok(whole) = usize::try_from(exponent + 1) else {
        return format!("0.{:0>zeros$}{digits}", "", zeros = (exponent + 1).unsigned_abs() as usize);
    };
    match digits.split_at_checked(whole) {
        Some(("", fraction)) => format!("0.{fraction}"),
        Some((whole, "")) => whole.into(),
        Some((whole, fraction)) => format!("{whole}.{fraction}"),
        None => format!("{digits:0<whole$}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn doubles_are_written_out_within_the_range_and_else_with_an_exponent() {
        for (double, javascript, general) in [
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (1.0, "1", "1"),
            (-0.1, "-0.1", "-0.1"),
            (999_999.0, "999999", "999999"),
            (1e6, "1000000", "1e+06"),
            (1_234_567.5, "1234567.5", "1.2345675e+06"),
            (1e20, "100000000000000000000", "1e+20"),
            (1e21, "1e+21", "1e+21"),
            (0.00012, "0.00012", "0.00012"),
            (0.00001, "0.00001", "1e-05"),
            (1e-7, "1e-7", "1e-07"),
            (5e-324, "5e-324", "5e-324"),
            (f64::MAX, "1.7976931348623157e+308", "1.7976931348623157e+308"),
        ] {
            assert_eq!(shortest(double, -6..21, 1), javascript);
            assert_eq!(shortest(double, -4..6, 2), general);
        }
    }

    #[test]
    fn of_two_equally_near_decimals_the_even_one_is_taken() {
        // Both halfway between two decimals of as many digits.
        assert_eq!(shortest(-0.25 - 1_709_813_372_028_474.0, -6..21, 1), "-1709813372028474.2");
        assert_eq!(shortest(0.0625 + 18_835_333_878_239.0, -6..21, 1), "18835333878239.062");
        assert_eq!(shortest(0.25 + 587_873_877_176_607.0, -4..6, 2), "5.878738771766072e+14");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_the_same(double in any::<f64>()) {
            for positional in [-6..21, -4..6, 0..0] {
                let text = shortest(double, positional, 2);
                prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), double.to_bits());
            }
        }
    }
}
