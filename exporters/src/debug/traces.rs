//! Spans as text.

use std::fmt::{self, Write};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::time::Time;
use super::tree::{Item, ResourceItems, ScopeItems, Tree};
use super::value::{self, Hex};

/// A trace request as a tree.
pub fn tree(request: &ExportTraceServiceRequest) -> Tree<'_, Span> {
    let resources = request.resource_spans.iter().map(|of_resource| ResourceItems {
        resource: of_resource.resource.as_ref(),
        schema_url: &of_resource.schema_url,
        scopes: (of_resource.scope_spans.iter())
            .map(|of_scope| ScopeItems {
                scope: of_scope.scope.as_ref(),
                schema_url: &of_scope.schema_url,
                items: &of_scope.spans,
            })
            .collect(),
    });
    Tree(resources.collect())
}

impl Item for Span {
    const NORMAL: [&'static str; 2] = ["ResourceTraces", "ScopeTraces"];
    const DETAILED: [&'static str; 3] = ["ResourceSpans", "ScopeSpans", "Span"];

    fn normal(&self, out: &mut String) -> fmt::Result {
        write!(out, "{} {} {}", self.name, Hex(&self.trace_id), Hex(&self.span_id))?;
        if !self.attributes.is_empty() {
            out.push(' ');
        }
        value::inline(out, ' ', &self.attributes)?;
        out.write_char('\n')
    }

    fn detailed(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "    Trace ID       : {}", Hex(&self.trace_id))?;
        writeln!(out, "    Parent ID      : {}", Hex(&self.parent_span_id))?;
        writeln!(out, "    ID             : {}", Hex(&self.span_id))?;
        writeln!(out, "    Name           : {}", self.name)?;
        writeln!(out, "    Kind           : {}", kind(self.kind))?;
        if !self.trace_state.is_empty() {
            writeln!(out, "    TraceState     : {}", self.trace_state)?;
        }
        writeln!(out, "    Start time     : {}", Time(self.start_time_unix_nano))?;
        writeln!(out, "    End time       : {}", Time(self.end_time_unix_nano))?;
        let (code, message) = self.status.as_ref().map_or((0, ""), |status| (status.code, &status.message));
        writeln!(out, "    Status code    : {}", status(code))?;
        writeln!(out, "    Status message : {message}")?;
        writeln!(out, "    DroppedAttributesCount: {}", self.dropped_attributes_count)?;
        writeln!(out, "    DroppedEventsCount: {}", self.dropped_events_count)?;
        writeln!(out, "    DroppedLinksCount: {}", self.dropped_links_count)?;
        value::list(out, "", "Attributes", &self.attributes)?;
        events(out, &self.events)?;
        links(out, &self.links)
    }
}

fn events(out: &mut String, events: &[Event]) -> fmt::Result {
    if !events.is_empty() {
        out.push_str("Events:\n");
    }
    for (number, event) in events.iter().enumerate() {
        writeln!(out, "SpanEvent #{number}")?;
        writeln!(out, "     -> Name: {}", event.name)?;
        writeln!(out, "     -> Timestamp: {}", Time(event.time_unix_nano))?;
        writeln!(out, "     -> DroppedAttributesCount: {}", event.dropped_attributes_count)?;
        value::list(out, "     ", "     -> Attributes:", &event.attributes)?;
    }
    Ok(())
}

fn links(out: &mut String, links: &[Link]) -> fmt::Result {
    if !links.is_empty() {
        out.push_str("Links:\n");
    }
    for (number, link) in links.iter().enumerate() {
        writeln!(out, "SpanLink #{number}")?;
        writeln!(out, "     -> Trace ID: {}", Hex(&link.trace_id))?;
        writeln!(out, "     -> ID: {}", Hex(&link.span_id))?;
        writeln!(out, "     -> TraceState: {}", link.trace_state)?;
        writeln!(out, "     -> DroppedAttributesCount: {}", link.dropped_attributes_count)?;
        value::list(out, "     ", "     -> Attributes:", &link.attributes)?;
    }
    Ok(())
}

/// Empty for kinds that OTLP does not have; so is [`status`].
fn kind(kind: i32) -> &'static str {
    match SpanKind::try_from(kind) {
        Ok(SpanKind::Unspecified) => "Unspecified",
        Ok(SpanKind::Internal) => "Internal",
        Ok(SpanKind::Server) => "Server",
        Ok(SpanKind::Client) => "Client",
        Ok(SpanKind::Producer) => "Producer",
        Ok(SpanKind::Consumer) => "Consumer",
        Err(_) => "",
    }
}

fn status(code: i32) -> &'static str {
    match StatusCode::try_from(code) {
        Ok(StatusCode::Unset) => "Unset",
        Ok(StatusCode::Ok) => "Ok",
        Ok(StatusCode::Error) => "Error",
        Err(_) => "",
    }
}
