//! A segment or subsegment before it is written.

use std::borrow::Cow;
use std::fmt::Write;

use super::Id;
use super::cause::Cause;
use super::json::{Json, Object, write_text};

/// All that a document can say.
#[derive(Clone, Debug)]
pub struct Segment<'a> {
    /// Sound as a name.
    pub name: Cow<'a, str>,
    /// The id of the span, or one made up.
    pub id: Id,
    /// 16 bytes.
    pub trace_id: [u8; 16],
    /// What called it, or what it is a part of.
    pub parent: Option<Id>,
    /// Whether it is a part of its parent.
    pub is_subsegment: bool,
    /// When it began and ended.
    pub time: Time,
    /// `aws` or `remote` if it is a call to such a place.
    pub namespace: Option<&'static str>,
    /// The kind of place where it ran.
    pub origin: Option<&'static str>,
    /// What ran it.
    pub resource_arn: Option<Cow<'a, str>>,
    /// Who wanted it.
    pub user: Option<Cow<'a, str>>,
    /// The version of the program.
    pub service: Option<Object<'a>>,
    /// The request and its response.
    pub http: Option<Object<'a>>,
    /// Where in AWS it ran, or what it asked of AWS.
    pub aws: Option<Object<'a>>,
    /// The query.
    pub sql: Option<Object<'a>>,
    /// Whether it failed.
    pub flags: Flags,
    /// Why it failed.
    pub cause: Option<Cause<'a>>,
    /// Whether the other side of the call has a segment of its own, if that is known.
    pub traced: Option<bool>,
    /// What one can search for.
    pub annotations: Object<'a>,
    /// All else, in namespaces.
    pub metadata: Object<'a>,
    /// Spans of other traces.
    pub links: Vec<Json<'a>>,
}

/// When it began and ended.
#[derive(Clone, Copy, Debug)]
pub enum Time {
    /// To the nanosecond. Without an end it is in progress.
    Exact(u64, Option<u64>),
    /// As the double of seconds that the Go exporter makes of it.
    Double(u64, Option<u64>),
}

/// Whether it failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// By the fault of the one who asked.
    pub error: bool,
    /// Because there were too many requests.
    pub throttle: bool,
    /// By its own fault.
    pub fault: bool,
    /// Whether to say what is not so.
    pub say_all: bool,
}

impl Segment<'_> {
    /// As JSON.
    pub fn json(&self) -> String {
        let mut out = String::with_capacity(1024);
        out.push_str("{\"name\":");
        write_text(&mut out, &self.name);
        // Writing to a string can't fail.
        let _ = write!(out, ",\"id\":\"{}\",\"trace_id\":\"{}\"", self.id, trace_id(&self.trace_id));
        if let Some(parent) = self.parent {
            let _ = write!(out, ",\"parent_id\":\"{parent}\"");
        }
        if self.is_subsegment {
            out.push_str(",\"type\":\"subsegment\"");
        }
        self.time.write(&mut out);
        write_some_text(&mut out, "namespace", self.namespace);
        write_some_text(&mut out, "origin", self.origin);
        write_some_text(&mut out, "resource_arn", self.resource_arn.as_deref());
        write_some_text(&mut out, "user", self.user.as_deref());
        self.flags.write(&mut out);
        let blocks =
            [("service", &self.service), ("http", &self.http), ("aws", &self.aws), ("sql", &self.sql)];
        for (key, block) in blocks {
            write_some(&mut out, key, block.as_ref());
        }
        write_some(&mut out, "cause", self.cause.as_ref().map(Cause::json).as_ref());
        if let Some(traced) = self.traced {
            let _ = write!(out, ",\"traced\":{traced}");
        }
        for (key, object) in [("annotations", &self.annotations), ("metadata", &self.metadata)] {
            write_some(&mut out, key, Some(object).filter(|object| !object.is_empty()));
        }
        if !self.links.is_empty() {
            out.push_str(",\"links\":");
            Json::Array(self.links.clone()).write(&mut out);
        }
        out.push('}');
        out
    }
}

/// A trace id in X-Ray's form.
pub fn trace_id(bytes: &[u8; 16]) -> String {
    let mut text = String::from("1-");
    for (at, byte) in bytes.iter().enumerate() {
        if at == 4 {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn write_some(out: &mut String, key: &str, object: Option<&Object<'_>>) {
    if let Some(object) = object {
        let _ = write!(out, ",\"{key}\":");
        object.write(out);
    }
}

fn write_some_text(out: &mut String, key: &str, text: Option<&str>) {
    if let Some(text) = text {
        let _ = write!(out, ",\"{key}\":");
        write_text(out, text);
    }
}

impl Time {
    fn write(self, out: &mut String) {
        let (start, end, json): (u64, Option<u64>, fn(u64) -> Json<'static>) = match self {
            Time::Exact(start, end) => (start, end.map(|end| end.max(start)), Json::Time),
            Time::Double(start, end) => (start, end, |nanoseconds| Json::Double(nanoseconds as f64 / 1e9)),
        };
        out.push_str(",\"start_time\":");
        json(start).write(out);
        match end {
            Some(end) => {
                out.push_str(",\"end_time\":");
                json(end).write(out);
            }
            None => out.push_str(",\"in_progress\":true"),
        }
    }
}

impl Flags {
    fn write(self, out: &mut String) {
        for (key, value) in [("error", self.error), ("throttle", self.throttle), ("fault", self.fault)] {
            if value || self.say_all {
                let _ = write!(out, ",\"{key}\":{value}");
            }
        }
    }
}
