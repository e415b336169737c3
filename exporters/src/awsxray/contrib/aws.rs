//! The `aws` block.

use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::super::attributes::{Attributes, string};
use super::super::json::{Json, Object};
use super::super::keys::Key::{self, *};
use super::super::origin::log_groups;
use super::super::source::Source;

/// The attributes that the block takes whether it uses them or not.
const TAKEN: &[Key] = &[
    RpcMethod,
    AwsOperation,
    AwsAccountId,
    AwsRegion,
    AwsRequestId,
    AwsRequestIdCamel,
    AwsQueueUrl,
    AwsQueueDotUrl,
    AwsTableName,
    AwsTableDotName,
];

/// The fields that speak of what a subsegment calls.
pub const OF_CALLS: [&str; 7] =
    ["operation", "account_id", "region", "request_id", "queue_url", "table_name", "table_names"];

/// The fields that speak of a task of ECS, and the attributes that they are in.
pub const ECS: [(&str, Key); 8] = [
    ("container", ContainerName),
    ("container_id", ContainerId),
    ("task_arn", AwsEcsTaskArn),
    ("task_family", AwsEcsTaskFamily),
    ("cluster_arn", AwsEcsClusterArn),
    ("container_arn", AwsEcsContainerArn),
    ("availability_zone", CloudAvailabilityZone),
    ("launch_type", AwsEcsLaunchtype),
];

/// The block, unless the process runs in another cloud.
pub fn aws<'a>(source: &Source<'a>, attributes: &mut Attributes<'a>) -> Option<Object<'a>> {
    attributes.say(TAKEN);
    let resource = source.resource;
    if resource.text(CloudProvider).is_some_and(|provider| provider != "aws") {
        return None;
    }
    let mut aws = Object::default();
    let account = attributes.value(AwsAccountId).map(|account| string(Some(account)));
    aws.set_text("account_id", account.or_else(|| resource.text(CloudAccountId)));
    aws.set_text("operation", attributes.string(AwsOperation).or_else(|| attributes.text(RpcMethod)));
    aws.set_text("region", attributes.text(AwsRegion));
    aws.set_text("request_id", later(attributes, AwsRequestId, AwsRequestIdCamel));
    let queue = later(attributes, AwsQueueUrl, AwsQueueDotUrl);
    aws.set_text("queue_url", attributes.string(MessagingUrl).or(queue));
    tables(attributes, &mut aws);
    place(resource, &mut aws);
    let logs = log_groups(resource, &source.settings.aws_log_groups, true);
    aws.set_some("cloudwatch_logs", Some(logs).filter(|logs| !logs.is_empty()));
    aws.set("xray", sdk(resource));
    Some(aws)
}

/// What made the spans.
pub fn sdk<'a>(resource: &Attributes<'a>) -> Object<'a> {
    let mut xray = Object::default();
    let sdk = resource.text(TelemetrySdkName).map(|name| match resource.text(TelemetrySdkLanguage) {
        Some(language) => format!("{name} for {language}"),
        None => name.into(),
    });
    xray.set_some("sdk", sdk);
    xray.set_text("sdk_version", resource.text(TelemetrySdkVersion));
    let auto = later(resource, TelemetryAutoVersion, TelemetryDistroVersion);
    xray.set("auto_instrumentation", auto.is_some_and(|version| !version.is_empty()));
    xray
}

/// Of two spellings the later in the span.
fn later<'a>(attributes: &Attributes<'a>, one: Key, other: Key) -> Option<&'a str> {
    attributes.string(if attributes.place(one) > attributes.place(other) { one } else { other })
}

fn tables<'a>(attributes: &Attributes<'a>, aws: &mut Object<'a>) {
    let name = later(attributes, AwsTableName, AwsTableDotName);
    match attributes.value(AwsDynamodbTableNames) {
        Some(Value::ArrayValue(names)) if !names.values.is_empty() => {
            let texts = names.values.iter().map(|name| string(name.value.as_ref()));
            match names.values.as_slice() {
                [name] => aws.set_text("table_name", Some(string(name.value.as_ref()))),
                _ => aws.set("table_names", texts.map(Json::from).collect::<Vec<_>>()),
            }
        }
        Some(Value::StringValue(name)) => aws.set_text("table_name", Some(name.as_str())),
        _ => aws.set_text("table_name", name),
    }
}

/// Where the process runs.
fn place<'a>(resource: &Attributes<'a>, aws: &mut Object<'a>) {
    let platform = resource.text(CloudPlatform).unwrap_or_default();
    let zone = resource.text(CloudAvailabilityZone);
    // X-Ray's schema refuses `null` for some of these, and takes it for others, where the Go exporter writes it.
    let or_null = |key| resource.text(key).map_or(Json::Null, Json::from);
    if platform == "aws_ec2" || resource.text(HostId).is_some() {
        let mut ec2 = Object::default();
        ec2.set_text("instance_id", resource.text(HostId));
        ec2.set_text("availability_zone", zone);
        ec2.set("instance_size", or_null(HostType));
        ec2.set("ami_id", or_null(HostImageId));
        aws.set("ec2", ec2);
    }
    if platform == "aws_ecs" {
        let mut ecs = Object::default();
        ECS.iter().for_each(|(field, key)| ecs.set_text(field, resource.text(*key)));
        aws.set("ecs", ecs);
    }
    if let Some(deployment) = resource.text(ServiceInstanceId).filter(|_| platform == "aws_elastic_beanstalk")
    {
        let mut beanstalk = Object::default();
        beanstalk.set_text("environment_name", resource.text(ServiceNamespace));
        beanstalk.set_text("version_label", resource.text(ServiceVersion));
        beanstalk.set("deployment_id", deployment.parse::<i64>().unwrap_or(0));
        aws.set("elastic_beanstalk", beanstalk);
    }
    if platform == "aws_eks" || resource.text(K8sClusterName).is_some() {
        let mut eks = Object::default();
        eks.set("cluster_name", or_null(K8sClusterName));
        eks.set("pod", or_null(K8sPodName));
        eks.set("container_id", or_null(ContainerId));
        aws.set("eks", eks);
    }
}
