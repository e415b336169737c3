//! Where the debug exporter prints to.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::str::FromStr;

use log::kv::Value;
use log::{Level, Log, MetadataBuilder, RecordBuilder};
use pipeline::{Host, Signal};

/// One message: a summary with its counts, or the text of a batch.
pub struct Event {
    pub message: String,
    pub counts: Vec<(&'static str, usize)>,
}

/// Where events go.
pub enum Output {
    /// To the process's own log, each as one line of JSON.
    Log(&'static dyn Log),
    /// To places as plain text.
    Text(Vec<Place>),
}

/// A place that takes text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, appended to. Opened for each batch, so that it may be moved away meanwhile.
    File(PathBuf),
}

impl Output {
    /// Whether anything would be seen; if not, the text need not be made.
    pub fn is_open(&self) -> bool {
        match self {
            Output::Log(log) => log.enabled(&metadata().build()),
            Output::Text(_) => true,
        }
    }

    /// Writes what the exporter `id` has to say of a batch.
    pub fn write(&self, id: &str, signal: Signal, events: &[Event], host: &Host) {
        match self {
            Output::Log(log) => events.iter().for_each(|event| write_log(*log, id, signal, event)),
            Output::Text(places) => {
                let text = text(events);
                for place in places {
                    if matches!(place, Place::Stdout | Place::Stderr) {
                        host.writes(&text);
                    }
                    if let Err(error) = place.append(&text) {
                        log::warn!("otelcol.component.id" = id; "Can't write to {place}: {error}");
                    }
                }
            }
        }
    }
}

fn metadata() -> MetadataBuilder<'static> {
    let mut metadata = MetadataBuilder::new();
    metadata.level(Level::Info).target(module_path!());
    metadata
}

fn write_log(log: &dyn Log, id: &str, signal: Signal, event: &Event) {
    let mut fields = vec![
        ("otelcol.component.id", Value::from(id)),
        ("otelcol.component.kind", Value::from("exporter")),
        ("otelcol.signal", Value::from(signal.name())),
    ];
    fields.extend(event.counts.iter().map(|(name, count)| (*name, Value::from(*count))));
    let fields = fields.as_slice();
    let mut record = RecordBuilder::new();
    record.metadata(metadata().build()).key_values(&fields);
    log.log(&record.args(format_args!("{}", event.message)).build());
}

/// zap's console form: the message, a tab and the counts as JSON with blanks.
pub fn text(events: &[Event]) -> String {
    let mut text = String::with_capacity(events.iter().map(|event| event.message.len() + 64).sum());
    for event in events {
        text.push_str(&event.message);
        for (at, (name, count)) in event.counts.iter().enumerate() {
            // Writing to a string can't fail.
            let _ = write!(text, "{}\"{name}\": {count}", if at == 0 { "\t{" } else { ", " });
        }
        text.push_str(if event.counts.is_empty() { "\n" } else { "}\n" });
    }
    text
}

impl Place {
    fn append(&self, text: &str) -> io::Result<()> {
        match self {
            Place::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(text.as_bytes())?;
                stdout.flush()
            }
            Place::Stderr => io::stderr().lock().write_all(text.as_bytes()),
            Place::File(path) => {
                File::options().create(true).append(true).open(path)?.write_all(text.as_bytes())
            }
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        match (path, path.split_once("://")) {
            ("stdout", _) => Ok(Place::Stdout),
            ("stderr", _) => Ok(Place::Stderr),
            (_, Some(("file", file))) => Ok(Place::File(file.into())),
            (_, Some((scheme, _))) if !path.starts_with('/') => {
                Err(format!("can't write to {scheme}://; valid are stdout, stderr and paths of files"))
            }
            _ => Ok(Place::File(path.into())),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Stdout => f.write_str("stdout"),
            Place::Stderr => f.write_str("stderr"),
            Place::File(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_streams_and_files() {
        for (path, expected) in [
            ("stdout", Ok(Place::Stdout)),
            ("stderr", Ok(Place::Stderr)),
            ("/tmp/out", Ok(Place::File("/tmp/out".into()))),
            ("out.txt", Ok(Place::File("out.txt".into()))),
            ("file:///tmp/out", Ok(Place::File("/tmp/out".into()))),
            ("/a://b", Ok(Place::File("/a://b".into()))),
        ] {
            assert_eq!(path.parse(), expected, "{path}");
        }
        assert!("http://x".parse::<Place>().unwrap_err().contains("stdout"));
    }
}
