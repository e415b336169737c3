//! Which spans, metrics and log records a processor works on: `include` and `exclude`.

mod config;

pub use config::MatchConfig;

use ::config::{Mistakes, Node};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Content;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::Signal;
use regex_lite::Regex;

use crate::actions::get;
use crate::actions::value::{EMPTY, same};
use config::SPAN_KINDS;

/// Chooses what `include` matches (all, without it) and `exclude` does not.
#[derive(Debug)]
pub struct Matching {
    include: Option<Properties>,
    exclude: Option<Properties>,
}

/// What stands around a span or log record.
pub struct Around<'a> {
    resource: &'a [KeyValue],
    name: &'a str,
    version: &'a str,
}

impl<'a> Around<'a> {
    /// What is missing is empty.
    pub fn new(resource: Option<&'a Resource>, scope: Option<&'a InstrumentationScope>) -> Self {
        Around {
            resource: resource.map_or(&[], |resource| &resource.attributes),
            name: scope.map_or("", |scope| &scope.name),
            version: scope.map_or("", |scope| &scope.version),
        }
    }
}

impl Matching {
    /// Makes ready what stands at `include` and `exclude` of `node`.
    ///
    /// # Errors
    /// Everything wrong with both.
    pub fn new(
        node: &Node,
        include: Option<MatchConfig>,
        exclude: Option<MatchConfig>,
    ) -> Result<Self, Mistakes> {
        let mut mistakes = Vec::new();
        let mut check = |config: Option<MatchConfig>, key| match config
            .filter(|_| !node.get(key).is_some_and(|it| it.is_null()))?
            .check(node, key)
        {
            Ok(properties) => Some(properties),
            Err(found) => {
                mistakes.extend(found.0);
                None
            }
        };
        let matching = Matching { include: check(include, "include"), exclude: check(exclude, "exclude") };
        if mistakes.is_empty() { Ok(matching) } else { Err(Mistakes(mistakes)) }
    }

    /// Whether all properties are such as `signal` has.
    pub fn takes(&self, signal: Signal) -> Result<(), String> {
        let known: &[&str] = match signal {
            Signal::Traces => {
                &["services", "span_names", "span_kinds", "attributes", "resources", "libraries"]
            }
            Signal::Metrics => &["metric_names", "resources"],
            Signal::Logs => &[
                "log_bodies",
                "log_severity_texts",
                "log_severity_number",
                "attributes",
                "resources",
                "libraries",
            ],
        };
        for properties in self.include.iter().chain(&self.exclude) {
            if let Some(other) = properties.given().find(|given| !known.contains(given)) {
                let key = properties.key;
                return Err(format!(
                    "{key}.{other} is of no use in a pipeline of {signal}, which knows {}",
                    known.join(", ")
                ));
            }
        }
        Ok(())
    }

    /// Whether `span` is one of those.
    pub fn chooses_span(&self, span: &Span, around: &Around) -> bool {
        self.chooses(|properties| properties.span(span, around))
    }

    /// Lets `change` edit those spans of `request`; says whether there are any.
    pub fn each_span(
        &self,
        request: &mut ExportTraceServiceRequest,
        mut change: impl FnMut(&mut Span),
    ) -> bool {
        let mut changed = false;
        for resource in &mut request.resource_spans {
            for scope in &mut resource.scope_spans {
                let around = Around::new(resource.resource.as_ref(), scope.scope.as_ref());
                for span in &mut scope.spans {
                    if self.chooses_span(span, &around) {
                        change(span);
                        changed = true;
                    }
                }
            }
        }
        changed
    }

    /// Whether `record` is one of those.
    pub fn chooses_record(&self, record: &LogRecord, around: &Around) -> bool {
        self.chooses(|properties| properties.record(record, around))
    }

    /// Whether the metric of this name is one of those. As in the Go Collector, `resources` do not count.
    pub fn chooses_metric(&self, name: &str) -> bool {
        let names = |properties: &Option<Properties>, otherwise| {
            let names = properties.as_ref().and_then(|properties| properties.metric_names.as_ref());
            names.map_or(otherwise, |names| names.contain(name))
        };
        names(&self.include, true) && !names(&self.exclude, false)
    }

    /// The same, but `resources` count, and `exclude` matches a metric by its name or by its resource: as in the Go
    /// Collector's `filter`.
    pub fn chooses_metric_around(&self, name: &str, around: &Around) -> bool {
        let is_of = |properties: &Properties| {
            !properties.resources.is_empty()
                && properties.resources.iter().all(|attribute| attribute.is_in(around.resource))
        };
        self.chooses_metric(name)
            && self.include.as_ref().is_none_or(|it| it.resources.is_empty() || is_of(it))
            && !self.exclude.as_ref().is_some_and(is_of)
    }

    fn chooses(&self, matches: impl Fn(&Properties) -> bool) -> bool {
        self.include.as_ref().is_none_or(&matches) && !self.exclude.as_ref().is_some_and(&matches)
    }
}

/// All of them must match; what is not given matches anything.
#[derive(Debug)]
struct Properties {
    /// `include` or `exclude`.
    key: &'static str,
    services: Option<Texts>,
    span_names: Option<Texts>,
    span_kinds: Option<Texts>,
    log_bodies: Option<Texts>,
    log_severity_texts: Option<Texts>,
    log_severity_number: Option<Severity>,
    metric_names: Option<Texts>,
    attributes: Vec<Attribute>,
    resources: Vec<Attribute>,
    libraries: Vec<Library>,
}

impl Properties {
    /// The names of those that are given.
    fn given(&self) -> impl Iterator<Item = &'static str> {
        [
            ("services", self.services.is_some()),
            ("span_names", self.span_names.is_some()),
            ("span_kinds", self.span_kinds.is_some()),
            ("log_bodies", self.log_bodies.is_some()),
            ("log_severity_texts", self.log_severity_texts.is_some()),
            ("log_severity_number", self.log_severity_number.is_some()),
            ("metric_names", self.metric_names.is_some()),
            ("attributes", !self.attributes.is_empty()),
            ("resources", !self.resources.is_empty()),
            ("libraries", !self.libraries.is_empty()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
    }

    fn span(&self, span: &Span, around: &Around) -> bool {
        let kind = usize::try_from(span.kind).ok().and_then(|kind| SPAN_KINDS.get(kind)).unwrap_or(&"");
        self.services.as_ref().is_none_or(|services| services.contain(&service(around.resource)))
            && self.span_names.as_ref().is_none_or(|names| names.contain(&span.name))
            && self.span_kinds.as_ref().is_none_or(|kinds| kinds.contain(kind))
            && self.common(&span.attributes, around)
    }

    fn record(&self, record: &LogRecord, around: &Around) -> bool {
        let body = || pipeline::text(record.body.as_ref().unwrap_or(&EMPTY));
        self.log_bodies.as_ref().is_none_or(|bodies| bodies.contain(&body()))
            && self.log_severity_texts.as_ref().is_none_or(|texts| texts.contain(&record.severity_text))
            && self.log_severity_number.as_ref().is_none_or(|wanted| wanted.holds(record.severity_number))
            && self.common(&record.attributes, around)
    }

    fn common(&self, attributes: &[KeyValue], around: &Around) -> bool {
        self.libraries.iter().all(|library| library.is(around))
            && self.resources.iter().all(|attribute| attribute.is_in(around.resource))
            && self.attributes.iter().all(|attribute| attribute.is_in(attributes))
    }
}

/// The Go Collector's name for a service without a name, which configurations may match.
const NAMELESS: &str = "<nil-service-name>";

fn service(resource: &[KeyValue]) -> String {
    get(resource, "service.name").map_or_else(|| NAMELESS.into(), pipeline::text)
}

/// A list of texts, of which one must match.
#[derive(Debug)]
enum Texts {
    Strict(Vec<String>),
    Regexp(Vec<Regex>),
}

impl Texts {
    fn contain(&self, text: &str) -> bool {
        match self {
            Texts::Strict(texts) => texts.iter().any(|it| it == text),
            Texts::Regexp(patterns) => patterns.iter().any(|pattern| pattern.is_match(text)),
        }
    }
}

#[derive(Debug)]
struct Severity {
    min: i32,
    match_undefined: bool,
}

impl Severity {
    fn holds(&self, number: i32) -> bool {
        if number == 0 { self.match_undefined } else { number >= self.min }
    }
}

#[derive(Debug)]
struct Library {
    name: Texts,
    version: Option<Texts>,
}

impl Library {
    fn is(&self, around: &Around) -> bool {
        self.name.contain(around.name)
            && self.version.as_ref().is_none_or(|version| version.contain(around.version))
    }
}

#[derive(Debug)]
struct Attribute {
    key: String,
    test: Test,
}

/// What the value of an attribute must be.
#[derive(Debug)]
enum Test {
    Any,
    Same(AnyValue),
    Text(Texts),
}

impl Attribute {
    fn is_in(&self, attributes: &[KeyValue]) -> bool {
        let Some(value) = get(attributes, &self.key) else { return false };
        match &self.test {
            Test::Any => true,
            Test::Same(wanted) => same(wanted, value),
            Test::Text(texts) => scalar(value).is_some_and(|text| texts.contain(&text)),
        }
    }
}

/// A value as text; lists, maps and bytes have none. Doubles never have an exponent.
pub fn scalar(value: &AnyValue) -> Option<String> {
    Some(match value.value.as_ref()? {
        Content::StringValue(text) => text.clone(),
        Content::BoolValue(bool) => bool.to_string(),
        Content::IntValue(int) => int.to_string(),
        Content::DoubleValue(double) if double.is_infinite() => format!("{double:+}").replace("inf", "Inf"),
        Content::DoubleValue(double) => double.to_string(),
        _ => return None,
    })
}
