//! The two documents of a span that is both the first of its process and a call: the service, and what it calls.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::attributes::Attributes;
use super::id::Ids;
use super::json::Json;
use super::keys::Key::*;
use super::make::{self, Role};
use super::segment::Segment;
use super::source::{Source, is_local_root};
use super::{Mapping, contrib, improved};

/// The segments of a span: one, or two if it is the first of its process and a call.
pub fn segments<'a>(source: &Source<'a>, attributes: Attributes<'a>, ids: &mut Ids) -> Vec<Segment<'a>> {
    if !is_local_root(&attributes) {
        return vec![make::segment(source, attributes, Role::Span, ids)];
    }
    if matches!(source.kind, SpanKind::Server | SpanKind::Internal) {
        let mut segment = make::segment(source, attributes, role_of_one(source), ids);
        segment.is_subsegment &= super::lambda::is_under_function(source);
        segment.namespace = None;
        return vec![segment];
    }
    let service = Source { id: ids.next(), ..*source };
    let call = Source { parent: Some(service.id), ..*source };
    vec![self::call(&call, attributes.clone(), ids), self::service(&service, attributes, ids)]
}

/// Where the improved mapping has but one document, it is that of the service, beneath Lambda's segment or not.
fn role_of_one(source: &Source<'_>) -> Role {
    if super::lambda::is_under_function(source) { Role::Span } else { Role::Service }
}

/// What the service calls.
fn call<'a>(source: &Source<'a>, attributes: Attributes<'a>, ids: &mut Ids) -> Segment<'a> {
    let is_improved = source.settings.mapping == Mapping::Improved;
    let remote = match is_improved {
        true => improved::naming::remote(source, &attributes),
        false => contrib::naming::remote_service(&attributes).and_then(contrib::naming::sound),
    };
    let mut segment = make::segment(source, attributes, Role::Call, ids);
    segment.is_subsegment = true;
    segment.namespace = segment.namespace.or(Some("remote"));
    segment.name = remote.unwrap_or(segment.name);
    if source.kind == SpanKind::Consumer {
        segment.links.clear();
    }
    segment
}

/// The service that calls.
fn service<'a>(source: &Source<'a>, mut attributes: Attributes<'a>, ids: &mut Ids) -> Segment<'a> {
    attributes.remove(&[AwsRemoteService, AwsRemoteOperation, RemoteTarget, K8sRemoteNamespace]);
    let name = match source.settings.mapping {
        Mapping::Contrib => {
            let own = attributes.string(AwsLocalService).or_else(|| source.resource.string(ServiceName));
            own.and_then(contrib::naming::sound)
        }
        Mapping::Improved => improved::naming::service(source, &attributes),
    };
    let mut segment = make::segment(source, attributes, Role::Service, ids);
    segment.name = name.unwrap_or(segment.name);
    segment.is_subsegment = false;
    segment.namespace = None;
    segment.http = None;
    if let Some(aws) = &mut segment.aws {
        aws.remove(&contrib::aws::OF_CALLS);
    }
    let is_of_resource = |key: &str| key.starts_with("otel.resource.");
    for (_, namespace) in &mut segment.metadata.0 {
        if let Json::Object(namespace) = namespace {
            namespace.0.retain(|(key, _)| is_of_resource(key));
        }
    }
    if source.settings.mapping == Mapping::Improved {
        segment.sql = None;
        segment.aws = segment.aws.filter(|aws| !aws.is_empty());
        segment.metadata.0.retain(|(_, namespace)| !matches!(namespace, Json::Object(all) if all.is_empty()));
    }
    if source.kind != SpanKind::Consumer {
        segment.links.clear();
    }
    segment
}
