//! `service.telemetry`: the collector's own log and metrics.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny};

use crate::mistakes::Mistake;
use crate::node::Node;
use crate::readers::{self, Reader};

/// How much the collector says in its own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// `debug`
    Debug,
    /// `info`, the Collector's default
    Info,
    /// `warn`
    Warn,
    /// `error`
    Error,
    /// `dpanic`, `panic` and `fatal`: nothing that this collector would say
    Fatal,
}

impl<'de> Deserialize<'de> for LogLevel {
    /// In any case: `WARN` is `warn`. As zap has it, `warning` is the same.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        const WORDS: &[&str] = &["debug", "info", "warn", "error", "dpanic", "panic", "fatal"];
        match String::deserialize(from)?.to_ascii_lowercase().as_str() {
            "debug" => Ok(LogLevel::Debug),
            "info" | "" => Ok(LogLevel::Info),
            "warn" | "warning" => Ok(LogLevel::Warn),
            "error" => Ok(LogLevel::Error),
            "dpanic" | "panic" | "fatal" => Ok(LogLevel::Fatal),
            other => Err(D::Error::unknown_variant(other, WORDS)),
        }
    }
}

/// `service.telemetry`, as far as it has an effect here. The rest is accepted: there is no own trace, and no port is
/// opened.
#[derive(Clone, Debug, Default)]
pub struct Telemetry {
    /// `logs.level`, if it is given.
    pub log_level: Option<LogLevel>,
    /// `resource`: attributes of the collector itself, for its log. Nothing for one that is to be left out.
    pub resource: BTreeMap<String, Option<String>>,
    /// `metrics.readers`: who is told what becomes of the telemetry.
    pub readers: Vec<Reader>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TelemetryKeys {
    logs: LogKeys,
    metrics: MetricKeys,
    traces: TraceKeys,
    resource: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LogKeys {
    level: Option<LogLevel>,
    development: bool,
    encoding: Option<String>,
    disable_caller: bool,
    disable_stacktrace: bool,
    disable_zap_resource: bool,
    sampling: Option<IgnoredAny>,
    #[serde(deserialize_with = "crate::words")]
    output_paths: Vec<String>,
    #[serde(deserialize_with = "crate::words")]
    error_output_paths: Vec<String>,
    initial_fields: Option<IgnoredAny>,
    processors: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MetricKeys {
    level: Option<MetricLevel>,
    readers: Option<IgnoredAny>,
    views: Option<IgnoredAny>,
    address: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TraceKeys {
    level: Option<MetricLevel>,
    propagators: Option<IgnoredAny>,
    processors: Option<IgnoredAny>,
}

/// `none`, `basic`, `normal` or `detailed`, in any case.
#[derive(Clone, Copy, PartialEq)]
enum MetricLevel {
    None,
    Some,
}

const NOT_MEASURED: &str = "the log says what became of the telemetry, and metrics.readers are told it";
const LOG_LINES: &str = "the log is JSON lines on stdout, which Lambda carries to CloudWatch";

/// Keys that are read and change nothing.
const IDLE: [(&str, &str, &str); 14] = [
    ("metrics", "address", "the Collector dropped it in 0.123, and no port is opened; remove it"),
    ("metrics", "views", NOT_MEASURED),
    ("traces", "propagators", NOT_MEASURED),
    ("traces", "processors", NOT_MEASURED),
    ("logs", "processors", LOG_LINES),
    ("logs", "encoding", LOG_LINES),
    ("logs", "output_paths", LOG_LINES),
    ("logs", "error_output_paths", LOG_LINES),
    ("logs", "initial_fields", LOG_LINES),
    ("logs", "development", LOG_LINES),
    ("logs", "sampling", "every line is written"),
    ("logs", "disable_caller", LOG_LINES),
    ("logs", "disable_stacktrace", LOG_LINES),
    ("logs", "disable_zap_resource", LOG_LINES),
];

impl<'de> Deserialize<'de> for MetricLevel {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        const WORDS: &[&str] = &["none", "basic", "normal", "detailed"];
        let word = String::deserialize(from)?.to_ascii_lowercase();
        if word.is_empty() || word == "none" {
            Ok(MetricLevel::None)
        } else if WORDS.contains(&word.as_str()) {
            Ok(MetricLevel::Some)
        } else {
            Err(D::Error::unknown_variant(&word, WORDS))
        }
    }
}

impl Telemetry {
    pub(crate) fn read(node: &Node) -> Result<Self, Vec<Mistake>> {
        let keys: TelemetryKeys = node.read().map_err(|mistakes| mistakes.0)?;
        for (signal, key, why) in IDLE {
            let set = node.get(signal).and_then(|keys| keys.get(key)).filter(|value| !value.tree.is_null());
            if set.is_some() {
                node.warn(&format!("{signal}.{key}"), format_args!("changes nothing here: {why}"));
            }
        }
        for (signal, level) in [("metrics", keys.metrics.level), ("traces", keys.traces.level)] {
            let has_readers = node.get(signal).is_some_and(|keys| keys.get("readers").is_some());
            if level == Some(MetricLevel::Some) && !has_readers {
                node.warn(&format!("{signal}.level"), format_args!("changes nothing here: {NOT_MEASURED}"));
            }
        }
        // The newer form, a list under `attributes`, is accepted and has no effect.
        let resource = node.get("resource").and_then(|resource| resource.read().ok()).unwrap_or_default();
        let metrics = node.get("metrics");
        let is_off = metrics.as_ref().and_then(|metrics| metrics.get("level")).is_some_and(|level| {
            level.tree.as_text().is_some_and(|level| level.eq_ignore_ascii_case("none"))
        });
        let readers = metrics.and_then(|metrics| metrics.get("readers")).filter(|_| !is_off);
        let readers = readers.map_or(Ok(Vec::new()), |readers| readers::read(&readers))?;
        Ok(Telemetry { log_level: keys.logs.level, resource, readers })
    }
}
