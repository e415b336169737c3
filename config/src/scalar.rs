//! What a plain scalar means: the rules of Go's yaml.v3, which the Collector reads with.

/// The meaning of a plain scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// Only what is above `i64::MAX`.
    Big(u64),
    Float(f64),
    Text(&'a str),
}

impl Scalar<'_> {
    /// Resolves plain text. `yes`, `no`, `on` and `off` are texts; `0x1f`, `0o17`, `017` and `0b11` are numbers.
    pub fn of(text: &str) -> Scalar<'_> {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
            "true" | "True" | "TRUE" => Scalar::Bool(true),
            "false" | "False" | "FALSE" => Scalar::Bool(false),
            ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
            ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
            "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
            _ if text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => number(text),
            _ => Scalar::Text(text),
        }
    }
}

fn number(text: &str) -> Scalar<'_> {
    let digits = text.replace('_', "");
    let (sign, unsigned) = match digits.strip_prefix(['+', '-']) {
        Some(rest) if digits.starts_with('-') => ("-", rest),
        Some(rest) => ("", rest),
        None => ("", digits.as_str()),
    };
    let (radix, number) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &unsigned[2..]),
        [b'0', b'o' | b'O', ..] => (8, &unsigned[2..]),
        [b'0', b'b' | b'B', ..] => (2, &unsigned[2..]),
        [b'0', _, ..] => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    if number.starts_with(|c: char| c.is_ascii_hexdigit()) {
        if let Ok(int) = i64::from_str_radix(&format!("{sign}{number}"), radix) {
            return Scalar::Int(int);
        }
        if let (Ok(big), "") = (u64::from_str_radix(number, radix), sign) {
            return Scalar::Big(big);
        }
    }
    match digits.parse() {
        Ok(float) if is_float(unsigned) => Scalar::Float(float),
        _ => Scalar::Text(text),
    }
}

/// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, so that `infinity` and `1.` keep their YAML meaning.
fn is_float(text: &str) -> bool {
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let mantissa_is_good = match mantissa.split_once('.') {
        Some(("", fraction)) => all_digits(fraction),
        Some((whole, fraction)) => all_digits(whole) && (fraction.is_empty() || all_digits(fraction)),
        None => all_digits(mantissa),
    };
    mantissa_is_good && exponent.is_none_or(all_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_scalar_means_what_it_means_to_the_collector() {
        for (text, meaning) in [
            ("", Scalar::Null),
            ("~", Scalar::Null),
            ("NULL", Scalar::Null),
            ("nULL", Scalar::Text("nULL")),
            ("TRUE", Scalar::Bool(true)),
            ("yes", Scalar::Text("yes")),
            ("off", Scalar::Text("off")),
            ("12", Scalar::Int(12)),
            ("-12", Scalar::Int(-12)),
            ("+12", Scalar::Int(12)),
            ("1_000", Scalar::Int(1000)),
            ("0123", Scalar::Int(83)),
            ("0o17", Scalar::Int(15)),
            ("-0b11", Scalar::Int(-3)),
            ("0x1F", Scalar::Int(31)),
            ("089", Scalar::Float(89.0)),
            ("18446744073709551615", Scalar::Big(u64::MAX)),
            ("18446744073709551616", Scalar::Float(18_446_744_073_709_551_616.0)),
            ("1.5", Scalar::Float(1.5)),
            (".5", Scalar::Float(0.5)),
            ("1.", Scalar::Float(1.0)),
            ("-1e3", Scalar::Float(-1000.0)),
            (".inf", Scalar::Float(f64::INFINITY)),
            ("inf", Scalar::Text("inf")),
            ("+inf", Scalar::Text("+inf")),
            ("1e", Scalar::Text("1e")),
            (".", Scalar::Text(".")),
            ("-", Scalar::Text("-")),
            ("+-1", Scalar::Text("+-1")),
            ("0x-1", Scalar::Text("0x-1")),
            ("5s", Scalar::Text("5s")),
            ("2026-01-01", Scalar::Text("2026-01-01")),
            ("1.2.3", Scalar::Text("1.2.3")),
            ("127.0.0.1:4318", Scalar::Text("127.0.0.1:4318")),
        ] {
            assert_eq!(Scalar::of(text), meaning, "{text}");
        }
    }
}
