//! What the user declares in the environment of the resource that telemetry is of.

use config::Env;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

/// The resource that the environment declares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declared {
    /// Its attributes, in the order in which they stand there.
    pub attributes: Vec<KeyValue>,
    /// What is wrong with the variable, of which nothing is used then.
    pub mistake: Option<String>,
}

impl Declared {
    /// Reads `OTEL_RESOURCE_ATTRIBUTES`, and `OTEL_SERVICE_NAME`, which wins as `service.name`; an empty variable is
    /// one that is not set.
    ///
    /// <https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable>:
    /// `key=value,key=value`, percent-encoded, every value a text; one that can't be decoded makes all of it void.
    pub fn read(env: &Env) -> Declared {
        let mut declared = Declared::default();
        match parse(env.get("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default()) {
            Ok(pairs) => pairs.into_iter().for_each(|(key, value)| declared.set(key, value)),
            Err(mistake) => {
                declared.mistake = Some(format!("OTEL_RESOURCE_ATTRIBUTES is not used: {mistake}"));
            }
        }
        let name = env.get("OTEL_SERVICE_NAME").filter(|name| !name.is_empty());
        name.into_iter().for_each(|name| declared.set("service.name".into(), name.into()));
        declared
    }

    fn set(&mut self, key: String, text: String) {
        self.attributes.retain(|attribute| attribute.key != key);
        let value = Some(AnyValue { value: Some(Value::StringValue(text)) });
        self.attributes.push(KeyValue { key, value, ..KeyValue::default() });
    }
}

/// The pairs in `text`, or what is wrong with it.
fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let read = |pair: &str| {
        let wrong = |what| Err(format!("found {pair:?}, {what}; expected key=value"));
        let Some((key, value)) = pair.split_once('=') else { return wrong("which has no =") };
        match (decoded(key.trim_end()), decoded(value.trim_start())) {
            (Some(key), _) if key.is_empty() => wrong("which has no key"),
            (Some(key), Some(value)) => Ok((key, value)),
            _ => wrong("whose % is no percent-encoding (% itself is %25)"),
        }
    };
    pairs.map(read).collect()
}

/// Percent-decoding as in a URL's path: `+` is itself.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            let digit = |digit: u8| char::from(digit).to_digit(16);
            bytes.push(u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(attributes: &str, name: &str) -> (String, Option<String>) {
        let env = [("OTEL_RESOURCE_ATTRIBUTES", attributes), ("OTEL_SERVICE_NAME", name)];
        let declared = Declared::read(&Env::from_iter(env));
        let text = |it: &KeyValue| format!("{}={}", it.key, crate::text(it.value.as_ref().unwrap()));
        let all: Vec<_> = declared.attributes.iter().map(text).collect();
        (all.join(";"), declared.mistake)
    }

    #[test]
    fn pairs_are_decoded_and_of_equal_keys_the_last_counts() {
        for (attributes, expected) in [
            ("", ""),
            ("a=1", "a=1"),
            (" a = 1 , b=x y ,", "a=1;b=x y"),
            ("a=1,b=2,a=3", "b=2;a=3"),
            ("a%2Cb=c%3Dd%2c,e=", "a,b=c=d,;e="),
            ("k=%E4%B8%96+1,url=http://x/?a=b", "k=世+1;url=http://x/?a=b"),
        ] {
            assert_eq!(read(attributes, ""), (expected.into(), None));
        }
    }

    #[test]
    fn the_services_name_has_a_variable_of_its_own() {
        assert_eq!(read("service.name=a,b=1", "orders").0, "b=1;service.name=orders");
        assert_eq!(read("service.name=a", "").0, "service.name=a");
    }

    #[test]
    fn one_pair_that_is_none_makes_all_void_but_the_services_name() {
        for (attributes, mistake) in [
            ("a=1,b", r#"found "b", which has no =; expected key=value"#),
            ("a=1,=b", r#"found "=b", which has no key; expected key=value"#),
            ("rate=100%", "found \"rate=100%\", whose % is no percent-encoding"),
            ("a=%zz", "whose % is no percent-encoding"),
            ("a=%ff", "whose % is no percent-encoding"),
        ] {
            let (all, found) = read(attributes, "orders");
            assert_eq!(all, "service.name=orders");
            assert!(found.as_ref().is_some_and(|found| found.contains(mistake)), "{found:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(text in ".*", odd in "[%,=a0é ]{0,20}") {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(decoded(&encoded), Some(text));
            let _ = parse(&odd);
        }
    }
}
