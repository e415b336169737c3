//! The check's verdict is that of `prost`.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use proptest::prelude::*;
use prost::Message as _;

use super::count;
use crate::Signal;
use crate::otlp::grow::{Grower, any_signal};

/// The items of `request` as `prost` sees them.
fn decoded_items(signal: Signal, request: &[u8]) -> Option<usize> {
    match signal {
        Signal::Traces => ExportTraceServiceRequest::decode(request).ok().map(|request| {
            let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
            scopes.map(|scope| scope.spans.len()).sum()
        }),
        Signal::Logs => ExportLogsServiceRequest::decode(request).ok().map(|request| {
            let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
            scopes.map(|scope| scope.log_records.len()).sum()
        }),
        Signal::Metrics => ExportMetricsServiceRequest::decode(request).ok().map(|request| {
            let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
            scopes.flat_map(|scope| &scope.metrics).map(|metric| points(metric.data.as_ref())).sum()
        }),
    }
}

fn points(data: Option<&Data>) -> usize {
    match data {
        None => 0,
        Some(Data::Gauge(data)) => data.data_points.len(),
        Some(Data::Sum(data)) => data.data_points.len(),
        Some(Data::Histogram(data)) => data.data_points.len(),
        Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
        Some(Data::Summary(data)) => data.data_points.len(),
    }
}

fn assert_same_verdict(signal: Signal, request: &[u8]) {
    let found = count(signal, request);
    assert_eq!(found.as_ref().ok(), decoded_items(signal, request).as_ref(), "{found:?} of {request:x?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn valid_requests_are_admitted_and_counted(signal in any_signal(), seed: [u8; 32]) {
        let request = Grower::valid(&seed).request(signal);
        prop_assert!(count(signal, &request).is_ok(), "{:?}", count(signal, &request));
        assert_same_verdict(signal, &request);
    }

    #[test]
    fn requests_with_faults_get_the_verdict_of_prost(signal in any_signal(), seed: [u8; 32]) {
        assert_same_verdict(signal, &Grower::faulty(&seed).request(signal));
    }

    #[test]
    fn changed_requests_get_the_verdict_of_prost(
        signal in any_signal(),
        seed: [u8; 32],
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        let mut request = Grower::valid(&seed).request(signal);
        if !request.is_empty() {
            for (place, byte) in changes {
                let place = place.index(request.len());
                request[place] = byte;
            }
            if let Some(cut) = cut {
                request.truncate(cut.index(request.len()));
            }
        }
        assert_same_verdict(signal, &request);
    }

    #[test]
    fn random_bytes_get_the_verdict_of_prost(
        signal in any_signal(),
        request in prop::collection::vec(prop_oneof![any::<u8>(), 0u8..32], 0..40),
    ) {
        assert_same_verdict(signal, &request);
    }
}

/// `levels` values, each the only one of the array around it, in the body of a log record.
fn nested(levels: usize, innermost: &[u8]) -> Vec<u8> {
    let wrap = |key: u8, inner: Vec<u8>| {
        let mut outer = vec![key];
        prost::encode_length_delimiter(inner.len(), &mut outer).unwrap();
        outer.extend(inner);
        outer
    };
    let mut value = innermost.to_vec();
    for _ in 0..levels {
        value = wrap(0x2a, wrap(0x0a, value)); // array_value { values { .. } }
    }
    wrap(0x0a, wrap(0x12, wrap(0x12, wrap(0x2a, value))))
}

#[test]
fn nesting_is_limited_where_prost_limits_it() {
    // Four messages around the body, two for each level; a hundred are allowed in all.
    for levels in 46..=50 {
        for innermost in [&b""[..], b"\x0a\x01x", b"\x10\x01", b"\x48\x01", b"\x4b\x4c", b"\x4b\x48\x01\x4c"]
        {
            assert_same_verdict(Signal::Logs, &nested(levels, innermost));
        }
    }
    assert!(count(Signal::Logs, &nested(48, b"")).is_ok());
    let found = count(Signal::Logs, &nested(49, b"")).unwrap_err();
    assert!(found.message.ends_with("nested too deep (more than 100 messages)"), "{found}");
}

#[test]
fn no_bytes_are_a_request_without_items() {
    assert_eq!(Signal::ALL.map(|signal| count(signal, b"").unwrap()), [0, 0, 0]);
}

#[test]
fn of_a_metric_that_holds_two_kinds_of_data_the_last_is_counted() {
    let gauge = *b"\x2a\x02\x0a\x00"; // one point each
    let sum = *b"\x3a\x02\x0a\x00";
    for (data, points) in [
        ([gauge, gauge, gauge], 3),
        ([gauge, gauge, sum], 1),
        ([gauge, sum, sum], 2),
        ([gauge, sum, gauge], 1),
    ] {
        let mut request = vec![0x0a, 16, 0x12, 14, 0x12, 12];
        request.extend(data.as_flattened());
        assert_same_verdict(Signal::Metrics, &request);
        assert_eq!(count(Signal::Metrics, &request).unwrap(), points);
    }
}

#[test]
fn a_malformed_request_is_told_with_the_place() {
    let told = |signal, request: &[u8]| count(signal, request).unwrap_err().message;
    let request = b"\x0a\x00\x0a\x0d\x12\x0b\x12\x00\x12\x00\x12\x05\x2a\x03a\xffb";
    assert_eq!(
        told(Signal::Traces, request),
        "resource_spans[1].scope_spans[0].spans[2].name: invalid UTF-8"
    );
    assert_eq!(told(Signal::Logs, b"\x0a\x02"), "resource_logs[0]: ends before its length says");
    assert_eq!(told(Signal::Logs, b"\x0a\x02\x08\x01"), "resource_logs[0].resource: unexpected wire type");
    assert_eq!(
        told(Signal::Logs, b"\x0a\x02\x28\xff"),
        "resource_logs[0].field 5: ends before its length says"
    );
    assert_eq!(told(Signal::Logs, b"\xff"), "ends before its length says");
    assert_eq!(told(Signal::Logs, b"hello"), "field 13: group ends that did not begin");
}
