//! The segment of a span, block by block.

use std::borrow::Cow;

use super::annotations::notes;
use super::attributes::Attributes;
use super::cause::{self, About, Cause};
use super::contrib;
use super::failure::flags;
use super::id::Ids;
use super::improved;
use super::json::Object;
use super::keys::Key::*;
use super::limits::MOST_CHARACTERS;
use super::links::links;
use super::segment::{Segment, Time};
use super::source::{Source, is_aws_api};
use super::{Mapping, lambda, origin};

/// What the document of a span stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The span as it is.
    Span,
    /// What its service calls.
    Call,
    /// Its service.
    Service,
}

/// The segment of the span `source` with `attributes`.
pub fn segment<'a>(
    source: &Source<'a>,
    mut attributes: Attributes<'a>,
    role: Role,
    ids: &mut Ids,
) -> Segment<'a> {
    let is_part = match (role, source.settings.mapping) {
        (Role::Call, Mapping::Improved) => true,
        (Role::Service, Mapping::Improved) => false,
        _ => !source.is_served() && source.parent.is_some() || lambda::is_under_function(source),
    };
    let is_in_progress = attributes.bool(AwsXrayInprogress) == Some(true);
    let end = (!is_in_progress).then_some(source.span.end_time_unix_nano);
    let start = source.span.start_time_unix_nano;
    match source.settings.mapping {
        Mapping::Contrib => of_contrib(source, &mut attributes, ids, is_part, Time::Double(start, end)),
        Mapping::Improved => of_improved(source, &mut attributes, ids, is_part, Time::Exact(start, end)),
    }
}

fn of_contrib<'a>(
    source: &Source<'a>,
    attributes: &mut Attributes<'a>,
    ids: &mut Ids,
    is_subsegment: bool,
    time: Time,
) -> Segment<'a> {
    let http = contrib::http::http(source, attributes);
    let cause = cause(source, attributes, ids);
    if source.is_error() && !has_exceptions(source, attributes) {
        attributes.say(&[HttpStatusText]);
    }
    let aws = contrib::aws::aws(source, attributes);
    let sql = contrib::sql::sql(source, attributes);
    let user = attributes.text(EnduserId).map(Into::into);
    let (name, namespace) = contrib::naming::name(source, attributes);
    let flags = flags(source, attributes, contrib::http::status(attributes));
    let service = origin::version(source.resource).map(version);
    let mut rest = attributes.clone();
    rest.remove(&[EnduserId]);
    let mut notes = notes(source, &mut rest, !is_subsegment);
    Segment {
        name,
        id: source.id,
        trace_id: source.trace_id,
        parent: source.parent,
        is_subsegment,
        time,
        namespace,
        origin: origin::origin(source.resource),
        resource_arn: None,
        user,
        service,
        http,
        aws,
        sql,
        flags,
        cause,
        traced: None,
        metadata: notes.metadata(),
        annotations: notes.annotations,
        links: links(source).0,
    }
}

fn of_improved<'a>(
    source: &Source<'a>,
    attributes: &mut Attributes<'a>,
    ids: &mut Ids,
    is_subsegment: bool,
    time: Time,
) -> Segment<'a> {
    let name = improved::naming::name(source, attributes, is_subsegment);
    let flags = flags(source, attributes, improved::http::status(attributes));
    let cause = cause(source, attributes, ids);
    if let Some(text) = attributes.text(HttpStatusText)
        && tells(cause.as_ref(), text)
    {
        attributes.say(&[HttpStatusText]);
    }
    let http = improved::http::http(source, attributes);
    let aws = improved::aws::aws(source, attributes, is_subsegment);
    let sql = improved::sql::sql(attributes);
    let user = user(attributes);
    let told = attributes.text(AwsXrayResourceArn);
    let function = if is_subsegment { None } else { lambda::function_arn(source, attributes) };
    let traced = attributes.bool(AwsXrayTraced).filter(|_| is_subsegment);
    if told.is_some() {
        attributes.say(&[AwsXrayResourceArn]);
    }
    if traced.is_some() {
        attributes.say(&[AwsXrayTraced]);
    }
    let (links, other_links) = links(source);
    let is_aws = improved::naming::is_aws(attributes);
    let mut notes = notes(source, attributes, !is_subsegment);
    improved::extras::add(source, &name, cause.as_ref(), is_aws, &mut notes.default);
    notes.default.set_some("otel.links", Some(other_links).filter(|links| !links.is_empty()));
    let at_home = (!is_subsegment).then_some(source.resource);
    Segment {
        namespace: is_subsegment.then(|| improved::naming::namespace(source, attributes)).flatten(),
        name,
        id: source.id,
        trace_id: source.trace_id,
        parent: source.parent,
        is_subsegment,
        time,
        origin: at_home.and_then(|resource| origin::origin(resource).or_else(|| lambda::origin(source))),
        resource_arn: told.or(function).map(Into::into),
        user,
        service: at_home.and_then(origin::version).filter(|version| !version.is_empty()).map(version),
        http,
        aws,
        sql,
        flags,
        cause,
        traced,
        metadata: notes.metadata(),
        annotations: notes.annotations,
        links,
    }
}

/// Who wanted it: text, or a number.
fn user<'a>(attributes: &mut Attributes<'a>) -> Option<Cow<'a, str>> {
    let keys = &[EnduserId, UserId];
    let text = attributes.first_text(keys).map(|(key, user)| (key, Cow::Borrowed(user)));
    let number = || attributes.first_number(keys).map(|(key, user)| (key, user.to_string().into()));
    let (key, user) = text.or_else(number)?;
    if user.chars().count() <= MOST_CHARACTERS {
        attributes.say(&[key]);
    }
    Some(user)
}

fn cause<'a>(source: &Source<'a>, attributes: &Attributes<'a>, ids: &mut Ids) -> Option<Cause<'a>> {
    let about = About {
        mapping: source.settings.mapping,
        language: source.resource.text(TelemetrySdkLanguage).unwrap_or_default(),
        remote: source.is_call(),
        aws_api: match source.settings.mapping {
            Mapping::Contrib => is_aws_api(attributes),
            Mapping::Improved => improved::naming::is_aws(attributes),
        },
        status_text: attributes.text(HttpStatusText).unwrap_or_default(),
    };
    cause::of(source.span, &about, ids)
}

/// Whether the span has events that tell why it failed.
fn has_exceptions(source: &Source<'_>, attributes: &Attributes<'_>) -> bool {
    let is_aws = is_aws_api(attributes);
    source
        .span
        .events
        .iter()
        .any(|event| event.name == "exception" || is_aws && event.name == "HTTP request failure")
}

fn tells(cause: Option<&Cause<'_>>, text: &str) -> bool {
    cause.is_some_and(|cause| cause.exceptions.iter().any(|found| found.message.as_deref() == Some(text)))
}

fn version(version: &str) -> Object<'_> {
    let mut service = Object::default();
    service.set_text("version", Some(version));
    service
}
