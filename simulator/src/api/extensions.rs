//! The Extensions API 2020-01-01: register, next, init/error, exit/error.

use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::{Call, Reply, accepted, answer_json, error, identifier, unknown_identifier};
use crate::journal::Moment;
use crate::platform::{Extension, ExtensionState, Fault, Platform};

/// An environment takes this many extensions, external and internal together.
const MOST_EXTENSIONS: usize = 10;

/// `POST /2020-01-01/extension/register`
pub(super) fn register(platform: &Platform, call: &Call) -> Reply {
    if let Some(code) = platform.quirks.read(|quirks| quirks.register) {
        let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind =
            if code.is_server_error() { "InternalServerError" } else { "Extension.RegistrationClosed" };
        return error(code, kind, "The platform refuses every registration");
    }
    match try_register(platform, call) {
        Ok((id, reply)) => {
            let mut reply = answer_json(StatusCode::OK, &reply);
            if let Ok(id) = HeaderValue::try_from(id) {
                reply.headers_mut().insert("lambda-extension-identifier", id);
            }
            reply
        }
        Err((kind, message)) => error(StatusCode::FORBIDDEN, kind, &message),
    }
}

fn try_register(platform: &Platform, call: &Call) -> Result<(String, Value), (&'static str, String)> {
    let name = call
        .header("lambda-extension-name")
        .filter(|name| !name.is_empty())
        .ok_or(("Extension.InvalidExtensionName", "Empty extension name".to_string()))?;
    let events = requested_events(&call.body)?;
    let id = platform.state.change(|state| {
        if !state.registration_open {
            return Err(("Extension.RegistrationClosed", "Extension registration closed already".into()));
        }
        let launched = state.extensions.iter().any(|extension| extension.name == name && extension.external);
        check_events(&events, launched, platform.managed())?;
        if state.extensions.iter().filter(|extension| extension.has_registered()).count() >= MOST_EXTENSIONS {
            state.blame(Fault::TooManyExtensions);
            return Err(("Extension.TooManyExtensions", "Extension limit (10) reached".into()));
        }
        if !launched && !state.extensions.iter().any(|extension| extension.name == name) {
            state.extensions.push(Extension::new(name.into(), false));
        }
        let Some(extension) = state.extensions.iter_mut().find(|extension| extension.name == name) else {
            return Err(("Extension.InvalidExtensionName", "Unknown extension name".into()));
        };
        if extension.has_registered() {
            let message = format!(
                "State transition from {:?} to Registered failed for extension {name}. Error: State transition is not allowed",
                extension.state
            );
            return Err(("Extension.InvalidExtensionState", message));
        }
        extension.state = ExtensionState::Registered;
        extension.events = events;
        Ok(extension.id.clone())
    })?;
    platform.record(Moment::Registered { extension: name.into() });
    let lambda = &platform.lambda;
    let mut reply = json!({
        "functionName": lambda.name, "functionVersion": lambda.version, "handler": lambda.handler,
    });
    let features = call.header("lambda-extension-accept-feature").unwrap_or_default();
    if features.split(',').any(|feature| feature.trim() == "accountId") {
        reply["accountId"] = lambda.account.clone().into();
    }
    Ok((id, reply))
}

fn requested_events(body: &[u8]) -> Result<Vec<String>, (&'static str, String)> {
    let malformed = |why: &str| ("InvalidRequestFormat", why.to_string());
    let body: Value = serde_json::from_slice(body).map_err(|error| malformed(&error.to_string()))?;
    if body.get("configurationKeys").and_then(Value::as_array).is_some_and(|keys| !keys.is_empty()) {
        return Err(malformed("configurationKeys are not supported"));
    }
    match body.get("events") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(events) => serde_json::from_value(events.clone()).map_err(|error| malformed(&error.to_string())),
    }
}

fn check_events(events: &[String], external: bool, managed: bool) -> Result<(), (&'static str, String)> {
    let forbidden = |event: &str| match event {
        "INVOKE" => managed,
        "SHUTDOWN" => !external,
        _ => true,
    };
    match events.iter().find(|event| forbidden(event)) {
        Some(event) => Err(("Extension.InvalidEventType", format!("{event}: event type is not supported"))),
        None => Ok(()),
    }
}

/// `GET /2020-01-01/extension/event/next`: answers when there is an event, however long that takes.
pub(super) async fn next(platform: &Platform, call: &Call) -> Reply {
    let id = match identifier(call) {
        Ok(id) => id,
        Err(refused) => return *refused,
    };
    let before = platform.state.change(|state| {
        let extension = state.by_id(id)?;
        let before = extension.state;
        if !matches!(before, ExtensionState::InitError | ExtensionState::ExitError) {
            extension.state = ExtensionState::Ready;
        }
        Some((extension.name.clone(), before))
    });
    let Some((extension, before)) = before else { return unknown_identifier() };
    match before {
        ExtensionState::InitError | ExtensionState::ExitError => {
            return bad_state(before, "Ready", &extension);
        }
        ExtensionState::Registered => platform.record(Moment::Ready { extension }),
        _ => platform.record(Moment::Next { extension }),
    };
    if fails_by_quirk(platform) {
        return error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "Internal Server Error");
    }
    // Only now, with its time in the journal, does it count as waiting.
    platform.state.change(|state| {
        if let Some(extension) = state.by_id(id) {
            extension.waiting = true;
        }
    });
    let event = platform.state.until(|state| {
        let extension = state.by_id(id)?;
        let event = extension.queue.pop_front()?;
        extension.waiting = false;
        extension.state = ExtensionState::Running;
        Some(event)
    });
    let event = event.await;
    let mut reply = answer_json(StatusCode::OK, &event);
    if event["eventType"] == "INVOKE"
        && let Ok(id) = HeaderValue::try_from(crate::clock::uuid())
    {
        reply.headers_mut().insert("lambda-extension-event-identifier", id);
    }
    reply
}

fn fails_by_quirk(platform: &Platform) -> bool {
    platform.quirks.change(|quirks| {
        let fails = quirks.failing_nexts > 0;
        quirks.failing_nexts = quirks.failing_nexts.saturating_sub(1);
        fails
    })
}

/// `POST /2020-01-01/extension/init/error`
pub(super) fn init_error(platform: &Platform, call: &Call) -> Reply {
    report_error(platform, call, ExtensionState::InitError)
}

/// `POST /2020-01-01/extension/exit/error`
pub(super) fn exit_error(platform: &Platform, call: &Call) -> Reply {
    report_error(platform, call, ExtensionState::ExitError)
}

fn report_error(platform: &Platform, call: &Call, to: ExtensionState) -> Reply {
    let id = match identifier(call) {
        Ok(id) => id,
        Err(refused) => return *refused,
    };
    let Some(kind) = call.header("lambda-extension-function-error-type") else {
        return error(
            StatusCode::FORBIDDEN,
            "Extension.MissingHeader",
            "Lambda-Extension-Function-Error-Type not found",
        );
    };
    let outcome = platform.state.change(|state| {
        let extension = state.by_id(id)?;
        let (name, before) = (extension.name.clone(), extension.state);
        let allowed = match to {
            ExtensionState::InitError => matches!(before, ExtensionState::Registered),
            _ => {
                matches!(before, ExtensionState::Registered | ExtensionState::Ready | ExtensionState::Running)
            }
        };
        if allowed {
            extension.state = to;
            state.blame(match to {
                ExtensionState::InitError => Fault::InitError(name.clone(), kind.into()),
                _ => Fault::ExitError(name.clone(), kind.into()),
            });
        }
        Some((name, before, allowed))
    });
    match outcome {
        None => unknown_identifier(),
        Some((extension, _, true)) => {
            platform.record(Moment::Fault { extension, error: kind.into() });
            accepted()
        }
        // The same call again changes nothing.
        Some((_, before, false)) if before == to => accepted(),
        Some((extension, before, false)) => bad_state(before, &format!("{to:?}"), &extension),
    }
}

fn bad_state(from: ExtensionState, to: &str, extension: &str) -> Reply {
    let message = format!(
        "State transition from {from:?} to {to} failed for extension {extension}. Error: State transition is not allowed"
    );
    error(StatusCode::FORBIDDEN, "Extension.InvalidExtensionState", &message)
}
