//! CloudWatch Logs: PutLogEvents, and what it needs to exist
//! (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>).

use std::collections::BTreeMap;
use std::future::ready;
use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::emf::Event;
use crate::aws;
use crate::http::Answer;
use crate::otlp::answer::retry_after;
use crate::session::Api;

/// The most events of one request.
const MOST_EVENTS: usize = 10_000;
/// The most bytes of one request, each event counted with so many more.
const MOST_BYTES: usize = 1 << 20;
const BYTES_OF_EVENT: usize = 26;
/// The longest time between two events of one request, in milliseconds.
const LONGEST_SPAN: u64 = 24 * 3600 * 1000;

/// Log groups in one region.
pub(super) struct Logs {
    pub api: Api,
    /// The stream of events that name none.
    pub own_stream: String,
    /// Days that a log group made here keeps its events; 0 is for ever.
    pub retention: u32,
    /// The tags of a log group made here.
    pub tags: BTreeMap<String, String>,
}

/// Why events were not taken.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    code: String,
    pub why: String,
    pub passes: bool,
    pub after: Option<Duration>,
}

impl Logs {
    /// `events` in the requests that they need, each of one stream and in the order of time.
    pub fn requests(&self, mut events: Vec<Event>) -> Vec<Vec<Event>> {
        for event in events.iter_mut().filter(|event| event.log_stream.is_empty()) {
            event.log_stream.clone_from(&self.own_stream);
        }
        events.sort_by(|a, b| {
            (&a.log_group, &a.log_stream, a.time).cmp(&(&b.log_group, &b.log_stream, b.time))
        });
        let mut requests: Vec<Vec<Event>> = Vec::new();
        let mut bytes = 0;
        for event in events {
            let size = event.text.len() + BYTES_OF_EVENT;
            let fits = requests.last().and_then(|request| request.first().zip(Some(request.len())));
            let fits = fits.is_some_and(|(first, length)| {
                (&first.log_group, &first.log_stream) == (&event.log_group, &event.log_stream)
                    && event.time - first.time < LONGEST_SPAN
                    && length < MOST_EVENTS
                    && bytes + size <= MOST_BYTES
            });
            match requests.last_mut().filter(|_| fits) {
                Some(request) => request.push(event),
                None => {
                    requests.push(vec![event]);
                    bytes = 0;
                }
            }
            bytes += size;
        }
        requests
    }

    /// Sends one request, and makes group and stream first if there are none. Returns which of its events were
    /// rejected for their times.
    pub async fn put(&self, events: &[Event]) -> Result<Vec<usize>, Refusal> {
        let Some(first) = events.first() else { return Ok(Vec::new()) };
        let (group, stream) = (first.log_group.as_str(), first.log_stream.as_str());
        let lines: Vec<Value> =
            events.iter().map(|event| json!({"timestamp": event.time, "message": event.text})).collect();
        let body = json!({"logGroupName": group, "logStreamName": stream, "logEvents": lines});
        let answer = match self.call("PutLogEvents", &body).await {
            Err(refusal) if refusal.code == "ResourceNotFoundException" => {
                self.create(group, stream).await?;
                self.call("PutLogEvents", &body).await?
            }
            answer => answer?,
        };
        let result: PutLogEventsResult = serde_json::from_slice(&answer.body).unwrap_or_default();
        Ok(result.rejected_log_events_info.unwrap_or_default().of(events.len()))
    }

    async fn create(&self, group: &str, stream: &str) -> Result<(), Refusal> {
        let the_stream = json!({"logGroupName": group, "logStreamName": stream});
        match exists(self.call("CreateLogStream", &the_stream).await) {
            Err(refusal) if refusal.code == "ResourceNotFoundException" => {}
            done => return done,
        }
        let mut the_group = json!({"logGroupName": group});
        if !self.tags.is_empty() {
            the_group["tags"] = json!(self.tags);
        }
        exists(self.call("CreateLogGroup", &the_group).await)?;
        if self.retention > 0 {
            let policy = json!({"logGroupName": group, "retentionInDays": self.retention});
            // That events are kept for longer is no reason to lose them.
            if let Err(refusal) = self.call("PutRetentionPolicy", &policy).await {
                log::warn!("the log group {group} keeps its events for ever: {}", refusal.why);
            }
        }
        exists(self.call("CreateLogStream", &the_stream).await)
    }

    async fn call(&self, action: &'static str, body: &Value) -> Result<Answer, Refusal> {
        let mut headers = self.api.headers.clone();
        let target = HeaderValue::from_str(&format!("Logs_20140328.{action}"));
        headers.extend(target.ok().map(|target| (HeaderName::from_static("x-amz-target"), target)));
        headers.insert(HeaderName::from_static("x-amzn-logs-format"), HeaderValue::from_static("json/emf"));
        let body = ready(vec![body.to_string().into()].into());
        let what = format!("{action} at {}", self.api.url.origin);
        match self.api.client.post(&self.api.url.path, headers, body).await {
            Ok(answer) if answer.status.is_success() => Ok(answer),
            Ok(answer) => Err(refusal(&answer, &what, action)),
            Err(failure) => {
                let why = format!("{what}: {failure}");
                Err(Refusal { code: String::new(), why, passes: true, after: None })
            }
        }
    }
}

fn exists(answer: Result<Answer, Refusal>) -> Result<(), Refusal> {
    match answer {
        Err(refusal) if refusal.code != "ResourceAlreadyExistsException" => Err(refusal),
        _ => Ok(()),
    }
}

fn refusal(answer: &Answer, what: &str, action: &str) -> Refusal {
    let said = aws::Refusal::of(answer);
    let mut why = format!("{what}: {}", answer.status);
    for part in [&said.code, &said.message].into_iter().filter(|part| !part.is_empty()) {
        why = format!("{why}: {part}");
    }
    if said.code.contains("AccessDenied") {
        why.push_str(&format!(
            "; the role of the function needs logs:{action} (policy CloudWatchAgentServerPolicy), or write \
             output_destination: stdout, which needs none"
        ));
    }
    // Another writer is making the same group.
    let passes = said.passes(answer.status) || said.code == "OperationAbortedException";
    let after = retry_after(answer.header(RETRY_AFTER.as_str()), SystemTime::now());
    Refusal { code: said.code, why, passes, after }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PutLogEventsResult {
    rejected_log_events_info: Option<Rejected>,
}

/// Which events were rejected, which are in the order of time.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Rejected {
    too_old_log_event_end_index: usize,
    expired_log_event_end_index: usize,
    too_new_log_event_start_index: Option<usize>,
}

impl Rejected {
    fn of(&self, events: usize) -> Vec<usize> {
        let old = self.too_old_log_event_end_index.max(self.expired_log_event_end_index);
        let new = self.too_new_log_event_start_index.unwrap_or(events);
        (0..events).filter(|at| *at < old || *at >= new).collect()
    }
}
