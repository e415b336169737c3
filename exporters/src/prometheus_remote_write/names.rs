//! What metrics and labels are called in Prometheus
//! (<https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#otlp-metric-points-to-prometheus>).

use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;

const UNITS: [(&str, &str); 26] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
];

const PER: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

/// The name of `metric`, with its unit and kind at the end if `suffixes` are wanted; nothing if no letter is left.
pub(super) fn metric(metric: &Metric, namespace: &str, suffixes: bool) -> Option<String> {
    let mut name = if suffixes {
        let mut words = words(&metric.name, is_valid);
        add_suffixes(&mut words, metric);
        if !namespace.is_empty() {
            words.insert(0, namespace.to_owned());
        }
        words.join("_")
    } else {
        let plain = |text: &str| words(text, |c| is_valid(c) || c == '_').join("_");
        match namespace {
            "" => plain(&metric.name),
            namespace => format!("{}_{}", plain(namespace), plain(&metric.name)),
        }
    };
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    (name.contains(|c| c != '_') || !name.is_empty() && name == metric.name).then_some(name)
}

fn is_valid(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

fn words(text: &str, is_valid: impl Fn(char) -> bool) -> Vec<String> {
    text.split(|c| !is_valid(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn add_suffixes(words: &mut Vec<String>, metric: &Metric) {
    let (mut main, mut per) = unit_words(&metric.unit);
    per.truncate(per.trim_end_matches('_').len());
    let is_known = |words: &[String], word: &String| words.contains(word);
    if is_known(words, &main) {
        main.clear();
    }
    if per == "per" || is_known(words, &per) {
        per.clear();
    }
    if !per.is_empty() {
        main.truncate(main.trim_end_matches('_').len());
    }
    words.extend([main, per].into_iter().filter(|word| !word.is_empty()));
    let mut at_the_end = |word: &str| {
        words.retain(|known| known != word);
        words.push(word.to_owned());
    };
    match &metric.data {
        Some(Data::Sum(sum)) if sum.is_monotonic => at_the_end("total"),
        Some(Data::Gauge(_)) if metric.unit == "1" => at_the_end("ratio"),
        _ => {}
    }
}

/// What a unit is called in metadata.
pub(super) fn unit(unit: &str) -> String {
    let (main, per) = unit_words(unit);
    let both = [main, per].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_");
    both.strip_suffix('_').unwrap_or(&both).to_owned()
}

/// The words for a unit and for what it is counted by (`per_second`).
fn unit_words(unit: &str) -> (String, String) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let per = match word(per, &PER) {
        "" => String::new(),
        per => clean(&format!("per_{per}")),
    };
    (clean(word(main, &UNITS)), per)
}

/// The word for a unit; nothing for one in braces, which is a remark.
fn word<'a>(unit: &'a str, known: &[(&'static str, &'static str)]) -> &'a str {
    let unit = unit.trim();
    if unit.contains(['{', '}']) {
        return "";
    }
    known.iter().find(|(short, _)| *short == unit).map_or(unit, |(_, word)| word)
}

/// With one underscore for what is not valid, and none at the beginning.
fn clean(unit: &str) -> String {
    let mut clean = String::with_capacity(unit.len());
    for c in unit.chars() {
        match c {
            c if is_valid(c) => clean.push(c),
            _ if clean.is_empty() || clean.ends_with('_') => {}
            _ => clean.push('_'),
        }
    }
    clean
}

/// The name of a label; nothing if no letter is left.
pub(super) fn label(name: &str) -> Option<String> {
    let inner = name.strip_prefix("__").and_then(|name| name.strip_suffix("__"));
    let mut clean = String::with_capacity(name.len() + 4);
    for c in inner.unwrap_or(name).chars() {
        match c {
            c if c.is_ascii_alphanumeric() => clean.push(c),
            _ if clean.ends_with('_') => {}
            _ => clean.push('_'),
        }
    }
    if inner.is_some() {
        clean = format!("__{clean}__");
    } else if clean.starts_with(|c: char| c.is_ascii_digit()) {
        clean.insert_str(0, "key_");
    } else if clean.starts_with('_') {
        clean.insert_str(0, "key");
    }
    clean.contains(|c| c != '_').then_some(clean)
}

/// The name of a label of `target_info`, as the Go Collector has it: no underscore is left out there.
pub(super) fn info_label(name: &str) -> Option<String> {
    let mut clean = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    if clean.starts_with(|c: char| c.is_ascii_digit()) {
        clean.insert_str(0, "key_");
    }
    clean.contains(|c| c != '_').then_some(clean)
}
