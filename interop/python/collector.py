"""Runs the real collector outside Lambda, as an ordinary one between a client and a sink.

As a program (`collector.py EXPORTER`) it serves like `sink.py`, with the collector before the sink.
"""

import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import time

from sink import Sink, serve

ROOT = pathlib.Path(__file__).parents[2]
BINARY = pathlib.Path(os.environ.get("OTELCOL_LAMBDA_BINARY", ROOT / "target/release/otelcol-lambda"))
# For the simulated Lambda: time for the first imports, when packages are compiled, and for a backend on a machine that
# stalls. What a flush had to leave behind would be sent again, and a backend that took it all the same has it twice.
PATIENCE = ["--init-timeout", "300", "--env", "OTELCOL_LAMBDA_FLUSH_TIMEOUT=20s"]


class Collector:
    """A collector that relays every signal to `sink` through `exporter`, an id with its settings."""

    def __init__(self, sink, exporter):
        self.grpc_port, self.http_port = free_ports(2)
        config = configuration(self.grpc_port, self.http_port, exporters(sink)[exporter])
        env = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "OTEL_"))}
        # Its log goes to our standard error: the first line of our output is the one with the ports.
        self._process = subprocess.Popen([BINARY, "--config", f"yaml:{json.dumps(config)}"], env=env, stdout=2)
        self._wait_until_it_listens()

    def _wait_until_it_listens(self, seconds=60):
        deadline = time.monotonic() + seconds
        for port in (self.grpc_port, self.http_port):
            while True:
                if self._process.poll() is not None:
                    raise AssertionError(f"the collector ended with {self._process.returncode}")
                try:
                    socket.create_connection(("127.0.0.1", port), seconds).close()
                    break
                except ConnectionRefusedError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.01)

    def stop(self):
        """Asks it to end, which empties it, and waits until it has."""
        self._process.terminate()
        assert self._process.wait(60) == 0


def exporters(sink):
    """The ways out that are tried, by name."""
    http = {"endpoint": f"http://127.0.0.1:{sink.http_port}"}
    return {
        "grpc": {"otlp_grpc": {"endpoint": f"127.0.0.1:{sink.grpc_port}", "tls": {"insecure": True}}},
        "http/protobuf": {"otlp_http": http},
        "http/json": {"otlp_http": http | {"encoding": "json"}},
    }


def configuration(grpc_port, http_port, exporter):
    """A configuration with everything that telemetry passes on its way: both processors too."""
    pipeline = {"receivers": ["otlp"], "processors": ["resource", "batch"], "exporters": list(exporter)}
    tag = {"key": "deployment.environment.name", "value": "interop", "action": "upsert"}
    protocols = {
        "grpc": {"endpoint": f"127.0.0.1:{grpc_port}"},
        "http": {"endpoint": f"127.0.0.1:{http_port}"},
    }
    return {
        "receivers": {"otlp": {"protocols": protocols}},
        "processors": {"batch": {"timeout": "10ms"}, "resource": {"attributes": [tag]}},
        "exporters": exporter,
        "service": {"pipelines": {signal: pipeline for signal in ("traces", "metrics", "logs")}},
    }


# Below the range from which the kernel takes ports for connections: one of those could get a port before the collector does.
_PORTS = random.sample(range(20_000, 32_000), 12_000)


def free_ports(count):
    """Ports that were free just now, each given once."""
    return [next(port for port in iter(_PORTS.pop, None) if _is_free(port)) for _ in range(count)]


def _is_free(port):
    try:
        socket.create_server(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False


if __name__ == "__main__":
    sink = Sink()
    collector = Collector(sink, sys.argv[1])
    serve(collector.grpc_port, collector.http_port, sink)
    collector.stop()
