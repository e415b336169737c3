//! The `aws` block.

use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::super::attributes::{Attributes, string};
use super::super::contrib;
use super::super::json::{Json, Object};
use super::super::keys::Key::{self, *};
use super::super::lambda;
use super::super::origin::log_groups;
use super::super::source::Source;
use super::naming::is_aws;

/// The block: what a segment ran in, what a subsegment asked of AWS.
pub fn aws<'a>(
    source: &Source<'a>,
    attributes: &mut Attributes<'a>,
    is_subsegment: bool,
) -> Option<Object<'a>> {
    let mut aws = Object::default();
    if !is_subsegment {
        place(source, attributes, &mut aws);
    }
    call(attributes, &mut aws);
    Some(aws).filter(|aws| !aws.is_empty())
}

/// The fields of the block that one attribute each becomes, with those that it may be in, the better first.
const OF_CALLS: &[(&str, &[Key])] = &[
    ("account_id", &[AwsAccountId]),
    ("region", &[AwsRegion, CloudRegion]),
    ("request_id", &[AwsRequestId, AwsRequestIdCamel]),
    ("queue_url", &[AwsSqsQueueUrl, MessagingUrl, AwsQueueUrl, AwsQueueDotUrl]),
    ("topic_arn", &[AwsSnsTopicArn]),
    ("table_name", &[AwsTableName, AwsTableDotName]),
];

/// What the resources that a call names are called.
const RESOURCES: &[Key] = &[
    AwsS3Bucket,
    AwsKinesisStreamName,
    AwsSecretsmanagerSecretArn,
    AwsStepFunctionsStateMachineArn,
    AwsStepFunctionsActivityArn,
];

/// What a call asked of AWS.
fn call<'a>(attributes: &mut Attributes<'a>, aws: &mut Object<'a>) {
    let is_aws = is_aws(attributes);
    if let Some(operation) = attributes.text(AwsOperation) {
        aws.set("operation", operation);
        attributes.say(&[AwsOperation]);
    } else if let Some(method) = attributes.text(RpcMethod).filter(|_| is_aws) {
        aws.set("operation", method.rsplit('/').next().unwrap_or(method));
        if !method.contains('/') {
            attributes.say(&[RpcMethod]);
        }
    }
    for (field, keys) in OF_CALLS {
        if let Some((key, text)) =
            attributes.first_text(keys).filter(|(key, _)| is_aws || *key != CloudRegion)
        {
            aws.set(*field, text);
            attributes.say(&[key]);
        }
    }
    match attributes.value(AwsDynamodbTableNames) {
        Some(Value::ArrayValue(names)) if !names.values.is_empty() => {
            let names: Vec<_> = names.values.iter().map(|name| string(name.value.as_ref())).collect();
            match names.as_slice() {
                [name] => aws.set_text("table_name", Some(*name)),
                _ => {
                    aws.remove(&["table_name"]);
                    aws.set("table_names", names.into_iter().map(Json::from).collect::<Vec<_>>());
                }
            }
            attributes.say(&[AwsDynamodbTableNames]);
        }
        Some(Value::StringValue(name)) if !name.is_empty() => {
            aws.set("table_name", name.as_str());
            attributes.say(&[AwsDynamodbTableNames]);
        }
        _ => {}
    }
    let resources: Vec<_> =
        RESOURCES.iter().filter_map(|key| attributes.text(*key)).map(Json::from).collect();
    if !resources.is_empty() {
        aws.set("resource_names", resources);
        attributes.say(RESOURCES);
    }
    if let Some((key, retries)) = attributes
        .first_number(&[AwsXrayRetries, HttpRequestResendCount])
        .filter(|(key, _)| is_aws || *key == AwsXrayRetries)
    {
        aws.set("retries", retries);
        attributes.say(&[key]);
    }
}

/// Where a segment ran.
fn place<'a>(source: &Source<'a>, attributes: &mut Attributes<'a>, aws: &mut Object<'a>) {
    let resource = source.resource;
    if resource.text(TelemetrySdkName).is_some() || resource.text(TelemetryDistroVersion).is_some() {
        aws.set("xray", contrib::aws::sdk(resource));
    }
    if resource.text(CloudProvider).is_some_and(|provider| provider != "aws") {
        return;
    }
    aws.set_text("account_id", resource.text(CloudAccountId));
    let platform = resource.text(CloudPlatform).unwrap_or_default();
    let is_on_aws = resource.has(CloudProvider) || platform.starts_with("aws_");
    let zone = ("availability_zone", CloudAvailabilityZone);
    if platform == "aws_ec2" || is_on_aws && resource.text(HostId).is_some_and(|id| id.starts_with("i-")) {
        let fields = [("instance_id", HostId), zone, ("instance_size", HostType), ("ami_id", HostImageId)];
        block(aws, "ec2", resource, &fields);
    }
    if platform == "aws_ecs" {
        block(aws, "ecs", resource, &contrib::aws::ECS);
    }
    if platform == "aws_eks" || resource.text(K8sClusterName).is_some() {
        let fields = [("cluster_name", K8sClusterName), ("pod", K8sPodName), ("container_id", ContainerId)];
        block(aws, "eks", resource, &fields);
    }
    if platform == "aws_elastic_beanstalk" {
        let fields = [("environment_name", ServiceNamespace), ("version_label", ServiceVersion)];
        let mut beanstalk = Object::default();
        fields.into_iter().for_each(|(field, key)| beanstalk.set_text(field, resource.text(key)));
        beanstalk.set_some("deployment_id", resource.first_number(&[ServiceInstanceId]).map(|(_, id)| id));
        aws.set("elastic_beanstalk", beanstalk);
    }
    let logs = log_groups(resource, &source.settings.aws_log_groups, false);
    aws.set_some("cloudwatch_logs", Some(logs).filter(|logs| !logs.is_empty()));
    lambda::aws(source, attributes, aws);
}

/// Adds the block `name` of those `fields` that the resource has.
fn block<'a>(
    aws: &mut Object<'a>,
    name: &'static str,
    resource: &Attributes<'a>,
    fields: &[(&'static str, Key)],
) {
    let mut object = Object::default();
    fields.iter().for_each(|(field, key)| object.set_text(field, resource.text(*key)));
    aws.set_some(name, Some(object).filter(|object| !object.is_empty()));
}
