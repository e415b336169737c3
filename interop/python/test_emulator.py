"""The layer in AWS's own emulator of Lambda, which is in each of AWS's base images, as `docker run` of a function has it.

The emulator comes with the SAM CLI (`emulator.txt`). Wants the layer's zip, and root for a /opt of its own.
"""

import json
import os
import pathlib
import platform
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile

import pytest

from collector import BINARY, ROOT, free_ports
from images import may_mount
from sink import Sink

TARGET = BINARY.parents[1]
MACHINE = {"x86_64": ("x86_64", "amd64"), "aarch64": ("arm64", "arm64")}[platform.machine()]
EMULATOR = TARGET / f"sam/samcli/local/rapid/aws-lambda-rie-{MACHINE[0]}"
LAYER = TARGET / f"layer/otelcol-lambda-layer-{MACHINE[1]}.zip"
PYTHON = ROOT / "interop/python"
SERVER = 2

pytestmark = pytest.mark.skipif(not may_mount(), reason="needs root that may mount")


class Emulator:
    """A Python function, instrumented as by OpenTelemetry's layer, with the collector in its /opt."""

    def __init__(self, folder, sink):
        opt = folder / "opt"
        with zipfile.ZipFile(LAYER) as archive:
            archive.extractall(opt)
        (opt / "extensions/otelcol-lambda").chmod(0o755)
        (opt / "config.yaml").write_text(json.dumps(configuration(sink)))
        self._said = folder / "said"
        self._port, runtime_api = free_ports(2)
        emulator = [EMULATOR, "--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"]
        emulator += ["--runtime-api-address", f"127.0.0.1:{runtime_api}"]
        emulator += [PYTHON / "layer/otel-instrument", "/bin/sh", "-c", 'exec python -m awslambdaric "$_HANDLER"']
        env = {
            "PATH": f"{os.path.dirname(sys.executable)}:/usr/bin:/bin",
            "AWS_LAMBDA_FUNCTION_NAME": "clerk",
            "_HANDLER": "clerk.handle",
            "SHOP": f"http://127.0.0.1:{sink.http_port}",
        }
        own_opt = ["unshare", "--mount", "/bin/sh", "-c", 'mount --bind "$0" /opt && exec "$@"', opt]
        with self._said.open("wb") as said:
            command = [*own_opt, *emulator]
            self._process = subprocess.Popen(command, cwd=PYTHON / "function", env=env, stdout=said, stderr=said)

    def invoke(self, event, seconds=60):
        """The function's answer. The emulator starts everything at the first."""
        url = f"http://127.0.0.1:{self._port}/2015-03-31/functions/function/invocations"
        deadline = time.monotonic() + seconds
        while True:
            try:
                with urllib.request.urlopen(url, json.dumps(event).encode(), seconds) as answer:
                    return json.load(answer)
            except urllib.error.URLError as error:
                # It does not listen yet.
                if not isinstance(error.reason, ConnectionRefusedError) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def end(self):
        """Ends it; what was said by all."""
        self._process.terminate()
        self._process.wait(60)
        return self._said.read_text()


def configuration(sink):
    pipeline = {"receivers": ["otlp"], "exporters": ["otlp_http"]}
    return {
        "receivers": {"otlp": {"protocols": {"grpc": {}, "http": {}}}},
        "exporters": {"otlp_http": {"endpoint": f"http://127.0.0.1:{sink.http_port}"}},
        "service": {"pipelines": {signal: pipeline for signal in ("traces", "metrics", "logs")}},
    }


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The answers to three orders, the spans of the invocations, and what was said."""
    sink = Sink()
    emulator = Emulator(tmp_path_factory.mktemp("emulator"), sink)
    try:
        answers = [emulator.invoke({"order": order}) for order in (1, 2, 3)]
        arrived = sink.wait_for("traces", lambda traces: len(servers(traces)) == len(answers))
    finally:
        said = emulator.end()
        sink.close()
    return answers, servers(arrived), said


def servers(traces):
    spans = [span for resource in traces.resource_spans for scope in resource.scope_spans for span in scope.spans]
    return [span for span in spans if span.kind == SERVER]


def test_the_function_answers_as_without_the_collector(ran):
    answers, _, _ = ran
    assert answers[0] == {"order": 1} and answers[2] == {"order": 3}
    assert answers[1]["errorMessage"] == "order 2: one too many"


def test_the_span_of_every_invocation_arrives_though_the_emulator_does_not_tell_its_end(ran):
    _, spans, said = ran
    assert ["one too many" in str(span.events) for span in spans] == [False, True, False]
    assert said.count("The platform does not tell when the function is done") == 1
