//! From OTLP/JSON to protobuf, in one pass.
//!
//! Accepted is what the Go Collector accepts: field names in camel or snake case, unknown ones ignored, 64-bit
//! integers as strings or numbers, enums as numbers or names, `null` for messages, lists and strings.

use std::borrow::Cow;
use std::ops::Range;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, PAD};

use super::token::{Begin, Fault, Reader};
use crate::otlp::schema::{Field, Kind, Presence, Type};
use crate::otlp::wire::{push_varint, varint_len, wire_type};
use crate::{Malformed, Signal};

/// How many messages may be nested, the request included: a bound for the stack. The check of the protobuf has
/// the same.
const DEPTH: u32 = 101;

/// Go's base64: padding is required, the unused bits of the last character are not looked at.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, PAD.with_decode_allow_trailing_bits(true));

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

/// A value that is no message, as it is written.
enum Scalar<'a> {
    Varint(u64),
    Fixed32(u32),
    Fixed64(u64),
    Text(Cow<'a, str>),
    Bytes(Vec<u8>),
}

impl Scalar<'_> {
    fn is_zero(&self) -> bool {
        match self {
            Scalar::Varint(value) | Scalar::Fixed64(value) => *value == 0,
            Scalar::Fixed32(value) => *value == 0,
            Scalar::Text(text) => text.is_empty(),
            Scalar::Bytes(bytes) => bytes.is_empty(),
        }
    }

    fn wire_type(&self) -> u8 {
        match self {
            Scalar::Varint(_) => wire_type::VARINT,
            Scalar::Fixed32(_) => wire_type::FIXED32,
            Scalar::Fixed64(_) => wire_type::FIXED64,
            Scalar::Text(_) | Scalar::Bytes(_) => wire_type::LENGTH,
        }
    }

    fn push(&self, out: &mut Vec<u8>) {
        let bytes = match self {
            Scalar::Varint(value) => return push_varint(*value, out),
            Scalar::Fixed32(value) => return out.extend_from_slice(&value.to_le_bytes()),
            Scalar::Fixed64(value) => return out.extend_from_slice(&value.to_le_bytes()),
            Scalar::Text(text) => text.as_bytes(),
            Scalar::Bytes(bytes) => bytes,
        };
        push_varint(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    }
}

/// Reads a value that is no message.
fn scalar<'a>(kind: Kind, reader: &mut Reader<'a>) -> Result<Scalar<'a>, Box<Fault>> {
    const I32: &str = "an integer of 32 bits";
    const I64: &str = "an integer of 64 bits";
    const U32: &str = "an unsigned integer of 32 bits";
    const U64: &str = "an unsigned integer of 64 bits";
    Ok(match kind {
        Kind::Bool => match reader.begin() {
            Begin::True => reader.word("true").map(|()| Scalar::Varint(1))?,
            Begin::False => reader.word("false").map(|()| Scalar::Varint(0))?,
            _ => return Err(reader.expected("true or false")),
        },
        Kind::Int32 => Scalar::Varint(i64::from(integer::<i32>(reader, I32)?) as u64),
        Kind::Sint32 => {
            let value = integer::<i32>(reader, I32)?;
            Scalar::Varint(u64::from((value << 1 ^ value >> 31) as u32))
        }
        Kind::Int64 => Scalar::Varint(integer::<i64>(reader, I64)? as u64),
        Kind::Sfixed64 => Scalar::Fixed64(integer::<i64>(reader, I64)? as u64),
        Kind::Uint32 => Scalar::Varint(u64::from(integer::<u32>(reader, U32)?)),
        Kind::Fixed32 => Scalar::Fixed32(integer::<u32>(reader, U32)?),
        Kind::Uint64 => Scalar::Varint(integer::<u64>(reader, U64)?),
        Kind::Fixed64 => Scalar::Fixed64(integer::<u64>(reader, U64)?),
        Kind::Double => Scalar::Fixed64(double(reader)?.to_bits()),
        Kind::Enum(names) => Scalar::Varint(i64::from(enumeration(names, reader)?) as u64),
        Kind::String if reader.begin() == Begin::Null => {
            reader.word("null").map(|()| Scalar::Text(Cow::Borrowed("")))?
        }
        Kind::String => Scalar::Text(string(reader, "a string")?),
        Kind::Bytes => base64(reader)?,
        Kind::Id(length) => id(length, reader)?,
        // The callers tell messages apart.
        Kind::Message(_) => return Err(reader.expected("no message")),
    })
}

fn string<'a>(reader: &mut Reader<'a>, wanted: &str) -> Result<Cow<'a, str>, Box<Fault>> {
    if reader.begin() != Begin::String {
        return Err(reader.expected(wanted));
    }
    reader.string()
}

/// A number, or a string that holds one.
fn numeral<'a>(reader: &mut Reader<'a>, wanted: &str) -> Result<Cow<'a, str>, Box<Fault>> {
    match reader.begin() {
        Begin::Number => reader.number().map(Cow::Borrowed),
        Begin::String => reader.string(),
        _ => Err(reader.expected(wanted)),
    }
}

fn integer<T: FromStr + TryFrom<i8>>(reader: &mut Reader<'_>, wanted: &str) -> Result<T, Box<Fault>> {
    let is_unsigned = T::try_from(-1).is_err();
    reader.begin();
    let start = reader.at();
    let text = numeral(reader, wanted)?;
    match text.parse() {
        Ok(value) if !(is_unsigned && text.starts_with('+')) => Ok(value),
        _ => Err(Fault::new(start, format!("expected {wanted}, found {}", shorten(&text)))),
    }
}

fn double(reader: &mut Reader<'_>) -> Result<f64, Box<Fault>> {
    reader.begin();
    let start = reader.at();
    let text = numeral(reader, "a number")?;
    match text.parse::<f64>() {
        Ok(value) if value.is_infinite() && text.contains(|letter: char| letter.is_ascii_digit()) => {
            Err(Fault::new(start, format!("the number {} is too large", shorten(&text))))
        }
        // Go knows no NaN with a sign.
        Ok(value) if !value.is_nan() || text.len() == 3 => Ok(value),
        _ => Err(Fault::new(start, format!("expected a number, found {}", shorten(&text)))),
    }
}

fn enumeration(names: &[&str], reader: &mut Reader<'_>) -> Result<i32, Box<Fault>> {
    match reader.begin() {
        Begin::Number => integer(reader, "an integer of 32 bits"),
        Begin::String => {
            let start = reader.at();
            let name = reader.string()?;
            match names.iter().position(|known| *known == name) {
                Some(number) => Ok(i32::try_from(number).unwrap_or_default()),
                None => {
                    let known = names.join(", ");
                    Err(Fault::new(start, format!("expected one of {known}, found {}", shorten(&name))))
                }
            }
        }
        _ => Err(reader.expected("a number or a name")),
    }
}

fn base64<'a>(reader: &mut Reader<'a>) -> Result<Scalar<'a>, Box<Fault>> {
    let text = string(reader, "base64 in a string")?;
    match BASE64.decode(text.as_bytes()) {
        Ok(bytes) => Ok(Scalar::Bytes(bytes)),
        Err(error) => Err(Fault::new(reader.at(), format!("invalid base64: {error}"))),
    }
}

/// A trace or span id. None, or one of zeros, means none.
fn id<'a>(length: usize, reader: &mut Reader<'a>) -> Result<Scalar<'a>, Box<Fault>> {
    let wanted = || format!("{} hex digits", 2 * length);
    reader.begin();
    let start = reader.at();
    let text = string(reader, &format!("{} in a string", wanted()))?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| Some((digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?) as u8))
        .collect();
    match bytes {
        Some(bytes) if bytes.iter().all(|byte| *byte == 0) && [0, length].contains(&bytes.len()) => {
            Ok(Scalar::Bytes(Vec::new()))
        }
        Some(bytes) if bytes.len() == length => Ok(Scalar::Bytes(bytes)),
        _ => Err(Fault::new(start, format!("expected {}, found {}", wanted(), shorten(&text)))),
    }
}

/// `text` in quotes, as much of it as a message needs.
fn shorten(text: &str) -> String {
    if text.chars().count() <= 40 {
        return format!("{text:?}");
    }
    format!("{:?}..", text.chars().take(40).collect::<String>())
}
