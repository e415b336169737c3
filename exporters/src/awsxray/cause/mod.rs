//! Why a span failed: its exceptions, with the stacks that their languages print.
//!
//! Read [`of`] for where exceptions come from, `language.rs` for how a stack trace finds its parser. Each language
//! is a file of its own; `contrib/` reads as the Go Collector's exporter does.

mod contrib;
mod dotnet;
mod event;
mod go;
mod java;
mod javascript;
mod language;
mod php;
mod python;
mod ruby;
mod rust;
#[cfg(test)]
mod tests;
mod thrown;

use std::borrow::Cow;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::id::Ids;
use super::json::{Json, Object};
use super::{Id, Mapping};

pub use language::Language;
pub use thrown::Thrown;

/// What the translation of a span already knows of it.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The rules to follow.
    pub mapping: Mapping,
    /// `telemetry.sdk.language` of the resource; empty if it does not say.
    pub language: &'a str,
    /// Whether it is a call to another place: its kind is client or producer.
    pub remote: bool,
    /// Whether it is a call by an AWS SDK: `rpc.system` is `aws-api`.
    pub aws_api: bool,
    /// `http.status_text`; empty if there is none.
    pub status_text: &'a str,
}

/// The `cause` of a segment document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cause<'a> {
    /// The exceptions, each before the one that caused it. Without any the block is still written, empty.
    pub exceptions: Vec<Exception<'a>>,
}

/// One exception.
#[derive(Clone, Debug, PartialEq)]
pub struct Exception<'a> {
    /// Its id.
    pub id: Id,
    /// What it says.
    pub message: Option<Cow<'a, str>>,
    /// Its class.
    pub kind: Option<Cow<'a, str>>,
    /// Whether it came from another place; unknown is not written.
    pub remote: Option<bool>,
    /// How many frames of its stack are left out here.
    pub truncated: usize,
    /// How many exceptions between it and its cause are left out here.
    pub skipped: i64,
    /// The exception that caused it.
    pub cause: Option<Id>,
    /// Where it was thrown, innermost first.
    pub stack: Vec<Frame<'a>>,
}

/// One frame of a stack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame<'a> {
    /// The file.
    pub path: Option<Cow<'a, str>>,
    /// The line in it.
    pub line: i64,
    /// The function.
    pub label: Option<Cow<'a, str>>,
}

/// The most exceptions of one span that are kept: a loop that fails and goes on may record thousands.
const MOST_EXCEPTIONS: usize = 64;

/// Why `span` failed, if it says so: in events, or by its status.
pub fn of<'a>(span: &'a Span, about: &About<'a>, ids: &mut Ids) -> Option<Cause<'a>> {
    let improved = about.mapping == Mapping::Improved;
    let mut told = false;
    let mut exceptions = Vec::new();
    for event in &span.events {
        if event::is_exception(event) {
            told = true;
            exceptions.extend(event::exceptions(event, about, ids));
        } else if about.aws_api && event::is_failed_request(event) {
            told = true;
            exceptions.extend(event::failed_request(event, about, ids));
        }
    }
    if improved {
        keep_first(&mut exceptions);
        told = !exceptions.is_empty();
    }
    if told {
        return Some(Cause { exceptions });
    }
    let status = span.status.as_ref().filter(|status| status.code == StatusCode::Error as i32)?;
    let message = Some(status.message.as_str()).filter(|message| !message.is_empty());
    let message = message.unwrap_or(about.status_text);
    if message.is_empty() {
        return None;
    }
    let kind = match about.mapping {
        Mapping::Improved => event::text(&span.attributes, "error.type"),
        Mapping::Contrib => Some(""),
    };
    let exception =
        Exception { message: Some(message.into()), kind: kind.map(Cow::from), ..Exception::new(ids.next()) };
    Some(Cause { exceptions: vec![exception] })
}

fn keep_first(exceptions: &mut Vec<Exception<'_>>) {
    exceptions.truncate(MOST_EXCEPTIONS);
    let kept: Vec<_> = exceptions.iter().map(|exception| exception.id).collect();
    for exception in exceptions {
        exception.cause = exception.cause.filter(|cause| kept.contains(cause));
    }
}

impl<'a> Cause<'a> {
    /// As it is written.
    pub fn json(&self) -> Object<'a> {
        let mut object = Object::default();
        if !self.exceptions.is_empty() {
            object.set("exceptions", self.exceptions.iter().map(Exception::json).collect::<Vec<_>>());
        }
        object
    }
}

impl<'a> Exception<'a> {
    /// One of which nothing is known.
    fn new(id: Id) -> Exception<'a> {
        let (message, kind, remote, cause) = (None, None, None, None);
        Exception { id, message, kind, remote, truncated: 0, skipped: 0, cause, stack: Vec::new() }
    }

    fn json(&self) -> Json<'a> {
        let mut object = Object::default();
        object.set("id", self.id.to_string());
        object.set_some("message", self.message.clone());
        object.set_some("type", self.kind.clone());
        object.set_some("remote", self.remote);
        if self.truncated > 0 {
            object.set("truncated", i64::try_from(self.truncated).unwrap_or(i64::MAX));
        }
        object.set_some("skipped", Some(self.skipped).filter(|skipped| *skipped > 0));
        object.set_some("cause", self.cause.map(|cause| cause.to_string()));
        if !self.stack.is_empty() {
            object.set("stack", self.stack.iter().map(Frame::json).collect::<Vec<_>>());
        }
        object.into()
    }
}

impl<'a> Frame<'a> {
    fn json(&self) -> Json<'a> {
        let mut object = Object::default();
        object.set_some("path", self.path.clone());
        object.set("line", self.line);
        object.set_some("label", self.label.clone());
        object.into()
    }
}
