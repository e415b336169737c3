//! Values of OTLP/JSON that are no messages: what is taken for a number, an enum, a string, bytes, an id.

use std::borrow::Cow;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, PAD};

use super::fault::Fault;
use super::token::{Begin, Reader};
use crate::otlp::schema::Kind;
use crate::otlp::wire::{push_varint, wire_type};

/// Go's base64: padding is required, the unused bits of the last character are not looked at.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, PAD.with_decode_allow_trailing_bits(true));

/// A value that is no message, as it is written.
pub(super) enum Scalar<'a> {
    Varint(u64),
    Fixed32(u32),
    Fixed64(u64),
    Text(Cow<'a, str>),
    Bytes(Vec<u8>),
}

impl Scalar<'_> {
    pub(super) fn is_zero(&self) -> bool {
        match self {
            Scalar::Varint(value) | Scalar::Fixed64(value) => *value == 0,
            Scalar::Fixed32(value) => *value == 0,
            Scalar::Text(text) => text.is_empty(),
            Scalar::Bytes(bytes) => bytes.is_empty(),
        }
    }

    pub(super) fn wire_type(&self) -> u8 {
        match self {
            Scalar::Varint(_) => wire_type::VARINT,
            Scalar::Fixed32(_) => wire_type::FIXED32,
            Scalar::Fixed64(_) => wire_type::FIXED64,
            Scalar::Text(_) | Scalar::Bytes(_) => wire_type::LENGTH,
        }
    }

    pub(super) fn push(&self, out: &mut Vec<u8>) {
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
pub(super) fn scalar<'a>(kind: Kind, reader: &mut Reader<'a>) -> Result<Scalar<'a>, Box<Fault>> {
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
