//! How the spans of a Lambda function hang beneath the segment that Lambda itself writes for the function.

use pipeline::Invocation;

use super::attributes::Attributes;
use super::id::bytes;
use super::json::Object;
use super::keys::Key::*;
use super::source::Source;
use super::{FunctionSegment, Id, Mapping};

/// The header `X-Amzn-Trace-Id`: `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=1`, and more fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Header {
    root: [u8; 16],
    parent: Option<Id>,
    sampled: bool,
}

/// Whether the span is served by a function for which Lambda writes a segment, so that it is a part of that.
///
/// With active tracing Lambda gives the function a header whose parent is that segment, and tells the extension the
/// header that came from outside; without, both are the same. So a span of the invocation's trace whose parent is
/// not the parent from outside hangs beneath a segment of Lambda's, or beneath a span of the function.
pub fn is_under_function(source: &Source<'_>) -> bool {
    let (Some(parent), true) = (source.parent, source.is_served() && is_lambda(source)) else { return false };
    let header =
        source.facts.invocations.iter().filter_map(header).find(|header| header.root == source.trace_id);
    match (source.settings.lambda_function_segment, source.settings.mapping) {
        (FunctionSegment::Absent, _) | (FunctionSegment::Auto, Mapping::Contrib) => false,
        (FunctionSegment::Present, _) => header.is_some() || source.facts.invocations.is_empty(),
        (FunctionSegment::Auto, Mapping::Improved) => {
            header.is_some_and(|header| header.sampled && header.parent != Some(parent))
        }
    }
}

/// X-Ray's word for the place where a segment of a function ran.
pub fn origin(source: &Source<'_>) -> Option<&'static str> {
    (source.resource.text(CloudPlatform) == Some("aws_lambda")).then_some("AWS::Lambda::Function")
}

/// The function's ARN, if the span, its resource or the platform tells it.
pub fn function_arn<'a>(source: &Source<'a>, attributes: &Attributes<'a>) -> Option<&'a str> {
    let told =
        attributes.first_text(&[AwsLambdaInvokedArn, CloudResourceId, FaasId]).filter(|_| is_lambda(source));
    let told = told.or_else(|| source.resource.first_text(&[CloudResourceId, FaasId])).map(|found| found.1);
    let told = told.filter(|arn| arn.starts_with("arn:") && arn.contains(":lambda:"));
    told.or_else(|| invocation(source, attributes)?.invoked_arn.as_deref())
}

/// Adds what is known of the function and its invocation.
pub fn aws<'a>(source: &Source<'a>, attributes: &mut Attributes<'a>, aws: &mut Object<'a>) {
    if !is_lambda(source) {
        return;
    }
    aws.set_text("function_arn", function_arn(source, attributes));
    if let Some((key, id)) = attributes.first_text(&[FaasInvocationId, FaasExecution]) {
        attributes.say(&[key]);
        aws.set("request_id", id);
    } else {
        aws.set_text("request_id", invocation(source, attributes).map(|found| found.request_id.as_str()));
    }
}

fn is_lambda(source: &Source<'_>) -> bool {
    source.resource.text(CloudPlatform) == Some("aws_lambda") || !source.facts.invocations.is_empty()
}

/// The invocation that the span belongs to, as it says itself or as its trace tells.
fn invocation<'a>(source: &Source<'a>, attributes: &Attributes<'a>) -> Option<&'a Invocation> {
    let invocations = source.facts.invocations;
    match attributes.first_text(&[FaasInvocationId, FaasExecution]) {
        Some((_, id)) => invocations.iter().find(|known| known.request_id == id),
        None => invocations
            .iter()
            .find(|known| header(known).is_some_and(|header| header.root == source.trace_id)),
    }
}

fn header(invocation: &Invocation) -> Option<Header> {
    let mut found = Header::default();
    for field in invocation.trace_header.as_deref()?.split(';') {
        match field.trim().split_once('=')? {
            ("Root", root) => found.root = bytes(&root.strip_prefix("1-")?.replace('-', ""))?,
            ("Parent", parent) => found.parent = bytes(parent).map(Id),
            ("Sampled", sampled) => found.sampled = sampled == "1",
            _ => {}
        }
    }
    Some(found).filter(|found| found.root != [0; 16])
}
