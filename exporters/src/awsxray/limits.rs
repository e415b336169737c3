//! What X-Ray takes of one document, and what is left out of one that is too long.
//!
//! First go frames of stacks, then the largest metadata, then the largest annotations, then what is long elsewhere. The
//! metadata names what was left out.

use std::borrow::Cow;

use super::Document;
use super::annotations::DEFAULT;
use super::json::{Json, Object};
use super::name::cut;
use super::segment::Segment;

/// The most characters of a text that X-Ray sets no other limit for.
pub const MOST_CHARACTERS: usize = 250;

/// Under this key the metadata names what was left out.
const NOTE: &str = "otelcol.left_out";
/// Bytes kept free for that note.
const FOR_NOTE: usize = 1024;
/// The names in that note; more are counted.
const MOST_NAMES: usize = 10;

/// The segment's document, and whether something was left out of it.
pub fn document(mut segment: Segment<'_>) -> (Document, bool) {
    let id = segment.id;
    cut_fields(&mut segment);
    let json = segment.json();
    if json.len() <= Document::MOST_BYTES {
        return (Document { id, json }, false);
    }
    (Document { id, json: shortened(segment) }, true)
}

/// Cuts the fields of which the schema says how long they may be.
fn cut_fields(segment: &mut Segment<'_>) {
    if let Some(user) = &mut segment.user {
        cut_text(user, MOST_CHARACTERS);
    }
    if let Some(Json::Text(user)) = segment.sql.as_mut().and_then(|sql| sql.get_mut("user")) {
        cut_text(user, MOST_CHARACTERS);
    }
    if let Some(Json::Object(request)) = segment.http.as_mut().and_then(|http| http.get_mut("request")) {
        cut_object(request, MOST_CHARACTERS);
    }
}

fn shortened(mut segment: Segment<'_>) -> String {
    let most = Document::MOST_BYTES - FOR_NOTE;
    let mut left_out = Vec::new();
    for frames in [64, 16, 4, 0] {
        if cut_stacks(&mut segment, frames) {
            left_out.push(format!("frames of stacks beyond {frames}"));
            if segment.json().len() <= most {
                return noted(segment, &left_out);
            }
        }
    }
    let mut over = segment.json().len().saturating_sub(most);
    shed_metadata(&mut segment.metadata, &mut over, &mut left_out);
    shed(&mut segment.annotations, "annotations", &mut over, &mut left_out);
    if segment.json().len() > most {
        left_out.push("texts beyond 250 characters, lists beyond 10".into());
        cut_all(&mut segment, MOST_CHARACTERS, 10);
    }
    if segment.json().len() > most {
        left_out.push("all but name, ids, times and flags".into());
        segment = bare(segment);
    }
    noted(segment, &left_out)
}

/// Leaves at most `most` frames to each exception; says whether one had more.
fn cut_stacks(segment: &mut Segment<'_>, most: usize) -> bool {
    let exceptions = segment.cause.iter_mut().flat_map(|cause| &mut cause.exceptions);
    exceptions.fold(false, |was_cut, exception| {
        let more = exception.stack.len().saturating_sub(most);
        exception.truncated = exception.truncated.saturating_add(more);
        exception.stack.truncate(most);
        was_cut || more > 0
    })
}

/// Takes the largest entries out of all namespaces until `over` bytes are gone.
fn shed_metadata(metadata: &mut Object<'_>, over: &mut usize, left_out: &mut Vec<String>) {
    let mut sizes = Vec::new();
    for (at, (namespace, value)) in metadata.0.iter().enumerate() {
        if let Json::Object(object) = value {
            sizes.extend(
                object.0.iter().map(|(key, value)| (size(key, value), at, namespace.clone(), key.clone())),
            );
        }
    }
    sizes.sort_by_key(|(size, ..)| std::cmp::Reverse(*size));
    for (size, at, namespace, key) in sizes {
        if *over == 0 {
            return;
        }
        if let Json::Object(object) = &mut metadata.0[at].1 {
            object.remove(&[&key]);
            *over = over.saturating_sub(size);
            left_out.push(format!("metadata.{namespace}.{key} ({size} bytes)"));
        }
    }
    // Namespaces themselves are many only if someone makes them so.
    shed(metadata, "metadata", over, left_out);
}

/// Takes the largest entries out of `object` until `over` bytes are gone.
fn shed(object: &mut Object<'_>, name: &str, over: &mut usize, left_out: &mut Vec<String>) {
    while *over > 0 {
        let sizes = object.0.iter().enumerate().map(|(at, (key, value))| (size(key, value), at));
        let Some((size, at)) = sizes.max() else { return };
        let (key, _) = object.0.remove(at);
        *over = over.saturating_sub(size);
        left_out.push(format!("{name}.{key} ({size} bytes)"));
    }
}

/// The bytes that an entry takes.
fn size(key: &str, value: &Json<'_>) -> usize {
    let mut out = String::new();
    super::json::write_text(&mut out, key);
    value.write(&mut out);
    out.len() + 2
}

/// Cuts all texts and lists of the blocks.
fn cut_all(segment: &mut Segment<'_>, characters: usize, items: usize) {
    segment.links.truncate(items);
    segment.links.iter_mut().for_each(|link| cut_json(link, characters));
    for text in [&mut segment.user, &mut segment.resource_arn].into_iter().flatten() {
        cut_text(text, characters);
    }
    for block in
        [&mut segment.service, &mut segment.http, &mut segment.aws, &mut segment.sql].into_iter().flatten()
    {
        cut_object(block, characters);
        cut_lists(block, items);
    }
    if let Some(cause) = &mut segment.cause {
        cause.exceptions.truncate(items);
        for exception in &mut cause.exceptions {
            for text in [&mut exception.kind, &mut exception.message].into_iter().flatten() {
                cut_text(text, characters);
            }
        }
        let ids: Vec<_> = cause.exceptions.iter().map(|exception| exception.id).collect();
        for exception in &mut cause.exceptions {
            exception.cause = exception.cause.filter(|cause| ids.contains(cause));
        }
    }
}

fn cut_object(object: &mut Object<'_>, most: usize) {
    object.0.iter_mut().for_each(|(_, value)| cut_json(value, most));
}

fn cut_lists(object: &mut Object<'_>, most: usize) {
    for (_, value) in &mut object.0 {
        match value {
            Json::Array(values) => values.truncate(most),
            Json::Object(object) => cut_lists(object, most),
            _ => {}
        }
    }
}

fn cut_json(value: &mut Json<'_>, most: usize) {
    match value {
        Json::Text(text) => cut_text(text, most),
        Json::Array(values) => values.iter_mut().for_each(|value| cut_json(value, most)),
        Json::Object(object) => cut_object(object, most),
        _ => {}
    }
}

fn cut_text(text: &mut Cow<'_, str>, most: usize) {
    if let (short, true) = cut(text, most) {
        *text = short.to_owned().into();
    }
}

/// The segment without all that can be long.
fn bare(segment: Segment<'_>) -> Segment<'_> {
    Segment {
        resource_arn: None,
        user: None,
        service: None,
        http: None,
        aws: None,
        sql: None,
        cause: None,
        annotations: Object::default(),
        metadata: Object::default(),
        links: Vec::new(),
        ..segment
    }
}

/// The document of the segment with a note of what is `left_out`.
fn noted(mut segment: Segment<'_>, left_out: &[String]) -> String {
    let mut names: Vec<Json<'_>> =
        left_out.iter().take(MOST_NAMES).map(|name| cut(name, 60).0.to_owned().into()).collect();
    if left_out.len() > MOST_NAMES {
        names.push(format!("and {} more", left_out.len() - MOST_NAMES).into());
    }
    match segment.metadata.get_mut(DEFAULT) {
        Some(Json::Object(default)) => default.set(NOTE, names),
        _ => {
            let mut default = Object::default();
            default.set(NOTE, names);
            segment.metadata.set(DEFAULT, default);
        }
    }
    segment.json()
}
