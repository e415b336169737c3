//! Annotations, by which X-Ray finds a trace, and metadata, which holds all else.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::attributes::Attributes;
use super::json::{Json, Object};
use super::keys::Key::{self, *};
use super::name::cut;
use super::source::Source;
use super::url::{without_password, without_user_info};
use super::{Mapping, Settings};

/// The most annotations that X-Ray indexes.
const MOST: usize = 50;
/// The most characters of an annotation's key.
const MOST_IN_KEY: usize = 500;
/// The most characters of an annotation's text.
const MOST_IN_TEXT: usize = 1000;
/// The namespace of metadata that names none.
pub const DEFAULT: &str = "default";
const NAMESPACE: &str = "aws.xray.metadata.";

/// What one can search for, and what not.
#[derive(Clone, Debug, Default)]
pub struct Notes<'a> {
    /// What one can search for.
    pub annotations: Object<'a>,
    /// What not, without a namespace of its own.
    pub default: Object<'a>,
    /// What not, by namespace.
    pub named: Object<'a>,
}

/// What an attribute becomes.
enum Becomes<'a> {
    Annotation(Json<'a>),
    Metadata,
    /// Nothing: the Go exporter loses what it was told to index and can't.
    Nothing,
}

struct Rules<'a> {
    settings: &'a Settings,
    is_contrib: bool,
    /// The keys that the span itself wants indexed.
    wanted: Vec<&'a str>,
}

/// All that the other blocks did not say of the attributes, and of the resource if the document is to hold it.
pub fn notes<'a>(source: &Source<'a>, attributes: &mut Attributes<'a>, with_resource: bool) -> Notes<'a> {
    let settings = source.settings;
    let is_contrib = settings.mapping == Mapping::Contrib;
    let mut rules = Rules { settings, is_contrib, wanted: Vec::new() };
    attributes.unsay(|key| is_listed(settings, is_contrib, key));
    if attributes.bool(AwsXrayInprogress).is_some() {
        attributes.remove(&[AwsXrayInprogress]);
    }
    if let Some(wanted) = wanted(attributes, is_contrib) {
        rules.wanted = wanted;
        attributes.remove(&[AwsXrayAnnotations]);
    }
    let mut notes = Notes::default();
    let span = |notes: &mut Notes<'a>| attributes.rest().for_each(|attribute| notes.add(attribute, &rules));
    // Where there are more than fit, those of the span are worth more.
    if !is_contrib {
        span(&mut notes);
    }
    if with_resource {
        source.resource.rest().for_each(|attribute| notes.add_resource(attribute, &rules));
    }
    if is_contrib {
        span(&mut notes);
    }
    notes
}

/// Whether the user lists `key` to be indexed.
fn is_listed(settings: &Settings, is_contrib: bool, key: &str) -> bool {
    settings.indexed_attributes.iter().any(|listed| match listed.strip_suffix('*') {
        Some(start) if !is_contrib => key.starts_with(start),
        _ => listed == key,
    })
}

/// What the span itself wants to have indexed.
fn wanted<'a>(attributes: &Attributes<'a>, is_contrib: bool) -> Option<Vec<&'a str>> {
    let text =
        |value: &'a Value| if let Value::StringValue(text) = value { Some(text.as_str()) } else { None };
    match attributes.value(AwsXrayAnnotations)? {
        Value::ArrayValue(list) => {
            Some(list.values.iter().filter_map(|item| text(item.value.as_ref()?)).collect())
        }
        value if !is_contrib => Some(vec![text(value)?]),
        _ => None,
    }
}

impl<'a> Rules<'a> {
    fn becomes(&self, key: &str, value: Option<&'a Value>) -> Becomes<'a> {
        let indexes_all = self.settings.index_all_attributes;
        if !indexes_all && !self.wanted.contains(&key) && !is_listed(self.settings, self.is_contrib, key) {
            return Becomes::Metadata;
        }
        match value {
            Some(Value::StringValue(text)) => Becomes::Annotation(self.text(key, text)),
            Some(Value::BoolValue(value)) => Becomes::Annotation((*value).into()),
            Some(Value::IntValue(value)) => Becomes::Annotation((*value).into()),
            Some(Value::DoubleValue(value)) => Becomes::Annotation(Json::Double(*value)),
            _ if self.is_contrib => Becomes::Nothing,
            _ => Becomes::Metadata,
        }
    }

    /// What the metadata holds of an attribute.
    fn json(&self, key: &str, value: &'a Value) -> Json<'a> {
        match value {
            Value::StringValue(text) => self.text(key, text),
            value if self.is_contrib => Json::GoValue(value),
            value => Json::Value(value),
        }
    }

    /// Text, without the password that may be in it. The Go exporter shows it.
    fn text(&self, key: &str, text: &'a str) -> Json<'a> {
        match Key::of(key) {
            Some(UrlFull | HttpUrl) if !self.is_contrib => without_user_info(text).into(),
            Some(DbConnectionString) if !self.is_contrib => without_password(text).into(),
            _ => text.into(),
        }
    }
}

impl<'a> Notes<'a> {
    /// Adds an attribute of the resource.
    fn add_resource(&mut self, attribute: &'a KeyValue, rules: &Rules<'a>) {
        let key = format!("otel.resource.{}", attribute.key);
        let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
        match rules.becomes(&key, value) {
            Becomes::Annotation(ref annotation) if self.annotate(&key, annotation) => {}
            _ => self.keep(key.into(), value, rules),
        }
    }

    /// Adds an attribute of the span.
    fn add(&mut self, attribute: &'a KeyValue, rules: &Rules<'a>) {
        let key = attribute.key.as_str();
        let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
        match rules.becomes(key, value) {
            Becomes::Nothing => {}
            Becomes::Annotation(ref annotation) if self.annotate(key, annotation) => {}
            _ => match value {
                Some(Value::StringValue(text)) if key.starts_with(NAMESPACE) => {
                    self.add_namespace(key, text, rules);
                }
                _ => self.keep(key.into(), value, rules),
            },
        }
    }

    /// Makes it an annotation; says whether that holds all of it.
    fn annotate(&mut self, key: &str, value: &Json<'a>) -> bool {
        let sound = |character: char| character.is_ascii_alphanumeric() || character == '.';
        let sound: String = key
            .chars()
            .take(MOST_IN_KEY)
            .map(|character| if sound(character) { character } else { '_' })
            .collect();
        // The schema wants a character at least.
        let sound = if sound.is_empty() { "_".into() } else { sound };
        if self.annotations.0.len() == MOST && self.annotations.get(&sound).is_none() {
            return false;
        }
        let (value, is_cut) = match value {
            Json::Text(text) => match cut(text, MOST_IN_TEXT) {
                (_, false) => (value.clone(), false),
                (short, true) => (short.to_owned().into(), true),
            },
            value => (value.clone(), false),
        };
        self.annotations.set(sound, value);
        !is_cut
    }

    /// Adds to the default metadata.
    fn keep(&mut self, key: Cow<'a, str>, value: Option<&'a Value>, rules: &Rules<'a>) {
        match value {
            Some(value) => {
                let json = rules.json(&key, value);
                self.default.set(key, json);
            }
            None if rules.is_contrib => {}
            None => self.default.set(key, Json::Null),
        }
    }

    /// Adds the object that `text` is to the namespace that `key` names; as it is if it is none.
    fn add_namespace(&mut self, key: &'a str, text: &'a str, rules: &Rules<'a>) {
        let namespace = &key[NAMESPACE.len()..];
        // `AWS.` is for X-Ray itself.
        let is_free = rules.is_contrib || !namespace.is_empty() && !namespace.starts_with("AWS.");
        let parsed = match serde_json::from_str(text) {
            Ok(serde_json::Value::Object(object)) if is_free => object,
            Ok(serde_json::Value::Null) if rules.is_contrib => serde_json::Map::new(),
            _ => return self.default.set(key, text),
        };
        let entries =
            parsed.into_iter().map(|(key, value)| (key.into(), Json::parsed(value, rules.is_contrib)));
        if namespace.eq_ignore_ascii_case(DEFAULT) {
            entries.for_each(|(key, value): (Cow<'_, str>, _)| self.default.set(key, value));
        } else {
            self.named.set(namespace, Object(entries.collect()));
        }
    }

    /// All metadata, by namespace.
    pub fn metadata(&mut self) -> Object<'a> {
        let mut metadata = std::mem::take(&mut self.named);
        if !self.default.is_empty() {
            metadata.set(DEFAULT, std::mem::take(&mut self.default));
        }
        metadata
    }
}
