//! Cutting a request in two, between resources where that is possible, inside one where it is not.

use bytes::Bytes;

use super::schema::{Kind, Type};
use super::wire::{Fields, RawField, push_delimited, varint_len};

/// What the front part may hold at most.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Most {
    Items(usize),
    Bytes(usize),
}

impl Most {
    /// What is left after `items` and `bytes`; `None` if they are too many.
    pub(crate) fn without(self, items: usize, bytes: usize) -> Option<Most> {
        match self {
            Most::Items(most) => most.checked_sub(items).map(Most::Items),
            Most::Bytes(most) => most.checked_sub(bytes).map(Most::Bytes),
        }
    }

    /// What is left for the content of `field` beside its key and length.
    fn inside(self, field: &RawField<'_>) -> Most {
        match self {
            Most::Items(most) => Most::Items(most),
            Most::Bytes(most) => {
                // A writer may have padded them; written anew they are as short as can be.
                let around = field.whole.len() - field.value.len();
                let anew = varint_len(u64::from(field.number) << 3) + varint_len(most as u64);
                Most::Bytes(most.saturating_sub(around.max(anew)))
            }
        }
    }
}

/// A piece of a request, itself a request.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Bytes of the request that was cut.
    Shared(Bytes),
    /// Bytes written anew, since a resource was cut.
    New(Vec<u8>),
}

/// Cuts `request` so that the front holds at most `most`; both sides are complete requests, back to back.
///
/// `None` if all of it fits, or can't be cut: a single item stays whole, however large it is.
pub(crate) fn cut(request_type: Type, request: &Bytes, most: Most) -> Option<(Vec<Piece>, Vec<Piece>)> {
    let mut left = most;
    let mut items = 0;
    let mut offset = 0;
    for field in Fields::of(request) {
        let end = offset + field.whole.len();
        let inside = child(request_type, &field).map_or(0, |child| count(child, field.value));
        match left.without(inside, field.whole.len()) {
            Some(less) => left = less,
            None if items > 0 => break,
            None => {
                let inner = left.inside(&field);
                if let Some((front, rest)) =
                    child(request_type, &field).and_then(|child| cut_message(child, field.value, inner))
                {
                    let wrap = |content: &[u8]| {
                        let mut piece = Vec::with_capacity(content.len() + 12);
                        push_delimited(field.number, content, &mut piece);
                        Piece::New(piece)
                    };
                    let before = Piece::Shared(request.slice(..offset));
                    let after = Piece::Shared(request.slice(end..));
                    return Some((vec![before, wrap(&front)], vec![wrap(&rest), after]));
                }
                // It can't be cut: it goes whole, and alone.
                offset = end;
                break;
            }
        }
        items += inside;
        offset = end;
    }
    (offset < request.len())
        .then(|| (vec![Piece::Shared(request.slice(..offset))], vec![Piece::Shared(request.slice(offset..))]))
}

/// Cuts the content of a message. Fields that hold no items are carried on both sides.
fn cut_message(message: Type, content: &[u8], most: Most) -> Option<(Vec<u8>, Vec<u8>)> {
    let children: Vec<(RawField<'_>, Type)> =
        Fields::of(content).filter_map(|field| Some((field, child(message, &field)?))).collect();
    // Of several kinds of data in one metric the last one counts, so they can't be told apart.
    if message == Type::Metric && children.len() > 1 {
        return None;
    }
    let headers = content.len() - children.iter().map(|(field, _)| field.whole.len()).sum::<usize>();
    let mut left = most.without(0, headers).unwrap_or(Most::Bytes(0));
    let (mut taken, mut items) = (0, 0);
    let mut halves = None;
    for (field, child) in &children {
        let inside = count(*child, field.value);
        match left.without(inside, field.whole.len()) {
            Some(less) => left = less,
            None if items > 0 => break,
            None => {
                halves = cut_message(*child, field.value, left.inside(field));
                taken += usize::from(halves.is_none());
                break;
            }
        }
        items += inside;
        taken += 1;
    }
    if taken == children.len() {
        return None;
    }
    let number = children[taken].0.number;
    let (mut front, mut rest) = (Vec::with_capacity(content.len()), Vec::with_capacity(content.len()));
    let mut seen = 0;
    for field in Fields::of(content) {
        if child(message, &field).is_none() {
            front.extend_from_slice(field.whole);
            rest.extend_from_slice(field.whole);
            continue;
        }
        match &halves {
            Some((left, right)) if seen == taken => {
                push_delimited(number, left, &mut front);
                push_delimited(number, right, &mut rest);
            }
            _ if seen < taken => front.extend_from_slice(field.whole),
            _ => rest.extend_from_slice(field.whole),
        }
        seen += 1;
    }
    Some((front, rest))
}

/// How many items are in `content`, which has been found valid: no need to look inside the items again.
pub(crate) fn count(message: Type, content: &[u8]) -> usize {
    if message.is_item() {
        return 1;
    }
    let (mut items, mut chosen) = (0, None);
    for field in Fields::of(content) {
        let Some(child) = child(message, &field) else { continue };
        if message == Type::Metric && chosen.replace(child) != Some(child) {
            items = 0;
        }
        items += count(child, field.value);
    }
    items
}

/// The type of a field that holds items.
fn child(message: Type, field: &RawField<'_>) -> Option<Type> {
    match message.field(field.number)?.kind {
        Kind::Message(child) if child.holds_items() => Some(child),
        _ => None,
    }
}
