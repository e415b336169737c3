//! `docs/compatibility.md` tells the truth: everything in its tables is tried.

use std::path::Path;
use std::sync::LazyLock;

use config::{Env, Section};

use crate::configuration::Configuration;
use crate::elsewhere::ELSEWHERE;

static PAGE: LazyLock<String> = LazyLock::new(|| page("compatibility.md"));

fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)).unwrap()
}

/// What a component cannot do without.
const NEEDS: [(&str, &[(&str, &str)]); 7] = [
    ("span", &[("name", "{from_attributes: [a]}")]),
    ("attributes", &[("actions", "[{key: a, action: delete}]")]),
    ("resource", &[("attributes", "[{key: a, action: delete}]")]),
    ("memory_limiter", &[("check_interval", "1s"), ("limit_mib", "100")]),
    ("otlp_grpc", &[("endpoint", "a:4317")]),
    ("otlp_http", &[("endpoint", "http://a")]),
    ("prometheusremotewrite", &[("endpoint", "http://a")]),
];

/// One thing that the page says something of.
struct Row {
    section: String,
    component: String,
    written: &'static str,
    verdict: &'static str,
}

impl Row {
    /// The component's key that it is about.
    fn first(&self) -> &str {
        self.written.split(['.', ':']).next().unwrap()
    }

    /// What is not as it says.
    fn wrong(&self) -> Option<String> {
        let yaml = Parts::with(self).yaml();
        let (warnings, mistakes) = said(&yaml);
        let consequences = warnings.iter().filter(|it| it.contains("this pipeline does not run")).count();
        let expected = match self.verdict {
            "works" => (0, 0),
            "retired" | "means nothing" => (1, 0),
            "not supported" => (consequences, 1),
            other => panic!("{other} is no verdict"),
        };
        let is_wrong = (warnings.len(), mistakes.len()) != expected;
        is_wrong.then(|| {
            format!("{}: {} is said of\n{yaml}{warnings:#?}{mistakes:#?}", self.component, self.verdict)
        })
    }
}

/// All rows with a verdict: one for each piece of code in their first column.
fn rows() -> Vec<Row> {
    let (mut section, mut component) = (String::new(), String::new());
    let mut rows = Vec::new();
    for line in PAGE.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            (section, component) = (title.to_lowercase(), String::new());
        } else if let Some(title) = line.strip_prefix("### ") {
            component = title.trim_matches('`').to_owned();
        } else if let [written, verdict, _] = cells(line)[..] {
            let code = written.split('`').skip(1).step_by(2);
            rows.extend(code.map(|written| Row {
                section: section.clone(),
                component: component.clone(),
                written,
                verdict,
            }));
        }
    }
    rows
}

fn cells(line: &'static str) -> Vec<&'static str> {
    let inner = line.strip_prefix("| ").and_then(|line| line.strip_suffix('|'));
    inner.map(|line| line.split(" |").map(str::trim).collect()).unwrap_or_default()
}

/// A configuration with one pipeline: of each section, which components it has and what is written of them.
struct Parts {
    signal: &'static str,
    parts: [Part; 4],
    /// Keys of `service`.
    service: String,
}

struct Part {
    section: Section,
    ids: String,
    text: String,
}

impl Parts {
    /// One that works.
    fn sound() -> Parts {
        let parts = [
            (Section::Receivers, "otlp", "otlp: {protocols: {http: }}"),
            (Section::Processors, "", ""),
            (Section::Exporters, "debug", "debug: "),
            (Section::Extensions, "", ""),
        ];
        let parts = parts.map(|(section, ids, text)| Part { section, ids: ids.into(), text: text.into() });
        Parts { signal: "traces", parts, service: String::new() }
    }

    /// One with `row` in it.
    fn with(row: &Row) -> Parts {
        let mut all = Parts::sound();
        let first = row.first();
        let section = Section::ALL.into_iter().find(|it| it.key() == row.section);
        match (section, row.component.as_str()) {
            (None, "service") => all.service = format!("{}, ", nested(row.written)),
            (None, _) => {
                let headers = format!("{{x: '{}'}}", row.written.replace('\'', "''"));
                let exporter = format!("otlp_http: {{endpoint: 'http://a', headers: {headers}}}");
                all.set(Section::Exporters, "otlp_http", exporter);
            }
            (Some(section), "Extensions without an effect") => all.set(section, first, row.written.into()),
            (Some(section), component) => {
                if ["awsemf", "prometheusremotewrite"].contains(&component) {
                    all.signal = "metrics";
                }
                if row.written.starts_with("auth.") {
                    let both = "sigv4auth: {service: a, region: b}, basicauth: {client_auth: {username: a}}";
                    all.set(Section::Extensions, "sigv4auth, basicauth", both.into());
                }
                all.set(section, component, format!("{component}: {{{}}}", keys(component, row.written)));
            }
        }
        all
    }

    fn set(&mut self, section: Section, ids: &str, text: String) {
        let part = self.parts.iter_mut().find(|part| part.section == section).unwrap();
        (part.ids, part.text) = (ids.to_owned(), text);
    }

    fn yaml(&self) -> String {
        let sections = self.parts.iter().map(|part| format!("{}: {{{}}}\n", part.section.key(), part.text));
        let [receivers, processors, exporters, extensions] = self.parts.each_ref().map(|part| &part.ids);
        let lists = format!("receivers: [{receivers}], processors: [{processors}], exporters: [{exporters}]");
        let (signal, more) = (self.signal, &self.service);
        let service = format!("{{{more}extensions: [{extensions}], 'pipelines::{signal}': {{{lists}}}}}");
        sections.chain([format!("service: {service}\n")]).collect()
    }
}

/// `written` and what the component needs beside it.
fn keys(component: &str, written: &str) -> String {
    if let Some(all) = written.strip_prefix('{').and_then(|all| all.strip_suffix('}')) {
        return all.to_owned();
    }
    let first = written.split(['.', ':']).next().unwrap();
    let needs =
        NEEDS.iter().find(|(name, _)| *name == component).map(|(_, needs)| *needs).unwrap_or_default();
    let needs = needs.iter().filter(|(key, _)| *key != first).map(|(key, value)| format!("{key}: {value}"));
    needs.chain([nested(written)]).collect::<Vec<_>>().join(", ")
}

/// `a.b: c` as the Collector lets one write it: `'a::b': c`.
fn nested(written: &str) -> String {
    let (key, value) = written.split_once(':').unwrap();
    format!("'{}':{value}", key.replace('.', "::"))
}

/// What is said of the configuration `yaml`: warnings and mistakes.
fn said(yaml: &str) -> (Vec<String>, Vec<String>) {
    let env = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("SET", "v"),
        ("WHICH", "SET"),
    ];
    Configuration::at_hand(&Env::from_iter(env), &[&format!("yaml:{yaml}")]).said()
}

#[test]
fn everything_in_the_tables_is_as_they_say() {
    let rows = rows();
    assert!(rows.len() > 250, "only {} were found", rows.len());
    let wrong: Vec<_> = rows.iter().filter_map(Row::wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_key_that_there_is_has_its_row() {
    let reference = page("configuration.md");
    let (rows, mut component) = (rows(), "");
    for line in reference.lines().take_while(|line| *line != "## Keys that several have") {
        if let Some(title) = line.strip_prefix("### ") {
            let same = title == "Accepted, with any keys";
            component = if same { "Extensions without an effect" } else { title.trim_matches('`') };
        } else if let Some(key) = line.strip_prefix("| `").and_then(|line| line.split(['`', '.', '[']).next())
        {
            let mut of_it = rows.iter().filter(|row| row.component == component);
            let at = format!("{key}:");
            assert!(
                of_it.any(|row| row.first() == key || row.written.contains(&at)),
                "{component}: {key} is not in the tables"
            );
        }
    }
}

#[test]
fn what_is_not_built_in_is_told_with_what_to_write_instead() {
    let mut table = String::from("| Section | Name | Instead |\n|---|---|---|\n");
    for (section, names, advice) in ELSEWHERE {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        table.push_str(&format!("| {} | {} | {advice} |\n", section.key(), names.join(", ")));
    }
    assert!(PAGE.ends_with(&table), "docs/compatibility.md shall end with:\n{table}");
    for (section, names, advice) in ELSEWHERE {
        for name in names {
            let sound = Parts::sound().yaml();
            let key = section.key();
            let declared = match section {
                Section::Connectors => format!("connectors: {{{name}/x: }}\n{sound}"),
                _ => sound.replacen(&format!("{key}: {{"), &format!("{key}: {{{name}/x: , "), 1),
            };
            let (_, mistakes) = said(&declared);
            assert!(
                mistakes.len() == 1
                    && mistakes[0].ends_with(&format!("there is no {} {name}: {advice}", section.one())),
                "{name}: {mistakes:?}"
            );
        }
    }
}

#[test]
fn a_component_in_another_section_is_told_where_it_belongs() {
    let mut parts = Parts::sound();
    parts.set(Section::Processors, "sigv4auth", "sigv4auth: ".into());
    let (_, mistakes) = said(&parts.yaml());
    assert!(
        mistakes[0].ends_with("there is no processor sigv4auth; it stands under extensions"),
        "{mistakes:?}"
    );
}
