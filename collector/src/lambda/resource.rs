//! What the function is, as attributes of its resource: learnt from the environment, at registration, and from the
//! platform's events.
//!
//! By the semantic conventions for AWS Lambda: <https://opentelemetry.io/docs/specs/semconv/resource/faas/> and
//! <https://opentelemetry.io/docs/specs/semconv/resource/cloud-provider/aws/>. There is no `service.instance.id`, since
//! backends make a stream or a series of each: `faas.instance` names the execution environment.

use config::Env;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue};
use pipeline::Host;
use receivers::telemetryapi::Event;

use super::api::Function;

/// Lambda's MB are of 2^20 bytes.
const MEGABYTE: u64 = 1 << 20;

/// Learns what the environment tells. The log group and stream are told by emulators only.
pub fn learn_at_start(env: &Env, host: &Host) {
    learn(host, "cloud.provider", "aws");
    learn(host, "cloud.platform", "aws_lambda");
    let told = |name| env.get(name).filter(|value: &&str| !value.is_empty());
    for (key, name) in [
        ("cloud.region", "AWS_REGION"),
        ("faas.name", "AWS_LAMBDA_FUNCTION_NAME"),
        ("faas.version", "AWS_LAMBDA_FUNCTION_VERSION"),
        // Unless the user names the service.
        ("service.name", "AWS_LAMBDA_FUNCTION_NAME"),
    ] {
        told(name).into_iter().for_each(|value| learn(host, key, value));
    }
    let megabytes = told("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|size| size.parse().ok());
    megabytes.into_iter().for_each(|size: u64| learn_memory(host, size.saturating_mul(MEGABYTE)));
    let group = told("AWS_LAMBDA_LOG_GROUP_NAME");
    group.into_iter().for_each(|group| host.learn("aws.log.group.names", list(group)));
    told("AWS_LAMBDA_LOG_STREAM_NAME").into_iter().for_each(|stream| learn_instance(host, stream));
}

/// Learns what the platform told at registration.
pub fn learn_registered(function: &Function, host: &Host) {
    function.account_id.iter().for_each(|account| learn(host, "cloud.account.id", account));
}

/// Learns what the platform's events tell of the execution environment.
pub fn learn_from(events: &[Event], host: &Host) {
    for event in events {
        let is_restored = event.kind == "platform.restoreStart";
        if !is_restored && event.kind != "platform.initStart" {
            continue;
        }
        let text = |key: &str| event.record[key].as_str().filter(|text| !text.is_empty());
        // What starts is the snapshot; each environment that is restored from it has an instance of its own.
        let instance = text("instanceId").filter(|_| is_restored || !knows(host, "faas.instance"));
        instance.into_iter().for_each(|instance| learn_instance(host, instance));
        let account = text("functionArn").and_then(|arn| arn.split(':').nth(4));
        let account = account.filter(|account| !account.is_empty() && !knows(host, "cloud.account.id"));
        account.into_iter().for_each(|account| learn(host, "cloud.account.id", account));
        let memory = event.record["instanceMaxMemory"].as_u64().filter(|_| !knows(host, "faas.max_memory"));
        // Documented in MB, sent in bytes by Managed Instances.
        let bytes = |memory: u64| if memory < MEGABYTE { memory * MEGABYTE } else { memory };
        memory.into_iter().for_each(|memory| learn_memory(host, bytes(memory)));
    }
}

/// The platform names an environment as it names its log stream.
fn learn_instance(host: &Host, instance: &str) {
    learn(host, "faas.instance", instance);
    host.learn("aws.log.stream.names", list(instance));
}

fn learn_memory(host: &Host, bytes: u64) {
    let bytes = i64::try_from(bytes).ok().filter(|bytes| *bytes > 0);
    bytes.into_iter().for_each(|bytes| host.learn("faas.max_memory", Value::IntValue(bytes)));
}

fn learn(host: &Host, key: &str, value: &str) {
    host.learn(key, Value::StringValue(value.into()));
}

fn knows(host: &Host, key: &str) -> bool {
    host.resource().iter().any(|known| known.key == key)
}

fn list(only: &str) -> Value {
    Value::ArrayValue(ArrayValue { values: vec![AnyValue { value: Some(Value::StringValue(only.into())) }] })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FIRST: &str = "2026/01/01/[$LATEST]8c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f";
    const SECOND: &str = "2026/01/02/[7]0a1b2c3d4e5f60718293a4b5c6d7e8f9";

    fn known(host: &Host) -> Vec<(String, String)> {
        let text = |value: Option<AnyValue>| pipeline::text(&value.unwrap());
        host.resource().into_iter().map(|known| (known.key, text(known.value))).collect()
    }

    fn value(host: &Host, key: &str) -> Option<String> {
        known(host).into_iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    fn event(kind: &str, record: serde_json::Value) -> Event {
        Event { time: None, kind: kind.into(), record }
    }

    #[test]
    fn the_environment_and_registration_tell_what_the_conventions_ask_for() {
        let host = Host::default();
        let env = Env::from_iter([
            ("AWS_REGION", "eu-west-1"),
            ("AWS_LAMBDA_FUNCTION_NAME", "orders"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ]);
        learn_at_start(&env, &host);
        learn_registered(&Function { account_id: Some("123456789012".into()) }, &host);
        let expected = [
            ("cloud.provider", "aws"),
            ("cloud.platform", "aws_lambda"),
            ("cloud.region", "eu-west-1"),
            ("faas.name", "orders"),
            ("faas.version", "$LATEST"),
            ("service.name", "orders"),
            ("faas.max_memory", "536870912"),
            ("cloud.account.id", "123456789012"),
        ];
        assert_eq!(known(&host), expected.map(|(key, value)| (key.into(), value.into())));
    }

    /// Each attribute of the Go layer's telemetryapi receiver, with what stands for it here and the reason if that is
    /// another one.
    #[test]
    fn every_attribute_of_the_go_layer_is_the_same_or_better() {
        let host = Host::default();
        let env = [
            ("AWS_REGION", "eu-central-1"),
            ("AWS_LAMBDA_FUNCTION_NAME", "checkout-fn"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ];
        learn_at_start(&Env::from_iter(env), &host);
        for (theirs, ours, expected, _better_because) in [
            ("faas.name", "faas.name", Some("checkout-fn"), ""),
            ("faas.version", "faas.version", Some("$LATEST"), ""),
            (
                "service.name",
                "service.name",
                Some("checkout-fn"),
                "an empty OTEL_SERVICE_NAME is one not set",
            ),
            (
                "faas.max_memory",
                "faas.max_memory",
                Some("536870912"),
                "the conventions ask for bytes, as a number",
            ),
            (
                "faas.invoked_provider",
                "cloud.provider",
                Some("aws"),
                "theirs is an attribute of a client's span",
            ),
            (
                "faas.invoked_region",
                "cloud.region",
                Some("eu-central-1"),
                "theirs is an attribute of a client's span",
            ),
            ("service.instance.id", "service.instance.id", None, "a stream of its own for each environment"),
        ] {
            assert_eq!(value(&host, ours).as_deref(), expected, "for {theirs}");
            assert!(theirs == ours || value(&host, theirs).is_none(), "{theirs}");
        }
        let memory = host.resource().into_iter().find(|known| known.key == "faas.max_memory");
        assert_eq!(memory.unwrap().value.unwrap().value, Some(Value::IntValue(512 << 20)));
    }

    #[test]
    fn what_is_not_told_or_odd_is_left_out() {
        let host = Host::default();
        let odd = [("AWS_REGION", ""), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much")];
        learn_at_start(&Env::from_iter(odd), &host);
        learn_registered(&Function::default(), &host);
        learn_from(
            &[event("platform.initStart", json!("text")), event("platform.restoreStart", json!(5))],
            &host,
        );
        assert_eq!(known(&host).len(), 2);
    }

    #[test]
    fn the_instance_comes_with_init_and_is_renewed_when_a_snapshot_is_restored() {
        let host = Host::default();
        let init = event("platform.initStart", json!({"instanceId": FIRST, "functionName": "orders"}));
        let restore = event("platform.restoreStart", json!({"instanceId": SECOND}));
        learn_from(std::slice::from_ref(&init), &host);
        assert_eq!(value(&host, "faas.instance").as_deref(), Some(FIRST));
        // The init events of the snapshot may come late.
        learn_from(&[event("function", json!({"instanceId": "x"})), restore, init], &host);
        assert_eq!(value(&host, "faas.instance").as_deref(), Some(SECOND));
        assert_eq!(value(&host, "aws.log.stream.names"), Some(format!("[\"{SECOND}\"]")));
    }

    #[test]
    fn init_tells_the_account_and_the_memory_that_nobody_told_before() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:orders";
        for (memory, bytes) in [(256, "268435456"), (2_147_483_648_u64, "2147483648")] {
            let host = Host::default();
            let record = json!({"functionArn": arn, "instanceMaxMemory": memory});
            let other =
                json!({"functionArn": "arn:aws:lambda:eu-west-1:210987654321:", "instanceMaxMemory": 1});
            learn_from(&[event("platform.initStart", record), event("platform.initStart", other)], &host);
            assert_eq!(value(&host, "cloud.account.id").as_deref(), Some("123456789012"));
            assert_eq!(value(&host, "faas.max_memory").as_deref(), Some(bytes));
        }
    }

    #[test]
    fn an_emulator_may_tell_the_log_group_and_stream() {
        let host = Host::default();
        let env =
            [("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/orders"), ("AWS_LAMBDA_LOG_STREAM_NAME", FIRST)];
        learn_at_start(&Env::from_iter(env), &host);
        assert_eq!(value(&host, "aws.log.group.names").as_deref(), Some("[\"/aws/lambda/orders\"]"));
        assert_eq!(value(&host, "faas.instance").as_deref(), Some(FIRST));
    }
}
