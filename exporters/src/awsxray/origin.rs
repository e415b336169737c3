//! Where the process runs, which logs it writes and what version it is.

use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::attributes::{Attributes, string};
use super::json::{Json, Object};
use super::keys::Key::*;

/// X-Ray's word for the kind of place, if it has one and the place is AWS's.
pub fn origin(resource: &Attributes<'_>) -> Option<&'static str> {
    if resource.string(CloudProvider).is_some_and(|provider| provider != "aws") {
        return None;
    }
    match resource.text(CloudPlatform)? {
        "aws_app_runner" => Some("AWS::AppRunner::Service"),
        "aws_eks" => Some("AWS::EKS::Container"),
        "aws_elastic_beanstalk" => Some("AWS::ElasticBeanstalk::Environment"),
        "aws_ec2" => Some("AWS::EC2::Instance"),
        "aws_ecs" => Some(match resource.text(AwsEcsLaunchtype) {
            Some("ec2") => "AWS::ECS::EC2",
            Some("fargate") => "AWS::ECS::Fargate",
            _ => "AWS::ECS::Container",
        }),
        _ => None,
    }
}

/// The groups of the process's logs: as the resource has them, else as `configured`. With `keep_empty` one without
/// a name stays, as `null`.
pub fn log_groups<'a>(
    resource: &Attributes<'a>,
    configured: &'a [String],
    keep_empty: bool,
) -> Vec<Json<'a>> {
    let (arns, names) = (list(resource.value(AwsLogGroupArns)), list(resource.value(AwsLogGroupNames)));
    let groups: Vec<(Option<&str>, &str)> = if !arns.is_empty() {
        // `arn:aws:logs:<region>:<account>:log-group:<name>` and more.
        arns.into_iter().map(|arn| (Some(arn), arn.split(':').nth(6).unwrap_or(arn))).collect()
    } else if !names.is_empty() {
        names.into_iter().map(|name| (None, name)).collect()
    } else {
        configured.iter().map(|name| (None, name.as_str())).collect()
    };
    let groups = groups.into_iter().filter(|(_, name)| keep_empty || !name.is_empty());
    groups
        .map(|(arn, name)| {
            let mut group = Object::default();
            group.set("log_group", if name.is_empty() { Json::Null } else { name.into() });
            group.set_text("arn", arn);
            group.into()
        })
        .collect()
}

/// A list, or a text of several parted by `&`, as it comes from `OTEL_RESOURCE_ATTRIBUTES`.
fn list(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::ArrayValue(list)) => list.values.iter().map(|text| string(text.value.as_ref())).collect(),
        Some(Value::StringValue(text)) => text.split('&').filter(|text| !text.is_empty()).collect(),
        _ => Vec::new(),
    }
}

/// The version of the program, if the resource tells it; empty if it tells none that is text.
pub fn version<'a>(resource: &Attributes<'a>) -> Option<&'a str> {
    let of_image = match resource.value(ContainerImageTags) {
        Some(Value::ArrayValue(tags)) => tags.values.first().map(|tag| string(tag.value.as_ref())),
        _ => None,
    };
    resource.string(ServiceVersion).or(of_image).or_else(|| resource.string(ContainerImageTag))
}
