//! Extensions of the Collector that have nothing to do inside Lambda: their settings are accepted, and it is
//! said once why they have no effect.

use pipeline::Factory;

use super::Extension;

const STORAGE: &str = "has no effect: what waits is kept in memory, a sandbox has no disk that outlives it";
const SERVER: &str = "has no effect: it would serve people or probes, whom nothing in a sandbox can reach";
const MEMORY: &str = "has no effect: one budget, an eighth of the function's memory, holds all telemetry";

/// Name by name, why it has no effect.
const IDLE: [(&str, &str); 11] = [
    ("cgroupruntime", "has no effect: it tunes the runtime of Go"),
    ("db_storage", STORAGE),
    ("file_storage", STORAGE),
    ("health_check", SERVER),
    ("healthcheckv2", SERVER),
    ("memory_ballast", MEMORY),
    ("memory_limiter", MEMORY),
    ("opamp", "has no effect: a sandbox takes no orders while it is frozen, its configuration comes with it"),
    ("pprof", SERVER),
    ("redis_storage", STORAGE),
    ("zpages", SERVER),
];

/// All of them.
pub(super) fn all() -> impl Iterator<Item = Factory<Extension>> {
    IDLE.into_iter().map(|(name, why)| {
        Factory::new(name, move |node, _| {
            node.warn("", why);
            Ok(Extension::idle())
        })
    })
}
