//! What the targets hold to be true. Run one for ten minutes, from `exporters`:
//! `cargo +nightly fuzz run segments -- -max_total_time=600` (or `stacks`).

use bytes::Bytes;
use exporters::awsxray::cause::Language;
use exporters::awsxray::{Facts, Mapping, Settings, translate};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use pipeline::{Batch, Budget, Signal};

/// X-Ray's rules, as the tests have them.
#[path = "../../src/awsxray/tests/valid.rs"]
mod valid;

/// What the rules speak of.
mod awsxray {
    pub use exporters::awsxray::Document;
}

/// Spans, in protobuf or JSON, become documents that X-Ray takes, or there is a reason for each why not.
pub fn spans_become_valid_documents(data: &[u8]) {
    let lease = || Budget::new(usize::MAX / 2).lease(0).expect("an empty budget has room for nothing");
    let batch = Batch::admit_json(Signal::Traces, data, lease())
        .or_else(|_| Batch::admit(Signal::Traces, Bytes::copy_from_slice(data), lease()));
    let Ok(batch) = batch else { return };
    let request: ExportTraceServiceRequest = batch.decode();
    for mapping in [Mapping::Improved, Mapping::Contrib] {
        for index_all_attributes in [false, true] {
            let settings = Settings { mapping, index_all_attributes, ..Settings::default() };
            let translation = translate(&request, &settings, &Facts::default());
            assert!(translation.documents.len() + translation.untranslated.len() >= batch.items());
            for document in &translation.documents {
                valid::parsed(document);
            }
        }
    }
}

/// No text is too odd for a parser of stack traces, and what it finds is within bounds.
pub fn any_text_has_exceptions_within_bounds(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for language in Language::ALL {
        let all = language.parse(&text);
        assert!(all.len() <= 32 && all.iter().all(|thrown| thrown.stack.len() <= 64));
        assert!(all.iter().all(|thrown| thrown.cause.is_none_or(|cause| cause < all.len())));
    }
}
