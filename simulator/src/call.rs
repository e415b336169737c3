//! How an invocation begins: its ids, its trace, and what extensions are told of it.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::clock::{epoch_ms, iso8601, random, uuid};
use crate::events::Call;
use crate::mode::Tracing;
use crate::platform::Platform;

/// A new invocation, as the function's settings and the quirks want it.
pub(crate) fn new_call(platform: &Platform) -> Call {
    let (no_tracing, malformed) =
        platform.quirks.read(|quirks| (quirks.no_tracing, quirks.malformed_span_times));
    let lambda = &platform.lambda;
    let root = format!("1-{:08x}-{:024x}", epoch_ms(SystemTime::now()) / 1000, u128::from(random()));
    let sampled = u8::from(lambda.tracing != Tracing::NotSampled);
    Call {
        request_id: uuid(),
        version: lambda.version.clone(),
        trace: (!no_tracing).then(|| format!("Root={root};Parent={:016x};Sampled={sampled}", random())),
        segment: (lambda.tracing == Tracing::Active).then(|| format!("{:016x}", random())),
        tenant: lambda.tenant.clone(),
        span_times: if malformed { malformed_time } else { iso8601 },
    }
}

/// As in some of AWS's examples: `12:01:23:521Z` for the time of day.
fn malformed_time(time: SystemTime) -> String {
    iso8601(time).replace('.', ":")
}

/// What the extensions are told of it.
pub(crate) fn invoke_event(platform: &Platform, call: &Call, started: SystemTime) -> Value {
    let mut event = json!({
        "eventType": "INVOKE",
        "deadlineMs": epoch_ms(started + platform.lambda.timeout),
        "requestId": call.request_id,
        "invokedFunctionArn": platform.lambda.arn(),
    });
    if let Some(trace) = &call.trace {
        event["tracing"] = json!({ "type": "X-Amzn-Trace-Id", "value": trace });
    }
    event
}
