//! Names and namespaces.

use std::borrow::Cow;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::super::attributes::Attributes;
use super::super::keys::Key::*;
use super::super::name::clean;
use super::super::source::{Source, is_local_root, without_aws_prefix};
use super::super::url::host;

/// The name of the span's document: a segment's is that of the service, a subsegment's that of what it calls.
pub fn name<'a>(source: &Source<'a>, attributes: &Attributes<'a>, is_subsegment: bool) -> Cow<'a, str> {
    let is_own =
        !is_subsegment && !source.is_call() || source.kind == SpanKind::Internal && is_local_root(attributes);
    let name = match is_own {
        true => service(source, attributes),
        false if source.is_served() => None,
        false => remote(source, attributes),
    };
    name.or_else(|| sound(source.span.name.as_str())).unwrap_or("span".into())
}

/// The namespace of a subsegment.
pub fn namespace(source: &Source<'_>, attributes: &Attributes<'_>) -> Option<&'static str> {
    if is_aws(attributes) { Some("aws") } else { source.is_call().then_some("remote") }
}

/// The name of the service that the span belongs to.
pub fn service<'a>(source: &Source<'a>, attributes: &Attributes<'a>) -> Option<Cow<'a, str>> {
    let own = attributes.text(AwsLocalService).and_then(sound);
    let resource = source.resource;
    // SDKs that nobody told a name make one up.
    let named = resource.text(ServiceName).filter(|name| !name.starts_with("unknown_service"));
    let named = named.or_else(|| resource.text(FaasName)).or_else(|| resource.text(ServiceName));
    own.or_else(|| named.and_then(sound))
}

/// The name of the other side.
pub fn remote<'a>(source: &Source<'a>, attributes: &Attributes<'a>) -> Option<Cow<'a, str>> {
    let calls = source.is_call() || source.kind == SpanKind::Consumer || is_local_root(attributes);
    let told = attributes.text(AwsRemoteService).filter(|_| calls);
    let told = told.map(|name| if is_aws(attributes) { without_aws_prefix(name) } else { name });
    told.and_then(sound)
        .or_else(|| {
            attributes
                .first_text(&[ServicePeerName, PeerService, AwsService])
                .and_then(|found| sound(found.1))
        })
        .or_else(|| database(attributes))
        .or_else(|| rpc_service(attributes).and_then(sound))
        .or_else(|| {
            let found = |keys| attributes.first_text(keys).map(|found| found.1);
            let address =
                found(&[ServerAddress, HttpHost, NetPeerName]).or_else(|| host(found(&[UrlFull, HttpUrl])?));
            address.or_else(|| found(&[MessagingSystem])).filter(|_| source.is_call()).and_then(sound)
        })
}

/// Whether the span is a call by an AWS SDK.
pub fn is_aws(attributes: &Attributes<'_>) -> bool {
    let system = attributes.first_text(&[RpcSystemName, RpcSystem]).map(|found| found.1);
    matches!(system, Some("aws-api" | "aws_api")) || attributes.text(AwsService).is_some()
}

/// `name` as X-Ray takes it, if something of it remains.
fn sound<'a>(name: &'a str) -> Option<Cow<'a, str>> {
    Some(clean(name)).filter(|name| !name.is_empty())
}

fn database<'a>(attributes: &Attributes<'a>) -> Option<Cow<'a, str>> {
    let system = attributes.first_text(&[DbSystemName, DbSystem]).map(|found| found.1);
    let name = attributes.first_text(&[DbNamespace, DbName]).map(|found| found.1).or(system)?;
    // Those of AWS are known by their own names.
    if is_aws(attributes) {
        return None;
    }
    let of_connection = attributes.text(DbConnectionString).and_then(host);
    let host =
        of_connection.or_else(|| attributes.first_text(&[ServerAddress, NetPeerName]).map(|found| found.1));
    let name = host.map_or(name.to_owned(), |host| format!("{name}@{host}"));
    Some(clean(&name).into_owned().into()).filter(|name: &Cow<'_, str>| !name.is_empty())
}

/// `rpc.service`, or what stands before the last `/` of the method's full name.
fn rpc_service<'a>(attributes: &Attributes<'a>) -> Option<&'a str> {
    attributes.text(RpcService).or_else(|| Some(attributes.text(RpcMethod)?.rsplit_once('/')?.0))
}
