//! Documents by X-Ray's API: in which requests they go, and what is sent again.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use pipeline::{Delivered, Signal, Undelivered};
use prost::Message;

use crate::support::aws::{XRAY, refusal, refused};
use crate::support::{Backend, Reply, admit, retry, run};
use crate::xray::{documents, exporter, has, ids, names, rest, result, spans, xray};

#[test]
fn many_spans_are_signed_requests_of_fifty_documents_side_by_side() {
    run(async {
        let backend = Backend::http(|request| match documents(request, &XRAY) {
            Ok(_) => Reply { once_arrived: 3, ..result(&[]) },
            Err(reply) => reply,
        })
        .await;
        assert_eq!(exporter(&backend, "").export(&spans(1..121)).await.unwrap(), Delivered::All);
        let sent: Vec<_> = backend.received().iter().map(ids).collect();
        let mut sizes: Vec<_> = sent.iter().map(BTreeSet::len).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [20, 50, 50]);
        assert_eq!(sent.into_iter().flatten().collect::<BTreeSet<_>>().len(), 120);
    });
}

#[test]
fn long_documents_make_requests_of_a_megabyte() {
    run(async {
        let backend = xray(|_| result(&[])).await;
        let batch = spans(1..31);
        let mut request: ExportTraceServiceRequest = batch.decode();
        for span in &mut request.resource_spans[0].scope_spans[0].spans {
            span.name = "x".repeat(60_000);
        }
        let batch = admit(Signal::Traces, request.encode_to_vec().into());
        assert_eq!(exporter(&backend, "").export(&batch).await.unwrap(), Delivered::All);
        assert!(backend.received().iter().all(|request| request.body.len() < 1_300_000));
        assert_eq!(backend.received().iter().flat_map(ids).count(), 30);
    });
}

#[test]
fn what_x_ray_rejects_is_counted_by_its_id_and_explained() {
    run(async {
        let backend =
            xray(|_| result(&[(Some("0000000000000002"), "InvalidName"), (None, "JSONFormatError")])).await;
        let outcome = exporter(&backend, "").export(&spans(1..5)).await.unwrap();
        let message = "JSONFormatError words; InvalidName words".into();
        assert_eq!(outcome, Delivered::Partly { rejected: 2, message });
    });
}

#[test]
fn a_document_that_x_ray_could_not_take_just_now_is_sent_again_alone() {
    run(async {
        let asked = Cell::new(0);
        let backend = xray(move |_| match asked.replace(asked.get() + 1) {
            0 => result(&[
                (Some("0000000000000002"), "ThrottlingException"),
                (Some("0000000000000003"), "InvalidName"),
            ]),
            _ => result(&[]),
        })
        .await;
        let exporter = exporter(&backend, "");
        let (rest, rejected, after, _) = rest(exporter.export(&spans(1..5)).await);
        assert_eq!((names(&rest), rejected, after), (vec!["span 2".to_owned()], 1, None));
        assert_eq!(exporter.export(&rest).await.unwrap(), Delivered::All);
        assert_eq!(ids(&backend.received()[1]), BTreeSet::from(["0000000000000002".to_owned()]));
    });
}

#[test]
fn of_several_requests_only_the_one_that_failed_is_sent_again() {
    run(async {
        let backend = xray(|documents| {
            let retry_after = vec![("retry-after", "7".into())];
            let throttled = Reply { headers: retry_after, ..refusal(429, r#"{"Message":"slow down"}"#) };
            if has(documents, "0000000000000033") { throttled } else { result(&[]) }
        })
        .await;
        let (rest, rejected, after, cause) = rest(exporter(&backend, "").export(&spans(1..121)).await);
        assert_eq!((rest.items(), rejected, after), (50, 0, Some(Duration::from_secs(7))));
        assert_eq!((names(&rest)[0].as_str(), names(&rest)[49].as_str()), ("span 51", "span 100"));
        assert!(cause.ends_with("429 Too Many Requests: slow down"), "{cause}");
    });
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_is_dropped() {
    for (status, headers, body, keeps) in [
        (429, None, "", true),
        (400, Some("ThrottledException:http://x/"), "", true),
        (400, None, r#"{"__type":"com.amazonaws.xray#ThrottledException","message":"slow"}"#, true),
        (408, None, "", true),
        (500, None, "", true),
        (503, None, "", true),
        (400, Some("InvalidRequestException"), r#"{"Message":"no"}"#, false),
        (403, Some("AccessDeniedException"), r#"{"Message":"not authorized"}"#, false),
        (404, None, "", false),
    ] {
        run(async move {
            let headers: Vec<_> = headers.map(|code| ("x-amzn-errortype", code.into())).into_iter().collect();
            let backend = xray(move |_| Reply { headers: headers.clone(), ..refusal(status, body) }).await;
            let outcome = exporter(&backend, "").export(&spans(1..3)).await;
            match keeps {
                true => assert!(retry(outcome).contains(&status.to_string())),
                false => {
                    let cause = refused(outcome);
                    assert_eq!(cause.contains("xray:PutTraceSegments"), status == 403, "{cause}");
                }
            }
        });
    }
}

#[test]
fn a_flush_that_is_cut_off_loses_nothing_and_doubles_nothing() {
    run(async {
        let asked = Cell::new(0);
        let backend = xray(move |_| match asked.replace(asked.get() + 1) {
            0 => Reply { once_arrived: usize::MAX, ..result(&[]) },
            _ => result(&[]),
        })
        .await;
        let (exporter, batch) = (exporter(&backend, ""), spans(1..4));
        tokio::select! {
            outcome = exporter.export(&batch) => panic!("answered: {outcome:?}"),
            () = backend.arrived(1) => {}
        }
        assert_eq!(exporter.export(&batch).await.unwrap(), Delivered::All);
        let [cut, whole] =
            backend.received().try_into().unwrap_or_else(|all: Vec<_>| panic!("{}", all.len()));
        assert_eq!(cut.body, whole.body);
    });
}

#[test]
fn a_request_that_is_too_large_is_told_apart() {
    run(async {
        let backend = xray(|_| refusal(413, "")).await;
        let outcome = exporter(&backend, "").export(&spans(1..3)).await;
        assert!(matches!(outcome, Err(Undelivered::TooLarge { .. })), "{outcome:?}");
    });
}

#[test]
fn a_span_that_has_no_document_costs_its_neighbours_nothing() {
    run(async {
        let backend = xray(|_| result(&[])).await;
        let mut request: ExportTraceServiceRequest = spans(1..4).decode();
        request.resource_spans[0].scope_spans[0].spans[1].trace_id = vec![1, 2, 3];
        let batch = admit(Signal::Traces, request.encode_to_vec().into());
        let message = "span `span 2`: its trace id is not 16 bytes long".into();
        let outcome = exporter(&backend, "").export(&batch).await.unwrap();
        assert_eq!(outcome, Delivered::Partly { rejected: 1, message });
        assert_eq!(ids(&backend.only()).len(), 2);
    });
}
