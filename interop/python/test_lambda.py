"""An instrumented Python function in the simulated Lambda, on AWS's own runtime, with the collector beside it."""

import collections
import json
import pathlib
import shlex
import subprocess
import sys

import pytest

from collector import BINARY, PATIENCE
from sink import Sink

FUNCTION = pathlib.Path(__file__).parent / "function"
INVOCATIONS = 5


@pytest.fixture(scope="module")
def invocations(tmp_path_factory):
    """What arrived in each invocation, before the next began: requests by signal."""
    sink = Sink()
    config = tmp_path_factory.mktemp("lambda") / "collector.yaml"
    config.write_text(json.dumps(configuration(sink)))
    runtime = f"cd {shlex.quote(str(FUNCTION))} && SINK=http://127.0.0.1:{sink.http_port} exec {sys.executable} -m awslambdaric wrapper.handler"
    command = [BINARY.parent / "demo", "--json", "--invocations", str(INVOCATIONS), "--extension", BINARY]
    command += PATIENCE
    command += ["--config", config, "--runtime", "/bin/sh", "-c", runtime]
    subprocess.run(command, check=True, timeout=600)
    sink.close()
    return by_invocation(sink.journal)


def configuration(sink):
    """As short as the README's: OTLP in at the default ports, OTLP out."""
    pipeline = {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["otlphttp"]}
    return {
        "receivers": {"otlp": {"protocols": {"grpc": {}, "http": {}}}},
        # Long past the function's end: what is held must go with the invocation all the same.
        "processors": {"batch": {"timeout": "60s"}},
        "exporters": {"otlphttp": {"endpoint": f"http://127.0.0.1:{sink.http_port}"}},
        "service": {"pipelines": {signal: pipeline for signal in ("traces", "metrics", "logs")}},
    }


def by_invocation(journal):
    """The journal cut at the marks that the function makes when it begins."""
    found = []
    for signal, what in journal:
        if signal == "mark":
            found.append(collections.defaultdict(list))
        else:
            found[-1][signal].append(what)
    return found


def test_every_invocation_ran(invocations):
    assert len(invocations) == INVOCATIONS


def test_the_spans_of_every_invocation_arrive_before_the_next_begins(invocations):
    for number, arrived in enumerate(invocations, 1):
        spans = {
            span.name: span
            for request in arrived["traces"]
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }
        charge = spans.pop("charge")
        [server] = spans.values()
        assert charge.parent_span_id == server.span_id
        assert [(it.key, it.value.int_value) for it in charge.attributes] == [("order", number)]
        assert "faas.invocation_id" in [it.key for it in server.attributes]


def test_the_metrics_of_every_invocation_arrive_before_the_next_begins(invocations):
    for number, arrived in enumerate(invocations, 1):
        orders = [
            point.as_int
            for request in arrived["metrics"]
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == "orders"
            for point in metric.sum.data_points
        ]
        assert orders == [number]


def test_the_log_records_of_every_invocation_arrive_before_the_next_begins(invocations):
    for number, arrived in enumerate(invocations, 1):
        bodies = [
            record.body.string_value
            for request in arrived["logs"]
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]
        assert bodies == [f"Order {number} charged"]
