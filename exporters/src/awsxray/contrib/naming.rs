//! Names and namespaces.

use std::borrow::Cow;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::super::attributes::Attributes;
use super::super::keys::Key::*;
use super::super::name::{clean, clean_like_go, is_sound};
use super::super::source::{Source, is_aws_api, is_local_root, without_aws_prefix};
use super::super::url::host_by_go;

/// The name of the span's document, and its namespace.
pub fn name<'a>(source: &Source<'a>, attributes: &Attributes<'a>) -> (Cow<'a, str>, Option<&'static str>) {
    let mut namespace = is_aws_api(attributes).then_some("aws");
    let name = of_service(source, attributes)
        .or_else(|| attributes.text(PeerService))
        .or_else(|| {
            let service = attributes.text(AwsService);
            if attributes.has(AwsService) {
                namespace = Some("aws");
            }
            service
        })
        .map(Cow::Borrowed)
        .or_else(|| database(attributes))
        .or_else(|| {
            let service = source.resource.text(ServiceName).filter(|_| source.kind == SpanKind::Server);
            service
                .or_else(|| attributes.first_text(&[RpcService, HttpHost, NetPeerName]).map(|found| found.1))
                .map(Cow::Borrowed)
        });
    if source.is_call() {
        namespace = namespace.or(Some("remote"));
    }
    (name.and_then(sound).unwrap_or_else(|| of_span(source)), namespace)
}

/// The name of the remote side as the span gives it, for a subsegment.
pub fn remote_service<'a>(attributes: &Attributes<'a>) -> Option<&'a str> {
    let name = attributes.text(AwsRemoteService)?;
    let name = if is_aws_api(attributes) { without_aws_prefix(name) } else { name };
    Some(name).filter(|name| !name.is_empty())
}

/// `name` as it is, as the Go exporter sends it; if X-Ray would not take that, what remains once it would, if anything
/// does.
pub fn sound<'a>(name: impl Into<Cow<'a, str>>) -> Option<Cow<'a, str>> {
    let name = match name.into() {
        name if is_sound(&name) => name,
        Cow::Borrowed(name) => clean(name),
        Cow::Owned(name) => clean(&name).into_owned().into(),
    };
    Some(name).filter(|name| !name.is_empty())
}

fn of_service<'a>(source: &Source<'a>, attributes: &Attributes<'a>) -> Option<&'a str> {
    match source.kind {
        SpanKind::Server => attributes.text(AwsLocalService),
        SpanKind::Internal if is_local_root(attributes) => attributes.text(AwsLocalService),
        SpanKind::Client | SpanKind::Producer | SpanKind::Consumer => remote_service(attributes),
        _ => None,
    }
}

/// `name@host`; an empty name leaves `@host`.
fn database<'a>(attributes: &Attributes<'a>) -> Option<Cow<'a, str>> {
    let name = attributes.has(DbName).then(|| attributes.text(DbName).unwrap_or_default())?;
    let connection = attributes.text(DbConnectionString).unwrap_or_default();
    let host = host_by_go(connection.strip_prefix("jdbc:").unwrap_or(connection));
    let name: Cow<'_, str> = host.map_or(name.into(), |host| format!("{name}@{host}").into());
    Some(name).filter(|name| !name.is_empty())
}

fn of_span<'a>(source: &Source<'a>) -> Cow<'a, str> {
    Some(clean_like_go(&source.span.name)).filter(|name| !name.is_empty()).unwrap_or("span".into())
}
