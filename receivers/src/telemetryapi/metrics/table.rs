//! The metrics that there are, in the order in which they are told.
//!
//! The seven `faas.*` are those of the semantic conventions, with their units, descriptions and bounds
//! (<https://opentelemetry.io/docs/specs/semconv/faas/faas-metrics/>), in the order of the Go layer's receiver. The
//! conventions have no names for the others.

/// What a metric is.
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its unit, as UCUM writes it.
    pub unit: &'static str,
    /// What it measures.
    pub description: &'static str,
    /// How values are gathered.
    pub kind: Kind,
}

/// How values are gathered.
#[derive(Clone, Copy)]
pub enum Kind {
    /// They are added up.
    Count,
    /// They are sorted into buckets with these inclusive upper bounds.
    Histogram(&'static [f64]),
}

/// The conventions' bounds for durations in seconds.
const SECONDS: Kind =
    Kind::Histogram(&[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0]);

/// Go's bounds for memory, from 16 MiB to 8 GiB; the conventions name none.
const MEMORY: Kind = Kind::Histogram(&[
    16.0 * MIB,
    32.0 * MIB,
    64.0 * MIB,
    128.0 * MIB,
    256.0 * MIB,
    512.0 * MIB,
    768.0 * MIB,
    1024.0 * MIB,
    2048.0 * MIB,
    3072.0 * MIB,
    4096.0 * MIB,
    6144.0 * MIB,
    8192.0 * MIB,
]);

/// 1 KiB to 200 MiB. 6 MiB is the most that an ordinary response may have, 200 MiB a streamed one.
const RESPONSE: Kind = Kind::Histogram(&[
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    MIB,
    6.0 * MIB,
    20.0 * MIB,
    200.0 * MIB,
]);

/// Lambda's "MB".
pub const MIB: f64 = 1_048_576.0;

/// A place in [`METRICS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    Coldstarts,
    Errors,
    Timeouts,
    InitDuration,
    MemUsage,
    Invocations,
    InvokeDuration,
    RestoreDuration,
    BilledDuration,
    ResponseLatency,
    ResponseDuration,
    ProducedBytes,
    RuntimeOverhead,
    ExtensionOverhead,
    DroppedLogRecords,
    DroppedLogBytes,
}

const fn metric(name: &'static str, unit: &'static str, kind: Kind, description: &'static str) -> Metric {
    Metric { name, unit, description, kind }
}

/// All of them, each in the place of its [`Name`].
pub const METRICS: [Metric; 16] = [
    metric("faas.coldstarts", "{coldstart}", Kind::Count, "Number of invocation cold starts"),
    metric("faas.errors", "{error}", Kind::Count, "Number of invocation errors"),
    metric("faas.timeouts", "{timeout}", Kind::Count, "Number of invocation timeouts"),
    metric(
        "faas.init_duration",
        "s",
        SECONDS,
        "Measures the duration of the function's initialization, such as a cold start",
    ),
    metric("faas.mem_usage", "By", MEMORY, "Distribution of max memory usage per invocation"),
    metric("faas.invocations", "{invocation}", Kind::Count, "Number of successful invocations"),
    metric("faas.invoke_duration", "s", SECONDS, "Measures the duration of the function's logic execution"),
    metric(
        "aws.lambda.restore_duration",
        "s",
        SECONDS,
        "Duration of restoring the function from its snapshot",
    ),
    metric("aws.lambda.billed_duration", "s", SECONDS, "Duration that is billed for an invocation"),
    metric(
        "aws.lambda.response_latency",
        "s",
        SECONDS,
        "Time from the invocation to the first byte of the response",
    ),
    metric(
        "aws.lambda.response_duration",
        "s",
        SECONDS,
        "Time from the first byte of the response to its last",
    ),
    metric("aws.lambda.produced_bytes", "By", RESPONSE, "Size of the response"),
    metric(
        "aws.lambda.runtime_overhead",
        "s",
        SECONDS,
        "Time from the end of the response to the runtime's being ready",
    ),
    metric(
        "aws.lambda.extension_overhead",
        "s",
        SECONDS,
        "Time that extensions took after the runtime was ready",
    ),
    metric(
        "aws.lambda.dropped_log_records",
        "{record}",
        Kind::Count,
        "Number of telemetry events that the platform dropped",
    ),
    metric(
        "aws.lambda.dropped_log_bytes",
        "By",
        Kind::Count,
        "Size of telemetry events that the platform dropped",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_its_place_in_the_table() {
        let places = [
            (Name::Coldstarts, "faas.coldstarts"),
            (Name::MemUsage, "faas.mem_usage"),
            (Name::InvokeDuration, "faas.invoke_duration"),
            (Name::ProducedBytes, "aws.lambda.produced_bytes"),
            (Name::DroppedLogBytes, "aws.lambda.dropped_log_bytes"),
        ];
        for (name, told) in places {
            assert_eq!(METRICS[name as usize].name, told);
        }
    }
}
