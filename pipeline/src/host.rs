//! What is known of the place that the collector runs in.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use serde_json::Value as Json;

use crate::echo::Echo;

/// Spans and records of an invocation come during it or with the next one; a few more are kept for stragglers.
const REMEMBERED: usize = 16;

/// The place that the collector runs in: told by the binary, read by components. Clones share what is known,
/// which grows while the collector runs.
#[derive(Clone, Debug, Default)]
pub struct Host(Rc<State>);

#[derive(Debug, Default)]
struct State {
    resource: RefCell<Vec<KeyValue>>,
    invocations: RefCell<VecDeque<Invocation>>,
    echo: RefCell<Echo>,
}

/// One invocation of the function that the collector runs beside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invocation {
    /// Its id: `faas.invocation_id`.
    pub request_id: String,
    /// The ARN that was invoked, with its version or alias if it was invoked by one.
    pub invoked_arn: Option<String>,
    /// The trace it belongs to, as in the header `X-Amzn-Trace-Id`: `Root=1-..;Parent=..;Sampled=1`.
    pub trace_header: Option<String>,
}

impl Host {
    /// The attributes of the resource that the function is, by OpenTelemetry's names.
    pub fn resource(&self) -> Vec<KeyValue> {
        self.0.resource.borrow().clone()
    }

    /// Learns an attribute of the resource, or its new value.
    pub fn learn(&self, key: &str, value: Value) {
        let mut resource = self.0.resource.borrow_mut();
        let value = Some(AnyValue { value: Some(value) });
        match resource.iter_mut().find(|known| known.key == key) {
            Some(known) => known.value = value,
            None => resource.push(KeyValue { key: key.into(), value, ..KeyValue::default() }),
        }
    }

    /// Learns that the function is invoked.
    pub fn invoked(&self, invocation: Invocation) {
        let mut invocations = self.0.invocations.borrow_mut();
        invocations.truncate(REMEMBERED - 1);
        invocations.push_front(invocation);
    }

    /// The last invocations, the latest first.
    pub fn invocations(&self) -> Vec<Invocation> {
        self.0.invocations.borrow().iter().cloned().collect()
    }

    /// Learns that a component writes these lines to stdout or stderr, from where they may come back as telemetry.
    pub fn writes(&self, lines: &str) {
        self.0.echo.borrow_mut().remember(lines);
    }

    /// Whether `record`, a line that some extension wrote, is one that a component of this process has written.
    pub fn has_written(&self, record: &Json) -> bool {
        self.0.echo.borrow().knows(record)
    }
}

/// Whether `host` is this one, wherever the collector runs: localhost by name or address, or all addresses.
pub fn is_this_host(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address == Ipv4Addr::LOCALHOST || address.is_unspecified(),
        Ok(IpAddr::V6(address)) => address == Ipv6Addr::LOCALHOST || address.is_unspecified(),
        Err(_) => host.is_empty() || host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_several_names() {
        let own = ["localhost", "LocalHost", "127.0.0.1", "::1", "0.0.0.0", "::", ""];
        assert!(own.into_iter().all(is_this_host));
        let others = ["127.0.0.2", "10.0.0.1", "backend", "localhost.example.com"];
        assert!(!others.into_iter().any(is_this_host));
    }

    #[test]
    fn what_is_learnt_anew_replaces_what_was_known() {
        let host = Host::default();
        host.learn("faas.name", Value::StringValue("orders".into()));
        host.learn("faas.instance", Value::StringValue("a".into()));
        host.learn("faas.instance", Value::StringValue("b".into()));
        let values: Vec<_> = host.resource().into_iter().map(|known| (known.key, known.value)).collect();
        let text = |text: &str| Some(AnyValue { value: Some(Value::StringValue(text.into())) });
        assert_eq!(values, [("faas.name".into(), text("orders")), ("faas.instance".into(), text("b"))]);
    }

    #[test]
    fn the_latest_invocations_are_known_and_old_ones_forgotten() {
        let host = Host::default();
        for number in 0..=REMEMBERED {
            host.clone().invoked(Invocation { request_id: number.to_string(), ..Invocation::default() });
        }
        let known: Vec<_> = host.invocations().into_iter().map(|known| known.request_id).collect();
        assert_eq!(known.len(), REMEMBERED);
        assert_eq!((known[0].as_str(), known[REMEMBERED - 1].as_str()), ("16", "1"));
    }
}
