//! The `span` processor: makes names of spans out of attributes, and attributes out of names; sets the status.

use config::{Mistake, Mistakes, Node, words};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use pipeline::{Batch, Context, Processor, Signal};
use regex_lite::Regex;
use serde::Deserialize;

use crate::actions::value::string;
use crate::actions::{get, put};
use crate::matching::{MatchConfig, Matching, scalar};
use crate::pattern;

/// What a user may write.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Only these; all, if it is not there.
    include: Option<MatchConfig>,
    /// But not these.
    exclude: Option<MatchConfig>,
    /// What becomes of the name.
    name: Name,
    /// What the status becomes.
    status: Option<StatusConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Name {
    /// Attributes whose values, in this order, become the name; if one of them is not there, it stays as it is.
    #[serde(deserialize_with = "words")]
    from_attributes: Vec<String>,
    /// What stands between them.
    separator: String,
    /// Attributes that are taken out of the name.
    to_attributes: ToAttributes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ToAttributes {
    /// Regular expressions; what a group `(?P<key>...)` finds becomes the attribute `key`, and `{key}` stands in its
    /// place. Each works on the name that the one before has left.
    #[serde(deserialize_with = "words")]
    rules: Vec<String>,
    /// Whether no other is tried after the first that is found.
    break_after_match: bool,
    /// Whether the name stays as it is.
    keep_original_name: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusConfig {
    /// What it is.
    code: Code,
    /// What went wrong; with `Error` only.
    #[serde(default)]
    description: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
enum Code {
    Ok,
    Error,
    Unset,
}

/// Makes a `span` processor.
///
/// # Errors
/// Settings that would change nothing, a pattern that is none, what is wrong with what chooses.
pub fn build(node: &Node, _: &Context) -> Result<Box<dyn Processor>, Mistakes> {
    let Config { include, exclude, name, status } = node.read()?;
    let mut mistakes: Vec<Mistake> = Vec::new();
    if name.from_attributes.is_empty() && name.to_attributes.rules.is_empty() && status.is_none() {
        let message = "missing; expected from_attributes, or to_attributes with rules, or a status beside it";
        mistakes.extend(node.mistake("name", message).0);
    }
    if status.as_ref().is_some_and(|status| status.code != Code::Error && !status.description.is_empty()) {
        mistakes.extend(node.mistake("status.description", "only code: Error has a description").0);
    }
    let mut rules = Vec::new();
    for (i, rule) in name.to_attributes.rules.iter().enumerate() {
        match pattern::compile(rule) {
            Ok(pattern) => rules.push(pattern),
            Err(why) => mistakes.extend(node.mistake(&format!("name.to_attributes.rules[{i}]"), why).0),
        }
    }
    match Matching::new(node, include, exclude) {
        Ok(matching) if mistakes.is_empty() => Ok(Box::new(Spans { matching, name, rules, status })),
        matching => {
            mistakes.extend(matching.err().into_iter().flat_map(|found| found.0));
            Err(Mistakes(mistakes))
        }
    }
}

struct Spans {
    matching: Matching,
    name: Name,
    rules: Vec<Regex>,
    status: Option<StatusConfig>,
}

impl Processor for Spans {
    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        if batch.signal() == Signal::Traces {
            batch.edit_if(|request| self.matching.each_span(request, |span| self.change(span)));
        }
        out.push(batch);
    }

    fn takes(&self, signal: Signal) -> Result<(), String> {
        match signal {
            Signal::Traces => self.matching.takes(signal),
            _ => Err(format!("changes spans, not {signal}")),
        }
    }
}

impl Spans {
    fn change(&self, span: &mut Span) {
        if let Some(name) = self.assembled(span) {
            span.name = name;
        }
        for rule in &self.rules {
            let name = to_attributes(rule, span);
            let is_found = name.is_some();
            if let Some(name) = name.filter(|_| !self.name.to_attributes.keep_original_name) {
                span.name = name;
            }
            if is_found && self.name.to_attributes.break_after_match {
                break;
            }
        }
        if let Some(StatusConfig { code, description }) = &self.status {
            let code = match code {
                Code::Ok => StatusCode::Ok,
                Code::Error => StatusCode::Error,
                Code::Unset => StatusCode::Unset,
            };
            span.status = Some(Status { code: code.into(), message: description.clone() });
        }
    }

    /// The name that the attributes make, if all of them are there.
    fn assembled(&self, span: &Span) -> Option<String> {
        let text = |key: &String| {
            let value = get(&span.attributes, key)?;
            Some(scalar(value).unwrap_or_else(|| "<unknown-attribute-type>".to_owned()))
        };
        let values: Option<Vec<_>> = self.name.from_attributes.iter().map(text).collect();
        values.filter(|values| !values.is_empty()).map(|values| values.join(&self.name.separator))
    }
}

/// Makes attributes of what the groups of `rule` find in the name. Returns the name with their keys in their places; none
/// if nothing is found, or there is no name.
fn to_attributes(rule: &Regex, span: &mut Span) -> Option<String> {
    let old = std::mem::take(&mut span.name);
    let name = rule.captures(&old).filter(|_| !old.is_empty()).map(|found| {
        let (mut name, mut end) = (String::new(), 0);
        for (i, key) in rule.capture_names().enumerate().skip(1) {
            let (key, group) = (key.unwrap_or_default(), found.get(i));
            put(&mut span.attributes, key, string(group.map_or("", |group| group.as_str()).to_owned()));
            // A group that took no part, or lies in another, has no place of its own.
            if let Some(group) = group.filter(|group| group.start() >= end) {
                name.push_str(&old[end..group.start()]);
                name.push('{');
                name.push_str(key);
                name.push('}');
                end = group.end();
            }
        }
        name.push_str(&old[end..]);
        name
    });
    span.name = old;
    name
}
