//! From protobuf to OTLP/JSON, in the form in which the Go Collector's exporters write it.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Signal;
use crate::otlp::schema::{Field, Kind, Presence, Type};
use crate::otlp::wire::{Fields, RawField, varint, wire_type};
use crate::quote::escape;

/// The request that `parts`, each found valid, are back to back.
pub(crate) fn from_protobuf<'a>(signal: Signal, parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let parts: Vec<&[u8]> = parts.collect();
    let mut out = String::with_capacity(2 * parts.iter().map(|part| part.len()).sum::<usize>());
    message(Type::request(signal), &parts, &mut out);
    out.into_bytes()
}

/// Writes the message whose content is `pieces` back to back: more than one where a field that occurs once came
/// several times, which protobuf merges.
fn message(message_type: Type, pieces: &[&[u8]], out: &mut String) {
    let fields = message_type.fields();
    let known = |raw: RawField<'_>| fields.iter().position(|field| field.number == raw.number);
    // Protobuf allows any order; JSON has all elements of an array in one place.
    let mut found: Vec<(usize, RawField<'_>)> = pieces
        .iter()
        .flat_map(|piece| Fields::of(piece))
        .filter_map(|raw| Some((known(raw)?, raw)))
        .collect();
    keep_last_of_oneof(fields, &mut found);
    found.sort_by_key(|(index, _)| *index);

    out.push('{');
    let mut first = true;
    let mut rest = &found[..];
    for (index, field) in fields.iter().enumerate() {
        let count = rest.iter().take_while(|(found, _)| *found == index).count();
        let (these, after) = rest.split_at(count);
        rest = after;
        if these.is_empty() && !is_always_written(field) {
            continue;
        }
        let before = out.len();
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        // The names hold nothing to escape.
        out.push('"');
        out.push_str(field.name);
        out.push_str("\":");
        if !member(field, these, out) {
            out.truncate(before);
            first = out.ends_with('{');
        }
    }
    out.push('}');
}

/// Of a oneof's members the last counts, with those of its kind right before it, which merge into it.
fn keep_last_of_oneof(fields: &[Field], found: &mut Vec<(usize, RawField<'_>)>) {
    let is_member = |index: usize| fields[index].presence == Presence::Oneof;
    let Some(last) = found.iter().rev().map(|(index, _)| *index).find(|index| is_member(*index)) else {
        return;
    };
    let other = found.iter().rposition(|(index, _)| is_member(*index) && *index != last);
    if let Some(other) = other {
        let mut place = 0;
        found.retain(|(index, _)| {
            place += 1;
            place > other + 1 || !is_member(*index)
        });
    }
}

/// The Go Collector writes messages that occur once even where they are missing.
fn is_always_written(field: &Field) -> bool {
    field.presence == Presence::One && matches!(field.kind, Kind::Message(_))
}

/// Writes the value of `field` as `found`; false if there is nothing to write.
fn member(field: &Field, found: &[(usize, RawField<'_>)], out: &mut String) -> bool {
    match (field.presence, field.kind, found) {
        (Presence::Many, Kind::Message(inner), _) => {
            list(found.iter().map(|(_, raw)| raw.value), out, |value, out| message(inner, &[value], out));
        }
        (Presence::Many, kind, _) => {
            let mut values = found.iter().flat_map(|(_, raw)| values(kind, raw)).peekable();
            if values.peek().is_none() {
                return false; // packed, and empty
            }
            list(values, out, |value, out| _ = scalar(kind, value, out));
        }
        (_, Kind::Message(inner), _) => {
            let pieces: Vec<&[u8]> = found.iter().map(|(_, raw)| raw.value).collect();
            message(inner, &pieces, out);
        }
        (presence, kind, [.., (_, last)]) => {
            let is_zero = scalar(kind, last.value, out);
            return presence != Presence::One || !is_zero;
        }
        (_, _, []) => return false,
    }
    true
}

fn list<T>(values: impl Iterator<Item = T>, out: &mut String, write: impl Fn(T, &mut String)) {
    out.push('[');
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(value, out);
    }
    out.push(']');
}

/// The single values of an element of a repeated field: several if it is packed.
fn values<'a>(kind: Kind, raw: &RawField<'a>) -> Vec<&'a [u8]> {
    if matches!(kind, Kind::String | Kind::Bytes | Kind::Id(_)) || raw.wire != wire_type::LENGTH {
        return vec![raw.value];
    }
    if matches!(kind, Kind::Fixed64 | Kind::Sfixed64 | Kind::Double) {
        return raw.value.chunks(8).collect();
    }
    raw.value.split_inclusive(|byte| *byte < 0x80).collect()
}

/// Writes a value that is no message; whether it is zero or empty.
fn scalar(kind: Kind, value: &[u8], out: &mut String) -> bool {
    let mut rest = value;
    let number = match kind {
        Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => {
            value.first_chunk().copied().map_or(0, u64::from_le_bytes)
        }
        Kind::Fixed32 => value.first_chunk().copied().map_or(0, u32::from_le_bytes).into(),
        Kind::String | Kind::Bytes | Kind::Id(_) | Kind::Message(_) => value.len() as u64,
        Kind::Bool | Kind::Int64 | Kind::Uint64 => varint(&mut rest).unwrap_or_default(),
        // Protobuf takes the low bits of what is too large.
        Kind::Int32 | Kind::Uint32 | Kind::Sint32 | Kind::Enum(_) => {
            varint(&mut rest).unwrap_or_default() & u64::from(u32::MAX)
        }
    };
    match kind {
        Kind::Bool => out.push_str(if number == 0 { "false" } else { "true" }),
        Kind::Int32 | Kind::Enum(_) => write_display(out, number as i32),
        Kind::Uint32 | Kind::Fixed32 => write_display(out, number as u32),
        Kind::Sint32 => {
            let number = number as u32;
            write_display(out, (number >> 1) as i32 ^ -((number & 1) as i32));
        }
        Kind::Int64 | Kind::Sfixed64 => write_display(out, format_args!("\"{}\"", number as i64)),
        Kind::Uint64 | Kind::Fixed64 => write_display(out, format_args!("\"{number}\"")),
        Kind::Double => double(f64::from_bits(number), out),
        // It has been found to be UTF-8.
        Kind::String => string(std::str::from_utf8(value).unwrap_or_default(), out),
        Kind::Bytes => {
            out.push('"');
            STANDARD.encode_string(value, out);
            out.push('"');
        }
        Kind::Id(_) => {
            out.push('"');
            let digit = |bits: u8| char::from_digit(bits.into(), 16).unwrap_or_default();
            out.extend(value.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]));
            out.push('"');
        }
        Kind::Message(_) => {}
    }
    number == 0
}

fn write_display(out: &mut String, value: impl std::fmt::Display) {
    // Writing to a string can't fail.
    let _ = write!(out, "{value}");
}

/// As Go and JavaScript write it: without an exponent from 0.000001 up to below 1e21.
fn double(value: f64, out: &mut String) {
    if value.is_nan() {
        out.push_str("\"NaN\"");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
    } else {
        out.push_str(&crate::shortest(value, -6..21, 1));
    }
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    escape(text, out);
    out.push('"');
}
