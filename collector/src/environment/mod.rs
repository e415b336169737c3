//! The configuration for who writes none: what `OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPOINT` and its like amount to.
//!
//! Pure from the environment to YAML, but for the file that Rotel lets a variable name. What is wrong with a variable
//! costs what that variable says and nothing else.

mod dotenv;
mod otlp;
#[cfg(test)]
mod tests;
mod value;
mod variables;
mod yaml;

use config::{BuiltIn, Env};
use pipeline::Signal;

use self::otlp::Exporter;
use self::value::{Pairs, Value};
use self::variables::Variables;
use self::yaml::{Line, Yaml};

/// What runs when nobody says anything: takes OTLP, prints what it gets.
const PRINTS: &str = include_str!("../built-in.yaml");

/// What runs when no configuration is found.
pub fn built_in(env: &Env) -> BuiltIn {
    let mut variables = Variables::of(env);
    let (name, yaml) = if variables.is_empty() {
        ("built-in", Yaml::of(PRINTS))
    } else {
        ("environment", Parts::of(&mut variables, env).to_yaml(&variables))
    };
    let Variables { names: ineffective, mistakes, notes, .. } = variables;
    BuiltIn { name: name.into(), text: yaml.text, lines: yaml.lines, mistakes, notes, ineffective }
}

/// What is to be written.
struct Parts {
    exporters: Vec<Exporter>,
    /// By which variable, if traces go to X-Ray too.
    xray: Option<String>,
    /// Key and value, and the variable that gives them.
    attributes: Option<(Pairs, String)>,
}

impl Parts {
    fn of(variables: &mut Variables, env: &Env) -> Parts {
        let exporters = otlp::exporters(variables, env);
        for signal in [None].into_iter().chain(Signal::ALL.map(Some)) {
            let goes = |exporter: &Exporter| signal.is_none_or(|signal| exporter.signals.contains(&signal));
            if !exporters.iter().any(goes) {
                let idle: Vec<_> = variables.otlp_settings(signal).map(|given| given.name.clone()).collect();
                idle.iter().for_each(|name| variables.mistake(name, NO_ENDPOINT));
            }
        }
        let xray = variables.get("EXPORTER_XRAY").map(|given| (given.name.clone(), otlp::flag(given, env)));
        let xray = xray.and_then(|(name, flag)| match flag {
            Ok(wanted) => wanted.then_some(name),
            Err(why) => {
                variables.mistake(&name, why);
                None
            }
        });
        Parts { exporters, xray, attributes: attributes(variables, env) }
    }

    fn to_yaml(&self, variables: &Variables) -> Yaml {
        let mut yaml = Yaml::default();
        self.write_receivers(variables, &mut yaml);
        if self.has_processors() {
            yaml.plain(0, "processors:");
            self.write_attributes(&mut yaml);
            yaml.plain(1, "batch:");
        }
        yaml.plain(0, "exporters:");
        for exporter in &self.exporters {
            yaml.plain(1, &format!("{}:", self.id(exporter)));
            exporter.lines().for_each(|line| yaml.line(2, line));
        }
        if let Some(name) = &self.xray {
            yaml.line(1, &Line::from("awsxray:", name));
        }
        if self.prints() {
            yaml.plain(1, "debug:");
            yaml.plain(2, "verbosity: detailed");
        }
        self.write_pipelines(&mut yaml);
        yaml
    }

    fn write_receivers(&self, variables: &Variables, yaml: &mut Yaml) {
        yaml.plain(0, "receivers:");
        yaml.plain(1, "otlp:");
        yaml.plain(2, "protocols:");
        for (protocol, key, usual) in [
            ("grpc:", "RECEIVER_OTLP_GRPC_ENDPOINT", "localhost:4317"),
            ("http:", "RECEIVER_OTLP_HTTP_ENDPOINT", "localhost:4318"),
        ] {
            yaml.plain(3, protocol);
            let line = match variables.get(key) {
                Some(given) => Line::from(format!("endpoint: {}", given.value.to_yaml()), &given.name),
                None => Line::new(format!("endpoint: {usual}")),
            };
            yaml.line(4, &line);
        }
        if !self.prints() {
            yaml.plain(1, "telemetryapi:");
        }
    }

    fn write_attributes(&self, yaml: &mut Yaml) {
        let Some((attributes, name)) = &self.attributes else { return };
        yaml.plain(1, "resource:");
        yaml.plain(2, "attributes:");
        for (key, value) in attributes {
            yaml.line(3, &Line::from(format!("- key: {}", Value::text(key).to_yaml()), name));
            yaml.line(4, &Line::from(format!("value: {}", value.to_yaml()), name));
            yaml.plain(4, "action: upsert");
        }
    }

    fn write_pipelines(&self, yaml: &mut Yaml) {
        yaml.plain(0, "service:");
        yaml.plain(1, "pipelines:");
        for signal in Signal::ALL {
            let exporters = self.exporters_of(signal);
            if exporters.is_empty() {
                continue;
            }
            yaml.plain(2, &format!("{signal}:"));
            let receivers = if self.prints() { "otlp" } else { "otlp, telemetryapi" };
            yaml.plain(3, &format!("receivers: [{receivers}]"));
            if self.has_processors() {
                let resource = self.attributes.as_ref().map_or("", |_| "resource, ");
                yaml.plain(3, &format!("processors: [{resource}batch]"));
            }
            yaml.plain(3, &format!("exporters: [{}]", exporters.join(", ")));
        }
    }

    fn exporters_of(&self, signal: Signal) -> Vec<String> {
        if self.prints() {
            return vec!["debug".into()];
        }
        let otlp = self.exporters.iter().filter(|exporter| exporter.signals.contains(&signal));
        let xray = self.xray.as_ref().filter(|_| signal == Signal::Traces).map(|_| "awsxray".to_owned());
        otlp.map(|exporter| self.id(exporter)).chain(xray).collect()
    }

    fn id(&self, exporter: &Exporter) -> String {
        exporter.id(self.exporters.len() - 1)
    }

    /// Whether nothing says where telemetry shall go.
    fn prints(&self) -> bool {
        self.exporters.is_empty() && self.xray.is_none()
    }

    fn has_processors(&self) -> bool {
        !self.prints() || self.attributes.is_some()
    }
}

const NO_ENDPOINT: &str = "there is nothing that it could be for: set OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPOINT, to https://HOST:4318, say";

/// The attributes that every resource gets. They are texts, whatever YAML would make of them.
fn attributes(variables: &mut Variables, env: &Env) -> Option<(Pairs, String)> {
    let given = variables.get("RESOURCE_ATTRIBUTES")?;
    let name = given.name.clone();
    let Some((mut pairs, wrong)) = otlp::list(given, env) else {
        variables.mistake(&name, "a list can't be fetched as a whole; write key=${...},key=${...}");
        return None;
    };
    for (_, value) in &mut pairs {
        if let Some(text) = value.at_hand(env) {
            *value = Value::text(&text);
        }
    }
    wrong.iter().for_each(|why| variables.mistake(&name, why));
    (!pairs.is_empty()).then_some((pairs, name))
}
