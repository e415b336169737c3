//! The ways in which Lambda runs and traces a function.

/// Why an environment is initialised: `AWS_LAMBDA_INITIALIZATION_TYPE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitType {
    /// An invocation waits for it.
    #[default]
    OnDemand,
    /// Long before the first invocation; frozen until then.
    ProvisionedConcurrency,
    /// Initialised when its version was published, and restored from a snapshot for its first invocation.
    SnapStart,
    /// Lambda Managed Instances: never frozen, no INVOKE events, no `platform.runtimeDone`.
    ManagedInstances,
}

impl InitType {
    /// The value of `AWS_LAMBDA_INITIALIZATION_TYPE`.
    pub const fn name(self) -> &'static str {
        match self {
            InitType::OnDemand => "on-demand",
            InitType::ProvisionedConcurrency => "provisioned-concurrency",
            InitType::SnapStart => "snap-start",
            InitType::ManagedInstances => "lambda-managed-instances",
        }
    }
}

/// How a function is traced with X-Ray.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tracing {
    /// The caller's sampled header is handed through; Lambda adds no segments.
    #[default]
    PassThrough,
    /// Lambda's own segments: the runtime sees the function's as its parent, and events tell `spanId`.
    Active,
    /// The caller's header says `Sampled=0`, and platform events have no `tracing`.
    NotSampled,
}
