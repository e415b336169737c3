//! JSON values, read so that no part that is odd costs the rest.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// How deep a value is searched for the part of it that can't be read.
const LEVELS: usize = 32;

/// The value that `text`, which is valid JSON, stands for.
///
/// What can't be read (numbers that no double holds, more than 128 levels of nesting) is kept as its text; half a
/// surrogate pair becomes U+FFFD, as in Go. Of keys that come twice the last one counts.
pub fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| in_parts(text, LEVELS))
}

fn in_parts(text: &str, levels: usize) -> Value {
    let part = |text: &RawValue| match levels {
        0 => text.get().into(),
        _ => serde_json::from_str(text.get()).unwrap_or_else(|_| in_parts(text.get(), levels - 1)),
    };
    let read = match text.as_bytes().first() {
        Some(b'{') => serde_json::from_str(text).map(|Entries(entries)| {
            Value::Object(entries.into_iter().map(|(key, value)| (key, part(value))).collect())
        }),
        Some(b'[') => {
            serde_json::from_str(text).map(|items: Vec<&RawValue>| items.into_iter().map(part).collect())
        }
        Some(b'"') => serde_json::from_str(text).map(|Lossy(text)| text.into()),
        _ => return text.into(),
    };
    read.unwrap_or_else(|_| text.into())
}

/// The entries of a map, whose values are not read yet.
struct Entries<'a>(BTreeMap<String, &'a RawValue>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<&RawValue, _>()? {
                    let key =
                        serde_json::from_str(key.get()).map_or_else(|_| key.get().into(), |Lossy(key)| key);
                    entries.insert(key, value);
                }
                Ok(Entries(entries))
            }
        }
        from.deserialize_map(Map)
    }
}

/// A text in which half a surrogate pair has become U+FFFD.
struct Lossy(String);

impl<'de> Deserialize<'de> for Lossy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Lossy;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Lossy, E> {
                // Half a pair comes as three bytes, which would become three U+FFFD.
                let mut sound = Vec::with_capacity(bytes.len());
                let mut rest = bytes;
                while let Some(at) = rest.windows(2).position(|pair| pair[0] == 0xed && pair[1] >= 0xa0) {
                    sound.extend_from_slice(&rest[..at]);
                    sound.extend_from_slice("\u{fffd}".as_bytes());
                    rest = rest.get(at + 3..).unwrap_or_default();
                }
                sound.extend_from_slice(rest);
                Ok(Lossy(String::from_utf8_lossy(&sound).into_owned()))
            }
        }
        from.deserialize_bytes(Text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_sound_is_read_as_it_is() {
        for (text, expected) in [
            ("null", json!(null)),
            (r#"{"a":1,"b":[true,1.5,"x"],"a":2}"#, json!({"a": 2, "b": [true, 1.5, "x"]})),
            ("9007199254740993", json!(9_007_199_254_740_993_u64)),
            ("-0.1", json!(-0.1)),
            ("123456789012345678901", json!(123_456_789_012_345_678_901.0)),
        ] {
            assert_eq!(value(text), expected);
        }
    }

    #[test]
    fn an_odd_part_is_kept_as_text_and_the_rest_is_as_it_is() {
        for (text, expected) in [
            ("1e999", json!("1e999")),
            (r#"{"m":"x","n":{"a":[1,-1e999]},"m":"y"}"#, json!({"m": "y", "n": {"a": [1, "-1e999"]}})),
            (r#"["\ud800","a\udc00\ud83d","\ud83d\ude00"]"#, json!(["\u{fffd}", "a\u{fffd}\u{fffd}", "😀"])),
            (r#"{"\ud800":1}"#, json!({"\u{fffd}": 1})),
        ] {
            assert_eq!(value(text), expected);
        }
    }

    #[test]
    fn a_value_that_is_nested_too_deep_is_kept_as_text() {
        let deep = |levels: usize| format!("{}5{}", "[".repeat(levels), "]".repeat(levels));
        assert!(value(&deep(100)).is_array());
        let read = value(&format!(r#"{{"m":"x","deep":{}}}"#, deep(100_000)));
        assert_eq!(read["m"], "x");
        let (mut inner, mut levels) = (&read["deep"], 0);
        while let Some(items) = inner.as_array() {
            (inner, levels) = (&items[0], levels + 1);
        }
        assert_eq!(inner.as_str(), Some(&*deep(100_000 - levels)));
    }
}
