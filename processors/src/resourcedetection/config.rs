//! What a user may write under `resourcedetection`, with the Collector's keys and defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use config::{Mistakes, Node, valid_words};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What to add to resources.
#[derive(Debug, PartialEq, Eq)]
pub struct Detection {
    /// Where to look, in this order: what is found first counts.
    pub detectors: Vec<Detector>,
    /// Whether what is found replaces what a resource has.
    pub overrides: bool,
    /// The only attributes to add, if set.
    pub only: Option<Vec<String>>,
}

/// A place to look.
#[derive(Debug, PartialEq, Eq)]
pub enum Detector {
    /// The user's environment variables; if set, these attributes alone.
    Env(Option<Vec<String>>),
    /// What the process knows of its function, without these attributes.
    Lambda { without: Vec<String> },
}

/// The attributes that `lambda` finds: those of the Collector, the account and the service's name.
const OF_LAMBDA: &[&str] = &[
    "aws.log.group.names",
    "aws.log.stream.names",
    "cloud.account.id",
    "cloud.platform",
    "cloud.provider",
    "cloud.region",
    "faas.instance",
    "faas.max_memory",
    "faas.name",
    "faas.version",
    "service.name",
];

/// The Collector's detectors of other places. `gce` and `gke` are retired there.
const ELSEWHERE: &[&str] = &[
    "akamai",
    "aks",
    "alibaba_ecs",
    "azure",
    "azurecontainerapps",
    "consul",
    "digitalocean",
    "docker",
    "dynatrace",
    "ec2",
    "ecs",
    "eks",
    "elastic_beanstalk",
    "elasticbeanstalk",
    "gce",
    "gcp",
    "gke",
    "heroku",
    "hetzner",
    "ibmcloud_classic",
    "ibmcloud_vpc",
    "k8s_api",
    "k8snode",
    "kubeadm",
    "nova",
    "openshift",
    "oraclecloud",
    "scaleway",
    "system",
    "tencent_cvm",
    "upcloud",
    "vultr",
];

impl Detection {
    /// Reads it.
    ///
    /// # Errors
    /// What is no valid setting; a detector or one of `lambda`'s attributes that the Collector does not know.
    pub fn read(node: &Node) -> Result<Self, Mistakes> {
        let config: Config = node.read()?;
        let names = config.detectors.unwrap_or_else(|| vec!["env".into()]);
        let mut mistakes = Vec::new();
        let (mut detectors, mut elsewhere) = (Vec::new(), Vec::new());
        for (at, name) in names.iter().map(|name| name.trim()).enumerate() {
            match name {
                "env" => detectors.push(Detector::Env(config.env.allow_list.clone())),
                "lambda" => detectors.push(Detector::Lambda { without: config.lambda.switched_off() }),
                _ if ELSEWHERE.contains(&name) => elsewhere.push(name),
                _ => {
                    let valid = valid_words(name, &[&["env", "lambda"], ELSEWHERE].concat());
                    mistakes.extend(
                        node.mistake(&format!("detectors[{at}]"), format_args!("found {name}{valid}")).0,
                    );
                }
            }
        }
        for name in config.lambda.resource_attributes.keys().filter(|name| !OF_LAMBDA.contains(&&***name)) {
            let message = format_args!("found {name}{}", valid_words(name, OF_LAMBDA));
            mistakes.extend(node.mistake("lambda.resource_attributes", message).0);
        }
        if !mistakes.is_empty() {
            return Err(Mistakes(mistakes));
        }
        if !elsewhere.is_empty() {
            let message =
                format_args!("beside a Lambda function nothing is found by {}", elsewhere.join(", "));
            node.warn("detectors", message);
        }
        Ok(Detection { detectors, overrides: config.overrides.unwrap_or(true), only: config.attributes })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Who is asked, one after the other: `env` (`OTEL_RESOURCE_ATTRIBUTES`), `lambda` (the function); `env` unless set.
    /// Those of other places are accepted with a warning.
    #[serde(deserialize_with = "config::words")]
    detectors: Option<Vec<String>>,
    /// Whether what is found replaces what a resource has; true unless set.
    #[serde(rename = "override")]
    overrides: Option<bool>,
    /// Only these attributes are added; all unless set.
    attributes: Option<Vec<String>>,
    /// Of the detector `env`.
    env: EnvConfig,
    /// Of the detector `lambda`.
    lambda: LambdaConfig,
    /// Accepted; nothing here is asked over the network.
    #[serde(deserialize_with = "config::duration")]
    timeout: Duration,
    /// Accepted; nothing of this changes while a sandbox lives.
    #[serde(deserialize_with = "config::duration")]
    refresh_interval: Duration,
    /// Accepted; nothing is missing that could be asked for again.
    fail_on_missing_metadata: bool,
    retry: IgnoredAny,
    // The Collector's settings of an HTTP client.
    auth: IgnoredAny,
    compression: IgnoredAny,
    compression_params: IgnoredAny,
    cookies: IgnoredAny,
    disable_keep_alives: IgnoredAny,
    endpoint: IgnoredAny,
    force_attempt_http2: IgnoredAny,
    headers: IgnoredAny,
    http2_ping_timeout: IgnoredAny,
    http2_read_idle_timeout: IgnoredAny,
    idle_conn_timeout: IgnoredAny,
    max_conns_per_host: IgnoredAny,
    max_idle_conns: IgnoredAny,
    max_idle_conns_per_host: IgnoredAny,
    middlewares: IgnoredAny,
    proxy_url: IgnoredAny,
    read_buffer_size: IgnoredAny,
    tls: IgnoredAny,
    write_buffer_size: IgnoredAny,
    // The settings of detectors of other places.
    akamai: IgnoredAny,
    aks: IgnoredAny,
    alibaba_ecs: IgnoredAny,
    azure: IgnoredAny,
    azurecontainerapps: IgnoredAny,
    consul: IgnoredAny,
    digitalocean: IgnoredAny,
    docker: IgnoredAny,
    ec2: IgnoredAny,
    ecs: IgnoredAny,
    eks: IgnoredAny,
    elasticbeanstalk: IgnoredAny,
    gcp: IgnoredAny,
    heroku: IgnoredAny,
    hetzner: IgnoredAny,
    ibmcloud_classic: IgnoredAny,
    ibmcloud_vpc: IgnoredAny,
    k8s_api: IgnoredAny,
    k8snode: IgnoredAny,
    kubeadm: IgnoredAny,
    nova: IgnoredAny,
    openshift: IgnoredAny,
    oraclecloud: IgnoredAny,
    scaleway: IgnoredAny,
    system: IgnoredAny,
    tencent_cvm: IgnoredAny,
    upcloud: IgnoredAny,
    vultr: IgnoredAny,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct EnvConfig {
    /// Only these attributes are taken of the variable; all unless set.
    allow_list: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LambdaConfig {
    /// Which attributes are added.
    resource_attributes: BTreeMap<String, Switch>,
}

impl LambdaConfig {
    fn switched_off(&self) -> Vec<String> {
        let off = self.resource_attributes.iter().filter(|(_, switch)| switch.enabled == Some(false));
        off.map(|(name, _)| name.clone()).collect()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Switch {
    /// Whether it is added; true unless set.
    enabled: Option<bool>,
}

#[cfg(test)]
mod tests {
    use config::Env;

    use super::*;

    fn read(yaml: &str) -> (Result<Detection, String>, Vec<String>) {
        let node = Node::parse(yaml, &Env::default()).unwrap();
        let read = Detection::read(&node).map_err(|mistakes| mistakes.to_string());
        (read, node.warnings().drain())
    }

    #[test]
    fn the_defaults_are_the_collectors() {
        let expected = Detection { detectors: vec![Detector::Env(None)], overrides: true, only: None };
        assert_eq!(read("{}"), (Ok(expected), vec![]));
    }

    #[test]
    fn what_the_collector_takes_is_taken() {
        let yaml = "
detectors: [lambda, ' env ']
override: false
timeout: 2s
refresh_interval: 0s
attributes: [faas.name, team]
env: { allow_list: [team] }
lambda:
  resource_attributes:
    faas.instance: { enabled: false }
    faas.name: { enabled: true }
    faas.version:
system: { hostname_sources: [os] }
retry: { enabled: true }";
        let detectors = vec![
            Detector::Lambda { without: vec!["faas.instance".into()] },
            Detector::Env(Some(vec!["team".into()])),
        ];
        let only = Some(vec!["faas.name".into(), "team".into()]);
        assert_eq!(read(yaml), (Ok(Detection { detectors, overrides: false, only }), vec![]));
    }

    #[test]
    fn detectors_of_other_places_are_taken_and_explained_once() {
        let (read, warnings) = read("detectors: [env, ec2, system]");
        assert_eq!(read.unwrap().detectors, [Detector::Env(None)]);
        let [warning] = &warnings[..] else { panic!("{warnings:?}") };
        assert!(
            warning.contains("detectors: beside a Lambda function nothing is found by ec2, system"),
            "{warning}"
        );
    }

    #[test]
    fn what_the_collector_does_not_know_is_a_mistake() {
        for (yaml, expected) in [
            ("detectors: [env, lamda]", "detectors[1]: found lamda; valid are env, lambda, "),
            ("detectors: lambda,ec3", "found ec3; valid are env, "),
            ("lambda: { resource_attributes: { faas.nam: { enabled: true } } }", "found faas.nam; valid are"),
            ("lambda: { tags: [a] }", "lambda.tags: unknown key"),
            ("detector: [env]", "detector: unknown key"),
        ] {
            let mistake = read(yaml).0.unwrap_err();
            assert!(mistake.contains(expected), "{mistake}");
        }
    }
}
