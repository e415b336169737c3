"""A function with the collector as a layer.

First `layer/build arm64`, then in this folder `pip install aws-cdk-lib` and
`cdk deploy --app "python3 app.py" --context python_layer=ARN`, with the ARN of OpenTelemetry's Python layer in your
region (github.com/open-telemetry/opentelemetry-lambda/releases).
"""

from pathlib import Path

from aws_cdk import App, Duration, Stack
from aws_cdk import aws_lambda as lambda_

HERE = Path(__file__).parent
LAYER = HERE / "../../../target/layer/otelcol-lambda-layer-arm64.zip"

app = App()
stack = Stack(app, "Orders")

collector = lambda_.LayerVersion(
    stack,
    "Collector",
    code=lambda_.Code.from_asset(str(LAYER)),
    compatible_architectures=[lambda_.Architecture.ARM_64],
)
python_layer = lambda_.LayerVersion.from_layer_version_arn(
    stack, "PythonLayer", app.node.get_context("python_layer")
)

lambda_.Function(
    stack,
    "Function",
    code=lambda_.Code.from_asset(str(HERE / "function")),
    handler="app.handler",
    runtime=lambda_.Runtime.PYTHON_3_13,
    architecture=lambda_.Architecture.ARM_64,
    memory_size=256,
    timeout=Duration.seconds(10),
    tracing=lambda_.Tracing.ACTIVE,
    layers=[collector, python_layer],
    environment={
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument",
        # The wrapper would choose xray, which reads the event only; xray-lambda continues the trace that Lambda begins.
        "OTEL_PROPAGATORS": "tracecontext,baggage,xray-lambda",
        "OPENTELEMETRY_COLLECTOR_CONFIG_URI": "/var/task/collector.yaml",
    },
)

app.synth()
