//! What a user may write.

use std::time::Duration;

use pipeline::Signal;

use crate::support::build;

#[test]
fn it_takes_traces_alone_and_offers_requests_that_one_answer_settles() {
    let exporter = build("awsxray", "{region: eu-west-1}", &[]).unwrap();
    assert!(exporter.takes(Signal::Traces).is_ok());
    assert!(exporter.takes(Signal::Metrics).is_err() && exporter.takes(Signal::Logs).is_err());
    assert_eq!(exporter.sending().queue.batch.unwrap().max_size, 50);
    assert_eq!(exporter.sending().timeout, Duration::from_secs(30));
}

#[test]
fn every_key_of_the_go_exporter_is_taken() {
    let yaml = "{region: eu-west-1, endpoint: 'https://localhost', num_workers: 4, request_timeout_seconds: 10,
        max_retries: 2, no_verify_ssl: false, proxy_address: '', local_mode: true, resource_arn: a, role_arn: '',
        external_id: e, indexed_attributes: [a], index_all_attributes: true, aws_log_groups: [g],
        telemetry: {enabled: true, include_metadata: true, contributors: [c], hostname: h, instance_id: i, resource_arn: r},
        skip_timestamp_validation: true, transit_encryption: x, sending_queue: {enabled: true}, retry_on_failure: {enabled: true},
        timeout: 3s, middleware: m, transit_spans_in_otlp_format: true, profile: p, shared_credentials_file: [f],
        certificate_file_path: c, imds_retries: 1, mapping: contrib, transport: api, lambda_function_segment: present}";
    let exporter = build("awsxray", yaml, &[]).unwrap();
    assert_eq!(exporter.sending().timeout, Duration::from_secs(3));
}

#[test]
fn what_is_missing_or_wrong_is_told() {
    for (yaml, words) in [
        ("{}", "AWS_REGION"),
        ("{transport: udp}", "AWS_XRAY_DAEMON_ADDRESS"),
        ("{transport: udp, daemon_address: here}", "host:port"),
        ("{transport: tcp}", "transport"),
        ("{region: eu-west-1, request_timeout_seconds: -1}", "request_timeout_seconds"),
        ("{region: eu-west-1, indexed_attribute: [a]}", "indexed_attributes"),
        ("{endpoint: 'x.example.com'}", "https://"),
    ] {
        let mistake = build("awsxray", yaml, &[]).err().unwrap();
        assert!(mistake.contains(words), "{mistake}");
    }
}
