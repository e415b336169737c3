//! From OTLP/JSON to protobuf, in one pass.
//!
//! Accepted is what the Go Collector accepts: field names in camel or snake case, unknown ones ignored, 64-bit
//! integers as strings or numbers, enums as numbers or names, `null` for messages, lists and strings.

use std::ops::Range;

use super::fault::Fault;
use super::scalar::{Scalar, scalar};
use super::token::{Begin, Reader};
use crate::otlp::schema::{Field, Kind, Presence, Type};
use crate::otlp::wire::{push_varint, varint_len, wire_type};
use crate::{Malformed, Signal};

/// How many messages may be nested, the request included: a bound for the stack. The check of the protobuf has
/// the same.
const DEPTH: u32 = 101;

/// Writes the request in `text` as protobuf. Several documents one after the other are one request: dropping all
/// but the first would lose what is then acknowledged. Other text behind a document is passed over, as the Go
/// Collector does.
///
/// # Errors
/// [`Malformed`], with line, column and the way to the field.
pub(crate) fn to_protobuf(signal: Signal, text: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut reader = Reader::new(text);
    let mut out = Vec::with_capacity(text.len() / 2);
    loop {
        message(Type::request(signal), &mut reader, &mut out, DEPTH).map_err(|fault| fault.describe(text))?;
        if reader.begin() != Begin::Object {
            return Ok(out);
        }
    }
}

/// Appends the content of the message that comes next.
fn message(
    message_type: Type,
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
    depth: u32,
) -> Result<(), Box<Fault>> {
    match reader.begin() {
        Begin::Object if depth == 0 => {
            return Err(Fault::new(reader.at(), "nested too deep (more than 100 messages)"));
        }
        Begin::Object => {}
        Begin::Null => return reader.word("null"),
        _ => return Err(reader.expected("an object")),
    }
    let fields = message_type.fields();
    let mut seen = 0_u32;
    let mut chosen: Option<Range<usize>> = None;
    let mut first = true;
    while let Some(key) = reader.key(&mut first)? {
        let Some(index) = message_type.field_called(&key) else {
            reader.skip().map_err(|fault| fault.in_field(&key))?;
            continue;
        };
        let field = &fields[index];
        let is_repeat = seen >> index & 1 == 1;
        seen |= 1 << index;
        let start = out.len();
        value(field, is_repeat, reader, out, depth).map_err(|fault| fault.in_field(field.name))?;
        if field.presence == Presence::Oneof {
            // The last member counts. The one before goes: two messages in a row would be read as one.
            let start = chosen.map_or(start, |before| {
                let start = start - before.len();
                out.drain(before);
                start
            });
            chosen = Some(start..out.len());
        }
    }
    Ok(())
}

/// Appends `field` with the value that comes next. `is_repeat`: the object had that key before.
fn value(
    field: &Field,
    is_repeat: bool,
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
    depth: u32,
) -> Result<(), Box<Fault>> {
    if field.presence == Presence::Many {
        return elements(field, reader, out, depth);
    }
    let Kind::Message(inner) = field.kind else {
        let value = scalar(field.kind, reader)?;
        // A zero is left out, unless it replaces what came before.
        if field.presence != Presence::One || is_repeat || !value.is_zero() {
            push_key(field.number, value.wire_type(), out);
            value.push(out);
        }
        return Ok(());
    };
    if field.presence == Presence::One && reader.begin() == Begin::Null {
        return reader.word("null");
    }
    if depth == 1 && field.presence == Presence::One && reader.empty_object() {
        // Written where a message is missing, one level below what protobuf can hold.
        return Ok(());
    }
    push_key(field.number, wire_type::LENGTH, out);
    push_content(out, |out| message(inner, reader, out, depth - 1))
}

/// Appends the elements of the array that comes next; numbers packed.
fn elements(field: &Field, reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: u32) -> Result<(), Box<Fault>> {
    match reader.begin() {
        Begin::Array => {}
        Begin::Null => return reader.word("null"),
        _ => return Err(reader.expected("an array")),
    }
    let (mut first, mut index) = (true, 0);
    let mut packed = Vec::new();
    while reader.element(&mut first)? {
        let element = match field.kind {
            Kind::Message(inner) => {
                push_key(field.number, wire_type::LENGTH, out);
                push_content(out, |out| message(inner, reader, out, depth - 1))
            }
            kind => scalar(kind, reader).map(|value| {
                if value.wire_type() == wire_type::LENGTH {
                    push_key(field.number, wire_type::LENGTH, out);
                    value.push(out);
                } else {
                    value.push(&mut packed);
                }
            }),
        };
        element.map_err(|fault| fault.in_element(index))?;
        index += 1;
    }
    if !packed.is_empty() {
        push_key(field.number, wire_type::LENGTH, out);
        Scalar::Bytes(packed).push(out);
    }
    Ok(())
}

fn push_key(number: u32, wire: u8, out: &mut Vec<u8>) {
    push_varint(u64::from(number) << 3 | u64::from(wire), out);
}

/// Appends what `write` appends, with its length before it. Most messages are shorter than 128 bytes and leave
/// room for one byte; what is longer is moved up.
fn push_content(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), Box<Fault>>,
) -> Result<(), Box<Fault>> {
    let start = out.len();
    out.push(0);
    write(out)?;
    let end = out.len();
    let mut length = (end - start - 1) as u64;
    let more = varint_len(length) - 1;
    if more > 0 {
        out.resize(end + more, 0);
        out.copy_within(start + 1..end, start + 1 + more);
    }
    for byte in &mut out[start..start + more] {
        *byte = length as u8 | 0x80;
        length >>= 7;
    }
    out[start + more] = length as u8;
    Ok(())
}
