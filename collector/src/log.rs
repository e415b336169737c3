//! The process's own log, as environment and configuration want it.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use ::log::LevelFilter;
use config::{Env, LogLevel, Telemetry};
use pipeline::Error;
use pipeline::log::{Logger, level};
use serde_json::Value;

/// The log of this process.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    logger: &'static Logger,
    /// What `OPENTELEMETRY_EXTENSION_LOG_LEVEL` asks for.
    asked: Option<LevelFilter>,
}

impl Log {
    /// Starts to log, on stdout, at the level that the environment names or at info.
    ///
    /// # Errors
    /// The process logs already.
    pub fn start(env: &Env) -> Result<Self, Error> {
        let name = env.get("OPENTELEMETRY_EXTENSION_LOG_LEVEL").unwrap_or_default();
        let asked = if name.is_empty() { None } else { level(name) };
        let resource = resource(BTreeMap::new());
        let logger = Logger::new(asked.unwrap_or(LevelFilter::Info), &resource, std::io::stdout())
            .install()
            .map_err(|error| error.to_string())?;
        if asked.is_none() && !name.is_empty() {
            ::log::warn!(
                "OPENTELEMETRY_EXTENSION_LOG_LEVEL: there is no level {name:?}; valid are debug, info, warn and error"
            );
        }
        Ok(Log { logger, asked })
    }

    /// Heeds `service.telemetry`. Where environment and configuration both name a level, the quieter one holds.
    pub fn heed(&self, telemetry: &Telemetry) {
        let configured = telemetry.log_level.map(|level| match level {
            LogLevel::Debug => LevelFilter::Debug,
            LogLevel::Info => LevelFilter::Info,
            LogLevel::Warn => LevelFilter::Warn,
            LogLevel::Error => LevelFilter::Error,
            LogLevel::Fatal => LevelFilter::Off,
        });
        if !telemetry.resource.is_empty() {
            self.logger.set_resource(&resource(telemetry.resource.clone()));
        }
        if let Some(level) = self.asked.into_iter().chain(configured).min() {
            self.logger.set_level(level);
        }
    }

    /// Whether `record`, a line that some extension wrote, is a line of this log: the resource tells, which has an id
    /// of this process. A platform that logs as JSON has made an object of the line.
    pub fn has_written(&self, record: &Value) -> bool {
        let own = self.logger.resource();
        match record {
            Value::String(line) => {
                line.starts_with(r#"{"level":""#) && line.contains(&format!(r#","resource":{own}"#))
            }
            Value::Object(fields) => {
                let is_own = |named: &Value| serde_json::from_str(&own).is_ok_and(|own: Value| *named == own);
                fields.contains_key("msg") && fields.get("resource").is_some_and(is_own)
            }
            _ => false,
        }
    }
}

/// What the process says of itself: the Collector's own three attributes, changed as `service.telemetry.resource` has it.
pub fn resource(changes: BTreeMap<String, Option<String>>) -> BTreeMap<String, String> {
    let own = [
        ("service.instance.id", uuid()),
        ("service.name", "otelcol-lambda".into()),
        ("service.version", env!("CARGO_PKG_VERSION").into()),
    ];
    let mut resource: BTreeMap<_, _> = own.map(|(key, value)| (key.to_owned(), value)).into();
    for (key, value) in changes {
        match value {
            Some(value) => drop(resource.insert(key, value)),
            None => drop(resource.remove(&key)),
        }
    }
    resource
}

/// A random UUID (version 4); the standard library's hash seeds are random enough to tell processes apart.
fn uuid() -> String {
    let random = |part: u8| std::hash::RandomState::new().hash_one(part);
    let (high, low) = (random(0) & !0xf000 | 0x4000, random(1) >> 2 | 1 << 63);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Log {
        /// A log of a test, which nobody reads.
        pub fn quiet() -> Self {
            let logger = Logger::new(LevelFilter::Off, &resource(BTreeMap::new()), std::io::sink());
            Log { logger: Box::leak(Box::new(logger)), asked: None }
        }
    }

    #[test]
    fn lines_of_this_log_are_known_when_they_come_back_and_others_are_not() {
        let log = Log::quiet();
        let line = |log: &Log| {
            format!(r#"{{"level":"warn","ts":1.5,"msg":"x","resource":{},"a":1}}"#, log.logger.resource())
        };
        let object = |log: &Log| serde_json::from_str::<Value>(&line(log)).unwrap();
        assert!(log.has_written(&line(&log).into()) && log.has_written(&object(&log)));
        let other = Log::quiet();
        assert!(!log.has_written(&line(&other).into()) && !log.has_written(&object(&other)));
        for record in [Value::Null, "a line".into(), serde_json::json!({"msg": "x"})] {
            assert!(!log.has_written(&record), "{record}");
        }
    }

    #[test]
    fn the_configuration_may_change_and_remove_what_the_log_says_of_itself() {
        let changes =
            [("service.name", Some("mine")), ("service.instance.id", None), ("team", Some("checkout"))];
        let changes = changes.map(|(key, value)| (key.to_owned(), value.map(str::to_owned)));
        let resource = resource(changes.into());
        let shown: Vec<_> = resource.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let version = concat!("service.version=", env!("CARGO_PKG_VERSION"));
        assert_eq!(shown, ["service.name=mine", version, "team=checkout"]);
    }

    #[test]
    fn a_uuid_has_its_form_and_is_new_each_time() {
        let (one, other) = (uuid(), uuid());
        assert_ne!(one, other);
        let parts: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert!(one[14..].starts_with('4') && one[19..].starts_with(['8', '9', 'a', 'b']), "{one}");
    }
}
