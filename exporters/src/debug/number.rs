//! The doubles of metrics as the Go Collector prints them. (Those of attributes look otherwise.)

use std::f64::consts::LOG2_E;
use std::fmt::{self, Display, Formatter};

/// A double with six decimals, Go's `%f`.
pub struct Fixed(pub f64);

impl Display for Fixed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_finite() { write!(f, "{:.6}", self.0) } else { f.write_str(not_finite(self.0)) }
    }
}

/// The shortest text that reads back as the same double, Go's `%v`: `0.0001`, `1e-05`, `999999`, `1e+06`.
pub struct General(pub f64);

impl Display for General {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.0.is_finite() {
            return f.write_str(not_finite(self.0));
        }
        f.write_str(&pipeline::shortest(self.0, -4..6, 2))
    }
}

fn not_finite(value: f64) -> &'static str {
    match value {
        f64::INFINITY => "+Inf",
        f64::NEG_INFINITY => "-Inf",
        _ => "NaN",
    }
}

/// e to the power of `x`, with the rounding that Go has on amd64.
///
/// The bounds of exponential histograms come out of it, and its last digit shows in the text: 2^1.5 prints as
/// 2.82842712474619, not as the nearest double 2.8284271247461903. The method is Naoki Shibata's, as in SLEEF:
/// x = n ln 2 + 16 r, then a Taylor series for e^r - 1 and four squarings.
pub fn exp(x: f64) -> f64 {
    /// ln 2 in two pieces, the first short enough for an exact product with `n`.
    const LN_2: [f64; 2] = [0.693_147_180_559_663, 0.282_352_905_630_315_77e-12];
    /// 1/8! up to 1/1!.
    const TAYLOR: [f64; 8] =
        [1.0 / 40320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0];
    if x.is_nan() || x == f64::INFINITY {
        return x;
    }
    let n = (x * LOG2_E).round_ties_even();
    let r = LN_2.iter().fold(x, |rest, piece| piece.mul_add(-n, rest)) / 16.0;
    let series = TAYLOR.into_iter().reduce(|sum, term| sum.mul_add(r, term)).unwrap_or_default();
    let squared = (0..3).fold(r * series, |power, _| power * (power + 2.0));
    let fraction = squared.mul_add(squared + 2.0, 1.0);
    match n as i32 {
        1024.. => f64::INFINITY,
        n @ -1022.. => fraction * power_of_two(n),
        // In two steps, since no double of full precision is that small.
        n @ -1075.. => fraction * power_of_two(n + 1022) * power_of_two(-1022),
        _ => 0.0,
    }
}

/// 2 to the power of `n`, which is from -1022 to 1023.
fn power_of_two(n: i32) -> f64 {
    f64::from_bits(u64::from((n + 1023).unsigned_abs()) << 52)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{FRAC_1_SQRT_2, LN_2};

    use super::*;

    #[test]
    fn doubles_of_metrics_are_printed_as_go_does() {
        for (double, fixed, general) in [
            (0.0, "0.000000", "0"),
            (-0.0, "-0.000000", "-0"),
            (0.007_812_5, "0.007812", "0.0078125"),
            (5e-7, "0.000000", "5e-07"),
            (1e6, "1000000.000000", "1e+06"),
            (1e22, "10000000000000000000000.000000", "1e+22"),
            (f64::NAN, "NaN", "NaN"),
            (f64::INFINITY, "+Inf", "+Inf"),
            (f64::NEG_INFINITY, "-Inf", "-Inf"),
        ] {
            assert_eq!(
                (Fixed(double).to_string(), General(double).to_string()),
                (fixed.into(), general.into())
            );
        }
    }

    #[test]
    fn powers_of_e_are_rounded_as_on_gos_amd64() {
        for (x, expected) in [
            (0.0, 1.0),
            (LN_2, 2.0),
            (1.5 * LN_2, 2.828_427_124_746_19),
            (-0.5 * LN_2, FRAC_1_SQRT_2),
            (8.0 * LN_2, 255.999_999_999_999_94),
            (-710.0, 4.476_286_225_675_13e-309),
            (-745.133_219_101_941_2, 0.0),
            (-1e300, 0.0),
            (f64::NEG_INFINITY, 0.0),
            (709.9, f64::INFINITY),
            (1e300, f64::INFINITY),
            (f64::INFINITY, f64::INFINITY),
        ] {
            assert_eq!(exp(x).to_bits(), f64::to_bits(expected), "{x}: {}", exp(x));
        }
        assert!(exp(f64::NAN).is_nan());
    }
}
