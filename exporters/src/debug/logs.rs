//! Log records as text.

use std::fmt::{self, Write};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;

use super::time::Time;
use super::tree::{Item, ResourceItems, ScopeItems, Tree};
use super::value::{self, Hex, plain, typed};

/// A log request as a tree.
pub fn tree(request: &ExportLogsServiceRequest) -> Tree<'_, LogRecord> {
    let resources = request.resource_logs.iter().map(|of_resource| ResourceItems {
        resource: of_resource.resource.as_ref(),
        schema_url: &of_resource.schema_url,
        scopes: (of_resource.scope_logs.iter())
            .map(|of_scope| ScopeItems {
                scope: of_scope.scope.as_ref(),
                schema_url: &of_scope.schema_url,
                items: &of_scope.log_records,
            })
            .collect(),
    });
    Tree(resources.collect())
}

impl Item for LogRecord {
    const NORMAL: [&'static str; 2] = ["ResourceLog", "ScopeLog"];
    const DETAILED: [&'static str; 3] = ["ResourceLog", "ScopeLogs", "LogRecord"];

    fn normal(&self, out: &mut String) -> fmt::Result {
        write!(out, "{} ", plain(self.body.as_ref()))?;
        value::inline(out, ' ', &self.attributes)?;
        out.write_char('\n')
    }

    fn detailed(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "ObservedTimestamp: {}", Time(self.observed_time_unix_nano))?;
        writeln!(out, "Timestamp: {}", Time(self.time_unix_nano))?;
        writeln!(out, "SeverityText: {}", self.severity_text)?;
        writeln!(out, "SeverityNumber: {}({})", severity(self.severity_number), self.severity_number)?;
        if !self.event_name.is_empty() {
            writeln!(out, "EventName: {}", self.event_name)?;
        }
        writeln!(out, "Body: {}", typed(self.body.as_ref()))?;
        value::list(out, "", "Attributes", &self.attributes)?;
        writeln!(out, "Trace ID: {}", Hex(&self.trace_id))?;
        writeln!(out, "Span ID: {}", Hex(&self.span_id))?;
        writeln!(out, "Flags: {}", self.flags)
    }
}

/// Empty for numbers that OTLP does not have.
fn severity(number: i32) -> &'static str {
    const NAMES: [&str; 25] = [
        "Unspecified",
        "Trace",
        "Trace2",
        "Trace3",
        "Trace4",
        "Debug",
        "Debug2",
        "Debug3",
        "Debug4",
        "Info",
        "Info2",
        "Info3",
        "Info4",
        "Warn",
        "Warn2",
        "Warn3",
        "Warn4",
        "Error",
        "Error2",
        "Error3",
        "Error4",
        "Fatal",
        "Fatal2",
        "Fatal3",
        "Fatal4",
    ];
    usize::try_from(number).ok().and_then(|number| NAMES.get(number)).copied().unwrap_or_default()
}
