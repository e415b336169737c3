//! The OTLP receiver, `otlp`: gRPC on port 4317 and HTTP on port 4318, by default of localhost.
//!
//! `config.rs` is what a user may write, `listen.rs` the ports and their accept loop, `http.rs` and `grpc.rs` the
//! two protocols, and `intake.rs` what both have in common: the way of a request into the engine.

mod answer;
mod config;
mod cors;
mod grpc;
mod http;
mod inflate;
mod intake;
mod linger;
mod listen;
mod media_type;
mod routes;

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;

use ::config::{Id, Mistakes, Node};
use async_trait::async_trait;
use pipeline::{Context, Error, Inlet, Receiver, Stop};
use tokio::task::JoinSet;

pub use self::config::{Config, Cors, Grpc, Http, Protocols};

/// The OTLP receiver.
#[derive(Debug)]
pub struct Otlp {
    id: Id,
    protocols: Protocols,
    grpc: Vec<TcpListener>,
    http: Vec<TcpListener>,
}

/// Reads the configuration of an OTLP receiver and makes it.
///
/// # Errors
/// Whatever is wrong in it.
pub fn build(node: &Node, context: &Context) -> Result<Box<dyn Receiver>, Mistakes> {
    Ok(Box::new(Otlp::new(context.id.clone(), Config::read(node)?)))
}

impl Otlp {
    /// A receiver that has no ports yet.
    pub fn new(id: Id, config: Config) -> Self {
        Otlp { id, protocols: config.protocols, grpc: Vec::new(), http: Vec::new() }
    }

    /// Where it listens for gRPC, once bound.
    pub fn grpc_addresses(&self) -> Vec<SocketAddr> {
        self.grpc.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Where it listens for HTTP, once bound.
    pub fn http_addresses(&self) -> Vec<SocketAddr> {
        self.http.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }
}

#[async_trait(?Send)]
impl Receiver for Otlp {
    fn bind(&mut self) -> Vec<Error> {
        let mut errors = Vec::new();
        let grpc = self.protocols.grpc.as_ref().map(|grpc| ("grpc", &grpc.endpoint, &mut self.grpc));
        let http = self.protocols.http.as_ref().map(|http| ("http", &http.endpoint, &mut self.http));
        for (protocol, endpoint, listeners) in [grpc, http].into_iter().flatten() {
            let (bound, failed) = endpoint.bind();
            *listeners = bound;
            errors.extend(failed.map(|cause| explain(&self.id, protocol, cause)));
        }
        errors
    }

    fn local_ports(&self) -> Vec<u16> {
        let Protocols { grpc, http } = &self.protocols;
        let endpoints = [grpc.as_ref().map(|it| &it.endpoint), http.as_ref().map(|it| &it.endpoint)];
        endpoints.into_iter().flatten().filter_map(|endpoint| endpoint.local_port()).collect()
    }

    async fn run(self: Box<Self>, inlet: Inlet, stop: Stop) {
        let mut serving = JoinSet::new();
        if let Some(config) = &self.protocols.grpc {
            let service = Rc::new(grpc::Service::new(config, inlet.clone()));
            for listener in self.grpc {
                let service = service.clone();
                serving.spawn_local(listen::accept(listener, stop.clone(), move |stream, stop| {
                    grpc::serve(service.clone(), stream, stop)
                }));
            }
        }
        if let Some(config) = &self.protocols.http {
            let service = Rc::new(http::Service::new(config, inlet));
            for listener in self.http {
                let service = service.clone();
                serving.spawn_local(listen::accept(listener, stop.clone(), move |stream, stop| {
                    http::serve(service.clone(), stream, stop)
                }));
            }
        }
        while serving.join_next().await.is_some() {}
    }
}

/// Says which port could not be had, who needs it, and what to do.
fn explain(id: &Id, protocol: &str, cause: listen::BindError) -> Error {
    let key = format!("receivers.{id}.protocols.{protocol}.endpoint");
    let advice = match cause.error.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "another process has it, perhaps a second collector layer; remove that one, or choose another port with {key}"
        ),
        std::io::ErrorKind::PermissionDenied => {
            format!("ports below 1024 need privileges; choose another with {key}")
        }
        _ => format!("see {key}"),
    };
    format!("receiver {id} can't listen for OTLP/{protocol} on {}: {}; {advice}", cause.address, cause.error)
        .into()
}
