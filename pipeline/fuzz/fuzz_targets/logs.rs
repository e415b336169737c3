#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use pipeline_fuzz::admitted_is_decoded;

fuzz_target!(|data: &[u8]| {
    admitted_is_decoded(data, |request: &ExportLogsServiceRequest| {
        let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
        scopes.map(|scope| scope.log_records.len()).sum()
    });
});
