//! The exporters. [`all`] is the list; each is a file or folder of its own.

pub mod awsxray;
mod debug;
mod findings;
mod http;
mod otlp;
mod otlp_grpc;
mod otlp_http;

use std::rc::Rc;

use pipeline::{Exporter, Factory};

/// Every exporter of this distribution.
pub fn all() -> Vec<Factory<dyn Exporter>> {
    let tls = Rc::new(http::SharedTls::default());
    let tls_too = tls.clone();
    vec![
        Factory::new("debug", debug::build).alias("logging"),
        Factory::new("otlp_grpc", move |node, context| otlp_grpc::build(node, context, &tls_too))
            .alias("otlp"),
        Factory::new("otlp_http", move |node, context| otlp_http::build(node, context, &tls))
            .alias("otlphttp"),
    ]
}
