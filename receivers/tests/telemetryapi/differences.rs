//! Where our log records are other than the Go layer's, knowingly.

use std::collections::BTreeSet;

/// A way in which a log record differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// There is a record where the layer has none.
    Kept,
    /// There is a record of a failure, which is no event.
    Failure,
    /// There is none where the layer has one.
    Dropped,
    /// It has another time.
    Time,
    /// Its severity has another number.
    Severity,
    /// Its severity has the same number and another text.
    SeverityText,
    /// It has a body where the layer has none.
    Body,
    /// It has another body.
    Words,
    /// It names a trace.
    Trace,
    /// It names its invocation.
    Invocation,
    /// A field of the record is an attribute.
    Field,
    /// A whole number is one.
    Integer,
    /// An attribute has another value.
    Value,
    /// An attribute has become something else: the trace, the invocation.
    Place,
}

/// The differences of the case `name`.
pub fn of_case(name: &str) -> BTreeSet<Kind> {
    let differences = BECAUSE.iter().filter(|(_, reason, cases)| !reason.is_empty() && cases.contains(&name));
    differences.map(|(kind, ..)| *kind).collect()
}

const BECAUSE: &[(Kind, &str, &[&str])] = &[
    (
        Kind::Failure,
        "what the function cannot log itself is told in a record of its own",
        &[
            "life-failed-init-then-suppressed-init",
            "init-error",
            "init-timeout",
            "invoke-failure",
            "invoke-timeout",
            "invoke-timeout-without-metrics",
            "invoke-runtime-crash",
            "metrics-statuses",
        ],
    ),
    (
        Kind::Kept,
        "an odd event, or a time that can't be read, costs its neighbours nothing; the layer drops the whole delivery",
        &[
            "init-start-time-missing",
            "init-start-time-unparsable-recovers",
            "json-powertools",
            "json-timestamp-no-zone-among-good",
            "json-timestamp-empty-among-good",
            "json-timestamp-words-among-good",
            "time-lower-case",
            "time-space",
            "time-colon-fraction",
            "time-hour-24",
            "time-feb-30",
            "time-missing",
            "time-null",
            "time-bad-after-start-keeps-request-id",
            "body-not-json",
            "body-object",
            "body-numbers",
            "body-text-element",
            "body-array-element",
            "body-trailing-comma",
            "body-two-arrays",
            "body-byte-order-mark",
            "body-cut-record-first-half",
            "body-cut-record-second-half",
            "body-lines",
            "body-number-out-of-range",
            "body-gzip-is-not-understood",
        ],
    ),
    (
        Kind::Dropped,
        "a receiver makes records of the types that its user chose, even if the platform sends more",
        &["config-types-platform", "config-types-text"],
    ),
    (
        Kind::Dropped,
        "a delivery that comes again, byte for byte, is one that the platform sends a second time",
        &[
            "metrics-temporality-config-delta",
            "metrics-temporality-config-upper-case",
            "metrics-temporality-env-delta",
            "metrics-temporality-env-upper-case",
            "metrics-temporality-empty",
        ],
    ),
    (
        Kind::Time,
        "what the line or the record itself says of its time is nearer to when it happened, in any spelling",
        &[
            "life-on-demand-one-batch",
            "life-on-demand-a-batch-each",
            "life-two-invocations-cumulative",
            "life-report-arrives-with-next-invocation",
            "text-each-runtime",
            "json-pino",
            "json-timestamp-kinds",
            "config-only-logs-pipeline",
        ],
    ),
    (
        Kind::Time,
        "a time before 1970 or beyond 2554 has no number in OTLP; the layer writes one that means another time",
        &["time-year-0001"],
    ),
    (
        Kind::Severity,
        "the platform lost logs: a warning",
        &["other-logs-dropped", "request-id-on-platform-events"],
    ),
    (
        Kind::Severity,
        "a level is known wherever the line or the record has it, and in the words of every logger",
        &[
            "life-on-demand-one-batch",
            "life-on-demand-a-batch-each",
            "life-two-invocations-cumulative",
            "life-report-arrives-with-next-invocation",
            "invoke-runtime-crash",
            "text-each-runtime",
            "json-python-unhandled-error",
            "json-dotnet",
            "json-pino",
            "level-spelling",
            "level-other-types",
            "config-only-logs-pipeline",
        ],
    ),
    (
        Kind::SeverityText,
        "the text of a level is as it was written",
        &[
            "invoke-start-with-level-and-timestamp",
            "other-unknown-platform-types",
            "other-extension-logs",
            "json-node",
            "json-python",
            "json-java",
            "json-dotnet",
            "json-no-message",
            "json-duplicate-keys",
            "level-opentelemetry-names",
            "level-spelling",
            "level-other-types",
        ],
    ),
    (
        Kind::Body,
        "the environment tells the version where the events do not",
        &[
            "invoke-start-without-version",
            "invoke-duration-text",
            "time-no-fraction",
            "time-more-than-nanoseconds",
            "time-offset",
            "time-comma",
            "time-year-2300",
            "time-year-0001",
            "time-one-digit-hour",
            "time-minus-zero-offset",
            "metrics-unchanged-not-sent-again",
            "metrics-duration-bounds",
            "metrics-statuses",
            "metrics-interval-60-s-comes-at-shutdown",
            "metrics-temporality-config-delta",
            "metrics-temporality-config-upper-case",
            "metrics-temporality-env-delta",
            "metrics-temporality-env-upper-case",
            "metrics-temporality-empty",
        ],
    ),
    (
        Kind::Body,
        "what the words of a platform event need is not there, or its type is not known: it is its own body",
        &[
            "init-no-function-name",
            "init-done-time-with-offset",
            "init-start-partial-fields",
            "init-status-is-a-number",
            "restore-missing-fields",
            "invoke-start-without-request-id",
            "other-extension-states",
            "other-logs-dropped",
            "other-unknown-platform-types",
        ],
    ),
    (
        Kind::Body,
        "a record of any JSON type, and one without `message`, keeps what it says",
        &["text-other-json-kinds", "json-python-unhandled-error", "json-pino", "json-no-message"],
    ),
    (Kind::Words, "an invocation ends with the version that it began with", &["invoke-version-changes"]),
    (Kind::Words, "a line of text that is a JSON object is read as one", &["text-each-runtime"]),
    (
        Kind::Words,
        "what is no text in a list is JSON, not the form in which Go prints its values",
        &["other-extension-states"],
    ),
    (
        Kind::Trace,
        "the trace of an invocation is that of its X-Ray header",
        &[
            "life-on-demand-one-batch",
            "life-on-demand-a-batch-each",
            "life-two-invocations-cumulative",
            "life-report-arrives-with-next-invocation",
            "life-failed-init-then-suppressed-init",
            "init-no-function-name",
            "restore-then-invocation",
            "invoke-success",
            "invoke-failure",
            "invoke-timeout",
            "invoke-timeout-without-metrics",
            "invoke-runtime-crash",
            "invoke-status-missing",
            "invoke-version-changes",
            "invoke-tenant-and-arn",
            "invoke-duration-text",
            "report-off-by-default",
            "report-without-request-id-in-invocation",
            "other-extension-logs",
            "text-each-runtime",
            "time-bad-after-start-keeps-request-id",
            "request-id-before-during-after",
            "request-id-own-beats-current",
            "request-id-second-start-replaces",
            "request-id-on-platform-events",
            "request-id-managed-instances",
            "request-id-text-record-of-runtime-done",
            "metrics-three-flushes-cumulative",
            "metrics-unchanged-not-sent-again",
            "metrics-duration-bounds",
            "metrics-nothing-to-send",
            "metrics-statuses",
            "metrics-interval-60-s-comes-at-shutdown",
            "metrics-temporality-config-delta",
            "metrics-temporality-config-upper-case",
            "metrics-temporality-env-delta",
            "metrics-temporality-env-upper-case",
            "metrics-temporality-empty",
            "config-types-platform",
            "config-interval-float",
            "config-defaults",
            "config-only-logs-pipeline",
        ],
    ),
    (Kind::Invocation, "`AWSRequestId` is how Java's logger calls it", &["json-java"]),
    (
        Kind::Invocation,
        "an invocation goes on although an earlier one has ended",
        &["request-id-second-start-replaces"],
    ),
    (
        Kind::Field,
        "no field is lost, also if it is called like an attribute of ours or there is no `message`",
        &[
            "other-extension-logs",
            "json-python-unhandled-error",
            "json-pino",
            "json-no-message",
            "json-request-id-kinds",
            "json-timestamp-kinds",
            "level-spelling",
            "level-other-types",
        ],
    ),
    (
        Kind::Integer,
        "whole numbers stay whole, with all their digits",
        &["json-python", "json-dotnet", "json-value-kinds"],
    ),
    (
        Kind::Place,
        "what is understood as level, time or request id is not said twice",
        &["json-java", "json-pino", "level-other-types"],
    ),
];
