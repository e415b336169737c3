//! A Prometheus that reads what it is sent by Remote-Write 1.0.

use prost::Message;
use serde_json::{Map, Value, json};

use super::backend::Received;

/// The value that ends a series.
const STALE: u64 = 0x7ff0_0000_0000_0002;

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<Exemplar>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    time: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    time: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    count: Option<u64>,
    #[prost(double, tag = "3")]
    sum: f64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(double, tag = "5")]
    zero_threshold: f64,
    #[prost(uint64, optional, tag = "6")]
    zero_count: Option<u64>,
    #[prost(message, repeated, tag = "8")]
    negative: Vec<Span>,
    #[prost(sint64, repeated, tag = "9")]
    negative_deltas: Vec<i64>,
    #[prost(message, repeated, tag = "11")]
    positive: Vec<Span>,
    #[prost(sint64, repeated, tag = "12")]
    positive_deltas: Vec<i64>,
    #[prost(int64, tag = "15")]
    time: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    family: String,
    #[prost(string, tag = "4")]
    help: String,
    #[prost(string, tag = "5")]
    unit: String,
}

/// What was sent: series as `name{label="value"}` with what they hold, and what was said of metrics.
#[derive(Debug, Default, PartialEq)]
pub struct Sent {
    pub series: Map<String, Value>,
    pub metadata: Map<String, Value>,
}

/// What these requests sent; no series twice.
pub fn sent(requests: &[Received]) -> Sent {
    let mut sent = Sent::default();
    for request in requests {
        assert_eq!(request.header("content-encoding"), "snappy");
        assert_eq!(request.header("content-type"), "application/x-protobuf");
        assert_eq!(request.header("x-prometheus-remote-write-version"), "0.1.0");
        let request = WriteRequest::decode(&decompress(&request.body)[..]).unwrap();
        for series in &request.series {
            assert!(sent.series.insert(name(series), content(series)).is_none(), "twice: {series:?}");
        }
        let kinds =
            ["UNKNOWN", "COUNTER", "GAUGE", "HISTOGRAM", "GAUGEHISTOGRAM", "SUMMARY", "INFO", "STATESET"];
        for it in request.metadata {
            sent.metadata.insert(it.family, json!([kinds[it.kind as usize], it.help, it.unit]));
        }
    }
    sent
}

fn name(series: &Series) -> String {
    assert!(series.labels.is_sorted_by(|a, b| a.name < b.name), "{series:?}");
    let name = &series.labels.iter().find(|label| label.name == "__name__").unwrap().value;
    let others = series.labels.iter().filter(|label| label.name != "__name__");
    let labels: Vec<_> = others.map(|label| format!("{}={}", label.name, json!(label.value))).collect();
    format!("{name}{{{}}}", labels.join(","))
}

fn content(series: &Series) -> Value {
    assert!(series.samples.is_sorted_by(|a, b| a.time < b.time), "{series:?}");
    let mut content = Map::new();
    let samples: Vec<_> = series.samples.iter().map(|it| json!([it.time, number(it.value)])).collect();
    let labels = |it: &Exemplar| {
        let labels = it.labels.iter().map(|label| (label.name.clone(), json!(label.value)));
        Value::Object(labels.collect())
    };
    let exemplars = series.exemplars.iter().map(|it| json!([it.time, number(it.value), labels(it)]));
    let histograms = series.histograms.iter().map(histogram);
    for (key, values) in
        [("samples", samples), ("exemplars", exemplars.collect()), ("histograms", histograms.collect())]
    {
        if !values.is_empty() {
            content.insert(key.into(), values.into());
        }
    }
    content.into()
}

fn histogram(it: &Histogram) -> Value {
    let spans =
        |spans: &[Span]| spans.iter().map(|span| json!([span.offset, span.length])).collect::<Vec<_>>();
    json!({
        "time": it.time, "count": it.count, "sum": number(it.sum), "schema": it.schema,
        "zero_threshold": format!("{:?}", it.zero_threshold), "zero_count": it.zero_count,
        "positive": [spans(&it.positive), it.positive_deltas],
        "negative": [spans(&it.negative), it.negative_deltas],
    })
}

fn number(value: f64) -> Value {
    match value {
        value if value.to_bits() == STALE => json!("stale"),
        value if value.is_nan() => json!("NaN"),
        f64::INFINITY => json!("+Inf"),
        f64::NEG_INFINITY => json!("-Inf"),
        value => json!(value),
    }
}

/// Snappy's block format, as far as it is used.
fn decompress(mut from: &[u8]) -> Vec<u8> {
    let length = prost::encoding::decode_varint(&mut from).unwrap() as usize;
    let mut plain = Vec::new();
    while let [tag, rest @ ..] = from {
        let upper = usize::from(tag >> 2);
        let two = |at: usize| usize::from(u16::from_le_bytes([rest[at], rest[at + 1]]));
        if tag & 3 == 2 {
            (0..=upper).for_each(|_| plain.push(plain[plain.len() - two(0)]));
            from = &rest[2..];
            continue;
        }
        let (more, less) = match upper {
            60 => (1, usize::from(rest[0])),
            61 => (2, two(0)),
            less => (0, less),
        };
        plain.extend_from_slice(&rest[more..=more + less]);
        from = &rest[more + less + 1..];
    }
    assert_eq!(plain.len(), length);
    plain
}
