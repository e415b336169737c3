//! Grows protobuf requests out of a seed, along the table: every field, every odd form, and faults on demand.

use proptest::prelude::*;

use super::schema::{Field, Kind, Presence, Type};
use super::wire::wire_type::{END_GROUP, FIXED32, FIXED64, LENGTH, START_GROUP, VARINT};
use crate::Signal;

pub(crate) fn any_signal() -> impl Strategy<Value = Signal> {
    prop::sample::select(&Signal::ALL[..])
}

/// Makes choices out of a seed and writes a request along them.
pub(crate) struct Grower {
    state: u64,
    faulty: bool,
    /// How many more fields it may write, so that requests stay small.
    left: usize,
}

impl Grower {
    /// Grows what must be accepted.
    pub fn valid(seed: &[u8; 32]) -> Self {
        Grower::new(seed, false)
    }

    /// Grows what may have faults, in few places, so that some requests are still accepted.
    pub fn faulty(seed: &[u8; 32]) -> Self {
        Grower::new(seed, true)
    }

    fn new(seed: &[u8; 32], faulty: bool) -> Self {
        let (words, _) = seed.as_chunks::<8>();
        let state = words.iter().fold(1, |mix: u64, word| mix.rotate_left(17) ^ u64::from_le_bytes(*word));
        let mut grower = Grower { state, faulty, left: 0 };
        grower.left = grower.below(60);
        grower
    }

    /// One of 0 to `end` - 1 (splitmix64).
    pub fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mix = self.state;
        mix = (mix ^ (mix >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mix = (mix ^ (mix >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mix ^ (mix >> 31)) % end as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn fault(&mut self, one_in: usize) -> bool {
        self.faulty && self.one_in(one_in)
    }

    pub fn request(&mut self, signal: Signal) -> Vec<u8> {
        let mut request = Vec::new();
        while self.left > 0 {
            self.field(Type::request(signal), &mut request, 100);
        }
        request
    }

    fn message(&mut self, message: Type, depth: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.left > 0 && !self.one_in(6) {
            self.field(message, &mut bytes, depth);
        }
        bytes
    }

    fn field(&mut self, message: Type, out: &mut Vec<u8>, depth: u32) {
        self.left = self.left.saturating_sub(1);
        if self.one_in(12) {
            return self.unknown(message, out, depth);
        }
        // Requests that reach the items are the interesting ones.
        let fields = message.fields();
        let deepest = fields.iter().find(|field| is_container(field));
        let field = match deepest {
            Some(field) if !self.one_in(4) => field,
            _ => &fields[self.below(fields.len())],
        };
        if self.fault(60) {
            let wire = self.below(8) as u8;
            self.key(field.number, wire, out);
            return self.value_of(field.number, wire, out, depth);
        }
        self.known(field, out, depth);
    }

    fn known(&mut self, field: &Field, out: &mut Vec<u8>, depth: u32) {
        let wire = match field.kind {
            Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => VARINT,
            Kind::Sint32 | Kind::Enum(_) => VARINT,
            Kind::Fixed32 => FIXED32,
            Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => FIXED64,
            Kind::String | Kind::Bytes | Kind::Id(_) | Kind::Message(_) => LENGTH,
        };
        if field.presence == Presence::Many && wire != LENGTH && !self.one_in(3) {
            let mut packed = Vec::new();
            for _ in 0..self.below(5) {
                self.value_of(field.number, wire, &mut packed, depth);
            }
            self.key(field.number, LENGTH, out);
            return self.delimited(&packed, out);
        }
        match field.kind {
            Kind::String => {
                self.key(field.number, LENGTH, out);
                let text = self.text();
                self.delimited(&text, out);
            }
            Kind::Id(length) if !self.one_in(30) => {
                self.key(field.number, LENGTH, out);
                let id: Vec<u8> = (0..length).map(|_| 1 + self.below(255) as u8).collect();
                self.delimited(&id, out);
            }
            Kind::Message(_) if depth == 0 && !self.faulty => {}
            Kind::Message(Type::AnyValue) if self.one_in(15) => {
                self.key(field.number, LENGTH, out);
                let value = self.dive(depth.saturating_sub(1));
                self.delimited(&value, out);
            }
            Kind::Message(inner) => {
                self.key(field.number, LENGTH, out);
                let inner = self.message(inner, depth.saturating_sub(1));
                self.delimited(&inner, out);
            }
            _ => {
                self.key(field.number, wire, out);
                self.value_of(field.number, wire, out, depth);
            }
        }
    }

    /// A value within values, to about the limit of nesting.
    fn dive(&mut self, depth: u32) -> Vec<u8> {
        let most = depth as usize / 2 + usize::from(self.faulty) * 4;
        let levels = if self.one_in(2) { most } else { self.below(most + 1) };
        let mut value = self.message(Type::AnyValue, depth.saturating_sub(2 * levels as u32));
        for _ in 0..levels {
            for number in [1, 5] {
                let mut outer = Vec::new();
                self.key(number, LENGTH, &mut outer);
                self.delimited(&value, &mut outer);
                value = outer;
            }
        }
        value
    }

    fn unknown(&mut self, message: Type, out: &mut Vec<u8>, depth: u32) {
        let number = [13, 14, 15, 17, 31, 32, 999, 1 << 20, (1 << 29) - 1][self.below(9)];
        // Skipping a field takes a level of its own.
        if message.field(number).is_some() || (depth == 0 && !self.faulty) {
            return;
        }
        let wire = [VARINT, FIXED64, LENGTH, START_GROUP, FIXED32][self.below(5)];
        self.key(number, wire, out);
        self.value_of(number, wire, out, depth.saturating_sub(1));
    }

    fn value_of(&mut self, number: u32, wire: u8, out: &mut Vec<u8>, depth: u32) {
        match wire {
            VARINT => {
                let value = self.number();
                self.varint(value, out);
            }
            FIXED64 => out.extend(self.number().to_le_bytes()),
            FIXED32 => out.extend((self.number() as u32).to_le_bytes()),
            LENGTH => {
                let bytes: Vec<u8> = (0..self.below(20)).map(|_| self.below(256) as u8).collect();
                self.delimited(&bytes, out);
            }
            START_GROUP => {
                while !self.one_in(3) {
                    let (inner, wire) = (1 + self.below(40) as u32, self.below(6) as u8);
                    if wire == END_GROUP && !self.fault(10) || depth == 0 && !self.faulty {
                        continue;
                    }
                    self.key(inner, wire, out);
                    self.value_of(inner, wire, out, depth.saturating_sub(1));
                }
                let end = if self.fault(20) { number + 1 } else { number };
                self.key(end, END_GROUP, out);
            }
            _ => {}
        }
    }

    fn key(&mut self, number: u32, wire: u8, out: &mut Vec<u8>) {
        let mut key = u64::from(number) << 3 | u64::from(wire);
        if self.fault(300) {
            key = [0, 1, 7, 1 << 32, key | 6, u64::MAX][self.below(6)];
        }
        self.varint(key, out);
    }

    fn delimited(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut length = bytes.len() as u64;
        if self.fault(300) {
            length = [length + 1, length.saturating_sub(1), u64::MAX, 1 << 40, 1 << 63][self.below(5)];
        }
        self.varint(length, out);
        out.extend(bytes);
    }

    /// In as few bytes as may be, or padded to more, as writers may.
    fn varint(&mut self, mut value: u64, out: &mut Vec<u8>) {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        if self.one_in(40) {
            let most = if self.faulty { 12 } else { 10 };
            for _ in 0..self.below(most + 1 - bytes.len()) {
                *bytes.last_mut().unwrap() |= 0x80;
                bytes.push(0);
            }
        }
        if bytes.len() == 10 && self.fault(2) {
            bytes[9] = 2;
        }
        out.extend(bytes);
    }

    fn number(&mut self) -> u64 {
        let edges = [0, 1, 2, 127, 128, 300, 1 << 31, 1 << 32, 1 << 63, u64::MAX, i64::MIN as u64];
        edges[self.below(edges.len())]
    }

    fn text(&mut self) -> Vec<u8> {
        const PIECES: &[&str] =
            &["", "a", "service.name", "GET /orders/{id}", "grün", "日本", "🦀", "\0", "\"\\\n"];
        const BROKEN: &[&[u8]] =
            &[b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", b"\x80"];
        let mut text = Vec::new();
        for _ in 0..self.below(4) {
            text.extend(PIECES[self.below(PIECES.len())].as_bytes());
        }
        if self.fault(40) {
            text.extend(BROKEN[self.below(BROKEN.len())]);
            text.extend(PIECES[self.below(PIECES.len())].as_bytes());
        }
        text
    }
}

/// Whether items may be inside.
fn is_container(field: &Field) -> bool {
    matches!(field.kind, Kind::Message(inner) if inner.holds_items())
}
