//! Reading and writing the protobuf wire format (<https://protobuf.dev/programming-guides/encoding/>).

/// The wire type of a field: the lowest three bits of its key.
pub(crate) mod wire_type {
    pub(crate) const VARINT: u8 = 0;
    pub(crate) const FIXED64: u8 = 1;
    pub(crate) const LENGTH: u8 = 2;
    pub(crate) const START_GROUP: u8 = 3;
    pub(crate) const END_GROUP: u8 = 4;
    pub(crate) const FIXED32: u8 = 5;
}

/// Why bytes are no protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Truncated,
    Varint,
    Key,
    WireType,
    UnexpectedWireType,
    EndGroup,
    Utf8,
    Depth,
}

impl Flaw {
    /// The same in words.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Flaw::Truncated => "ends before its length says",
            Flaw::Varint => "invalid varint",
            Flaw::Key => "invalid field number",
            Flaw::WireType => "invalid wire type",
            Flaw::UnexpectedWireType => "unexpected wire type",
            Flaw::EndGroup => "group ends that did not begin",
            Flaw::Utf8 => "invalid UTF-8",
            Flaw::Depth => "nested too deep (more than 100 messages)",
        }
    }
}

/// Takes a varint off the front of `rest`.
#[inline]
pub(crate) fn varint(rest: &mut &[u8]) -> Result<u64, Flaw> {
    match **rest {
        [a, ref after @ ..] if a < 0x80 => {
            *rest = after;
            Ok(u64::from(a))
        }
        [a, b, ref after @ ..] if b < 0x80 => {
            *rest = after;
            Ok(u64::from(a & 0x7f) | u64::from(b) << 7)
        }
        _ => long_varint(rest),
    }
}

/// A varint of any length. The tenth byte holds one bit only, as `prost` and Go have it.
#[inline(never)]
fn long_varint(rest: &mut &[u8]) -> Result<u64, Flaw> {
    let mut value = 0;
    for (count, &byte) in rest.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * count);
        if byte < 0x80 {
            if count == 9 && byte > 1 {
                return Err(Flaw::Varint);
            }
            *rest = &rest[count + 1..];
            return Ok(value);
        }
    }
    Err(if rest.len() < 10 { Flaw::Truncated } else { Flaw::Varint })
}

/// Takes a key off the front of `rest`: field number and wire type (0 to 5).
pub(crate) fn key(rest: &mut &[u8]) -> Result<(u32, u8), Flaw> {
    let key = u32::try_from(varint(rest)?).map_err(|_| Flaw::Key)?;
    let (number, wire) = (key >> 3, (key & 7) as u8);
    if wire > wire_type::FIXED32 {
        return Err(Flaw::WireType);
    }
    if number == 0 {
        return Err(Flaw::Key);
    }
    Ok((number, wire))
}

/// Takes `count` bytes off the front of `rest`.
#[inline]
pub(crate) fn take<'a>(rest: &mut &'a [u8], count: u64) -> Result<&'a [u8], Flaw> {
    // A length that does not fit usize can't fit the rest either.
    let count = usize::try_from(count).map_err(|_| Flaw::Truncated)?;
    let (taken, after) = rest.split_at_checked(count).ok_or(Flaw::Truncated)?;
    *rest = after;
    Ok(taken)
}

/// Takes a length and so many bytes off the front of `rest`.
#[inline]
pub(crate) fn delimited<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Flaw> {
    let length = varint(rest)?;
    take(rest, length)
}

/// Skips the value of a field whose key has been read. `depth` is how many more levels may be entered.
pub(crate) fn skip(number: u32, wire: u8, rest: &mut &[u8], depth: u32) -> Result<(), Flaw> {
    let deeper = depth.checked_sub(1).ok_or(Flaw::Depth)?;
    match wire {
        wire_type::VARINT => varint(rest).map(drop),
        wire_type::FIXED64 => take(rest, 8).map(drop),
        wire_type::LENGTH => delimited(rest).map(drop),
        wire_type::START_GROUP => loop {
            let (inner, wire) = key(rest)?;
            if wire == wire_type::END_GROUP {
                return if inner == number { Ok(()) } else { Err(Flaw::EndGroup) };
            }
            skip(inner, wire, rest, deeper)?;
        },
        wire_type::FIXED32 => take(rest, 4).map(drop),
        _ => Err(Flaw::EndGroup),
    }
}

/// One field as it stands in a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawField<'a> {
    pub number: u32,
    pub wire: u8,
    /// Key and value.
    pub whole: &'a [u8],
    /// The value, without the length of a delimited one.
    pub value: &'a [u8],
}

/// The fields of a message that has been found valid, in their order. It ends early where it is not.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The fields of `message`.
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Fields(message)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = RawField<'a>;

    fn next(&mut self) -> Option<RawField<'a>> {
        let start = self.0;
        let mut rest = start;
        let (number, wire) = key(&mut rest).ok()?;
        let mut value = rest;
        if wire == wire_type::LENGTH {
            value = delimited(&mut rest).ok()?;
        } else {
            skip(number, wire, &mut rest, u32::MAX).ok()?;
            value = &value[..value.len() - rest.len()];
        }
        self.0 = rest;
        Some(RawField { number, wire, whole: &start[..start.len() - rest.len()], value })
    }
}

/// Appends `value` as a varint.
pub(crate) fn push_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes [`push_varint`] appends.
pub(crate) fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Appends a field of `content` with its length.
pub(crate) fn push_delimited(number: u32, content: &[u8], out: &mut Vec<u8>) {
    push_varint(u64::from(number) << 3 | u64::from(wire_type::LENGTH), out);
    push_varint(content.len() as u64, out);
    out.extend_from_slice(content);
}
