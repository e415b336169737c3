//! How the environment came to be.

use crate::telemetryapi::Event;

/// The environment's initialization type.
#[derive(Clone, Debug, Default)]
pub struct Mode(String);

impl Mode {
    /// As `AWS_LAMBDA_INITIALIZATION_TYPE` has it, which may not be set.
    pub fn new(kind: Option<&str>) -> Self {
        Mode(kind.unwrap_or_default().into())
    }

    /// Learns it from `event`, if that tells it.
    pub fn take(&mut self, event: &Event) {
        if event.kind == "platform.initStart"
            && let Some(kind) = event.record["initializationType"].as_str()
        {
            self.0 = kind.into();
        }
    }

    /// Managed Instances: many invocations at a time, never frozen, no `platform.runtimeDone`.
    pub fn is_managed(&self) -> bool {
        self.0 == "lambda-managed-instances"
    }

    /// Whether `event`, of an init, was when the snapshot was made that environments are restored from.
    pub fn is_snapshot(&self, event: &Event) -> bool {
        self.of(event) == "snap-start"
    }

    /// Whether `event`, of an init, is of an environment that was made before it was needed.
    pub fn is_held_ready(&self, event: &Event) -> bool {
        matches!(self.of(event), "provisioned-concurrency" | "lambda-managed-instances")
    }

    /// Whether nobody waited for the environment's start.
    pub fn was_held_ready(&self) -> bool {
        matches!(self.0.as_str(), "provisioned-concurrency" | "lambda-managed-instances")
    }

    fn of<'a>(&'a self, event: &'a Event) -> &'a str {
        event.record["initializationType"].as_str().unwrap_or(&self.0)
    }
}
