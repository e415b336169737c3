//! The receivers. [`all`] is the list; each is a file or folder of its own.

use pipeline::{Factory, Receiver};

mod nop;
pub mod otlp;
pub mod telemetryapi;

/// Every receiver of this distribution. `feed` is how the platform's telemetry reaches them.
pub fn all(feed: &telemetryapi::Feed) -> Vec<Factory<dyn Receiver>> {
    let feed = feed.clone();
    vec![
        Factory::new("nop", nop::build),
        Factory::new("otlp", otlp::build),
        Factory::new("telemetryapi", move |node, context| telemetryapi::build(node, context, &feed)),
    ]
}
