//! Thresholds and randomness: 56 bits each, as OpenTelemetry's consistent sampling has them
//! (<https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/>). An item is sampled if its
//! randomness is not below the threshold.

/// The threshold that no randomness reaches: one more than the largest.
pub const NEVER: u64 = 1 << 56;
/// The largest randomness.
pub const MOST: u64 = NEVER - 1;
/// The smallest probability that has a threshold.
pub const LEAST_PROBABILITY: f64 = 1.0 / NEVER as f64;

const DIGITS: u32 = 14;
const BITS: u32 = 4;

/// The threshold for a probability, with so many significant hex digits; none if it has none.
///
/// Near 0 and 1 leading digits `0` and `f` say little, so they do not count.
pub fn of_probability(probability: f64, precision: u32) -> Option<u64> {
    if !(LEAST_PROBABILITY..=1.0).contains(&probability) {
        return None;
    }
    if probability >= 1.0 {
        return Some(0);
    }
    let leading = |number: f64| u32::try_from(-exponent(number) / 4).unwrap_or(0);
    let digits = DIGITS.min(precision + leading(probability).max(leading(1.0 - probability)));
    let exact = NEVER - (probability * NEVER as f64).round() as u64;
    let dropped = BITS * (DIGITS - digits);
    if dropped == 0 {
        return Some(exact);
    }
    Some((exact + (1 << (dropped - 1))) >> dropped << dropped)
}

/// The power of two just above a number, as C's `frexp` gives it.
fn exponent(number: f64) -> i32 {
    (number.to_bits() >> 52 & 0x7ff) as i32 - 1022
}

/// The probability that a threshold stands for.
pub fn probability(threshold: u64) -> f64 {
    (NEVER - threshold) as f64 / NEVER as f64
}

/// The value of `th`: hex digits without the zeros at the end.
pub fn to_text(threshold: u64) -> String {
    if threshold == 0 { "0".into() } else { randomness_to_text(threshold).trim_end_matches('0').into() }
}

/// Reads the value of `th`.
pub fn from_text(text: &str) -> Option<u64> {
    let digits = u32::try_from(text.len()).ok().filter(|digits| (1..=DIGITS).contains(digits))?;
    Some(hex(text)? << (BITS * (DIGITS - digits)))
}

/// The value of `rv`: 14 hex digits.
pub fn randomness_to_text(randomness: u64) -> String {
    format!("{randomness:014x}")
}

/// Reads the value of `rv`.
pub fn randomness_from_text(text: &str) -> Option<u64> {
    if text.len() == DIGITS as usize { hex(text) } else { None }
}

fn hex(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits { u64::from_str_radix(text, 16).ok() } else { None }
}

/// The randomness of a trace: its id's last 56 bits. None without an id.
pub fn of_trace(id: &[u8]) -> Option<u64> {
    let id = <[u8; 16]>::try_from(id).ok().filter(|id| *id != [0; 16])?;
    Some(u128::from_be_bytes(id) as u64 & MOST)
}

const BUCKETS: u64 = 1 << 14;

/// The randomness that a hash of `bytes` gives: the 14 bits by which the Collector has always sampled in front, the
/// others of the hash behind them.
pub fn of_hash(bytes: &[u8], seed: u32) -> u64 {
    let fnv = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    let hash = u64::from(seed.to_le_bytes().iter().chain(bytes).fold(0x811c_9dc5, fnv));
    let (bucket, rest) = (hash % BUCKETS, hash >> 18);
    ((BUCKETS - 1 - bucket) << 42) | ((rest ^ (rest << 10)) << 14) | bucket
}

/// The threshold for a percentage, of so many buckets as [`of_hash`] has. Nothing is sampled below one bucket.
pub fn of_buckets(percentage: f32) -> u64 {
    // In 32 bits and towards zero: the very same items shall be sampled as by every version of the Collector.
    let taken = (percentage * (BUCKETS as f64 / 100.0) as f32) as u64;
    (BUCKETS - taken.min(BUCKETS)) << 42
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_has_a_threshold_of_so_many_digits() {
        for (probability, precision, text) in [
            (1.0, 4, "0"),
            (0.5, 4, "8"),
            (0.25, 4, "c"),
            (1.0 / 3.0, 4, "aaab"),
            (1.0 / 3.0, 14, "aaaaaaaaaaaaac"),
            (0.01, 4, "fd70a"),
            (0.1, 1, "e"),
            (LEAST_PROBABILITY, 4, "ffffffffffffff"),
        ] {
            let threshold = of_probability(probability, precision).unwrap();
            assert_eq!(to_text(threshold), text, "{probability}");
            assert_eq!(from_text(text), Some(threshold));
        }
        assert_eq!([of_probability(0.0, 4), of_probability(1.1, 4), of_probability(f64::NAN, 4)], [None; 3]);
    }

    #[test]
    fn only_hex_digits_are_read() {
        assert_eq!(["", "+1", "g", "000000000000001"].map(from_text), [None; 4]);
        assert_eq!(["", "1", "+0000000000001", "1234567890abcde"].map(randomness_from_text), [None; 4]);
        assert_eq!(randomness_from_text("0000000000000A"), Some(10));
    }
}
