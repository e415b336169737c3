use config::*;
fn main() {
    let known = Known::default()
        .with(Section::Receivers, ["otlp", "telemetryapi"])
        .with(
            Section::Processors,
            [
                "attributes",
                "batch",
                "coldstart",
                "decouple",
                "filter",
                "memory_limiter",
                "probabilistic_sampler",
                "resource",
                "span",
                "transform",
            ],
        )
        .with(
            Section::Exporters,
            ["debug", "logging", "otlp", "otlp_grpc", "otlp_http", "otlphttp", "prometheusremotewrite"],
        )
        .with(Section::Extensions, ["basicauth", "sigv4auth"]);
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (file, vars) = args.split_first().unwrap();
    let env: Env = vars
        .iter()
        .filter_map(|v| v.split_once('='))
        .map(|(a, b)| (a.to_owned(), b.replace("\\n", "\n")))
        .collect();
    let lookup = Lookup { uris: vec![file.clone()], files: vec![], built_in: String::new() };
    let loaded = Document::load(&lookup, &Providers::new(&env));
    let mut mistakes = loaded.mistakes.clone();
    if let Some(d) = &loaded.document {
        if let Err(m) = d.check(&known) {
            mistakes.extend(m.0);
        }
    }
    for m in &mistakes {
        println!("M {m}   [{:?}]", m.part);
    }
    if let Some(d) = loaded.document {
        if !mistakes.is_empty() {
            let d = d.without(&mistakes);
            println!("LEFT {:?}", d.pipelines.iter().map(|p| p.id.to_string()).collect::<Vec<_>>());
        }
    }
    for w in loaded.warnings.drain() {
        println!("W {w}");
    }
}
