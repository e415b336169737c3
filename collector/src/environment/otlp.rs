//! The OTLP exporters that the variables amount to: one, or as many as the signals differ.

use config::Env;
use http::HeaderName;
use pipeline::Signal;

use super::value::{Pairs, Value};
use super::variables::{Given, Variables};
use super::yaml::Line;

/// An exporter to be, and the signals that go there.
pub struct Exporter {
    kind: &'static str,
    /// Where to.
    endpoints: Vec<Line>,
    /// How.
    rest: Vec<Line>,
    pub signals: Vec<Signal>,
}

/// What PROTOCOL says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Grpc,
    HttpProtobuf,
    HttpJson,
}

/// The exporters of all signals that have an endpoint. Those that differ in nothing are one.
pub fn exporters(variables: &mut Variables, env: &Env) -> Vec<Exporter> {
    let mut all: Vec<Exporter> = Vec::new();
    for signal in Signal::ALL {
        let Some(next) = (Reader { variables, env, signal }).exporter() else { continue };
        match all.iter_mut().find(|exporter| exporter.takes(&next)) {
            Some(exporter) => {
                exporter.endpoints.extend(next.endpoints);
                exporter.endpoints.sort_by_key(|line| !line.text.starts_with("endpoint"));
                exporter.endpoints.dedup();
                exporter.signals.push(signal);
            }
            None => all.push(next),
        }
    }
    all
}

impl Exporter {
    /// Its id beside `others` exporters.
    pub fn id(&self, others: usize) -> String {
        match self.signals[..] {
            [only] if others > 0 => format!("{}/{only}", self.kind),
            _ => self.kind.to_owned(),
        }
    }

    /// What stands below its id.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.endpoints.iter().chain(&self.rest)
    }

    /// Whether `other` can be one with it: HTTP has an endpoint for each signal.
    fn takes(&self, other: &Exporter) -> bool {
        let texts = |lines: &[Line]| lines.iter().map(|line| line.text.clone()).collect::<Vec<_>>();
        self.kind == other.kind
            && texts(&self.rest) == texts(&other.rest)
            && (self.kind == "otlp_http" || texts(&self.endpoints) == texts(&other.endpoints))
    }
}

/// Reads what the variables say of one signal.
struct Reader<'a> {
    variables: &'a mut Variables,
    env: &'a Env,
    signal: Signal,
}

impl Reader<'_> {
    fn exporter(&mut self) -> Option<Exporter> {
        let endpoint = self.variables.otlp(self.signal, "ENDPOINT")?;
        let (name, by_rotel, written) = (endpoint.name.clone(), endpoint.is_rotels, endpoint.value.clone());
        let protocol = self.read("PROTOCOL", protocol);
        if protocol.is_none() {
            self.wonder_about_port(&name, &written, by_rotel);
        }
        let usual = if by_rotel { Protocol::Grpc } else { Protocol::HttpProtobuf };
        let protocol = protocol.unwrap_or(usual);
        let is_own = self.variables.otlp_alone(self.signal, "ENDPOINT").is_some();
        let (kind, endpoint) = match protocol {
            Protocol::Grpc => {
                ("otlp_grpc", format!("endpoint: {}", grpc_endpoint(written, self.env).to_yaml()))
            }
            _ if is_own => ("otlp_http", format!("{}_endpoint: {}", self.signal, written.to_yaml())),
            _ => ("otlp_http", format!("endpoint: {}", written.to_yaml())),
        };
        let endpoints = vec![Line::from(endpoint, &name)];
        Some(Exporter { kind, endpoints, rest: self.rest(protocol), signals: vec![self.signal] })
    }

    /// Reads `setting`. What can't be used is told, and counts as not said.
    fn read<T>(&mut self, setting: &str, read: impl Fn(&Given, &Env) -> Result<T, String>) -> Option<T> {
        let given = self.variables.otlp(self.signal, setting)?;
        match read(given, self.env) {
            Ok(value) => Some(value),
            Err(why) => {
                let name = given.name.clone();
                self.variables.mistake(&name, why);
                None
            }
        }
    }

    fn rest(&mut self, protocol: Protocol) -> Vec<Line> {
        let mut lines = Vec::new();
        if protocol == Protocol::HttpJson {
            lines.extend(self.read("PROTOCOL", |given, _| Ok(Line::from("encoding: json", &given.name))));
        }
        lines.extend(self.headers());
        let compression = |given: &Given, env: &Env| Ok(Line::from(compression(given, env)?, &given.name));
        lines.extend(self.read("COMPRESSION", compression));
        let timeout = |given: &Given, env: &Env| Ok(Line::from(timeout(given, env)?, &given.name));
        lines.extend(self.read("TIMEOUT", timeout));
        let mut tls = Vec::new();
        for (setting, key) in
            [("CERTIFICATE", "ca_file"), ("CLIENT_CERTIFICATE", "cert_file"), ("CLIENT_KEY", "key_file")]
        {
            let line = |given: &Given, _: &Env| {
                Ok(Line::from(format!("  {key}: {}", given.value.to_yaml()), &given.name))
            };
            tls.extend(self.read(setting, line));
        }
        let insecure = |given: &Given, env: &Env| {
            Ok(flag(given, env)?.then(|| Line::from("  insecure: true", &given.name)))
        };
        // Over HTTP the endpoint's scheme says it.
        tls.extend(self.read("INSECURE", insecure).flatten().filter(|_| protocol == Protocol::Grpc));
        if !tls.is_empty() {
            lines.push(Line::new("tls:"));
            lines.extend(tls);
        }
        lines
    }

    fn headers(&mut self) -> Vec<Line> {
        let Some(given) = self.variables.otlp(self.signal, "HEADERS") else { return Vec::new() };
        let name = given.name.clone();
        let Some((pairs, mut wrong)) = list(given, self.env) else {
            return vec![Line::from(format!("headers: {}", given.value.to_yaml()), &name)];
        };
        let mut lines = Vec::new();
        for (key, value) in pairs {
            match HeaderName::from_bytes(key.as_bytes()) {
                Ok(_) => {
                    lines.push(Line::from(format!("  {}: {}", config::quoted(&key), value.to_yaml()), &name));
                }
                Err(_) => wrong.push(format!("`{key}` is no name that a header can have")),
            }
        }
        wrong.iter().for_each(|why| self.variables.mistake(&name, why));
        if !lines.is_empty() {
            lines.insert(0, Line::from("headers:", &name));
        }
        lines
    }

    /// Custom has a port for gRPC and one for HTTP.
    fn wonder_about_port(&mut self, name: &str, endpoint: &Value, by_rotel: bool) {
        let (port, other, here) =
            if by_rotel { ("4318", "http/protobuf", "gRPC") } else { ("4317", "grpc", "HTTP") };
        let endpoint = endpoint.at_hand(self.env).unwrap_or_default();
        let note = format!(
            "{name} names port {port}, and nothing says that OTLP goes there over anything but {here}: is \
             OTELCOL_LAMBDA_EXPORTER_OTLP_PROTOCOL={other} missing?"
        );
        let is_odd = endpoint.trim_end_matches('/').ends_with(&format!(":{port}"));
        if is_odd && !self.variables.notes.contains(&note) {
            self.variables.notes.push(note);
        }
    }
}

/// The pairs of a list, and what is wrong in it without any of its values; nothing if it must be fetched as a whole.
pub fn list(given: &Given, env: &Env) -> Option<(Pairs, Vec<String>)> {
    let (pairs, wrong) = match (given.value.is_reference(), given.value.at_hand(env)) {
        (true, Some(text)) => Value::text(&text).pairs(!given.is_rotels),
        (true, None) => return None,
        (false, _) => given.value.pairs(!given.is_rotels),
    };
    let wrong = wrong.iter().map(|i| format!("entry {i} is not usable; expected key=value,key=value"));
    Some((pairs, wrong.collect()))
}

/// Whether a variable says true.
pub fn flag(given: &Given, env: &Env) -> Result<bool, String> {
    match word(given, env)?.as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        found => Err(not_valid(given, found, &["true", "false"])),
    }
}

fn protocol(given: &Given, env: &Env) -> Result<Protocol, String> {
    match word(given, env)?.as_str() {
        "grpc" => Ok(Protocol::Grpc),
        "http/protobuf" => Ok(Protocol::HttpProtobuf),
        "http" if given.is_rotels => Ok(Protocol::HttpProtobuf),
        "http/json" if !given.is_rotels => Ok(Protocol::HttpJson),
        found if given.is_rotels => Err(not_valid(given, found, &["grpc", "http"])),
        found => Err(not_valid(given, found, &["grpc", "http/protobuf", "http/json"])),
    }
}

fn compression(given: &Given, env: &Env) -> Result<String, String> {
    const VALID: [&str; 3] = ["gzip", "zstd", "none"];
    match word(given, env) {
        Ok(found) if VALID.contains(&found.as_str()) => Ok(format!("compression: {found}")),
        Ok(found) => Err(not_valid(given, &found, &VALID)),
        Err(_) => Ok(format!("compression: {}", given.value.to_yaml())),
    }
}

/// OpenTelemetry has milliseconds, Rotel a duration.
fn timeout(given: &Given, env: &Env) -> Result<String, String> {
    let (unit, expected) = match given.is_rotels {
        true => ("", "a duration such as 5s"),
        false => ("ms", "milliseconds, such as 5000"),
    };
    let is_valid = |text: String| match given.is_rotels {
        true => config::parse_duration(&text).is_ok(),
        false => text.parse::<u32>().is_ok(),
    };
    if given.value.at_hand(env).map(is_valid) == Some(false) {
        return Err(format!("found `{}`; expected {expected}{COUNTS_AS_UNSET}", given.written));
    }
    Ok(format!("timeout: {}", given.value.clone().and(unit).to_yaml()))
}

/// A word in lower case.
fn word(given: &Given, env: &Env) -> Result<String, String> {
    let text = given.value.at_hand(env).map(|text| text.trim().to_ascii_lowercase());
    text.ok_or_else(|| {
        format!("`{}` can't be had before anything is fetched{COUNTS_AS_UNSET}", given.written)
    })
}

fn not_valid(given: &Given, found: &str, valid: &[&str]) -> String {
    let hint = config::valid_words(found, valid);
    format!("found `{}`{hint}{COUNTS_AS_UNSET}", given.written)
}

const COUNTS_AS_UNSET: &str = "; it counts as not set";

/// gRPC wants a port, which OpenTelemetry's SDKs know from the scheme, and no path.
fn grpc_endpoint(value: Value, env: &Env) -> Value {
    let Some(text) = value.at_hand(env) else { return value };
    let Ok(uri) = text.parse::<http::Uri>() else { return value };
    let (Some(scheme @ ("http" | "https")), Some(authority), "/") =
        (uri.scheme_str(), uri.authority(), uri.path())
    else {
        return value;
    };
    let port = match (uri.port(), scheme) {
        (Some(_), _) => "",
        (None, "https") => ":443",
        (None, _) => ":80",
    };
    let full = format!("{scheme}://{authority}{port}");
    if full == text { value } else { Value::text(&full) }
}
