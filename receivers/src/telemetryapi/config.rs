//! What a user may write under `telemetryapi`.

use std::time::Duration;

use ::config::{Env, Mistakes, Node};
use serde::Deserialize;

use super::feed::{Subscription, Types};

/// The platform's limits of buffering (<https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html>).
const MAX_ITEMS: (i64, i64) = (1000, 10_000);
const MAX_BYTES: (i64, i64) = (262_144, 1_048_576);
const TIMEOUT_MS: (i64, i64) = (25, 30_000);

/// The port at which the platform's own APIs are.
const RESERVED_PORT: i64 = 9001;

/// The receiver's settings: the keys and defaults of the Go layer's receiver, and some of our own.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which events become telemetry: `platform`, `function`, `extension`.
    #[serde(deserialize_with = "::config::words")]
    pub types: Vec<String>,
    /// The port at which the process listens for deliveries; 0 is any that is free.
    pub port: i64,
    /// Whether `platform.report` events become log records.
    pub log_report: bool,
    /// `delta` or `cumulative`, in any case. Empty: as `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` has it,
    /// else cumulative.
    pub metrics_temporality: String,
    /// How often metrics are told, in milliseconds; 0 is with each delivery.
    pub export_interval_ms: i64,
    /// The platform delivers when it has so many events (1000 to 10000),
    pub max_items: i64,
    /// or so many bytes of them (262144 to 1048576),
    pub max_bytes: i64,
    /// or after so many milliseconds (25 to 30000); the end of the function is known that much later.
    pub timeout_ms: i64,
    /// Whether each invocation becomes a span, with its phases as children.
    pub invocation_spans: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            types: ["platform", "function", "extension"].map(str::to_owned).into(),
            port: 0,
            log_report: false,
            metrics_temporality: String::new(),
            export_interval_ms: 60_000,
            max_items: MAX_ITEMS.0,
            max_bytes: MAX_BYTES.0,
            timeout_ms: TIMEOUT_MS.0,
            invocation_spans: false,
        }
    }
}

impl Config {
    /// Reads and checks it.
    ///
    /// # Errors
    /// Whatever is wrong in it.
    pub fn read(node: &Node) -> Result<Self, Mistakes> {
        let config: Config = node.read()?;
        let mut mistakes = config.wrong_types(node);
        let mut check = |key: &str, is_good: bool, message: String| {
            if !is_good {
                mistakes.extend(node.mistake(key, message).0);
            }
        };
        let port = config.port;
        check("port", (0..=65_535).contains(&port), format!("found {port}; expected a port, 0 to 65535"));
        check(
            "port",
            port != RESERVED_PORT,
            format!("{RESERVED_PORT} is the platform's own port; choose another"),
        );
        let interval = config.export_interval_ms;
        check(
            "export_interval_ms",
            interval >= 0,
            format!("found {interval}; expected 0 or more milliseconds"),
        );
        for (key, found, (least, most)) in [
            ("max_items", config.max_items, MAX_ITEMS),
            ("max_bytes", config.max_bytes, MAX_BYTES),
            ("timeout_ms", config.timeout_ms, TIMEOUT_MS),
        ] {
            let is_good = (least..=most).contains(&found);
            check(key, is_good, format!("found {found}; the platform takes {least} to {most}"));
        }
        let temporality = &config.metrics_temporality;
        check(
            "metrics_temporality",
            ["", "delta", "cumulative"].contains(&temporality.to_ascii_lowercase().as_str()),
            format!("found {temporality:?}; valid are cumulative and delta"),
        );
        if mistakes.is_empty() { Ok(config) } else { Err(Mistakes(mistakes)) }
    }

    fn wrong_types(&self, node: &Node) -> Vec<::config::Mistake> {
        if self.types.is_empty() {
            return node.mistake("types", "no types; valid are platform, function and extension").0;
        }
        let valid = ["platform", "function", "extension"];
        let wrong = self.types.iter().enumerate().filter(|(_, kind)| !valid.contains(&kind.as_str()));
        let mistake = |(at, kind): (usize, &String)| {
            let message = format!("found {kind:?}; valid are platform, function and extension");
            node.mistake(&format!("types[{at}]"), message).0
        };
        wrong.flat_map(mistake).collect()
    }

    /// The kinds of events that become telemetry.
    pub fn types(&self) -> Types {
        let has = |kind| self.types.iter().any(|named| named == kind);
        Types { platform: has("platform"), function: has("function"), extension: has("extension") }
    }

    /// What the platform is asked for. Platform events always: log records get their invocations from them.
    pub fn subscription(&self) -> Subscription {
        let small = |number: i64| u32::try_from(number).unwrap_or_default();
        Subscription {
            types: Types { platform: true, ..self.types() },
            max_items: small(self.max_items),
            max_bytes: small(self.max_bytes),
            timeout: Duration::from_millis(small(self.timeout_ms).into()),
            port: u16::try_from(self.port).unwrap_or_default(),
        }
    }

    /// How often metrics are told.
    pub fn export_interval(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.export_interval_ms).unwrap_or_default())
    }

    /// Whether metrics tell what happened since they were last told, and not since the start.
    pub fn is_delta(&self, env: &Env) -> bool {
        const PREFERENCE: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        let preferred = || env.get(PREFERENCE).unwrap_or_default();
        let chosen = Some(self.metrics_temporality.as_str()).filter(|chosen| !chosen.is_empty());
        chosen.unwrap_or_else(preferred).eq_ignore_ascii_case("delta")
    }
}
