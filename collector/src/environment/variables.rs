//! Which variables are set, under whose names, and which of them have no effect.

use std::collections::BTreeMap;

use config::{Env, Mistake, Part};
use pipeline::Signal;

use super::dotenv;
use super::value::Value;

const PREFIX: &str = "OTELCOL_LAMBDA_";
const ROTEL: &str = "ROTEL_";

/// Variables with our prefix that say something else than a configuration.
const OTHERS: [&str; 3] = ["CONFIG_TIMEOUT", "FLUSH_TIMEOUT", "ON_CONFIG_ERROR"];

/// Settings of the OTLP exporters, for all signals or for one, by OpenTelemetry's names for them
/// (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>), each with Rotel's.
const SETTINGS: [(&str, Option<&str>); 9] = [
    ("ENDPOINT", Some("ENDPOINT")),
    ("PROTOCOL", Some("PROTOCOL")),
    ("HEADERS", Some("CUSTOM_HEADERS")),
    ("COMPRESSION", Some("COMPRESSION")),
    ("TIMEOUT", Some("REQUEST_TIMEOUT")),
    ("CERTIFICATE", Some("TLS_CA_FILE")),
    ("CLIENT_CERTIFICATE", Some("TLS_CERT_FILE")),
    ("CLIENT_KEY", Some("TLS_KEY_FILE")),
    ("INSECURE", None),
];

/// The rest: our name, then what it is also called.
const REST: [(&str, &[&str]); 4] = [
    ("EXPORTER_XRAY", &["OTELCOL_LAMBDA_EXPORTER_OTLP_XRAY", "OTELCOL_LAMBDA_XRAY"]),
    (
        "RESOURCE_ATTRIBUTES",
        &[
            "OTELCOL_LAMBDA_EXPORTER_RESOURCE_ATTRIBUTES",
            "OTELCOL_LAMBDA_EXPORTER_OTLP_RESOURCE_ATTRIBUTES",
            "ROTEL_OTEL_RESOURCE_ATTRIBUTES",
        ],
    ),
    ("RECEIVER_OTLP_GRPC_ENDPOINT", &["ROTEL_OTLP_GRPC_ENDPOINT"]),
    ("RECEIVER_OTLP_HTTP_ENDPOINT", &["ROTEL_OTLP_HTTP_ENDPOINT"]),
];

/// A variable that is set.
pub struct Given {
    pub name: String,
    pub value: Value,
    /// Whether it is Rotel's, who writes some values otherwise.
    pub is_rotels: bool,
    /// The value as it was written.
    pub written: String,
}

/// Those that are set, to something that is not empty.
#[derive(Default)]
pub struct Variables {
    given: BTreeMap<String, Given>,
    /// The names of all of them, whether they have a meaning or not.
    pub names: Vec<String>,
    pub mistakes: Vec<Mistake>,
    pub notes: Vec<String>,
}

impl Variables {
    /// Those of `env`, and of the file that it names.
    pub fn of(env: &Env) -> Variables {
        let set = |prefix| env.starting_with(prefix).filter(|(_, value)| !value.is_empty());
        let ours = set(PREFIX).filter(|(name, _)| is_of_a_configuration(name));
        let mut set: BTreeMap<_, _> =
            ours.chain(set(ROTEL)).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut variables = Variables::default();
        if !set.is_empty() {
            variables.names = set.keys().cloned().collect();
            variables.read_file(&mut set);
            variables.sort(set);
        }
        variables
    }

    /// The one that says `setting` for `signal`, be it for that alone or for all.
    pub fn otlp(&self, signal: Signal, setting: &str) -> Option<&Given> {
        self.given.get(&own(Some(signal), setting)).or_else(|| self.given.get(&own(None, setting)))
    }

    /// The one that says `setting` for `signal` alone.
    pub fn otlp_alone(&self, signal: Signal, setting: &str) -> Option<&Given> {
        self.given.get(&own(Some(signal), setting))
    }

    /// Those that say something for `signal` alone, or if none is named for all.
    pub fn otlp_settings(&self, signal: Option<Signal>) -> impl Iterator<Item = &Given> {
        SETTINGS.iter().filter_map(move |(setting, _)| self.given.get(&own(signal, setting)))
    }

    /// The one that is called so, without our prefix.
    pub fn get(&self, name: &str) -> Option<&Given> {
        self.given.get(name)
    }

    /// Whether none of them has a meaning.
    pub fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// Adds a mistake of the variable `name`; what it says counts as not said.
    pub fn mistake(&mut self, name: &str, why: impl std::fmt::Display) {
        let mistake = Mistake { text: format!("{name}: {why}"), part: Part::Whole };
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
        }
    }

    /// What `ROTEL_ENV_FILE` holds counts more than the environment, as with Rotel.
    fn read_file(&mut self, set: &mut BTreeMap<String, String>) {
        const NAME: &str = "ROTEL_ENV_FILE";
        let Some(path) = set.remove(NAME) else { return };
        match std::fs::read_to_string(&path).map(|text| dotenv::variables(&text)) {
            Ok(Ok(more)) => {
                set.extend(more.into_iter().filter(|(name, it)| name.starts_with(ROTEL) && !it.is_empty()));
            }
            Ok(Err(line)) => self.mistake(NAME, format_args!("{path}: line {line} is no NAME=value")),
            Err(error) => self.mistake(NAME, format_args!("can't read {path}: {error}")),
        }
    }

    /// Gives each its meaning, and says which have none.
    fn sort(&mut self, mut set: BTreeMap<String, String>) {
        let (mut understood, mut idle) = (Vec::new(), Vec::new());
        self.heed_rotels_exporter(&mut set, &mut idle);
        for (key, names) in keys() {
            for name in names {
                let Some(written) = set.remove(&name) else { continue };
                if self.given.contains_key(&key) {
                    idle.push(name);
                    continue;
                }
                let is_rotels = name.starts_with(ROTEL);
                if is_rotels {
                    understood.push(format!("{PREFIX}{key} for {name}"));
                }
                let value = match written.strip_prefix("secret://arn:") {
                    Some(rest) if is_rotels => Value::of(&format!("${{arn:{rest}}}")),
                    _ => Value::of(&written),
                };
                self.given.insert(key.clone(), Given { name, value, is_rotels, written });
            }
        }
        let (rotels, ours): (Vec<_>, Vec<_>) = set.into_keys().partition(|name| name.starts_with(ROTEL));
        idle.extend(rotels);
        ours.iter().for_each(|name| self.notes.extend(misspelt(name)));
        if !understood.is_empty() {
            let modern = understood.join(", ");
            self.notes.push(format!(
                "variables of Rotel are understood; write {modern}; docs/environment.md says what differs in the values"
            ));
        }
        if !idle.is_empty() {
            self.notes.push(format!(
                "{} without effect: docs/environment.md says what to do instead",
                idle.join(", ")
            ));
        }
    }

    /// `ROTEL_EXPORTER`: with another than `otlp`, what is said of that is idle.
    fn heed_rotels_exporter(&mut self, set: &mut BTreeMap<String, String>, idle: &mut Vec<String>) {
        const NAME: &str = "ROTEL_EXPORTER";
        let Some(written) = set.remove(NAME) else { return };
        match written.as_str() {
            "otlp" => return,
            "awsxray" | "aws-xray" => {
                self.notes.push(format!("{NAME}={written} is understood; write {PREFIX}EXPORTER_XRAY=true"));
                set.entry(format!("{PREFIX}EXPORTER_XRAY")).or_insert("true".into());
            }
            _ => self.mistake(
                NAME,
                format_args!(
                    "found `{written}`; understood are otlp and awsxray, any other needs a configuration file"
                ),
            ),
        }
        let others = set.keys().filter(|name| name.starts_with("ROTEL_OTLP_EXPORTER_")).cloned();
        idle.extend(others.collect::<Vec<_>>());
        set.retain(|name, _| !idle.contains(name));
    }
}

/// A setting's name, without our prefix.
fn own(signal: Option<Signal>, setting: &str) -> String {
    format!("EXPORTER_OTLP_{}{setting}", part(signal))
}

fn part(signal: Option<Signal>) -> String {
    signal.map_or(String::new(), |signal| signal.name().to_ascii_uppercase() + "_")
}

/// All that have a meaning: without our prefix, and under all names, the one that counts most first.
fn keys() -> impl Iterator<Item = (String, Vec<String>)> {
    let signals = [None].into_iter().chain(Signal::ALL.map(Some));
    let otlp = signals.flat_map(|signal| {
        SETTINGS.iter().map(move |(setting, rotels)| {
            let rotels = rotels.map(|name| format!("ROTEL_OTLP_EXPORTER_{}{name}", part(signal)));
            (own(signal, setting), rotels.into_iter().collect::<Vec<_>>())
        })
    });
    let rest =
        REST.iter().map(|(key, more)| ((*key).to_owned(), more.iter().map(|it| (*it).into()).collect()));
    otlp.chain(rest).map(|(key, more)| {
        let names = [format!("{PREFIX}{key}")].into_iter().chain(more).collect();
        (key, names)
    })
}

/// Whether `name` means a variable that a configuration is made of, misspelt or not.
fn is_of_a_configuration(name: &str) -> bool {
    !OTHERS.contains(&&name[PREFIX.len()..])
        && (keys().any(|(_, names)| names.iter().any(|known| known == name)) || misspelt(name).is_some())
}

/// All names that have a meaning.
#[cfg(test)]
pub fn names() -> Vec<String> {
    keys().flat_map(|(_, names)| names).collect()
}

/// What is said of a variable of ours that there is not, if it looks like one that there is.
fn misspelt(name: &str) -> Option<String> {
    let found = &name[PREFIX.len()..];
    let known: Vec<_> = keys().map(|(key, _)| key).chain(OTHERS.map(String::from)).collect();
    match config::nearest(found, known.iter().map(String::as_str)) {
        Some(near) => Some(format!("{name} without effect: did you mean {PREFIX}{near}?")),
        None if found.starts_with("EXPORTER_") => {
            Some(format!("{name} without effect: docs/environment.md lists those that there are"))
        }
        None => None,
    }
}
