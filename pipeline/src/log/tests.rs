use super::*;

/// Collects what was written, one entry for each call.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Write for Calls {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn resource(attributes: &[(&str, &str)]) -> BTreeMap<String, String> {
    attributes.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}

fn logger(level: LevelFilter) -> (Logger, Calls) {
    // The macros ask it before they ask the logger.
    log::set_max_level(LevelFilter::Trace);
    let calls = Calls::default();
    (Logger::new(level, &resource(&[("service.name", "mine"), ("a", "b\n")]), calls.clone()), calls)
}

/// The one line that was written, its time replaced by `TS`.
fn line(calls: &Calls) -> String {
    let [line] = &*std::mem::take(&mut *calls.0.lock().unwrap()) else { panic!("not one call") };
    let (before, after) = line.split_once(r#""ts":"#).unwrap();
    let (ts, after) = after.split_once(',').unwrap();
    let ts: f64 = ts.parse().unwrap();
    assert!((SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() - ts).abs() < 60.0);
    format!(r#"{before}"ts":TS,{after}"#)
}

#[test]
fn an_event_is_one_line_with_its_fields_in_the_order_given() {
    let (logger, calls) = logger(LevelFilter::Info);
    log::warn!(logger: logger, "otelcol.component.id" = "otlp_http/x", "log records" = 3, "a" = -1, "b" = 1.5,
        "c" = true, "d" = f64::NAN, "e" = 'x', "f":% = Duration::from_secs(1).as_millis(); "left {}", 7);
    let expected = r#"{"level":"warn","ts":TS,"msg":"left 7","resource":{"a":"b\n","service.name":"mine"},"otelcol.component.id":"otlp_http/x","log records":3,"a":-1,"b":1.5,"c":true,"d":"NaN","e":"x","f":"1000"}"#;
    assert_eq!(line(&calls), format!("{expected}\n"));
}

#[test]
fn text_is_escaped_as_zap_does() {
    let (logger, calls) = logger(LevelFilter::Info);
    let odd = "<a href='x'>&\"\\\n\r\t\0\u{1}\u{1b}\u{7f}\u{8}\u{c}é\u{2028}😀";
    log::info!(logger: logger, "k\"" = odd; "{odd}");
    let escaped = "<a href='x'>&\\\"\\\\\\n\\r\\t\\u0000\\u0001\\u001b\u{7f}\\u0008\\u000cé\u{2028}😀";
    let expected =
        r#"{"level":"info","ts":TS,"msg":"ODD","resource":{"a":"b\n","service.name":"mine"},"k\"":"ODD"}"#;
    assert_eq!(line(&calls), format!("{}\n", expected.replace("ODD", escaped)));
}

#[test]
fn events_below_the_level_are_not_written() {
    let (logger, calls) = logger(LevelFilter::Warn);
    log::info!(logger: logger, "no");
    assert!(calls.0.lock().unwrap().is_empty());
    logger.set_level(LevelFilter::Debug);
    log::debug!(logger: logger, "yes");
    log::trace!(logger: logger, "no");
    assert!(line(&calls).contains("yes"));
}

#[test]
fn of_libraries_only_errors_are_written() {
    let (logger, calls) = logger(LevelFilter::Debug);
    for target in ["h2::codec", "hyper", "hyper_util::client", "rustls::client::hs"] {
        log::warn!(logger: logger, target: target, "no");
    }
    log::error!(logger: logger, target: "rustls::conn", "broken");
    assert!(line(&calls).contains("broken"));
    log::debug!(logger: logger, target: "hypersonic", "yes");
    assert!(line(&calls).contains("yes"));
}

#[test]
fn the_resource_can_change_once_the_configuration_is_known() {
    let (logger, calls) = logger(LevelFilter::Info);
    logger.set_resource(&resource(&[("service.name", "other")]));
    log::info!(logger: logger, "x");
    assert!(line(&calls).contains(r#""resource":{"service.name":"other"}"#));
}

#[test]
fn levels_are_known_by_their_names_in_any_case() {
    for (name, expected) in [
        ("debug", Some(LevelFilter::Debug)),
        ("INFO", Some(LevelFilter::Info)),
        ("", Some(LevelFilter::Info)),
        ("Warn", Some(LevelFilter::Warn)),
        ("error", Some(LevelFilter::Error)),
        ("dpanic", Some(LevelFilter::Error)),
        ("FATAL", Some(LevelFilter::Error)),
        ("verbose", None),
        ("info ", None),
    ] {
        assert_eq!(level(name), expected, "{name}");
    }
}

#[test]
fn time_is_a_double_of_seconds_in_its_shortest_form() {
    assert_eq!(seconds(Duration::new(1_795_237_893, 815_448_299)).to_string(), "1795237893.8154483");
    assert_eq!(seconds(Duration::from_secs(1_795_237_893)).to_string(), "1795237893");
}
