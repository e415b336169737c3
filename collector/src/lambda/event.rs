//! What `event/next` answers, read leniently: what is missing or odd gets the value that does least harm.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::time::Instant;

/// What an `INVOKE` that names no deadline to come is given: the longest timeout that Lambda knows.
const LONGEST_INVOCATION: Duration = Duration::from_secs(900);
/// What a `SHUTDOWN` that names no deadline to come is given: Lambda's budget for external extensions.
const SHUTDOWN_BUDGET: Duration = Duration::from_secs(2);

/// What `event/next` answers.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// The function is invoked.
    Invoke(Invocation),
    /// The environment ends at this time; then the process is killed.
    Shutdown {
        /// Why: `spindown`, `timeout` or `failure`.
        reason: String,
        /// When.
        deadline: Instant,
    },
    /// Something that this version does not know; to be ignored.
    Unknown(String),
}

/// One invocation of the function.
#[derive(Debug, PartialEq)]
pub struct Invocation {
    /// Which one.
    pub facts: pipeline::Invocation,
    /// When the function's timeout strikes, which counts the extension's time too.
    pub deadline: Instant,
}

impl Event {
    /// Reads an event that came at `now`, which the wall clock calls `wall`.
    pub fn read(body: &[u8], wall: SystemTime, now: Instant) -> Event {
        let Ok(event) = serde_json::from_slice::<Value>(body) else {
            return Event::Unknown(String::from_utf8_lossy(body).into_owned());
        };
        let text = |key| event[key].as_str().unwrap_or_default();
        // One that has passed when the event comes can't be true (an emulator's 0, a clock that is wrong): to believe it
        // would be to send nothing, in the last flush too.
        let deadline = |otherwise: Duration| {
            let at = event["deadlineMs"].as_u64().map(|at| UNIX_EPOCH + Duration::from_millis(at));
            let left = at.and_then(|at| at.duration_since(wall).ok()).filter(|left| !left.is_zero());
            now + left.unwrap_or(otherwise).min(LONGEST_INVOCATION)
        };
        match text("eventType").to_ascii_uppercase().as_str() {
            "INVOKE" => Event::Invoke(Invocation {
                deadline: deadline(LONGEST_INVOCATION),
                facts: pipeline::Invocation {
                    request_id: text("requestId").into(),
                    invoked_arn: event["invokedFunctionArn"].as_str().map(str::to_owned),
                    trace_header: event["tracing"]["value"].as_str().map(str::to_owned),
                },
            }),
            "SHUTDOWN" => Event::Shutdown {
                // The documentation has it in upper case, the platform in lower.
                reason: text("shutdownReason").to_ascii_lowercase(),
                deadline: deadline(SHUTDOWN_BUDGET),
            },
            _ => Event::Unknown(text("eventType").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> (Event, Instant) {
        let now = Instant::now();
        (Event::read(body.as_bytes(), UNIX_EPOCH + Duration::from_secs(1000), now), now)
    }

    fn shutdown(reason: &str, deadline: Instant) -> Event {
        Event::Shutdown { reason: reason.into(), deadline }
    }

    #[test]
    fn an_invocation_is_read_with_its_deadline() {
        let (event, now) = read(
            r#"{"eventType":"INVOKE","deadlineMs":1003000,"requestId":"r1","invokedFunctionArn":"arn:live","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1"}}"#,
        );
        let deadline = now + Duration::from_secs(3);
        let facts = pipeline::Invocation {
            request_id: "r1".into(),
            invoked_arn: Some("arn:live".into()),
            trace_header: Some("Root=1".into()),
        };
        assert_eq!(event, Event::Invoke(Invocation { facts, deadline }));
    }

    #[test]
    fn an_event_without_a_deadline_gets_the_platforms_own() {
        let (event, now) = read(r#"{"eventType":"SHUTDOWN","shutdownReason":"SPINDOWN"}"#);
        assert_eq!(event, shutdown("spindown", now + SHUTDOWN_BUDGET));
        let (event, now) = read(r#"{"eventType":"INVOKE"}"#);
        let deadline = now + LONGEST_INVOCATION;
        assert_eq!(event, Event::Invoke(Invocation { facts: pipeline::Invocation::default(), deadline }));
    }

    #[test]
    fn an_event_with_odd_values_is_still_that_event() {
        let (event, now) = read(r#"{"eventType":"INVOKE","requestId":null,"deadlineMs":"soon"}"#);
        let deadline = now + LONGEST_INVOCATION;
        assert_eq!(event, Event::Invoke(Invocation { facts: pipeline::Invocation::default(), deadline }));
    }

    #[test]
    fn a_deadline_in_the_past_is_none_and_one_out_of_reach_is_the_longest() {
        for past in ["0", "1", "1000000"] {
            let (event, now) = read(&format!(r#"{{"eventType":"shutdown","deadlineMs":{past}}}"#));
            assert_eq!(event, shutdown("", now + SHUTDOWN_BUDGET));
            let (event, now) = read(&format!(r#"{{"eventType":"INVOKE","deadlineMs":{past}}}"#));
            let deadline = now + LONGEST_INVOCATION;
            assert_eq!(event, Event::Invoke(Invocation { facts: pipeline::Invocation::default(), deadline }));
        }
        let (event, now) = read(r#"{"eventType":"SHUTDOWN","deadlineMs":18446744073709551615}"#);
        assert_eq!(event, shutdown("", now + LONGEST_INVOCATION));
    }

    #[test]
    fn what_is_not_known_is_kept_apart() {
        assert_eq!(read("{}").0, Event::Unknown(String::new()));
        assert_eq!(read("no json").0, Event::Unknown("no json".into()));
        assert_eq!(read(r#"{"eventType":"RESTORE"}"#).0, Event::Unknown("RESTORE".into()));
    }
}
