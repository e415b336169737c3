//! Whether bytes are an OTLP request, and how many items it holds, without allocating.
//!
//! The verdict is that of `prost`'s decode, rule by rule; a property test and fuzz targets hold them together.

use super::schema::{Kind, Presence, Type};
use super::wire::{self, Flaw, delimited, skip, take, varint, wire_type};
use crate::{Malformed, Signal};

/// How many messages may be nested, the request not counted: `prost`'s limit.
const DEPTH: u32 = 100;

/// Counts the spans, data points or log records of a request.
///
/// # Errors
/// [`Malformed`] if `prost` would not decode it.
pub(crate) fn count(signal: Signal, request: &[u8]) -> Result<usize, Malformed> {
    message(Type::request(signal), request, DEPTH).map_err(|fault| fault.describe())
}

/// Whether `bytes` are a message that may stand `level` levels deep in a request.
pub(crate) fn is_valid(message_type: Type, bytes: &[u8], level: u32) -> bool {
    message(message_type, bytes, DEPTH - level).is_ok()
}

/// Walks one message. `depth` is how many more levels may be entered.
fn message(message_type: Type, bytes: &[u8], depth: u32) -> Result<usize, Box<Fault>> {
    let steps = &STEPS[message_type as usize];
    let mut items = usize::from(message_type.is_item());
    let mut chosen = 0;
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        let field = rest;
        let (step, key) = if first < 0x80 {
            rest = after;
            (steps[usize::from(first)], u64::from(first))
        } else {
            match long_key(steps, &mut rest) {
                Ok(found) => found,
                Err(flaw) => return Err(Fault::new(flaw).within(message_type, bytes, field)),
            }
        };
        let done = if step >= MESSAGE {
            match enter(&mut rest, depth) {
                Ok(inner) => match message(Type::ALL[usize::from(step & CHILD)], inner, depth - 1) {
                    Ok(inside) => {
                        // Of a oneof's members the last one counts, with all that came for it in a row.
                        if step & ONEOF == ONEOF && step != chosen {
                            chosen = step;
                            items = 0;
                        }
                        items += inside;
                        Ok(())
                    }
                    Err(fault) => return Err(fault.within(message_type, bytes, field)),
                },
                Err(flaw) => Err(flaw),
            }
        } else {
            match step {
                STRING => delimited(&mut rest).and_then(text),
                FIXED64 => take(&mut rest, 8).map(drop),
                VARINT => varint(&mut rest).map(drop),
                BYTES => delimited(&mut rest).map(drop),
                FIXED32 => take(&mut rest, 4).map(drop),
                _ => rarely(step, key, &mut rest, depth),
            }
        };
        if let Err(flaw) = done {
            return Err(Fault::new(flaw).within(message_type, bytes, field));
        }
    }
    Ok(items)
}

/// The content of a nested message, if there is a level left for it.
#[inline]
fn enter<'a>(rest: &mut &'a [u8], depth: u32) -> Result<&'a [u8], Flaw> {
    if depth == 0 {
        return Err(Flaw::Depth);
    }
    delimited(rest)
}

/// A key of more than one byte, as only `Span.flags`, unknown fields and odd writers have.
#[cold]
fn long_key(steps: &Steps, rest: &mut &[u8]) -> Result<(Step, u64), Flaw> {
    let (number, wire) = wire::key(rest)?;
    let key = u64::from(number) << 3 | u64::from(wire);
    let known = usize::try_from(key).ok().and_then(|key| steps.get(key));
    Ok((known.copied().unwrap_or(UNKNOWN), key))
}

/// What real requests hold seldom or never.
#[inline(never)]
fn rarely(step: Step, key: u64, rest: &mut &[u8], depth: u32) -> Result<(), Flaw> {
    match step {
        PACKED_FIXED64 if delimited(rest)?.len() % 8 == 0 => Ok(()),
        PACKED_FIXED64 => Err(Flaw::Truncated),
        PACKED_VARINT => {
            let mut values = delimited(rest)?;
            while !values.is_empty() {
                varint(&mut values)?;
            }
            Ok(())
        }
        // A key read as a number of 32 bits leaves 29 for the field.
        UNKNOWN => skip((key >> 3) as u32, (key & 7) as u8, rest, depth),
        UNEXPECTED => Err(Flaw::UnexpectedWireType),
        _ if key & 7 > u64::from(wire_type::FIXED32) => Err(Flaw::WireType),
        _ => Err(Flaw::Key),
    }
}

/// UTF-8. Short ASCII, which most strings are, is seen in steps of 8 bytes: `from_utf8` goes byte by byte until
/// it reaches an aligned address, which is most of such a string.
#[inline]
fn text(bytes: &[u8]) -> Result<(), Flaw> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (words, tail) = bytes.as_chunks::<8>();
    let mut bits = words.iter().fold(0, |bits, word| bits | u64::from_le_bytes(*word));
    if let Some(last) = bytes.last_chunk::<8>() {
        bits |= u64::from_le_bytes(*last);
    } else {
        bits |= tail.iter().fold(0, |bits, byte| bits | u64::from(*byte));
    }
    if bits & HIGH == 0 || std::str::from_utf8(bytes).is_ok() { Ok(()) } else { Err(Flaw::Utf8) }
}

/// What to do on a key: one of the constants, or [`MESSAGE`] or [`ONEOF`] and the nested message's type.
type Step = u8;

const UNKNOWN: Step = 0;
const STRING: Step = 1;
const FIXED64: Step = 2;
const VARINT: Step = 3;
const BYTES: Step = 4;
const FIXED32: Step = 5;
const PACKED_FIXED64: Step = 6;
const PACKED_VARINT: Step = 7;
const UNEXPECTED: Step = 8;
const INVALID: Step = 9;
const MESSAGE: Step = 0x40;
const ONEOF: Step = 0xc0;
const CHILD: Step = 0x3f;

/// The steps of one message by key; the highest field number of OTLP is 16.
type Steps = [Step; 17 * 8];

/// The steps of all messages.
static STEPS: [Steps; Type::ALL.len()] = {
    assert!(Type::ALL.len() <= CHILD as usize + 1);
    let mut all = [[UNKNOWN; 17 * 8]; Type::ALL.len()];
    let mut message = 0;
    while message < all.len() {
        all[message] = steps(Type::ALL[message]);
        message += 1;
    }
    all
};

const fn steps(message: Type) -> Steps {
    let mut steps = [UNKNOWN; 17 * 8];
    let mut key = 0;
    while key < steps.len() {
        if key < 8 || key & 7 > wire_type::FIXED32 as usize {
            steps[key] = INVALID;
        }
        key += 1;
    }
    let mut index = 0;
    while index < message.fields().len() {
        let field = &message.fields()[index];
        let key = (field.number as usize) << 3;
        let mut wire = 0;
        while wire <= wire_type::FIXED32 {
            steps[key | wire as usize] = UNEXPECTED;
            wire += 1;
        }
        let (wire, step) = match field.kind {
            Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => {
                (wire_type::VARINT, VARINT)
            }
            Kind::Sint32 | Kind::Enum(_) => (wire_type::VARINT, VARINT),
            Kind::Fixed32 => (wire_type::FIXED32, FIXED32),
            Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => (wire_type::FIXED64, FIXED64),
            Kind::String => (wire_type::LENGTH, STRING),
            Kind::Bytes | Kind::Id(_) => (wire_type::LENGTH, BYTES),
            Kind::Message(child) if matches!(field.presence, Presence::Oneof) => {
                (wire_type::LENGTH, ONEOF | child as u8)
            }
            Kind::Message(child) => (wire_type::LENGTH, MESSAGE | child as u8),
        };
        steps[key | wire as usize] = step;
        if matches!(field.presence, Presence::Many) {
            match step {
                FIXED64 => steps[key | wire_type::LENGTH as usize] = PACKED_FIXED64,
                VARINT => steps[key | wire_type::LENGTH as usize] = PACKED_VARINT,
                _ => {}
            }
        }
        index += 1;
    }
    steps
}

/// A flaw and the way to it, innermost first.
#[derive(Debug)]
struct Fault {
    flaw: Flaw,
    path: Vec<String>,
}

impl Fault {
    #[cold]
    fn new(flaw: Flaw) -> Box<Fault> {
        Box::new(Fault { flaw, path: Vec::new() })
    }

    /// Adds that it is in the field at the front of `field`, the end of `message`'s bytes.
    #[cold]
    fn within(mut self: Box<Fault>, message: Type, bytes: &[u8], field: &[u8]) -> Box<Fault> {
        if let Ok((number, _)) = wire::key(&mut &*field) {
            let before = &bytes[..bytes.len() - field.len()];
            self.path.push(match message.field(number) {
                Some(field) if field.presence == Presence::Many => {
                    let index = wire::Fields::of(before).filter(|field| field.number == number).count();
                    format!("{}[{index}]", field.proto_name())
                }
                Some(field) => field.proto_name(),
                None => format!("field {number}"),
            });
        }
        self
    }

    #[cold]
    fn describe(&self) -> Malformed {
        let path: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
        let message = match path.join(".").as_str() {
            "" => self.flaw.describe().to_owned(),
            path => format!("{path}: {}", self.flaw.describe()),
        };
        Malformed { message }
    }
}

#[cfg(test)]
mod tests;
