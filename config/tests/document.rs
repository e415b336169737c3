//! Whole configurations: where they come from, how they merge, what is left of a broken one, how they are printed.
#![expect(clippy::unwrap_used, reason = "in helpers of tests, too")]

use std::path::PathBuf;

use config::{
    BuiltIn, Document, Env, Id, Known, Loaded, LogLevel, Lookup, Mistake, Part, Providers, Section,
};
use serde_json::{Value, json};

const GOOD: &str = "
receivers:
  otlp:
    protocols: {http: }
processors:
  batch: {timeout: 1s}
exporters:
  debug:
  otlphttp/a: {endpoint: http://localhost}
extensions:
  sigv4auth:
service:
  extensions: [sigv4auth]
  telemetry: {logs: {level: WARN}}
  pipelines:
    traces: {receivers: [otlp], processors: [batch], exporters: [debug, otlphttp/a]}
    logs/2: {receivers: [otlp], exporters: [otlphttp/a]}
";

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

fn parse(text: &str) -> Loaded {
    Document::parse(text, "a.yaml", &Providers::new(&Env::default()))
}

fn spoiling(part: Part) -> Mistake {
    Mistake { text: String::new(), part }
}

/// A folder of its own for each test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("config-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.0.join(name), text).unwrap();
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn load(uris: &[&str], files: &[PathBuf], env: &[(&str, &str)]) -> Loaded {
    let env: Env = env.iter().copied().collect();
    let uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
    let built_in = BuiltIn { text: "exporters: {built_in: }".into(), ..BuiltIn::default() };
    let lookup = Lookup { uris, files: files.to_vec(), built_in };
    Document::load(&lookup, &Providers::new(&env))
}

/// The exporters of a document tell which file was read.
fn exporters(loaded: &Loaded) -> Vec<String> {
    loaded.document.as_ref().unwrap().components(Section::Exporters).map(|(id, _)| id.to_string()).collect()
}

#[test]
fn a_sound_document_gives_all_its_parts() {
    let loaded = parse(GOOD);
    assert_eq!(loaded.mistakes, []);
    assert_eq!(loaded.warnings.drain(), [""; 0]);
    let document = loaded.document.unwrap();
    assert_eq!(document.extensions, [id("sigv4auth")]);
    assert_eq!(document.telemetry.log_level, Some(LogLevel::Warn));
    let traces = &document.pipelines[0];
    assert_eq!((&traces.id, &traces.receivers[..]), (&id("traces"), &[id("otlp")][..]));
    assert_eq!(
        (&traces.processors[..], &traces.exporters[..]),
        (&[id("batch")][..], &[id("debug"), id("otlphttp/a")][..])
    );
    assert_eq!(document.pipelines[1].id, id("logs/2"));
    let exporter = document.component(Section::Exporters, &id("otlphttp/a")).unwrap();
    assert_eq!(exporter.read::<Value>().unwrap(), json!({"endpoint": "http://localhost"}));
    assert!(document.component(Section::Exporters, &id("otlphttp")).is_none());
}

#[test]
fn what_a_mistake_spoils_is_left_out_and_the_rest_runs() {
    let left = |part: Part| {
        let document = parse(GOOD).document.unwrap().without(&[spoiling(part)]);
        document
            .pipelines
            .iter()
            .map(|p| format!("{} {}>{}>{}", p.id, p.receivers.len(), p.processors.len(), p.exporters.len()))
            .collect::<Vec<_>>()
    };
    assert_eq!(left(Part::Whole), ["traces 1>1>2", "logs/2 1>0>1"]);
    assert_eq!(left(Part::Component(Section::Exporters, id("debug"))), ["traces 1>1>1", "logs/2 1>0>1"]);
    assert_eq!(left(Part::Component(Section::Exporters, id("otlphttp/a"))), ["traces 1>1>1"]);
    assert_eq!(left(Part::Component(Section::Processors, id("batch"))), ["logs/2 1>0>1"]);
    assert_eq!(left(Part::Component(Section::Receivers, id("otlp"))), [""; 0]);
    assert_eq!(left(Part::Pipeline(id("logs/2"))), ["traces 1>1>2"]);
}

#[test]
fn an_extension_that_can_not_be_used_is_left_out() {
    let spoiled = spoiling(Part::Component(Section::Extensions, id("sigv4auth")));
    assert_eq!(parse(GOOD).document.unwrap().without(&[spoiled]).extensions, []);
}

#[test]
fn extensions_of_a_service_may_be_null() {
    let loaded = parse(&GOOD.replace("  extensions: [sigv4auth]", "  extensions:"));
    assert_eq!((loaded.mistakes, loaded.document.unwrap().extensions), (vec![], vec![]));
}

#[test]
fn a_component_s_own_mistake_spoils_that_component() {
    let document = parse(GOOD).document.unwrap();
    let exporter = document.component(Section::Exporters, &id("otlphttp/a")).unwrap();
    let mistake = exporter.mistake("endpoint", "no").0.remove(0);
    assert_eq!(mistake.text, "a.yaml:9:26: exporters.otlphttp/a.endpoint: no");
    assert_eq!(mistake.part, Part::Component(Section::Exporters, id("otlphttp/a")));
}

#[test]
fn a_type_that_is_not_known_is_a_mistake_even_if_unused() {
    let document = parse(GOOD).document.unwrap();
    let known = Known::default()
        .with(Section::Receivers, ["otlp"])
        .with(Section::Processors, ["batch"])
        .with(Section::Exporters, ["debug", "otlp_http"])
        .with(Section::Extensions, ["sigv4auth"]);
    assert_eq!(
        document.check(&known).unwrap_err().to_string(),
        "a.yaml:9:3: exporters.otlphttp/a: there is no exporter otlphttp; valid are debug and otlp_http; did you mean otlp_http?"
    );
    assert!(document.check(&known.with(Section::Exporters, ["otlphttp"])).is_ok());
}

#[test]
fn a_component_called_as_its_package_is_told_its_name() {
    let document =
        parse("{receivers: {telemetryapireceiver: }, exporters: {tempoexporter: }}").document.unwrap();
    let known = Known::default()
        .with(Section::Receivers, ["otlp", "telemetryapi"])
        .with(Section::Exporters, ["debug"])
        .advised_by(|_, name| (name == "tempo").then_some("it takes OTLP"));
    let mistakes = document.check(&known).unwrap_err().to_string();
    for end in [
        "no receiver telemetryapireceiver; valid are otlp and telemetryapi; did you mean telemetryapi?",
        "no exporter tempoexporter: it takes OTLP",
    ] {
        assert!(mistakes.lines().any(|line| line.ends_with(end)), "{mistakes}");
    }
}

#[test]
fn a_connector_serves_as_exporter_and_as_receiver() {
    let text = "{receivers: {otlp: }, exporters: {debug: }, connectors: {count: }, service: {pipelines: {\
        traces: {receivers: [otlp], exporters: [count]}, metrics: {receivers: [count], exporters: [debug]}}}}";
    let loaded = parse(text);
    assert_eq!(loaded.mistakes, []);
    let count = spoiling(Part::Component(Section::Connectors, id("count")));
    assert_eq!(loaded.document.unwrap().without(&[count]).pipelines.len(), 0);
}

#[test]
fn later_sources_are_laid_upon_earlier_ones() {
    let folder = Folder::new("merge");
    let base = folder.file("base.yaml", GOOD);
    let over =
        folder.file("over.yaml", "exporters:\n  otlphttp/a: {timeout: 3s}\n  debug: {verbosity: basic}\n");
    let inline = "yaml:service::pipelines::traces::exporters: [debug]";
    let loaded = load(&[base.to_str().unwrap(), &format!("file:{}", over.display()), inline], &[], &[]);
    assert_eq!(loaded.mistakes, []);
    assert_eq!(loaded.sources.len(), 3);
    let document = loaded.document.unwrap();
    let settings =
        |name: &str| document.component(Section::Exporters, &id(name)).unwrap().read::<Value>().unwrap();
    assert_eq!(settings("otlphttp/a"), json!({"endpoint": "http://localhost", "timeout": "3s"}));
    assert_eq!(settings("debug"), json!({"verbosity": "basic"}));
    assert_eq!(document.pipelines[0].exporters, [id("debug")]);
    assert_eq!(document.pipelines[0].receivers, [id("otlp")]);
}

#[test]
fn a_source_that_can_not_be_read_spoils_the_whole() {
    for uri in ["yaml:text", "yaml:[a]", "yaml:{"] {
        let loaded = load(&["yaml:exporters::debug:", uri], &[], &[]);
        assert!(loaded.document.is_none(), "{uri}");
        assert_eq!(loaded.mistakes.len(), 1, "{uri}");
    }
    assert_eq!(exporters(&load(&["yaml:", "yaml:exporters::debug:", "yaml:"], &[], &[])), ["debug"]);
}

#[test]
fn the_command_line_comes_before_the_environment_the_files_and_the_default() {
    let folder = Folder::new("lookup");
    let [cli, uri, old, first, second] = ["cli", "uri", "old", "first", "second"]
        .map(|name| folder.file(&format!("{name}.yaml"), &format!("exporters: {{{name}: }}")));
    let (uri, old) = (uri.to_str().unwrap(), format!("file:{}", old.display()));
    let env =
        [("OPENTELEMETRY_COLLECTOR_CONFIG_URI", uri), ("OPENTELEMETRY_COLLECTOR_CONFIG_FILE", old.as_str())];
    let missing = folder.0.join("missing.yaml");
    let files = [first, second.clone()];
    assert_eq!(exporters(&load(&[cli.to_str().unwrap()], &files, &env)), ["cli"]);
    assert_eq!(exporters(&load(&[], &files, &env)), ["uri"]);
    let loaded = load(&[], &files, &env[1..]);
    assert_eq!(exporters(&loaded), ["old"]);
    assert!(loaded.warnings.drain()[0].contains("CONFIG_FILE is the old name"));
    assert_eq!(exporters(&load(&[], &files, &[])), ["first"]);
    assert_eq!(exporters(&load(&[], &[missing.clone(), second], &[])), ["second"]);
    assert_eq!(exporters(&load(&[], &[missing], &[])), ["built_in"]);
}

#[test]
fn a_uri_is_a_path_or_names_its_scheme() {
    let env = [("CFG", "exporters: {from_env: }"), ("EMPTY", ""), ("EXPORTERS", "{from_map: }")];
    assert_eq!(exporters(&load(&["env:CFG"], &[], &env)), ["from_env"]);
    assert_eq!(exporters(&load(&["yaml:exporters::from_yaml:"], &[], &env)), ["from_yaml"]);
    assert_eq!(exporters(&load(&["env:UNSET:-exporters::x:"], &[], &env)), ["x"]);
    assert_eq!(exporters(&load(&["yaml:exporters: '${env:EXPORTERS}'"], &[], &env)), ["from_map"]);
    for (uri, message) in [
        ("", "--config: is set but empty"),
        ("missing.yaml", "--config: can't read the file `missing.yaml`: no such file or directory"),
        ("file://missing.yaml", "--config: can't read the file `//missing.yaml`"),
        (".", "--config: can't read the file `.`: is a directory"),
        ("c:\\config.yaml", "--config: can't read the file `c:\\config.yaml`"),
        (
            "envv:CFG",
            "--config: unknown scheme envv:; valid are env, file, yaml, arn, http, https, s3, secretsmanager and ssm; did you mean env?",
        ),
        ("env:UNSET", "--config: env:UNSET is not set"),
        ("${env:CFG}", "--config: `${env:CFG}` is neither a file nor a URI"),
        ("a.yaml,b.yaml", "--config: can't read the file `a.yaml,b.yaml`"),
    ] {
        let loaded = load(&[uri], &[], &env);
        assert!(loaded.document.is_none(), "{uri}");
        assert!(loaded.mistakes[0].text.starts_with(message), "{uri}: {}", loaded.mistakes[0]);
    }
    let loaded = load(&["env:EMPTY"], &[], &env);
    assert_eq!(loaded.mistakes[0].text, "env:EMPTY:1:1: the configuration is empty");
}

#[test]
fn a_configuration_prints_as_it_is_in_force_without_its_secrets() {
    let env: Env =
        [("TOKEN", "hush"), ("URL", "https://user:hush@host/v1"), ("N", "0123")].into_iter().collect();
    let text = "
exporters:
  otlphttp/a b:
  otlphttp:
    endpoint: ${env:URL}
    headers: {authorization: 'Bearer ${env:TOKEN}', name: hush}
    api_key: hush
    nested: {password: [hush, {a: hush}], name: yes, version: '5', n: ${env:N}, text: \"a\\n#b\\u0007\", empty: '', list: [1, [2, {}], []]}
  otlp:
    headers: [{name: a, value: hush}]
";
    let text = text.replace("n: ${env:N}", "n: '${env:N}'");
    let loaded = Document::parse(&text, "a.yaml", &Providers::new(&env));
    let yaml = loaded.document.unwrap().to_yaml();
    assert_eq!(
        yaml,
        "\
exporters:
  \"otlphttp/a b\":
  otlphttp:
    endpoint: \"https://***@host/v1\"
    headers:
      authorization: '***'
      name: '***'
    api_key: '***'
    nested:
      password:
        - '***'
        - a: '***'
      name: yes
      version: \"5\"
      n: 0123
      text: \"a\\n#b\\u0007\"
      empty: \"\"
      list:
        - 1
        - - 2
          - {}
        - []
  otlp:
    headers:
      - name: a
        value: '***'
"
    );
    let again = Document::parse(&yaml, "b.yaml", &Providers::new(&env));
    assert_eq!(again.document.unwrap().to_yaml(), yaml);
}
