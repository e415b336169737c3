"""A backend that takes OTLP over gRPC and HTTP (protobuf and JSON) and tells what arrived.

As a program it serves until its standard input ends. It prints one line with the ports to send to and the one to
ask, `{"grpc": PORT, "http": PORT, "received": PORT}`: `GET /traces` there (or metrics, logs) waits until any have
arrived and answers with them, as OTLP/JSON. `POST /marks/NAME` there puts a mark between what arrives before and after.
"""

import base64
import gzip
import http.server
import json
import sys
import threading
from concurrent import futures

import grpc
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

REQUESTS = {
    "traces": trace_service_pb2.ExportTraceServiceRequest,
    "metrics": metrics_service_pb2.ExportMetricsServiceRequest,
    "logs": logs_service_pb2.ExportLogsServiceRequest,
}


class Sink:
    """Listens on two ports of the loopback, `http_port` and `grpc_port`, and keeps what it receives.

    `journal` holds pairs in the order of arrival: (signal, request) and ("mark", name).
    """

    def __init__(self):
        self._arrived = threading.Condition()
        self.journal = []
        self._received = {signal: request() for signal, request in REQUESTS.items()}
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: _Handler(self, *args))
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self.http_port = self._http.server_port
        self._grpc = grpc.server(futures.ThreadPoolExecutor(4))
        for service in _services(self):
            service()
        self.grpc_port = self._grpc.add_insecure_port("127.0.0.1:0")
        self._grpc.start()

    def take(self, signal, request):
        """Keeps a request; several of one signal are merged into one."""
        with self._arrived:
            self.journal.append((signal, request))
            self._received[signal].MergeFrom(request)
            self._arrived.notify_all()

    def wait_for(self, signal, is_there, seconds=60):
        """What arrived of `signal`, as soon as `is_there` says so of it; fails after `seconds`."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: is_there(self._received[signal]), seconds):
                raise AssertionError(f"these {signal} are all that arrived:\n{self._received[signal]}")
            copy = REQUESTS[signal]()
            copy.CopyFrom(self._received[signal])
            return copy

    def close(self):
        self._http.shutdown()
        self._grpc.stop(None)


def _services(sink):
    """One function for each signal, which adds its gRPC service."""
    modules = {
        "traces": ("Trace", trace_service_pb2, trace_service_pb2_grpc),
        "metrics": ("Metrics", metrics_service_pb2, metrics_service_pb2_grpc),
        "logs": ("Logs", logs_service_pb2, logs_service_pb2_grpc),
    }
    for signal, (name, messages, stubs) in modules.items():
        answer = getattr(messages, f"Export{name}ServiceResponse")

        def export(_, request, __, signal=signal, answer=answer):
            sink.take(signal, request)
            return answer()

        servicer = type(name, (getattr(stubs, f"{name}ServiceServicer"),), {"Export": export})
        add = getattr(stubs, f"add_{name}ServiceServicer_to_server")
        yield lambda add=add, servicer=servicer: add(servicer(), sink._grpc)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, sink, *args):
        self._sink = sink
        super().__init__(*args)

    def do_POST(self):
        body = self._body()
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path.startswith("/marks/"):
            self._sink.journal.append(("mark", self.path.removeprefix("/marks/")))
            return self._answer("text/plain", b"")
        signal = self.path.removeprefix("/v1/")
        if self.headers["Content-Type"] == "application/json":
            self._sink.take(signal, from_json(signal, body))
            self._answer("application/json", b"{}")
        else:
            self._sink.take(signal, REQUESTS[signal].FromString(body))
            self._answer("application/x-protobuf", b"")

    def _body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def do_GET(self):
        received = self._sink.wait_for(self.path.removeprefix("/"), lambda request: request.ByteSize())
        self._answer("application/json", json.dumps(to_json(received)).encode())

    def _answer(self, content_type, body):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Quiet."""


# Protobuf's own JSON writes bytes as base64, OTLP/JSON writes these in hex.
_IDS = {"traceId", "spanId", "parentSpanId"}


def from_json(signal, body):
    """A request from OTLP/JSON."""
    document = _with_ids(json.loads(body), lambda hex: base64.b64encode(bytes.fromhex(hex)).decode())
    return json_format.ParseDict(document, REQUESTS[signal]())


def to_json(request):
    """A request as a document of OTLP/JSON."""
    document = json_format.MessageToDict(request, use_integers_for_enums=True)
    return _with_ids(document, lambda text: base64.b64decode(text).hex())


def _with_ids(node, change):
    if isinstance(node, list):
        return [_with_ids(item, change) for item in node]
    if isinstance(node, dict):
        return {key: change(value) if key in _IDS else _with_ids(value, change) for key, value in node.items()}
    return node


def serve(grpc_port, http_port, sink):
    """Says where to send to and where to ask, and waits until whoever reads that is done."""
    print(json.dumps({"grpc": grpc_port, "http": http_port, "received": sink.http_port}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    sink = Sink()
    serve(sink.grpc_port, sink.http_port, sink)
