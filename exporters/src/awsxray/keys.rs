//! The names of attributes that mean something to X-Ray, each a small number.

macro_rules! keys {
    ($($name:ident = $text:literal,)*) => {
        /// The name of an attribute: of a span, an event or a resource.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Key { $($name),* }

        /// All of them, in the order of their bytes.
        const KEYS: &[(&str, Key)] = &[$(($text, Key::$name)),*];
    };
}

keys! {
    K8sRemoteNamespace = "K8s.RemoteNamespace",
    AwsAccountId = "aws.account_id",
    AwsDynamodbTableNames = "aws.dynamodb.table_names",
    AwsEcsClusterArn = "aws.ecs.cluster.arn",
    AwsEcsContainerArn = "aws.ecs.container.arn",
    AwsEcsLaunchtype = "aws.ecs.launchtype",
    AwsEcsTaskArn = "aws.ecs.task.arn",
    AwsEcsTaskFamily = "aws.ecs.task.family",
    AwsKinesisStreamName = "aws.kinesis.stream_name",
    AwsLambdaInvokedArn = "aws.lambda.invoked_arn",
    AwsLocalService = "aws.local.service",
    AwsLogGroupArns = "aws.log.group.arns",
    AwsLogGroupNames = "aws.log.group.names",
    AwsOperation = "aws.operation",
    AwsQueueDotUrl = "aws.queue.url",
    AwsQueueUrl = "aws.queue_url",
    AwsRegion = "aws.region",
    AwsRemoteOperation = "aws.remote.operation",
    AwsRemoteService = "aws.remote.service",
    AwsRequestIdCamel = "aws.requestId",
    AwsRequestId = "aws.request_id",
    AwsS3Bucket = "aws.s3.bucket",
    AwsSecretsmanagerSecretArn = "aws.secretsmanager.secret.arn",
    AwsService = "aws.service",
    AwsSnsTopicArn = "aws.sns.topic.arn",
    AwsSpanKind = "aws.span.kind",
    AwsSqsQueueUrl = "aws.sqs.queue.url",
    AwsStepFunctionsActivityArn = "aws.step_functions.activity.arn",
    AwsStepFunctionsStateMachineArn = "aws.step_functions.state_machine.arn",
    AwsTableDotName = "aws.table.name",
    AwsTableName = "aws.table_name",
    AwsXrayAnnotations = "aws.xray.annotations",
    AwsXrayInprogress = "aws.xray.inprogress",
    AwsXrayResourceArn = "aws.xray.resource_arn",
    AwsXrayRetries = "aws.xray.retries",
    AwsXrayTraced = "aws.xray.traced",
    AwsXrayXForwardedFor = "aws.xray.x_forwarded_for",
    ClientAddress = "client.address",
    CloudAccountId = "cloud.account.id",
    CloudAvailabilityZone = "cloud.availability_zone",
    CloudPlatform = "cloud.platform",
    CloudProvider = "cloud.provider",
    CloudRegion = "cloud.region",
    CloudResourceId = "cloud.resource_id",
    ContainerId = "container.id",
    ContainerImageTag = "container.image.tag",
    ContainerImageTags = "container.image.tags",
    ContainerName = "container.name",
    DbConnectionString = "db.connection_string",
    DbName = "db.name",
    DbNamespace = "db.namespace",
    DbQueryText = "db.query.text",
    DbStatement = "db.statement",
    DbSystem = "db.system",
    DbSystemName = "db.system.name",
    DbUser = "db.user",
    EnduserId = "enduser.id",
    ErrorType = "error.type",
    FaasExecution = "faas.execution",
    FaasId = "faas.id",
    FaasInvocationId = "faas.invocation_id",
    FaasName = "faas.name",
    HostId = "host.id",
    HostImageId = "host.image.id",
    HostName = "host.name",
    HostType = "host.type",
    HttpClientIp = "http.client_ip",
    HttpHost = "http.host",
    HttpMethod = "http.method",
    HttpRequestMethod = "http.request.method",
    HttpRequestResendCount = "http.request.resend_count",
    HttpResponseBodySize = "http.response.body.size",
    HttpResponseStatusCode = "http.response.status_code",
    HttpResponseContentLength = "http.response_content_length",
    HttpScheme = "http.scheme",
    HttpServerName = "http.server_name",
    HttpStatusCode = "http.status_code",
    HttpStatusText = "http.status_text",
    HttpTarget = "http.target",
    HttpUrl = "http.url",
    HttpUserAgent = "http.user_agent",
    K8sClusterName = "k8s.cluster.name",
    K8sPodName = "k8s.pod.name",
    MessageType = "message.type",
    MessagingMessagePayloadSizeBytes = "messaging.message_payload_size_bytes",
    MessagingSystem = "messaging.system",
    MessagingUrl = "messaging.url",
    NetHostName = "net.host.name",
    NetHostPort = "net.host.port",
    NetPeerIp = "net.peer.ip",
    NetPeerName = "net.peer.name",
    NetPeerPort = "net.peer.port",
    NetSockPeerAddr = "net.sock.peer.addr",
    NetworkPeerAddress = "network.peer.address",
    PeerService = "peer.service",
    RemoteTarget = "remoteTarget",
    RpcGrpcStatusCode = "rpc.grpc.status_code",
    RpcMethod = "rpc.method",
    RpcResponseStatusCode = "rpc.response.status_code",
    RpcService = "rpc.service",
    RpcSystem = "rpc.system",
    RpcSystemName = "rpc.system.name",
    ServerAddress = "server.address",
    ServerPort = "server.port",
    ServiceInstanceId = "service.instance.id",
    ServiceName = "service.name",
    ServiceNamespace = "service.namespace",
    ServicePeerName = "service.peer.name",
    ServiceVersion = "service.version",
    TelemetryAutoVersion = "telemetry.auto.version",
    TelemetryDistroVersion = "telemetry.distro.version",
    TelemetrySdkLanguage = "telemetry.sdk.language",
    TelemetrySdkName = "telemetry.sdk.name",
    TelemetrySdkVersion = "telemetry.sdk.version",
    UrlFull = "url.full",
    UrlPath = "url.path",
    UrlQuery = "url.query",
    UrlScheme = "url.scheme",
    UserId = "user.id",
    UserAgentOriginal = "user_agent.original",
}

impl Key {
    /// How many there are.
    pub const COUNT: usize = KEYS.len();

    /// The key with this name.
    pub fn of(text: &str) -> Option<Key> {
        KEYS.binary_search_by(|(known, _)| known.cmp(&text)).ok().map(|at| KEYS[at].1)
    }

    /// The names of all.
    #[cfg(test)]
    pub fn names() -> impl Iterator<Item = &'static str> {
        KEYS.iter().map(|(text, _)| *text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_found_by_its_name() {
        assert!(KEYS.is_sorted_by(|before, after| before.0 < after.0));
        for (number, (text, key)) in KEYS.iter().enumerate() {
            assert_eq!((Key::of(text), *key as usize), (Some(*key), number));
        }
        assert_eq!(Key::of("http.methods"), None);
    }
}
