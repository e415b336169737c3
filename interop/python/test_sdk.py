"""What the OpenTelemetry SDK for Python sends arrives as it was sent, over every protocol in and out."""

import pytest
from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.json.http import _log_exporter as json_logs
from opentelemetry.exporter.otlp.json.http import metric_exporter as json_metrics
from opentelemetry.exporter.otlp.json.http import trace_exporter as json_traces
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.grpc import _log_exporter as grpc_logs
from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as grpc_metrics
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_traces
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http import _log_exporter as http_logs
from opentelemetry.exporter.otlp.proto.http import metric_exporter as http_metrics
from opentelemetry.exporter.otlp.proto.http import trace_exporter as http_traces
from opentelemetry.metrics import Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from collector import Collector
from sink import Sink

RESOURCE = Resource.create({"service.name": "interop-python", "answer": 42, "ratio": 0.5, "hosts": ["a", "ü"]})


@pytest.fixture
def sink():
    sink = Sink()
    yield sink
    sink.close()


@pytest.fixture(params=["grpc", "http/protobuf", "http/json"], ids="out over {}".format)
def collector(request, sink):
    """A collector that relays to the sink over each protocol."""
    collector = Collector(sink, request.param)
    yield collector
    collector.stop()


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf", "http/protobuf+gzip", "http/json"], ids="in over {}".format)
def test_what_is_sent_arrives(sink, collector, protocol, signal):
    make, encode, resources = {
        "traces": (some_spans, encode_spans, "resource_spans"),
        "metrics": (some_metrics, encode_metrics, "resource_metrics"),
        "logs": (some_log_records, encode_logs, "resource_logs"),
    }[signal]
    telemetry = make()
    result = exporter(protocol, signal, collector).export(telemetry)
    assert result.name == "SUCCESS"
    expected = encode(telemetry)
    for resource in getattr(expected, resources):
        # The collector's own `resource` processor adds this.
        tag = resource.resource.attributes.add()
        tag.key, tag.value.string_value = "deployment.environment.name", "interop"
    assert sink.wait_for(signal, lambda arrived: getattr(arrived, resources)) == expected


def exporter(protocol, signal, collector):
    """The SDK's own exporter of `signal` over `protocol`, which sends to the collector."""
    if protocol == "grpc":
        make = {
            "traces": grpc_traces.OTLPSpanExporter,
            "metrics": grpc_metrics.OTLPMetricExporter,
            "logs": grpc_logs.OTLPLogExporter,
        }[signal]
        return make(endpoint=f"http://127.0.0.1:{collector.grpc_port}", insecure=True)
    endpoint = f"http://127.0.0.1:{collector.http_port}/v1/{signal}"
    if protocol == "http/json":
        make = {
            "traces": json_traces.OTLPSpanExporter,
            "metrics": json_metrics.OTLPMetricExporter,
            "logs": json_logs.OTLPLogExporter,
        }[signal]
        return make(endpoint=endpoint)
    make = {
        "traces": http_traces.OTLPSpanExporter,
        "metrics": http_metrics.OTLPMetricExporter,
        "logs": http_logs.OTLPLogExporter,
    }[signal]
    gzip = protocol.endswith("+gzip")
    return make(endpoint=endpoint, compression=Compression.Gzip if gzip else Compression.NoCompression)


def some_spans():
    """A small trace with everything a span can have."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("interop", "1.2.3", "https://example.org/schema", {"scope": True})
    with tracer.start_as_current_span("parent", kind=SpanKind.SERVER) as parent:
        parent.set_attributes({"text": "ünïcode", "int": -(2**62), "double": 0.1, "bool": True, "list": [1, 2]})
        link = Link(parent.get_span_context(), {"link": "to the parent"})
        with tracer.start_as_current_span("child", kind=SpanKind.CLIENT, links=[link]) as child:
            child.add_event("an event", {"count": 3})
            child.record_exception(ValueError("wrong"))
            child.set_status(Status(StatusCode.ERROR, "it failed"))
    other = provider.get_tracer("another scope")
    other.start_span("alone", context=trace.set_span_in_context(trace.INVALID_SPAN)).end()
    spans = memory.get_finished_spans()
    assert [span.name for span in spans] == ["child", "parent", "alone"]
    return spans


def some_metrics():
    """One metric of every kind that the SDK makes."""
    reader = InMemoryMetricReader()
    exponential = View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation())
    provider = MeterProvider([reader], resource=RESOURCE, views=[exponential], shutdown_on_exit=False)
    meter = provider.get_meter("interop", "1.2.3")
    meter.create_counter("counter", unit="1", description="counts").add(3, {"k": "v"})
    meter.create_up_down_counter("up_down").add(-2.5)
    meter.create_observable_gauge("gauge", [lambda _: [Observation(7, {"sensor": 1}), Observation(8, {"sensor": 2})]])
    for name in ("histogram", "exponential"):
        histogram = meter.create_histogram(name, unit="ms")
        for value in (0, 0.5, 3, 1200):
            histogram.record(value, {"path": "/"})
    metrics = reader.get_metrics_data()
    names = [metric.name for metric in metrics.resource_metrics[0].scope_metrics[0].metrics]
    assert sorted(names) == ["counter", "exponential", "gauge", "histogram", "up_down"]
    return metrics


def some_log_records():
    """Records with and without structure, one of them inside a span."""
    memory = InMemoryLogRecordExporter()
    provider = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
    logger = provider.get_logger("interop", "1.2.3")
    logger.emit(LogRecord(timestamp=1_700_000_000_123_456_789, body="a line\nand another", severity_text="INFO"))
    body = {"map": {"list": [1, 2.5, True, None]}, "bytes": b"\x00\xff"}
    with TracerProvider().get_tracer("interop").start_as_current_span("span"):
        logger.emit(
            LogRecord(
                body=body,
                severity_number=SeverityNumber.ERROR2,
                attributes={"nested": {"a": [1]}, "int": 1},
                event_name="an.event",
            )
        )
    records = memory.get_finished_logs()
    assert len(records) == 2
    return records
