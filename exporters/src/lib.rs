//! The exporters. [`all`] is the list; each is a file or folder of its own.

pub mod auth;
mod aws;
mod awsemf;
pub mod awsxray;
mod debug;
pub mod fetch;
mod findings;
mod former;
mod http;
mod nop;
mod otlp;
mod otlp_grpc;
mod otlp_http;
mod prometheus_remote_write;
mod session;

use auth::Shared;
use pipeline::{Exporter, Factory};

/// Every exporter of this distribution. They find their authenticators in `shared`.
pub fn all(shared: &Shared) -> Vec<Factory<dyn Exporter>> {
    let [for_emf, for_xray, for_grpc, for_http, for_prometheus] = [0; 5].map(|_| shared.clone());
    vec![
        Factory::new("awsemf", move |node, context| awsemf::build(node, context, &for_emf)),
        Factory::new("awsxray", move |node, context| awsxray::build(node, context, &for_xray)),
        Factory::new("debug", debug::build).alias("logging"),
        Factory::new("nop", nop::build),
        Factory::new("otlp_grpc", move |node, context| otlp_grpc::build(node, context, &for_grpc))
            .alias("otlp"),
        Factory::new("otlp_http", move |node, context| otlp_http::build(node, context, &for_http))
            .alias("otlphttp"),
        Factory::new("prometheusremotewrite", move |node, context| {
            prometheus_remote_write::build(node, context, &for_prometheus)
        }),
    ]
}
