"""Functions without a word of OpenTelemetry, instrumented as OpenTelemetry's wrapper layers do it: their traces arrive.

What the layers do is rebuilt (`*/layer/`) of the packages that they consist of. None of it knows of the collector: the
endpoint is left at its default.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys

import pytest

from collector import BINARY, PATIENCE, ROOT
from sink import Sink

INTEROP = ROOT / "interop"
JAVA = os.environ.get("INTEROP_JAVA", str(ROOT / "target/interop-java"))
CLASSES = f"{JAVA}/classes:{JAVA}/dependency/*"
# What the two layers for Java unpack. Lambda has the jars in java/lib of layers on the class path.
LAYER = f"{JAVA}-layer"
RUNTIMES = {
    # Folder, handler, runtime interface client.
    "python": (INTEROP / "python/function", "clerk.handle", [sys.executable, "-m", "awslambdaric"]),
    "node": (
        INTEROP / "node/function",
        "clerk.handle",
        [shutil.which("node"), INTEROP / "node/node_modules/aws-lambda-ric/index.mjs"],
    ),
    "java": (
        INTEROP / "java",
        "interop.Clerk::handleRequest",
        [shutil.which("java"), "-XX:TieredStopAtLevel=1", "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"],
    ),
}
OF_LAMBDA = {"OTEL_PROPAGATORS": "tracecontext,baggage,xray-lambda"}
# Without all else that the agent can instrument it starts sooner.
QUICK = {
    "OTEL_INSTRUMENTATION_COMMON_DEFAULT_ENABLED": "false",
    "OTEL_INSTRUMENTATION_AWS_LAMBDA_ENABLED": "true",
    "OTEL_INSTRUMENTATION_HTTP_URL_CONNECTION_ENABLED": "true",
}
# The wrapper and the user's settings, by a name that begins with the runtime's.
WAYS = {
    "python": ("otel-instrument", {}),
    "python-grpc": ("otel-instrument", OF_LAMBDA | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}),
    "node": ("otel-handler", {}),
    "node-proto": ("otel-handler", OF_LAMBDA | {"OTLP_ENCODING": "proto"}),
    "java-agent": ("otel-handler", OF_LAMBDA | QUICK | {"CLASSPATH": CLASSES}),
    "java-wrapper": ("otel-wrapper", {"CLASSPATH": f"{CLASSES}:{LAYER}/java/lib/*"}),
}
INVOCATIONS = 3
SERVER, ERROR = 2, 2


class Seen:
    """What reached the backend, spans by the invocation that was the last to have begun."""

    def __init__(self, way, journal, figures):
        self.way = way
        self.ids = [it["request_id"] for it in figures["invocations"]]
        self.spans, self.services, self.records = [], set(), []
        for signal, what in journal:
            if signal == "mark":
                self.spans.append([])
            elif signal == "traces":
                for resource in what.resource_spans:
                    self.services.add(text(resource.resource, "service.name"))
                    self.spans[-1] += [span for scope in resource.scope_spans for span in scope.spans]
            elif signal == "logs":
                self.records += [
                    it for resource in what.resource_logs for scope in resource.scope_logs for it in scope.log_records
                ]

    def server(self, number):
        [span] = [span for span in self.spans[number] if span.kind == SERVER]
        return span


def text(bearer, name):
    """The value of an attribute, if it is text."""
    return next((it.value.string_value for it in bearer.attributes if it.key == name), None)


@pytest.fixture(scope="module", params=WAYS)
def seen(request, tmp_path_factory):
    wrapper, settings = WAYS[request.param]
    runtime = request.param.split("-")[0]
    folder, handler, client = RUNTIMES[runtime]
    sink = Sink()
    config = tmp_path_factory.mktemp("wrappers") / "collector.yaml"
    config.write_text(json.dumps(configuration(sink)))
    env = settings | {
        "_HANDLER": handler,
        "LAMBDA_TASK_ROOT": folder,
        "LAYER": LAYER,
        "SHOP": f"http://127.0.0.1:{sink.http_port}",
        "PATH": f"{os.path.dirname(sys.executable)}:/usr/bin:/bin",
    }
    # As in the managed runtimes: the wrapper is given the command of the runtime, which looks at the handler only then.
    bootstrap = [INTEROP / runtime / "layer" / wrapper, "/bin/sh", "-c", f'exec {shlex.join(map(str, client))} "$_HANDLER"']
    # The simulator's own function is told where the collector listens; this one is not.
    start = f'unset OTEL_EXPORTER_OTLP_ENDPOINT; cd "$LAMBDA_TASK_ROOT"; exec {shlex.join(map(str, bootstrap))}'
    command = [BINARY.parent / "demo", "--json", "--invocations", str(INVOCATIONS), "--memory", "3538"]
    command += PATIENCE
    command += ["--extension", BINARY, "--config", config]
    command += [option for name, value in env.items() for option in ("--env", f"{name}={value}")]
    command += ["--runtime", "/bin/sh", "-c", start]
    # It does not end well, for the second order fails.
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=600)
    sink.close()
    assert done.returncode == 1
    return Seen(request.param, sink.journal, json.loads(done.stdout)["figures"])


def configuration(sink):
    """OTLP in at the default ports and out to the sink, and what the platform tells of the invocations."""
    pipelines = {
        signal: {"receivers": receivers, "exporters": ["otlp_http"]}
        for signal, receivers in (("traces", ["otlp"]), ("metrics", ["otlp"]), ("logs", ["otlp", "telemetryapi"]))
    }
    return {
        "receivers": {"otlp": {"protocols": {"grpc": {}, "http": {}}}, "telemetryapi": {"types": ["platform"]}},
        "exporters": {"otlp_http": {"endpoint": f"http://127.0.0.1:{sink.http_port}"}},
        "service": {"pipelines": pipelines},
    }


def test_the_span_of_every_invocation_arrives_before_the_next_begins(seen):
    assert len(seen.spans) == INVOCATIONS
    for number, request_id in enumerate(seen.ids):
        assert text(seen.server(number), "faas.invocation_id") == request_id


def test_an_invocation_that_fails_is_an_error_with_its_cause(seen):
    for number in range(INVOCATIONS):
        span = seen.server(number)
        assert (span.status.code == ERROR) == (number == 1)
        assert ("one too many" in str(span.events)) == (number == 1)


def test_what_the_function_asks_of_others_is_a_child_of_the_invocation(seen):
    for number, spans in enumerate(seen.spans):
        parents = [span.parent_span_id for span in spans if span.kind != SERVER and f"/marks/{seen.ids[number]}" in str(span)]
        # The wrapper for Java knows of the handler alone.
        assert parents == ([] if seen.way == "java-wrapper" else [seen.server(number).span_id])


def test_the_service_bears_the_functions_name(seen):
    assert seen.services == {"orders"}


def test_the_span_is_of_lambdas_own_trace_if_the_propagator_is_xray_lambda(seen):
    traces = {text(it, "faas.invocation_id"): it.trace_id for it in seen.records if text(it, "type") == "platform.start"}
    for number, request_id in enumerate(seen.ids):
        joined = seen.server(number).trace_id == traces[request_id]
        assert joined == ("OTEL_PROPAGATORS" in WAYS[seen.way][1])
