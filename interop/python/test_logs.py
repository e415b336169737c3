"""What a function says on AWS's own runtime arrives record by record, each with its level and its invocation.

Runs the three functions `talk` (Python, Node.js, Java), each on its runtime interface client in the simulated Lambda.
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

PYTHON = ROOT / "interop/python/function"
NODE = ROOT / "interop/node"
JAVA = os.environ.get("INTEROP_JAVA", ROOT / "target/interop-java")
CLIENTS = {
    "python": [sys.executable, "-m", "awslambdaric", "talk.handle"],
    "node": [shutil.which("node"), NODE / "node_modules/aws-lambda-ric/index.mjs", "talk.handle"],
    "java": [
        shutil.which("java"),
        # As in the managed runtime: without it the client cannot open the channel and falls back to the stream.
        "--add-opens=java.base/java.io=ALL-UNNAMED",
        "-cp",
        f"{JAVA}/classes:{JAVA}/dependency/*",
        "com.amazonaws.services.lambda.runtime.api.client.AWSLambda",
        "interop.Talk",
    ],
}
FOLDERS = {"python": PYTHON, "node": NODE / "function", "java": ROOT / "interop/java"}
# How the platform takes the lines: from the standard streams, as under a custom base image, or from the channel of
# the managed runtimes. Java's logger ends no lines: on a stream its records run together, so that is not tried.
WAYS = [
    ("python", "text", "lines"),
    ("node", "text", "lines"),
    *[(runtime, form, "frames") for runtime in CLIENTS for form in ("text", "json")],
]
DEBUG, INFO, WARN, ERROR, FATAL = 5, 9, 13, 17, 21
SAID = {"a detail": DEBUG, "a fact": INFO, "a doubt": WARN, "a fault": ERROR, "a disaster": FATAL}
ORDERS = [1, 2, 3]


class Said:
    """What arrived of a function's lines, and the request ids of its invocations by order."""

    def __init__(self, journal, figures):
        self.ids = dict(zip(ORDERS, (it["request_id"] for it in figures["invocations"])))
        self._records = [
            record
            for _, request in journal
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def of(self, order, kind="function"):
        """The records of this type that name the order's invocation."""
        return [it for it in self._records if (text(it, "type"), text(it, "faas.invocation_id")) == (kind, self.ids[order])]

    def all(self, kind="function"):
        return [it for it in self._records if text(it, "type") == kind]


def text(record, name):
    """The value of a record's attribute, if it is text."""
    return next((it.value.string_value for it in record.attributes if it.key == name), None)


@pytest.fixture(scope="module", params=WAYS, ids="-".join)
def way(request):
    return request.param


@pytest.fixture(scope="module")
def said(way, tmp_path_factory):
    runtime, form, channel = way
    sink = Sink()
    config = tmp_path_factory.mktemp("logs") / "collector.yaml"
    config.write_text(json.dumps(configuration(sink)))
    client = shlex.join(map(str, CLIENTS[runtime]))
    folder = shlex.quote(str(FOLDERS[runtime]))
    start = f"cd {folder} && LAMBDA_TASK_ROOT=$PWD _HANDLER={CLIENTS[runtime][-1]} exec {client}"
    command = [BINARY.parent / "demo", "--json", "--invocations", str(len(ORDERS)), "--memory", "1769"]
    command += PATIENCE
    command += ["--extension", BINARY, "--config", config]
    command += ["--json-logs"] if form == "json" else []
    command += ["--framed-logs"] if channel == "frames" else []
    command += ["--runtime", "/bin/sh", "-c", start]
    # It does not end well, for the second order fails.
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=600)
    sink.close()
    assert done.returncode == 1
    return Said(sink.journal, json.loads(done.stdout)["figures"])


def configuration(sink):
    """Everything that the platform tells of the function, to the sink."""
    return {
        "receivers": {"telemetryapi": {"types": ["platform", "function"], "log_report": True}},
        "exporters": {"otlphttp": {"endpoint": f"http://127.0.0.1:{sink.http_port}"}},
        "service": {"pipelines": {"logs": {"receivers": ["telemetryapi"], "exporters": ["otlphttp"]}}},
    }


def test_every_line_arrives_once_with_its_level_and_invocation(way, said):
    expected = {what: level for what, level in SAID.items() if what != "a disaster" or way[0] != "node"}
    for order in ORDERS:
        for what, level in expected.items():
            found = [it for it in said.of(order) if f"order {order}: {what}" in str(it)]
            assert [it.severity_number for it in found] == [level], what


def test_a_line_that_no_logger_wrote_arrives_with_its_invocation(said):
    for order in ORDERS:
        [_] = [it for it in said.of(order) if f"order {order}: a plain line" in str(it)]


def test_text_of_two_lines_is_one_record_where_the_runtime_frames_it(way, said):
    for order in ORDERS:
        [first] = [it for it in said.of(order) if f"order {order}: a first line" in str(it)]
        [second] = [it for it in said.of(order) if "and a second" in str(it)]
        assert first.severity_number == INFO
        assert (first is second) == (way[2] == "frames" or way[0] == "node")


def test_an_exception_arrives_with_its_invocation_and_as_an_error(said):
    found = [it for it in said.of(2) if "one too many" in str(it)]
    assert ERROR in [it.severity_number for it in found]


def test_every_record_within_an_invocation_names_it(said):
    assert [it for it in said.all() if not text(it, "faas.invocation_id")] == []


def test_the_invocations_are_told_by_the_platform_too(said):
    for order in ORDERS:
        assert len(said.of(order, "platform.start")) == len(said.of(order, "platform.runtimeDone")) == 1
        assert len(said.of(order, "platform.report")) == 1
