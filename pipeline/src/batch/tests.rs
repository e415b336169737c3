//! Merging, cutting and editing lose nothing, and the budget stays right.

use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::Budget;
use crate::otlp::grow::{Grower, any_signal};
use crate::otlp::wire::Fields;

const PLENTY: usize = 1 << 30;

fn admitted(budget: &Budget, signal: Signal, request: Vec<u8>) -> Batch {
    Batch::admit(signal, Bytes::from(request), budget.lease(0).unwrap()).unwrap()
}

fn grown(budget: &Budget, signal: Signal, seeds: &[[u8; 32]]) -> Batch {
    let mut parts = seeds.iter().map(|seed| admitted(budget, signal, Grower::valid(seed).request(signal)));
    let mut batch = parts.next().unwrap();
    parts.for_each(|part| batch.merge(part));
    batch
}

fn concatenated(batch: &Batch) -> Vec<u8> {
    batch.parts().flatten().copied().collect()
}

/// The batch decoded by `prost`, each resource changed, and encoded: bytes compare where a NaN does not.
fn decoded(batch: &Batch, change: impl Fn(&mut Option<Resource>)) -> Vec<u8> {
    match batch.signal() {
        Signal::Traces => {
            let mut request: ExportTraceServiceRequest = batch.decode();
            request.resource_spans.iter_mut().for_each(|entry| change(&mut entry.resource));
            request.encode_to_vec()
        }
        Signal::Metrics => {
            let mut request: ExportMetricsServiceRequest = batch.decode();
            request.resource_metrics.iter_mut().for_each(|entry| change(&mut entry.resource));
            request.encode_to_vec()
        }
        Signal::Logs => {
            let mut request: ExportLogsServiceRequest = batch.decode();
            request.resource_logs.iter_mut().for_each(|entry| change(&mut entry.resource));
            request.encode_to_vec()
        }
    }
}

/// Every item with the fields beside it on all levels, in order. What holds no item is listed as well.
fn items_in_place(message: Type, content: &[u8], around: &[Vec<u8>], out: &mut Vec<Vec<Vec<u8>>>) {
    let child = |number| match message.field(number).map(|field| field.kind) {
        Some(crate::otlp::schema::Kind::Message(child)) if child.holds_items() => Some(child),
        _ => None,
    };
    let (children, beside): (Vec<_>, Vec<_>) =
        Fields::of(content).partition(|field| child(field.number).is_some());
    let mut around = around.to_vec();
    let is_request = Type::request(Signal::Traces) == message
        || Type::request(Signal::Metrics) == message
        || Type::request(Signal::Logs) == message;
    if is_request {
        // Fields of the request itself are not part of any item; they must stay in their order.
        for field in Fields::of(content) {
            match child(field.number) {
                Some(child) => items_in_place(child, field.value, &around, out),
                None => out.push(vec![field.whole.to_vec()]),
            }
        }
        return;
    }
    around.push(beside.iter().flat_map(|field| field.whole).copied().collect());
    if message.is_item() || children.is_empty() || (message == Type::Metric && children.len() > 1) {
        around.push(content.to_vec());
        out.push(around);
        return;
    }
    for field in children {
        if let Some(child) = child(field.number) {
            items_in_place(child, field.value, &around, out);
        }
    }
}

fn listed(batch: &Batch) -> Vec<Vec<Vec<u8>>> {
    let mut out = Vec::new();
    items_in_place(Type::request(batch.signal()), &concatenated(batch), &[], &mut out);
    out
}

/// Whether some metric holds two kinds of data; such a one is never cut.
fn holds_odd_metric(batch: &Batch) -> bool {
    fn odd(message: Type, content: &[u8]) -> bool {
        let children: Vec<_> = Fields::of(content)
            .filter_map(|field| match message.field(field.number)?.kind {
                crate::otlp::schema::Kind::Message(child) if child.holds_items() => {
                    Some((child, field.value))
                }
                _ => None,
            })
            .collect();
        (message == Type::Metric && children.len() > 1)
            || children.iter().any(|(child, value)| !child.is_item() && odd(*child, value))
    }
    odd(Type::request(batch.signal()), &concatenated(batch))
}

fn cut_all(mut batch: Batch, cut: impl Fn(&mut Batch) -> Option<Batch>) -> Vec<Batch> {
    let mut pieces = Vec::new();
    loop {
        let rest = cut(&mut batch);
        assert!(!batch.is_empty() || rest.is_none(), "a cut that cuts nothing off would never end");
        pieces.push(batch);
        match rest {
            Some(rest) => batch = rest,
            None => return pieces,
        }
    }
}

fn assert_nothing_lost(whole: &Batch, pieces: &[Batch]) {
    let listed_pieces: Vec<_> = pieces.iter().flat_map(listed).collect();
    assert_eq!(listed(whole), listed_pieces);
    assert_eq!(whole.items(), pieces.iter().map(Batch::items).sum::<usize>());
    for part in pieces.iter().flat_map(|piece| &piece.parts) {
        assert_eq!(otlp::check::count(whole.signal(), &part.bytes), Ok(part.items));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn pieces_cut_by_items_hold_everything_once_and_in_order(
        signal in any_signal(),
        seeds in prop::collection::vec(any::<[u8; 32]>(), 1..4),
        most in 0usize..6,
    ) {
        let batch = grown(&Budget::new(PLENTY), signal, &seeds);
        let pieces = cut_all(batch.clone(), |batch| batch.split_off_items(most));
        assert_nothing_lost(&batch, &pieces);
        for piece in &pieces {
            prop_assert!(piece.items() <= most.max(1) || holds_odd_metric(piece));
        }
    }

    #[test]
    fn pieces_cut_by_bytes_hold_everything_once_and_in_order(
        signal in any_signal(),
        seeds in prop::collection::vec(any::<[u8; 32]>(), 1..4),
        most in 0usize..400,
    ) {
        let batch = grown(&Budget::new(PLENTY), signal, &seeds);
        let pieces = cut_all(batch.clone(), |batch| batch.split_off_bytes(most));
        assert_nothing_lost(&batch, &pieces);
        for piece in &pieces {
            prop_assert!(piece.len() <= most || piece.items() <= 1 || holds_odd_metric(piece));
        }
    }

    #[test]
    fn the_budget_holds_what_the_pieces_hold(
        signal in any_signal(),
        seeds in prop::collection::vec(any::<[u8; 32]>(), 1..4),
        most in 1usize..6,
    ) {
        let budget = Budget::new(PLENTY);
        let batch = grown(&budget, signal, &seeds);
        prop_assert_eq!(budget.used(), batch.len());
        let mut pieces = cut_all(batch, |batch| batch.split_off_items(most));
        prop_assert!(budget.used() >= pieces.iter().map(Batch::len).sum());
        pieces.drain(..pieces.len() - 1);
        prop_assert!(budget.used() >= pieces[0].len());
        drop(pieces);
        prop_assert_eq!(budget.used(), 0);
    }

    #[test]
    fn an_edit_of_resources_is_the_edit_of_the_decoded_request(
        signal in any_signal(),
        seeds in prop::collection::vec(any::<[u8; 32]>(), 1..3),
    ) {
        let budget = Budget::new(PLENTY);
        let mut batch = grown(&budget, signal, &seeds);
        let before = batch.clone();
        batch.edit_resources(|attributes| attributes.push(attribute("deployment.environment", "test")));
        let expected = decoded(&before, |resource| {
            resource.get_or_insert_default().attributes.push(attribute("deployment.environment", "test"));
        });
        prop_assert_eq!(decoded(&batch, |_| ()), expected);
        prop_assert_eq!(batch.items(), before.items());
        drop(before);
        prop_assert_eq!(budget.used(), batch.len());
        for part in &batch.parts {
            prop_assert_eq!(otlp::check::count(signal, &part.bytes), Ok(part.items));
        }
    }
}

fn attribute(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
    field.extend(content);
    field
}

#[test]
fn a_merged_batch_is_both_requests_back_to_back() {
    let budget = Budget::new(PLENTY);
    let mut batch = admitted(&budget, Signal::Traces, b"\x0a\x04\x12\x02\x12\x00".to_vec());
    batch.merge(admitted(&budget, Signal::Traces, b"\x0a\x00".to_vec()));
    assert_eq!((batch.items(), batch.len(), batch.parts().len()), (1, 8, 2));
    assert_eq!(batch.decode::<ExportTraceServiceRequest>().resource_spans.len(), 2);
}

#[test]
fn the_lease_of_a_json_body_becomes_that_of_its_protobuf() {
    let budget = Budget::new(PLENTY);
    let json = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityText":"INFO"}]}]}]}"#;
    let batch = Batch::admit_json(Signal::Logs, json, budget.lease(json.len()).unwrap()).unwrap();
    assert_eq!((batch.items(), batch.len(), budget.used()), (1, 12, 12));
    assert!(Batch::admit_json(Signal::Logs, b"[]", budget.lease(2).unwrap()).is_err());
    assert_eq!(budget.used(), 12);
}

#[test]
fn a_clone_holds_no_bytes_of_its_own() {
    let budget = Budget::new(PLENTY);
    let batch = admitted(&budget, Signal::Logs, b"\x0a\x00".to_vec());
    let clone = batch.clone();
    assert_eq!(budget.used(), 2);
    drop(batch);
    assert_eq!(budget.used(), 2);
    drop(clone);
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_cut_prefers_the_end_of_a_resource() {
    let budget = Budget::new(PLENTY);
    let entry = |spans: usize| field(1, &field(2, &field(2, b"").repeat(spans)));
    let mut batch = admitted(&budget, Signal::Traces, [entry(2), entry(2), entry(5)].concat());
    let rest = batch.split_off_items(5).unwrap();
    assert_eq!((batch.items(), rest.items()), (4, 5));
    assert_eq!(budget.used(), batch.len() + rest.len(), "both share the bytes");
}

#[test]
fn both_sides_of_a_cut_metric_carry_what_it_shares() {
    let point = |byte: u8| field(1, &[0x40, byte]);
    let sum = field(7, &[point(1), vec![0x10, 2, 0x18, 1], point(2), point(3)].concat());
    let metric = field(2, &[field(1, b"requests"), sum, field(3, b"1"), field(13, b"new")].concat());
    let entry = field(1, &[field(1, b"\x10\x07"), field(2, &metric), field(3, b"url")].concat());
    let mut batch = admitted(&Budget::new(PLENTY), Signal::Metrics, entry);
    let rest = batch.split_off_items(2).unwrap();

    let side = |points: &[u8], temporality_at: usize| {
        let mut inside: Vec<Vec<u8>> = points.iter().map(|&byte| point(byte)).collect();
        inside.insert(temporality_at, vec![0x10, 2, 0x18, 1]);
        let sum = field(7, &inside.concat());
        let metric = field(2, &[field(1, b"requests"), sum, field(3, b"1"), field(13, b"new")].concat());
        field(1, &[field(1, b"\x10\x07"), field(2, &metric), field(3, b"url")].concat())
    };
    assert_eq!(concatenated(&batch), side(&[1, 2], 1));
    assert_eq!(concatenated(&rest), side(&[3], 0));
}

#[test]
fn an_item_larger_than_the_limit_stays_whole() {
    let mut batch =
        admitted(&Budget::new(PLENTY), Signal::Logs, field(1, &field(2, &field(2, &[0x68; 100]))));
    assert!(batch.split_off_bytes(10).is_none());
    assert_eq!(batch.items(), 1);
}

#[test]
fn resources_that_do_not_change_stay_the_bytes_they_were() {
    let request = Grower::valid(&[7; 32]).request(Signal::Traces);
    let mut batch = admitted(&Budget::new(PLENTY), Signal::Traces, field(1, &field(1, b"\x10\x07")));
    batch.merge(admitted(&Budget::new(PLENTY), Signal::Traces, request));
    let before: Vec<*const u8> = batch.parts().map(|part| part.as_ptr()).collect();
    batch.edit_resources(|_| ());
    assert_eq!(batch.parts().map(|part| part.as_ptr()).collect::<Vec<_>>()[0], before[0]);
}

#[test]
fn a_missing_resource_is_put_in_only_if_it_has_attributes() {
    let mut batch = admitted(&Budget::new(PLENTY), Signal::Traces, field(1, b""));
    batch.edit_resources(|attributes| assert!(attributes.is_empty()));
    assert_eq!(concatenated(&batch), field(1, b""));
    batch.edit_resources(|attributes| {
        attributes.push(KeyValue { key: "a".to_owned(), ..KeyValue::default() })
    });
    assert_eq!(concatenated(&batch), field(1, &field(1, &field(1, &field(1, b"a")))));
}

#[test]
fn fields_beside_the_attributes_of_a_resource_survive_an_edit() {
    let resource = [field(1, &field(1, b"a")), vec![0x10, 7], field(3, &field(2, b"host")), field(9, b"new")];
    let request = field(1, &[field(1, &resource.concat()), field(3, b"url"), field(8, b"newer")].concat());
    let mut batch = admitted(&Budget::new(PLENTY), Signal::Logs, request);
    batch.edit_resources(|attributes| attributes.clear());
    let resource = [vec![0x10, 7], field(3, &field(2, b"host")), field(9, b"new")].concat();
    let expected = field(1, &[field(1, &resource), field(3, b"url"), field(8, b"newer")].concat());
    assert_eq!(concatenated(&batch), expected);
}

#[test]
fn an_edit_counts_anew_and_settles_with_the_budget() {
    let budget = Budget::new(PLENTY);
    let mut batch = admitted(&budget, Signal::Traces, field(1, &field(2, &field(2, b"").repeat(3))));
    batch.merge(admitted(&budget, Signal::Traces, field(1, &field(2, &field(2, b"")))));
    batch.edit(|request: &mut ExportTraceServiceRequest| {
        request.resource_spans[0].scope_spans[0].spans.truncate(1);
    });
    assert_eq!((batch.items(), batch.parts().len()), (2, 1));
    assert_eq!(budget.used(), batch.len());
}

#[test]
fn an_edit_after_which_the_batch_would_not_decode_is_not_made() {
    let mut batch = admitted(&Budget::new(PLENTY), Signal::Traces, field(1, b""));
    let mut value = AnyValue::default();
    for _ in 0..60 {
        let array = opentelemetry_proto::tonic::common::v1::ArrayValue { values: vec![value] };
        value = AnyValue { value: Some(any_value::Value::ArrayValue(array)) };
    }
    let deep = KeyValue { value: Some(value), ..KeyValue::default() };
    batch.edit_resources(|attributes| attributes.push(deep.clone()));
    batch.edit(|request: &mut ExportTraceServiceRequest| {
        request.resource_spans[0].resource.get_or_insert_default().attributes.push(deep);
    });
    assert_eq!(concatenated(&batch), field(1, b""));
}
