//! What a user may write, and what not.

use config::{Env, Node};
use pipeline::Host;
use receivers::telemetryapi::{Config, Feed, Subscription};
use serde_json::json;

use super::harness::{build, cases};

/// Configurations that are taken or refused unlike in the Go layer, and why.
const OTHERWISE: &[(&str, &str)] = &[];

#[test]
fn every_recorded_configuration_is_taken_or_refused_as_by_the_go_layer() {
    let mut wrong = Vec::new();
    for case in cases() {
        let name = case["name"].as_str().unwrap();
        let differs = OTHERWISE.iter().any(|(otherwise, _)| *otherwise == name);
        let taken = build(&case, &Host::default(), &Feed::default()).map(drop);
        if (taken.is_ok() == (case["starts"] != false)) == differs {
            wrong.push(format!("{name}: {taken:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn read(yaml: &str) -> Result<Config, String> {
    let node = Node::parse(yaml, &Env::default()).unwrap();
    let config = Config::read(&node);
    config.map_err(|mistakes| mistakes.to_string())
}

#[test]
fn the_platforms_limits_of_buffering_can_be_reached_and_not_passed() {
    for (key, least, most) in
        [("max_items", 1000, 10_000), ("max_bytes", 262_144, 1_048_576), ("timeout_ms", 25, 30_000)]
    {
        for good in [least, most] {
            assert!(read(&format!("{key}: {good}")).is_ok(), "{key}: {good}");
        }
        for bad in [least - 1, most + 1, 0, -1] {
            let mistake = read(&format!("{key}: {bad}")).unwrap_err();
            let expected = format!("{key}: found {bad}; the platform takes {least} to {most}");
            assert!(mistake.contains(&expected), "{mistake}");
        }
    }
}

#[test]
fn all_mistakes_are_told_at_once_with_what_is_valid() {
    let yaml = "types: [platform, functions]\nport: 9001\nexport_interval_ms: -5\nmetrics_temporality: sum";
    let mistakes = read(yaml).unwrap_err();
    for expected in [
        r#"types[1]: found "functions"; valid are platform, function and extension"#,
        "port: 9001 is the platform's own port",
        "export_interval_ms: found -5; expected 0 or more milliseconds",
        r#"metrics_temporality: found "sum"; valid are cumulative and delta"#,
    ] {
        assert!(mistakes.contains(expected), "{mistakes}");
    }
}

#[test]
fn the_platform_is_asked_for_what_the_user_wants_and_always_for_its_own_events() {
    let all =
        read("types: [function]\nmax_items: 2000\nmax_bytes: 300000\ntimeout_ms: 100\nport: 4325").unwrap();
    let asked = all.subscription();
    let types = asked.types;
    assert_eq!((types.platform, types.function, types.extension), (true, true, false));
    assert_eq!((asked.max_items, asked.max_bytes, asked.port), (2000, 300_000, 4325));
    assert_eq!(asked.timeout.as_millis(), 100);
    assert_eq!(
        read("").unwrap().subscription(),
        Subscription {
            types: read("types: extension,function").unwrap().subscription().types,
            ..Subscription::default()
        }
    );
}

#[test]
fn a_temporality_of_the_configuration_wins_over_that_of_the_environment() {
    const PREFERENCE: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    for (configured, preferred, is_delta) in [
        ("", "", false),
        ("", "delta", true),
        ("", "DELTA", true),
        ("", "lowmemory", false),
        ("Delta", "", true),
        ("cumulative", "delta", false),
    ] {
        let config = read(&json!({"metrics_temporality": configured}).to_string()).unwrap();
        assert_eq!(
            config.is_delta(&Env::from_iter([(PREFERENCE, preferred)])),
            is_delta,
            "{configured} {preferred}"
        );
    }
}
