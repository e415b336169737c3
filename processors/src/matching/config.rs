//! What chooses, as a user writes it, and everything that can be wrong with it.

use config::{Mistakes, Node, words};
use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::{Attribute, Library, Properties, Severity, Test, Texts};
use crate::actions::value::{Value, given};
use crate::{ottl, pattern};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Content;

/// `include` or `exclude`, as a user writes it. All properties that are given must match; of each list of texts, one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatchConfig {
    /// How texts match: `strict` is the whole text, `regexp` a regular expression found anywhere in it.
    match_type: Option<MatchType>,
    /// Accepted; it tunes the Go Collector's cache of results, and there is none here.
    #[serde(rename = "regexp")]
    _regexp: IgnoredAny,
    /// `service.name` of the resource.
    #[serde(deserialize_with = "words")]
    services: Vec<String>,
    /// Names of spans.
    #[serde(deserialize_with = "words")]
    span_names: Vec<String>,
    /// Such as `SPAN_KIND_SERVER`.
    #[serde(deserialize_with = "words")]
    span_kinds: Vec<String>,
    /// Bodies of log records; `bodies` in `filter`.
    #[serde(alias = "bodies", deserialize_with = "words")]
    log_bodies: Vec<String>,
    /// Severities of log records, as texts; `severity_texts` in `filter`.
    #[serde(alias = "severity_texts", deserialize_with = "words")]
    log_severity_texts: Vec<String>,
    /// Severities of log records, as numbers; `severity_number` in `filter`.
    #[serde(alias = "severity_number")]
    log_severity_number: Option<SeverityConfig>,
    /// Names of metrics.
    #[serde(deserialize_with = "words")]
    metric_names: Vec<String>,
    /// All of them must be there, with this value; `record_attributes` in `filter`.
    #[serde(alias = "record_attributes")]
    attributes: Vec<AttributeConfig>,
    /// The same, of the resource; `resource_attributes` in `filter`.
    #[serde(alias = "resource_attributes")]
    resources: Vec<AttributeConfig>,
    /// The instrumentation scope; all must match.
    libraries: Vec<LibraryConfig>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum MatchType {
    /// The whole text.
    Strict,
    /// A regular expression that is found anywhere in the text.
    Regexp,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SeverityConfig {
    /// The lowest that matches: its number, or its name such as `WARN`.
    #[serde(deserialize_with = "severity")]
    min: i32,
    /// Whether a record without a severity matches.
    match_undefined: bool,
}

/// In any case: `warn` is `WARN`.
fn severity<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    let text = String::deserialize(from)?;
    let named = || ottl::enumerated(&format!("SEVERITY_NUMBER_{}", text.to_uppercase()));
    let number = text.parse().ok().or_else(|| i32::try_from(named()?).ok());
    number
        .ok_or_else(|| D::Error::custom(format_args!("found {text}; expected a severity such as WARN or 13")))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AttributeConfig {
    /// Its name.
    key: String,
    /// Any, if it is not there.
    #[serde(deserialize_with = "given")]
    value: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LibraryConfig {
    /// Its name.
    name: String,
    /// Any, if it is not there.
    version: Option<String>,
}

/// The names of the span kinds, in the order of their numbers.
pub(super) const SPAN_KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

impl MatchConfig {
    /// Whether no property is given.
    pub fn is_empty(&self) -> bool {
        let texts = [&self.services, &self.span_names, &self.span_kinds, &self.log_bodies];
        let more = [&self.log_severity_texts, &self.metric_names];
        texts.into_iter().chain(more).all(Vec::is_empty)
            && self.log_severity_number.is_none()
            && self.attributes.is_empty()
            && self.resources.is_empty()
            && self.libraries.is_empty()
    }

    /// Makes ready what stands at `key` of `node`.
    pub(super) fn check(self, node: &Node, key: &'static str) -> Result<Properties, Mistakes> {
        let mut check = Check { node, key, match_type: self.match_type, mistakes: Vec::new() };
        if self.match_type == Some(MatchType::Strict)
            && let Some(i) = self.span_kinds.iter().position(|kind| !SPAN_KINDS[1..].contains(&&**kind))
        {
            let message = format!("found {}; expected {}", self.span_kinds[i], SPAN_KINDS[1..].join(", "));
            check.wrong(&format!("span_kinds[{i}]"), message);
        }
        let libraries = self.libraries.into_iter().enumerate().filter_map(|(i, library)| {
            let at = |field: &str| format!("libraries[{i}].{field}");
            let name = check.texts(&at("name"), vec![library.name])?;
            let version = library.version.and_then(|version| check.texts(&at("version"), vec![version]));
            Some(Library { name, version })
        });
        let properties = Properties {
            key,
            libraries: libraries.collect(),
            services: check.texts("services", self.services),
            span_names: check.texts("span_names", self.span_names),
            span_kinds: check.texts("span_kinds", self.span_kinds),
            log_bodies: check.texts("log_bodies", self.log_bodies),
            log_severity_texts: check.texts("log_severity_texts", self.log_severity_texts),
            log_severity_number: self
                .log_severity_number
                .map(|severity| Severity { min: severity.min, match_undefined: severity.match_undefined }),
            metric_names: check.texts("metric_names", self.metric_names),
            attributes: check.attributes("attributes", self.attributes),
            resources: check.attributes("resources", self.resources),
        };
        let mut mistakes = check.mistakes;
        if mistakes.is_empty() && properties.given().next().is_none() {
            mistakes.extend(
                node.mistake(key, "chooses nothing; expected services, attributes or another property").0,
            );
        }
        if mistakes.is_empty() { Ok(properties) } else { Err(Mistakes(mistakes)) }
    }
}

/// Collects what is wrong.
struct Check<'a> {
    node: &'a Node,
    key: &'static str,
    match_type: Option<MatchType>,
    mistakes: Vec<config::Mistake>,
}

impl Check<'_> {
    fn wrong(&mut self, field: &str, message: String) {
        let place = if field.is_empty() { self.key.into() } else { format!("{}.{field}", self.key) };
        self.mistakes.extend(self.node.mistake(&place, message).0);
    }

    /// The texts at `field`; none if it is empty, or wrong.
    fn texts(&mut self, field: &str, texts: Vec<String>) -> Option<Texts> {
        if texts.is_empty() {
            return None;
        }
        match self.match_type {
            None => {
                let message = "no match_type; expected match_type: strict or regexp";
                if !self.mistakes.iter().any(|mistake| mistake.text.contains(message)) {
                    self.wrong("", message.into());
                }
                None
            }
            Some(MatchType::Strict) => Some(Texts::Strict(texts)),
            Some(MatchType::Regexp) => {
                let mut patterns = Vec::new();
                for (i, text) in texts.iter().enumerate() {
                    match pattern::compile(text) {
                        Ok(pattern) => patterns.push(pattern),
                        // A field of one text is no list.
                        Err(error) if field.contains('.') => self.wrong(field, error),
                        Err(error) => self.wrong(&format!("{field}[{i}]"), error),
                    }
                }
                Some(Texts::Regexp(patterns))
            }
        }
    }

    fn attributes(&mut self, field: &str, list: Vec<AttributeConfig>) -> Vec<Attribute> {
        let mut ready = Vec::new();
        for (i, attribute) in list.into_iter().enumerate() {
            if attribute.key.is_empty() {
                self.wrong(&format!("{field}[{i}]"), "no key; expected the key of an attribute".into());
            }
            let at = format!("{field}[{i}].value");
            let test = match (attribute.value.map(|Value(value)| value), self.match_type) {
                (None, _) => Test::Any,
                (Some(value), Some(MatchType::Strict)) => Test::Same(value),
                (Some(value), _) => match value.value {
                    Some(Content::StringValue(text)) => {
                        self.texts(&at, vec![text]).map_or(Test::Any, Test::Text)
                    }
                    _ => {
                        self.wrong(&at, "no text; match_type: regexp needs one, in quotes".into());
                        Test::Any
                    }
                },
            };
            ready.push(Attribute { key: attribute.key, test });
        }
        ready
    }
}
