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
    let is_valid = |c: char| c.is_ascii_alphanumeric() || c == ':';
    let mut name = if suffixes {
        let mut words: Vec<String> = split(&metric.name, is_valid);
        add_suffixes(&mut words, metric);
        if !namespace.is_empty() {
            words.insert(0, namespace.to_owned());
        }
        words.join("_")
    } else {
        let plain = |text: &str| split(text, |c| is_valid(c) || c == '_').join("_");
        match namespace {
            "" => plain(&metric.name),
            namespace => format!("{}_{}", plain(namespace), plain(&metric.name)),
        }
    };
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name.contains(|c| c != '_').then_some(name)
}

fn split(text: &str, is_valid: impl Fn(char) -> bool) -> Vec<String> {
    text.split(|c| !is_valid(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn add_suffixes(words: &mut Vec<String>, metric: &Metric) {
    let (main, per) = metric.unit.split_once('/').unwrap_or((&metric.unit, ""));
    let main = unit(main, &UNITS);
    let per = Some(unit(per, &PER)).filter(|per| !per.is_empty()).map(|per| format!("per_{per}"));
    for suffix in [Some(main), per].into_iter().flatten() {
        if !suffix.is_empty() && !words.contains(&suffix) {
            words.push(suffix);
        }
    }
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

/// The word for a unit; nothing for one in braces, which is a remark.
fn unit(unit: &str, known: &[(&str, &str)]) -> String {
    let unit = unit.trim();
    if unit.contains(['{', '}']) {
        return String::new();
    }
    let word = known.iter().find(|(short, _)| *short == unit).map_or(unit, |(_, word)| word);
    split(word, |c| c.is_ascii_alphanumeric() || c == ':').join("_")
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
