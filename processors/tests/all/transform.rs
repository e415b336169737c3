//! The `transform` processor on whole requests.

use pipeline::Signal;

use crate::measured::check;

/// Parts of the settings of cases that differ, and why.
const DIFFERENCES: [(&str, &str); 8] = [
    (
        "set(attributes[\\\"a\\\"], trace_id)",
        "an attribute of no value is made; here what can't be one stays away",
    ),
    ("end_time - start_time", "the same"),
    ("delete_key(name", "it fails for every span; here it is a mistake"),
    ("set(kind.string", "ids and the texts of numbers and bodies are not written here, which is said"),
    ("set(trace_id", "the same"),
    ("set(body.string", "the same"),
    ("where HasAttrKeyOnDatapoint", "it is a function of filter alone; here of both"),
    ("set(instrumentation_scope.name", "it has two names, and this one is refused beside no others"),
];

fn request(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => include_str!("../transform/traces.json"),
        Signal::Metrics => include_str!("../transform/metrics.json"),
        Signal::Logs => include_str!("../transform/logs.json"),
    }
}

#[test]
fn what_the_go_collector_makes_of_it_is_made_of_it() {
    check("transform", include_str!("../transform/cases.jsonl"), request, &DIFFERENCES);
}
