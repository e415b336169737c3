//! The resource of all that this receiver makes: the function.

use ::config::Env;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use pipeline::{Declared, Host};

use super::attribute::attribute;

/// The function as a resource: what the process knows of its host, and what the user declares, which wins.
pub struct Resource {
    host: Host,
    declared: Vec<KeyValue>,
}

impl Resource {
    /// The resource in a process on `host`, started with `env`. Says so if what the user declares can't be used.
    pub fn new(env: &Env, host: &Host) -> Resource {
        let Declared { attributes, mistake } = Declared::read(env);
        mistake.into_iter().for_each(|mistake| log::warn!("{mistake}"));
        Resource { host: host.clone(), declared: attributes }
    }

    /// Its attributes as they are known by now; a service always has a name.
    pub fn attributes(&self) -> Vec<KeyValue> {
        let is_declared = |key: &str| self.declared.iter().any(|declared| declared.key == key);
        let mut attributes = self.host.resource();
        attributes.retain(|known| !is_declared(&known.key));
        attributes.extend_from_slice(&self.declared);
        if !attributes.iter().any(|attribute| attribute.key == "service.name") {
            attributes.push(attribute("service.name", "unknown_service"));
        }
        attributes
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;

    use super::*;

    fn attributes(resource: &Resource) -> Vec<(String, String)> {
        let text = |it: KeyValue| (it.key, pipeline::text(&it.value.unwrap()));
        resource.attributes().into_iter().map(text).collect()
    }

    fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
        pairs.map(|(key, value)| (key.into(), value.into())).into()
    }

    #[test]
    fn what_the_user_declares_wins_over_what_is_known_then_or_later() {
        let host = Host::default();
        let env =
            [("OTEL_RESOURCE_ATTRIBUTES", "faas.version=blue,team=a"), ("OTEL_SERVICE_NAME", "checkout")];
        let resource = Resource::new(&Env::from_iter(env), &host);
        for (key, value) in [("faas.name", "orders"), ("service.name", "orders"), ("faas.version", "7")] {
            host.learn(key, Value::StringValue(value.into()));
        }
        let expected =
            [("faas.name", "orders"), ("faas.version", "blue"), ("team", "a"), ("service.name", "checkout")];
        assert_eq!(attributes(&resource), pairs(expected));
    }

    #[test]
    fn a_service_always_has_a_name() {
        let resource = Resource::new(&Env::default(), &Host::default());
        assert_eq!(attributes(&resource), pairs([("service.name", "unknown_service")]));
        resource.host.learn("service.name", Value::StringValue("orders".into()));
        assert_eq!(attributes(&resource), pairs([("service.name", "orders")]));
    }
}
