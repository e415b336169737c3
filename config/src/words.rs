//! A list of words, which may also be written as one text with commas.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error, SeqAccess, Visitor};

use crate::read::WORDS;

/// Reads a list of texts such as `[a, b]`, or `a,b` as the Collector splits it, so that an environment variable can
/// hold one: for `#[serde(deserialize_with = "config::words")]`.
///
/// # Errors
/// What is neither.
pub fn words<'de, D: Deserializer<'de>, T: From<Vec<String>>>(from: D) -> Result<T, D::Error> {
    from.deserialize_newtype_struct(WORDS, Words).map(T::from)
}

struct Words;

impl<'de> Visitor<'de> for Words {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(if text.is_empty() { Vec::new() } else { text.split(',').map(str::to_owned).collect() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = items.next_element()? {
            words.push(word);
        }
        Ok(words)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Vec<String>, D::Error> {
        from.deserialize_any(self)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use crate::{Env, Node};

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Config {
        #[serde(deserialize_with = "super::words")]
        origins: Vec<String>,
        #[serde(deserialize_with = "super::words")]
        paths: Option<Vec<String>>,
    }

    fn read(yaml: &str) -> Result<Config, String> {
        let env = Env::from_iter([("TWO", "http://a:1,http://b"), ("EMPTY", "")]);
        let node = Node::parse(yaml, &env).map_err(|mistakes| mistakes.to_string())?;
        node.read().map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn a_list_and_a_text_with_commas_are_lists() {
        for (yaml, expected) in [
            ("origins: [a, b]", &["a", "b"][..]),
            ("origins: a,b", &["a", "b"]),
            ("origins: '*'", &["*"]),
            ("origins: ${env:TWO}", &["http://a:1", "http://b"]),
            ("origins: ''", &[]),
            ("origins: ${env:EMPTY}", &[]),
            ("origins:", &[]),
        ] {
            assert_eq!(read(yaml).unwrap().origins, expected, "{yaml}");
        }
        assert_eq!(read("paths: a").unwrap().paths, Some(vec!["a".to_owned()]));
        assert_eq!(read("paths:").unwrap().paths, None);
    }

    #[test]
    fn numbers_and_maps_are_none() {
        for yaml in ["origins: 5", "origins: {a: b}", "origins: true"] {
            let mistake = read(yaml).unwrap_err();
            assert!(mistake.contains("expected a list"), "{mistake}");
        }
    }
}
