//! Keys that `otlp_http` and `otlp_grpc` share, and their checks.

use std::time::Duration;

use config::Headers;
use http::{HeaderMap, HeaderName, HeaderValue};
use pipeline::{RetryOnFailure, Sending, SendingQueue};

use crate::findings::Findings;

/// Requests are cut to stay below so many bytes: what a gRPC server takes unless told otherwise, the Go
/// Collector (which takes 20 MiB over HTTP) and gRPC's own libraries alike.
const LARGEST_REQUEST: usize = 4 * 1024 * 1024;

/// What the outbox is told, once `retry_on_failure` and `sending_queue` are found sound.
pub(crate) fn sending(
    timeout: Duration,
    retry: Option<RetryOnFailure>,
    queue: Option<SendingQueue>,
    findings: &mut Findings,
) -> Sending {
    let retry = retry.unwrap_or_default();
    let mut queue = queue.unwrap_or_default();
    if retry.enabled {
        check_retry(&retry, findings);
    }
    let standard = SendingQueue::default();
    if queue.num_consumers == 0 {
        queue.num_consumers = standard.num_consumers;
        findings.warn("sending_queue.num_consumers", "nothing would be sent: the default is used");
    }
    if queue.queue_size == 0 {
        queue.queue_size = standard.queue_size;
        findings.warn("sending_queue.queue_size", "nothing would be held: the default is used");
    }
    Sending { timeout, retry, queue, max_request_bytes: Some(LARGEST_REQUEST), ..Sending::default() }
}

fn check_retry(retry: &RetryOnFailure, findings: &mut Findings) {
    let key = |name: &str| format!("retry_on_failure.{name}");
    if !(0.0..=1.0).contains(&retry.randomization_factor) {
        let wrong = format!("{}: a share from 0 to 1 is expected", retry.randomization_factor);
        findings.mistake::<()>(&key("randomization_factor"), wrong);
    }
    if !retry.multiplier.is_finite() || retry.multiplier < 0.0 {
        let wrong = format!("{}: the growth of the wait can't be less than 0", retry.multiplier);
        findings.mistake::<()>(&key("multiplier"), wrong);
    }
    if retry.max_elapsed_time.is_zero() {
        return;
    }
    for (name, interval) in
        [("initial_interval", retry.initial_interval), ("max_interval", retry.max_interval)]
    {
        if retry.max_elapsed_time < interval {
            let elapsed = retry.max_elapsed_time;
            let wrong = format!(
                "{elapsed:?} is less than {name}, which is {interval:?}: write more here or less there"
            );
            findings.mistake::<()>(&key("max_elapsed_time"), wrong);
        }
    }
}

/// `headers` as they are sent. Values are never shown: they are tokens more often than not.
pub(crate) fn headers(headers: &Headers, findings: &mut Findings) -> HeaderMap {
    let mut sent = HeaderMap::new();
    for (name, value) in &headers.0 {
        let key = format!("headers.{name}");
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            findings.mistake::<()>(&key, "not a name that a header can have");
            continue;
        };
        // A line break at the end of a token is how files and secret stores hand it over.
        match HeaderValue::from_str(value.reveal().trim()) {
            Ok(mut value) => {
                value.set_sensitive(true);
                sent.insert(header, value);
            }
            Err(_) => {
                findings.mistake::<()>(&key, "its value holds a line break or another control character");
            }
        }
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(retry: RetryOnFailure) -> Vec<String> {
        let mut findings = Findings::default();
        sending(Duration::ZERO, Some(retry), None, &mut findings);
        findings.mistakes.into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn a_queue_that_the_go_layer_would_switch_off_is_read_leniently() {
        let yaml = "{enabled: 'no', num_consumers: -1, queue_size: -1, storage: 5, wait_for_result: yes,
            batch: {flush_timeout: -1s, min_size: -1, max_size: -1, partition: {metadata_keys: [a]}}}";
        let queue: SendingQueue = config::Node::parse(yaml, &config::Env::default()).unwrap().read().unwrap();
        let mut findings = Findings::default();
        let queue = sending(Duration::ZERO, None, Some(queue), &mut findings).queue;
        assert_eq!((queue.num_consumers, queue.queue_size, queue.batch.unwrap().max_size), (10, 1000, 0));
        assert!(findings.mistakes.is_empty());
    }

    #[test]
    fn waits_that_cannot_work_are_mistakes_unless_retry_is_off() {
        let seconds = Duration::from_secs;
        let standard = RetryOnFailure::default;
        for (retry, at) in [
            (standard(), vec![]),
            (RetryOnFailure { max_elapsed_time: Duration::ZERO, ..standard() }, vec![]),
            (
                RetryOnFailure { max_elapsed_time: seconds(10), ..standard() },
                vec!["retry_on_failure.max_elapsed_time"],
            ),
            (RetryOnFailure { max_elapsed_time: seconds(10), enabled: false, ..standard() }, vec![]),
            (
                RetryOnFailure { randomization_factor: 2.0, multiplier: -1.0, ..standard() },
                vec!["retry_on_failure.randomization_factor", "retry_on_failure.multiplier"],
            ),
            (RetryOnFailure { multiplier: 0.0, ..standard() }, vec![]),
        ] {
            assert_eq!(mistakes(retry), at);
        }
    }
}
