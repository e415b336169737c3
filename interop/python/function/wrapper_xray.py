"""What an instrumentation layer does before the user's function, for traces that X-Ray shall show."""

import os

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.aws_lambda import AwsLambdaInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

traces = TracerProvider()
traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(traces)

os.environ["ORIG_HANDLER"] = "till.handle"
AwsLambdaInstrumentor().instrument()

from till import handle as handler  # noqa: E402, F401 - only now is it wrapped
