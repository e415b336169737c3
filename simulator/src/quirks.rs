//! How a platform may deviate from the documentation: the knobs that make a test nasty.

use std::time::Duration;

use serde_json::Value;

/// Deviations of the platform; all off by default. Set them at the start with [`Lambda::quirks`](crate::Lambda)
/// or between invocations with [`Sandbox::quirks`](crate::Sandbox::quirks).
#[derive(Clone, Debug, Default)]
pub struct Quirks {
    /// How `PUT /2022-07-01/telemetry` answers.
    pub telemetry: TelemetryApi,
    /// What becomes of `platform.runtimeDone`.
    pub runtime_done: RuntimeDone,
    /// What becomes of `platform.report`.
    pub report: Report,
    /// What becomes of the lines of function and extensions.
    pub lines: Lines,
    /// Records of lines keep the line's end, as with some runtimes.
    pub lines_keep_their_end: bool,
    /// `platform.initReport` never comes.
    pub no_init_report: bool,
    /// Every platform record has a member that nobody knows, and its enumerations have unknown values.
    pub novelties: bool,
    /// INVOKE events and platform events have no `tracing`, as in emulators.
    pub no_tracing: bool,
    /// The environment is not frozen between invocations, as in emulators.
    pub never_freezes: bool,
    /// `shutdownReason` in upper case.
    pub upper_case_shutdown_reason: bool,
    /// Span times as in some AWS examples: `12:01:23:521Z`, which is no ISO 8601.
    pub malformed_span_times: bool,
    /// Events, `(type, record)`, sent just before each `platform.runtimeDone`.
    pub extra_events: Vec<(String, Value)>,
    /// `register` answers with this status and `InternalServerError` (500) or `Extension.RegistrationClosed`.
    pub register: Option<u16>,
    /// The number of calls of `event/next` from now on that are answered 500 at once.
    pub failing_nexts: usize,
    /// How long the credentials live that a SnapStart function may ask for; six hours unless set.
    pub credentials_life: Option<Duration>,
    /// Every batch of telemetry is delivered twice.
    pub duplicate_batches: bool,
    /// The number of batches from now on that are lost, without a word.
    pub lost_batches: usize,
    /// Every batch begins with its last event.
    pub reversed_batches: bool,
    /// The bytes of records that may wait for a subscriber (heeded when it subscribes); what is more is dropped
    /// and told as `platform.logsDropped`. Lambda's own limit is not documented; unlimited unless set.
    pub telemetry_buffer: Option<usize>,
}

/// How the Telemetry API answers a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TelemetryApi {
    /// As documented.
    #[default]
    Works,
    /// 202 `Telemetry.NotSupported`, and no event ever comes (RIE, SAM, LocalStack).
    NotSupported,
    /// This status with an empty body: 404 of an old emulator, 500 of a broken container.
    Fails(u16),
}

/// What becomes of `platform.runtimeDone`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuntimeDone {
    /// It is emitted when the runtime asks for the next invocation.
    #[default]
    OnTime,
    /// It never comes.
    Missing,
    /// It is emitted this much later.
    Delayed(Duration),
    /// It comes twice.
    Duplicated,
    /// It comes before its own `platform.start`.
    BeforeStart,
    /// It is itself cut: two requests, neither of them JSON.
    Cut,
    /// It follows a cut function record in the second of two requests, neither of them JSON.
    BehindCut,
    /// It follows the first half of a cut record; the second half never comes. The request is no JSON.
    BehindLostHalf,
}

/// What becomes of `platform.report`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Report {
    /// It is emitted at the next thaw: the next invocation or the shutdown.
    #[default]
    NextThaw,
    /// It is emitted at the thaw after this many further invocations, or at the shutdown.
    Later(usize),
    /// It is emitted when SHUTDOWN has been released.
    AfterShutdown,
    /// It never comes.
    Never,
}

/// What becomes of the lines of function and extensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lines {
    /// Each is a record, emitted when it is written.
    #[default]
    AsWritten,
    /// They are emitted this much later, with their own time.
    Delayed(Duration),
    /// Each comes twice.
    Duplicated,
    /// Each is cut across two requests, neither of them JSON.
    Cut,
    /// They never come.
    Lost,
}
