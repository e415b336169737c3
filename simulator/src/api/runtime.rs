//! The Runtime API 2018-06-01: what a function's runtime speaks.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

use super::{Call, Reply, accepted, error as refuse, status};
use crate::journal::Moment;
use crate::mode::InitType;
use crate::platform::{Fault, Offer, Platform, RuntimeAnswer};

/// The largest response: 6 MiB and 100 bytes.
const LARGEST_RESPONSE: usize = 6 * 1024 * 1024 + 100;

/// `GET /2018-06-01/runtime/invocation/next`: answers when there is an invocation.
pub(super) async fn next(platform: &Platform) -> Reply {
    let (done, first) = platform.state.change(|state| {
        let runtime = &mut state.runtime;
        let first = state.registration_open;
        // Managed Instances have several: there an answer is the end.
        let done = if platform.managed() { None } else { runtime.running.pop() };
        (done, first)
    });
    match done {
        Some(request) => {
            platform.record(Moment::RuntimeDone { request });
        }
        None if first => {
            platform.record(Moment::RuntimeReady);
        }
        None => {}
    }
    platform.state.change(|state| state.runtime.waiting = true);
    let offer = platform.state.until(|state| {
        let offer = state.runtime.offered.pop_front()?;
        state.runtime.waiting = false;
        state.runtime.running.push(offer.request_id.clone());
        Some(offer)
    });
    let offer = offer.await;
    platform.record(Moment::FunctionStarted { request: offer.request_id.clone() });
    invocation(offer, &platform.lambda.arn(), platform.lambda.tenant.as_deref())
}

/// `GET /2018-06-01/runtime/restore/next`: answers when the snapshot is restored.
pub(super) async fn restored(platform: &Platform) -> Reply {
    if platform.lambda.init_type != InitType::SnapStart {
        return status(StatusCode::NOT_FOUND);
    }
    platform.record(Moment::RuntimeReady);
    platform.state.change(|state| state.runtime.restoring = true);
    platform.state.until(|state| state.runtime.restored.then_some(())).await;
    status(StatusCode::OK)
}

fn invocation(offer: Offer, arn: &str, tenant: Option<&str>) -> Reply {
    let mut reply = Response::new(Full::from(offer.payload));
    let deadline = offer.deadline_ms.to_string();
    let headers = [
        ("content-type", Some("application/json")),
        ("lambda-runtime-aws-request-id", Some(&*offer.request_id)),
        ("lambda-runtime-deadline-ms", Some(&*deadline)),
        ("lambda-runtime-invoked-function-arn", Some(arn)),
        ("lambda-runtime-trace-id", offer.trace.as_deref()),
        ("lambda-runtime-aws-tenant-id", tenant),
    ];
    for (name, value) in headers {
        if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
            reply.headers_mut().insert(name, value);
        }
    }
    reply
}

/// `POST /2018-06-01/runtime/invocation/{id}/response` and `.../error`
pub(super) fn respond(platform: &Platform, id: &str, body: Bytes, error: Option<String>) -> Reply {
    if body.len() > LARGEST_RESPONSE {
        let message = "Exceeded maximum allowed payload size (6291556 bytes).";
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message);
    }
    if !platform.state.read(|state| state.runtime.running.iter().any(|running| running == id)) {
        return refuse(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
    }
    platform.record(Moment::Responded { request: id.into() });
    platform.state.change(|state| {
        if platform.managed() {
            state.runtime.running.retain(|running| running != id);
        }
        state.runtime.answers.push(RuntimeAnswer { request_id: id.into(), body, error });
    });
    accepted()
}

/// `POST /2018-06-01/runtime/init/error`
pub(super) fn init_error(platform: &Platform, call: &Call) -> Reply {
    let kind = error_type(call);
    platform.state.change(|state| {
        state.runtime.init_error = Some(kind.clone());
        state.blame(Fault::Runtime(kind));
    });
    accepted()
}

/// The error type a runtime names; anything but `Runtime.Xyz` or `Function.Xyz` is replaced.
pub(super) fn error_type(call: &Call) -> String {
    let named = call.header("lambda-runtime-function-error-type").unwrap_or_default();
    let valid = named.split_once('.').is_some_and(|(family, kind)| {
        matches!(family, "Runtime" | "Function")
            && kind.len() > 1
            && kind.starts_with(|c: char| c.is_ascii_uppercase())
            && kind.bytes().all(|byte| byte.is_ascii_alphabetic())
    });
    match valid {
        true => named.into(),
        false if named.starts_with("Runtime.") => "Runtime.Unknown".into(),
        false => "Function.Unknown".into(),
    }
}
