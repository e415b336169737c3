//! The process's own log: one JSON line an event, in the shape of the Go Lambda layer's.
//!
//! ```json
//! {"level":"warn","ts":1795237893.8154483,"msg":"...","resource":{"service.name":"otelcol-lambda"},"otelcol.component.id":"debug"}
//! ```

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::kv::{self, Key, Value, VisitSource, VisitValue};
use log::{Level, LevelFilter, Log, Metadata, Record, SetLoggerError};

use crate::quote::escape;

/// Libraries that write about every frame and wake-up; of theirs only errors are let through.
const LIBRARIES: [&str; 7] = ["h2", "hyper", "hyper_util", "rustls", "tokio", "tokio_rustls", "tonic"];

/// Writes events as JSON lines, each with one call of `write`, so that lines never mix.
///
/// Level and resource may change after it was installed: they come from the environment first and from the
/// configuration once that is loaded.
pub struct Logger {
    /// A `LevelFilter` as a number.
    level: AtomicUsize,
    /// A JSON object.
    resource: Mutex<Arc<str>>,
    writer: Mutex<Box<dyn Write + Send>>,
}

impl Logger {
    /// A logger that writes events of `level` and above to `writer` (stdout, in the binary), saying of each that
    /// it comes from `resource`.
    pub fn new(
        level: LevelFilter,
        resource: &BTreeMap<String, String>,
        writer: impl Write + Send + 'static,
    ) -> Self {
        Logger {
            level: AtomicUsize::new(level as usize),
            resource: Mutex::new(object(resource)),
            writer: Mutex::new(Box::new(writer)),
        }
    }

    /// Makes this the logger of the process; it lives as long as that.
    ///
    /// # Errors
    /// When the process has one already.
    pub fn install(self) -> Result<&'static Logger, SetLoggerError> {
        let logger: &'static Logger = Box::leak(Box::new(self));
        log::set_logger(logger)?;
        // The lowest level it can have; the logger itself decides, so that its level can change later.
        log::set_max_level(LevelFilter::Debug);
        Ok(logger)
    }

    /// From now on writes events of `level` and above.
    pub fn set_level(&self, level: LevelFilter) {
        self.level.store(level as usize, Relaxed);
    }

    /// From now on says that events come from `resource`.
    pub fn set_resource(&self, resource: &BTreeMap<String, String>) {
        *locked(&self.resource) = object(resource);
    }

    /// What it says that events come from: a JSON object, as it stands in every line.
    pub fn resource(&self) -> Arc<str> {
        locked(&self.resource).clone()
    }

    /// The line that says `event`.
    fn line(&self, event: &Record<'_>, now: SystemTime) -> String {
        let resource = self.resource();
        let mut line = String::with_capacity(512);
        // Writing to a string fails only if a value's own `Display` does; the line then lacks that value.
        let _ = write_event(&mut line, event, now, &resource);
        line.push_str("}\n");
        line
    }
}

/// A panic elsewhere left behind it nothing worse than a line cut short.
fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Log for Logger {
    fn enabled(&self, event: &Metadata<'_>) -> bool {
        let level = event.level() as usize;
        let source = event.target().split("::").next().unwrap_or_default();
        level <= self.level.load(Relaxed) && (level <= Level::Error as usize || !LIBRARIES.contains(&source))
    }

    fn log(&self, event: &Record<'_>) {
        if self.enabled(event.metadata()) {
            let line = self.line(event, SystemTime::now());
            // There is nobody to tell that the log can't be written.
            let _ = locked(&self.writer).write_all(line.as_bytes());
        }
    }

    fn flush(&self) {
        let _ = locked(&self.writer).flush();
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logger").field("level", &self.level).finish_non_exhaustive()
    }
}

fn write_event(line: &mut String, event: &Record<'_>, now: SystemTime, resource: &str) -> fmt::Result {
    let level = match event.level() {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug | Level::Trace => "debug",
    };
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    write!(line, r#"{{"level":"{level}","ts":{},"msg":"#, seconds(since))?;
    text(line, event.args())?;
    write!(line, r#","resource":{resource}"#)?;
    event.key_values().visit(&mut Fields(line)).map_err(|_| fmt::Error)
}

/// The level called `name`, in any case; nothing if no level is called so.
///
/// Beside this log's four levels it knows zap's `dpanic`, `panic` and `fatal` (above error; here error), and takes
/// an empty name for `info`, as zap does (<https://pkg.go.dev/go.uber.org/zap/zapcore#ParseLevel>).
pub fn level(name: &str) -> Option<LevelFilter> {
    match name.to_ascii_lowercase().as_str() {
        "debug" => Some(LevelFilter::Debug),
        "info" | "" => Some(LevelFilter::Info),
        "warn" | "warning" => Some(LevelFilter::Warn),
        "error" | "dpanic" | "panic" | "fatal" => Some(LevelFilter::Error),
        _ => None,
    }
}

/// Seconds since 1970 as zap writes them: through a double, so with about seven decimals.
fn seconds(since: Duration) -> f64 {
    since.as_nanos() as f64 / 1e9
}

fn object(attributes: &BTreeMap<String, String>) -> Arc<str> {
    let mut object = String::from("{");
    for (key, value) in attributes {
        if object.len() > 1 {
            object.push(',');
        }
        // Strings can always be written to a string.
        let _ = text(&mut object, key);
        object.push(':');
        let _ = text(&mut object, value);
    }
    object.push('}');
    object.into()
}

/// Appends `value` as a JSON string.
fn text(line: &mut String, value: impl fmt::Display) -> fmt::Result {
    line.push('"');
    let written = write!(Escaped(line), "{value}");
    line.push('"');
    written
}

/// What is written ends up inside of a JSON string.
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(text, self.0);
        Ok(())
    }
}

/// Appends keys and values in the order in which they were given.
struct Fields<'a>(&'a mut String);

impl<'v> VisitSource<'v> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'v>, value: Value<'v>) -> Result<(), kv::Error> {
        self.0.push(',');
        text(self.0, key)?;
        self.0.push(':');
        value.visit(Scalar(self.0))
    }
}

/// Appends a value: numbers and truths as such, all else as text.
struct Scalar<'a>(&'a mut String);

impl<'v> VisitValue<'v> for Scalar<'_> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), kv::Error> {
        Ok(text(self.0, value)?)
    }

    fn visit_null(&mut self) -> Result<(), kv::Error> {
        Ok(self.0.write_str("null")?)
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), kv::Error> {
        Ok(write!(self.0, "{value}")?)
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), kv::Error> {
        Ok(write!(self.0, "{value}")?)
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), kv::Error> {
        // JSON has no such numbers; zap writes them as text.
        match value {
            f64::INFINITY => Ok(text(self.0, "+Inf")?),
            f64::NEG_INFINITY => Ok(text(self.0, "-Inf")?),
            _ if value.is_nan() => Ok(text(self.0, "NaN")?),
            _ => Ok(write!(self.0, "{value}")?),
        }
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), kv::Error> {
        Ok(write!(self.0, "{value}")?)
    }
}
