//! What the targets hold to be true. Run one for ten minutes, from `receivers`:
//! `cargo +nightly fuzz run deliveries -- -max_total_time=600` (or `cuts`).

use receivers::telemetryapi::{Deliveries, Event, LONGEST};
use serde_json::Value;

/// The longest frame that an event is known by.
const FRAME: usize = 200;

/// Deliveries of any bytes, whole, in slices or broken off, cause no panic and do not pile up; and no text is made of
/// nothing. `data` is cut at each byte 0xFF, which is in no text; the byte before that says how it comes.
pub fn anything_is_borne(data: &[u8]) {
    let (mut deliveries, mut buffer) = (Deliveries::default(), Vec::new());
    let (mut taken, mut told) = (0, 0);
    for body in data.split(|byte| *byte == 0xff) {
        let how = body.last().copied().unwrap_or_default() % 5;
        buffer.extend_from_slice(body);
        taken += body.len();
        let heard = match how {
            0 => deliveries.break_off(std::mem::take(&mut buffer)),
            1 => deliveries.take(&mut buffer, None, true),
            2 => deliveries.take(&mut buffer, Some(body), false),
            _ => deliveries.take(&mut buffer, None, false),
        };
        told += heard.events.iter().map(size).sum::<usize>();
        if how == 3 {
            told += deliveries.let_go().iter().map(size).sum::<usize>();
        }
        assert!(deliveries.bytes() <= LONGEST + data.len());
    }
    told += deliveries.end().iter().map(size).sum::<usize>();
    // A byte that is no text becomes three that say so.
    assert!(told <= 3 * taken + FRAME, "{told} of {taken}");
    assert_eq!(deliveries.bytes(), 0);
}

/// Records, cut as the platform cuts and some delivered twice, arrive in order, whole and once.
pub fn cut_records_arrive_whole_and_once(data: &[u8]) {
    let mut deliveries = Deliveries::default();
    let mut arrived = Vec::new();
    let mut sent = Vec::new();
    let mut open = String::from("[");
    let mut post = |body: &mut String, again: bool, arrived: &mut Vec<Event>| {
        body.push(']');
        for _ in 0..=usize::from(again) {
            arrived.extend(deliveries.take(&mut body.clone().into_bytes(), None, false).events);
        }
        body.clear();
        body.push('[');
    };
    for (number, line) in data.split(|byte| *byte == b'\n').enumerate() {
        let text = String::from_utf8_lossy(line).into_owned();
        // Each is told apart by its number: the same delivery twice is one.
        let record = serde_json::json!({"n": number, "message": text});
        let value = record.to_string();
        let frame = format!(r#"{{"time":"2026-01-01T00:00:00.{:03}Z","type":"function","record":"#, number % 1000);
        let cut = line.first().copied().map_or(0, usize::from) * value.len() / 256;
        if open.len() > 1 {
            open.push(',');
        }
        open.push_str(&frame);
        let mut rest = &*value;
        if cut > 0 && value.is_char_boundary(cut) {
            open.push_str(&value[..cut]);
            open.push('}');
            post(&mut open, text.len() % 3 == 0, &mut arrived);
            open.push_str(&frame);
            rest = &value[cut..];
        }
        open.push_str(rest);
        open.push('}');
        sent.push(record);
    }
    post(&mut open, false, &mut arrived);
    let records: Vec<Value> = arrived.into_iter().map(|event| event.record).collect();
    assert_eq!(records, sent);
}

fn size(event: &Event) -> usize {
    match &event.record {
        Value::String(text) => text.len(),
        _ => 0,
    }
}
