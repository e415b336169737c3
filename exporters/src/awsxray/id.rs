//! Ids of segments, spans and exceptions.

use std::fmt::{self, Display, Formatter};
use std::hash::{DefaultHasher, Hasher};

/// The id of a segment, a subsegment or an exception: 16 hex digits when written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(pub [u8; 8]);

impl Id {
    /// The id that these bytes are, if they are one: 8 bytes that are not all zero.
    pub fn of(bytes: &[u8]) -> Option<Id> {
        <[u8; 8]>::try_from(bytes).ok().filter(|id| *id != [0; 8]).map(Id)
    }

    /// The id that these 16 hex digits are.
    pub fn of_hex(hex: &str) -> Option<Id> {
        Id::of(&bytes::<8>(hex)?)
    }
}

/// The bytes that `N` pairs of hex digits are.
pub fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if hex.len() != 2 * N || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&hex[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

impl Display for Id {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The ids that one span needs beside its own.
///
/// They follow from the ids of trace and span alone: a span that is sent again, after a failure or as the end of
/// one in progress, replaces what X-Ray holds of it and adds nothing to it.
#[derive(Debug)]
pub struct Ids {
    seed: DefaultHasher,
    made: u64,
}

impl Ids {
    /// Those of the span `span_id` in the trace `trace_id`.
    pub fn of(trace_id: &[u8], span_id: &[u8]) -> Ids {
        let mut seed = DefaultHasher::new();
        seed.write(trace_id);
        seed.write(span_id);
        Ids { seed, made: 0 }
    }

    /// The next one.
    pub fn next(&mut self) -> Id {
        self.made += 1;
        let mut hasher = self.seed.clone();
        hasher.write_u64(self.made);
        Id(hasher.finish().max(1).to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_span_has_the_same_ids_each_time_and_others_have_others() {
        let (mut once, mut again, mut other) =
            (Ids::of(&[1; 16], &[2; 8]), Ids::of(&[1; 16], &[2; 8]), Ids::of(&[1; 16], &[3; 8]));
        let first = once.next();
        assert_eq!(first, again.next());
        assert_ne!(first, once.next());
        assert_ne!(first, other.next());
    }

    #[test]
    fn an_id_is_sixteen_hex_digits_and_zero_is_none() {
        assert_eq!(Id::of(&[0, 1, 2, 3, 4, 5, 6, 255]).unwrap().to_string(), "00010203040506ff");
        assert_eq!([Id::of(&[0; 8]), Id::of(&[]), Id::of(&[1; 9])], [None; 3]);
    }
}
