//! A span with all that its translation needs to know.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::attributes::Attributes;
use super::keys::Key;
use super::{Facts, Id, Settings};

/// A span in its place.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The span.
    pub span: &'a Span,
    /// Its kind.
    pub kind: SpanKind,
    /// Its trace.
    pub trace_id: [u8; 16],
    /// Its own id.
    pub id: Id,
    /// What called it.
    pub parent: Option<Id>,
    /// What the process says of itself.
    pub resource: &'a Attributes<'a>,
    /// What made the span.
    pub scope: Option<&'a InstrumentationScope>,
    /// What the user chose.
    pub settings: &'a Settings,
    /// What is known of the place.
    pub facts: &'a Facts<'a>,
}

impl Source<'_> {
    /// Whether it calls another place.
    pub fn is_call(&self) -> bool {
        matches!(self.kind, SpanKind::Client | SpanKind::Producer)
    }

    /// Whether it is work that somebody asked this process for.
    pub fn is_served(&self) -> bool {
        matches!(self.kind, SpanKind::Server | SpanKind::Consumer)
    }

    /// Whether its status is an error.
    pub fn is_error(&self) -> bool {
        self.status_code() == StatusCode::Error
    }

    /// Its status.
    pub fn status_code(&self) -> StatusCode {
        self.span.status.as_ref().map_or(StatusCode::Unset, |status| status.code())
    }
}

/// Whether a span with these attributes is the first of its process, as the agents of Application Signals say.
pub fn is_local_root(attributes: &Attributes<'_>) -> bool {
    attributes.text(Key::AwsSpanKind) == Some("LOCAL_ROOT")
}

/// Whether a span with these attributes is a call by an AWS SDK.
pub fn is_aws_api(attributes: &Attributes<'_>) -> bool {
    attributes.text(Key::RpcSystem) == Some("aws-api")
}

/// `name` as it is when AWS's own prefix is taken off it.
pub fn without_aws_prefix(name: &str) -> &str {
    name.strip_prefix("AWS.SDK.").or_else(|| name.strip_prefix("AWS::")).unwrap_or(name)
}
