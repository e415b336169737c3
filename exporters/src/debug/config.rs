//! What a user may write below `debug:`.

use std::fmt;

use config::{Mistakes, Node};
use pipeline::SendingQueue;
use serde::de::{self, Error as _, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer};

use super::output::{Output, Place};

/// The keys, with their defaults.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How much is printed of a batch: `basic` (unless set), a line with counts; `normal`, a line for each item as well;
    /// `detailed`, all there is.
    #[serde(deserialize_with = "unless_unset")]
    verbosity: Option<Verbosity>,
    /// How many equal messages are printed in a second before sampling begins; below 0 all.
    pub sampling_initial: i64,
    /// After those, one in so many equal messages is printed; 0 is none.
    pub sampling_thereafter: i64,
    /// Whether to print through this process's log (as JSON lines, and subject to its level) or as plain text.
    use_internal_logger: bool,
    /// Where the plain text goes: `stdout` (if absent), `stderr`, files.
    #[serde(deserialize_with = "config::words")]
    output_paths: Option<Vec<String>>,
    /// What waits for the next flush; it has no limit here unless `queue_size` is set.
    pub sending_queue: SendingQueue,
    /// The retired name of `verbosity`, accepted with a warning: `debug` is `detailed`, `info` is `normal`, others are
    /// `basic`.
    loglevel: Option<LogLevel>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            verbosity: None,
            sampling_initial: 2,
            sampling_thereafter: 1,
            use_internal_logger: true,
            output_paths: None,
            // Printing never fails, so there is no backlog to bound beyond the budget.
            sending_queue: SendingQueue { queue_size: usize::MAX, ..SendingQueue::default() },
            loglevel: None,
        }
    }
}

impl Config {
    /// How much to print.
    ///
    /// # Errors
    /// When both the key and its retired name are there.
    pub fn verbosity(&self, node: &Node) -> Result<Verbosity, Mistakes> {
        match (self.verbosity, &self.loglevel) {
            (Some(_), Some(_)) => {
                Err(node.mistake("loglevel", "the retired name of verbosity, which is set too"))
            }
            (None, Some(LogLevel(verbosity))) => {
                node.warn("loglevel", format_args!("retired; write \"verbosity: {}\"", verbosity.name()));
                Ok(*verbosity)
            }
            (verbosity, None) => Ok(verbosity.unwrap_or(Verbosity::Basic)),
        }
    }

    /// Where to print to.
    ///
    /// # Errors
    /// Places that are none, or where they do not count.
    pub fn output(&self, node: &Node) -> Result<Output, Mistakes> {
        let mistake = |message: &str| Err(node.mistake("output_paths", message));
        match &self.output_paths {
            None if self.use_internal_logger => Ok(Output::Log(log::logger())),
            None => Ok(Output::Text(vec![Place::Stdout])),
            Some(_) if self.use_internal_logger => mistake(
                "the log of this process has its own place; set \"use_internal_logger: false\" as well",
            ),
            Some(paths) if paths.is_empty() => mistake("empty; valid are stdout, stderr and paths of files"),
            Some(paths) => match paths.iter().map(|path| path.parse()).collect::<Result<_, String>>() {
                Ok(places) => Ok(Output::Text(places)),
                Err(message) => mistake(&message),
            },
        }
    }
}

/// How much is printed of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// A line with counts.
    Basic,
    /// A line for each item as well.
    Normal,
    /// All there is.
    Detailed,
}

impl Verbosity {
    pub fn name(self) -> &'static str {
        match self {
            Verbosity::Basic => "basic",
            Verbosity::Normal => "normal",
            Verbosity::Detailed => "detailed",
        }
    }
}

impl<'de> Deserialize<'de> for Verbosity {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?.to_lowercase();
        match name.as_str() {
            "basic" => Ok(Verbosity::Basic),
            "normal" => Ok(Verbosity::Normal),
            "detailed" => Ok(Verbosity::Detailed),
            "none" => Err(D::Error::custom(
                "\"none\" is a verbosity, but not of this exporter; to print nothing, leave it out of the pipelines",
            )),
            _ => Err(D::Error::custom(format_args!(
                "there is no verbosity \"{name}\"; valid are basic, normal and detailed"
            ))),
        }
    }
}

/// None where nothing is written, also by a variable that is not set, which a text would read as the empty one.
fn unless_unset<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Verbosity>, D::Error> {
    struct Unset;
    impl<'de> Visitor<'de> for Unset {
        type Value = Option<Verbosity>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("one of basic, normal, detailed")
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
            Verbosity::deserialize(name.into_deserializer()).map(Some)
        }
    }
    from.deserialize_any(Unset)
}

/// The verbosity that a level of `loglevel` meant.
struct LogLevel(Verbosity);

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?.to_lowercase();
        match name.as_str() {
            "debug" => Ok(LogLevel(Verbosity::Detailed)),
            "info" => Ok(LogLevel(Verbosity::Normal)),
            "warn" | "error" | "dpanic" | "panic" | "fatal" => Ok(LogLevel(Verbosity::Basic)),
            _ => Err(D::Error::custom(format_args!(
                "there is no log level \"{name}\"; valid are debug, info, warn and error (better: set verbosity)"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use config::Env;

    use super::*;

    fn node(yaml: &str) -> Node {
        Node::parse(yaml, &Env::default()).unwrap()
    }

    fn verbosity(yaml: &str) -> Result<Verbosity, Mistakes> {
        let node = node(yaml);
        node.read::<Config>()?.verbosity(&node)
    }

    /// The places of plain text; none for the log.
    fn places(yaml: &str) -> Result<Vec<Place>, Mistakes> {
        let node = node(yaml);
        Ok(match node.read::<Config>()?.output(&node)? {
            Output::Log(_) => vec![],
            Output::Text(places) => places,
        })
    }

    #[test]
    fn verbosity_is_basic_unless_said_in_any_case() {
        for (yaml, expected) in [
            ("", Verbosity::Basic),
            ("verbosity:", Verbosity::Basic),
            ("verbosity: Detailed", Verbosity::Detailed),
            ("verbosity: NORMAL", Verbosity::Normal),
        ] {
            assert_eq!(verbosity(yaml).unwrap(), expected, "{yaml}");
        }
    }

    #[test]
    fn a_verbosity_that_is_none_is_explained() {
        for (yaml, words) in [
            ("verbosity: none", "leave it out of the pipelines"),
            ("verbosity: foo", "valid are basic, normal and detailed"),
            ("verbosity: \"\"", "valid are basic, normal and detailed"),
        ] {
            let mistakes = verbosity(yaml).unwrap_err().to_string();
            assert!(mistakes.contains("verbosity") && mistakes.contains(words), "{mistakes}");
        }
    }

    #[test]
    fn the_retired_loglevel_works_with_a_warning() {
        for (level, expected) in [
            ("debug", Verbosity::Detailed),
            ("INFO", Verbosity::Normal),
            ("warn", Verbosity::Basic),
            ("error", Verbosity::Basic),
        ] {
            let node = node(&format!("loglevel: {level}"));
            assert_eq!(node.read::<Config>().unwrap().verbosity(&node).unwrap(), expected);
            let warnings = node.warnings().drain().join("\n");
            assert!(warnings.contains(&format!("verbosity: {}", expected.name())), "{warnings}");
        }
        assert!(
            verbosity("{loglevel: debug, verbosity: basic}").unwrap_err().to_string().contains("retired")
        );
        assert!(
            verbosity("loglevel: chatty").unwrap_err().to_string().contains("debug, info, warn and error")
        );
    }

    #[test]
    fn text_goes_to_the_log_or_to_places() {
        for (yaml, expected) in [
            ("", vec![]),
            ("use_internal_logger: false", vec![Place::Stdout]),
            (
                "{use_internal_logger: false, output_paths: [stderr, /tmp/x]}",
                vec![Place::Stderr, Place::File("/tmp/x".into())],
            ),
        ] {
            assert_eq!(places(yaml).unwrap(), expected, "{yaml}");
        }
        for (yaml, words) in [
            ("output_paths: [stderr]", "use_internal_logger: false"),
            ("output_paths: []", "use_internal_logger: false"),
            ("{use_internal_logger: false, output_paths: []}", "empty"),
            ("{use_internal_logger: false, output_paths: [\"http://x\"]}", "http://"),
        ] {
            let mistakes = places(yaml).unwrap_err().to_string();
            assert!(mistakes.contains("output_paths") && mistakes.contains(words), "{mistakes}");
        }
    }

    #[test]
    fn keys_of_other_exporters_are_mistakes_but_the_queue_is_not() {
        assert!(verbosity("timeout: 5s").is_err());
        assert!(verbosity("sending_queue: {queue_size: 5}").is_ok());
        assert!(verbosity("sampling_initial: -1").is_ok());
    }
}
