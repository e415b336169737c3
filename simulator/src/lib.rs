//! A local Lambda platform for demos, tests and benchmarks.
//!
//! A [`Lambda`] is a function with its extensions; [`Lambda::start`] gives it an execution environment, the
//! [`Sandbox`]: real processes, the three APIs, the order of the phases, freeze and thaw. The function is either
//! a program that speaks the Runtime API or a closure of the test. A [`FakeBackend`] takes what comes out.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use simulator::{Behaviour, FakeBackend, Lambda, RuntimeDone, otlp};
//!
//! let backend = FakeBackend::start().await;
//! let port = simulator::free_port()?;
//! let yaml = format!(
//!     "receivers: {{ otlp: {{ protocols: {{ http: {{ endpoint: 'localhost:{port}' }} }} }} }}
//! exporters: {{ otlphttp: {{ endpoint: '{}' }} }}
//! service: {{ pipelines: {{ traces: {{ receivers: [otlp], exporters: [otlphttp] }} }} }}",
//!     backend.endpoint()
//! );
//! let mut sandbox = Lambda::new("target/debug/otelcol-lambda").config(&yaml).otlp_port(port).start().await?;
//!
//! let invocation = sandbox
//!     .invoke(|function| async move {
//!         let answer = function.post_otlp(&otlp::traces("checkout", 3)).await;
//!         assert!(answer.is_ok_and(|answer| answer.is_taken()));
//!     })
//!     .await;
//! assert!(invocation.held < Duration::from_millis(500));
//! assert_eq!(backend.items(), 3);
//!
//! sandbox.quirks(|quirks| quirks.runtime_done = RuntimeDone::Missing);
//! backend.behave(Behaviour::Down).await;
//! sandbox.invoke(|_| async {}).await;
//! assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
//! # Ok(())
//! # }
//! ```
//!
//! [`Quirks`] makes the platform nasty, [`Behaviour`] the backend. [`Sandbox::journal`] tells everything that
//! happened, with times. It needs a tokio runtime of any flavour and works without being root.

mod accounting;
mod api;
mod backend;
mod batch;
mod build;
mod call;
mod capture;
mod clock;
mod delivery;
mod events;
pub mod figures;
mod function;
mod init;
mod invoke;
mod journal;
mod lambda;
mod limits;
mod managed;
mod mode;
pub mod otlp;
mod platform;
mod process;
mod quirks;
mod record;
mod restore;
mod rootfs;
mod sandbox;
mod shared;
mod shutdown;
mod telemetry;
pub mod timeline;
mod usage;

pub use backend::{Behaviour, FakeBackend, Received, hex};
pub use build::{built, cargo};
pub use function::{Answer, Function, NoAnswer, Outcome, call, export_grpc, post};
pub use invoke::{Invocation, Status};
pub use journal::{Entry, Journal, Moment};
pub use lambda::{Lambda, Program};
pub use mode::{InitType, Tracing};
pub use otlp::Otlp;
pub use platform::{Fault, Line};
pub use quirks::{Lines, Quirks, Report, RuntimeDone, TelemetryApi};
pub use sandbox::{NotStarted, Sandbox};
pub use shutdown::{Ended, Exit};
pub use usage::Usage;

/// A TCP port that was free a moment ago, for a collector's configuration; each call gives another.
///
/// # Errors
/// If the machine has none.
pub fn free_port() -> std::io::Result<u16> {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    // Below the range from which the kernel takes ports for outgoing connections, so that none of those that
    // tests running in parallel make gets it before the collector does.
    const FIRST: u16 = 20_000;
    const COUNT: u64 = 12_000;
    // Each is given out once: whoever got one may take a while to listen on it.
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(clock::random() % COUNT));
    let mut tries = (0..COUNT).map(|_| FIRST + (NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) as u16);
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    tries.find(is_free).ok_or_else(|| std::io::ErrorKind::AddrInUse.into())
}
