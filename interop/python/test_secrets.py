"""Configurations and secrets from a fake AWS (moto): found, missing, denied, slow, throttled, rotated, hostile."""

import contextlib
import http.server
import json
import os
import subprocess
import threading
import time
import urllib.request

import boto3
import pytest
from moto.server import ThreadedMotoServer
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from collector import BINARY, free_ports
from sink import Sink

KEYS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}
HOSTILE = ["a: b", '"x', "pa$$word", "${env:HOME}", "#abc", "*abc", "{unclosed", "~", "0123", "a}b", "- x", "%41", "é", "two\nlines", "it's", "a\\b"]


def serve(handler):
    """A server on a free port, which each request has a thread of, and its URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"


class Front:
    """Stands before moto, counts what is asked for, and behaves as AWS may behave."""

    def __init__(self, moto):
        self.calls, self.moto, self.before = [], moto, lambda action, body: None
        front = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                action = self.headers.get("x-amz-target", self.path)
                front.calls.append((action, body.decode()))
                status, answer = front.before(action, body.decode()) or front.ask(self, body)
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server, self.url = serve(Handler)

    def ask(self, request, body):
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        asked = urllib.request.Request(self.moto + request.path, body or None, headers, method=request.command)
        try:
            with urllib.request.urlopen(asked) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def moto():
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    yield "http://%s:%s" % server.get_host_and_port()
    server.stop()


@pytest.fixture
def aws(moto):
    urllib.request.urlopen(urllib.request.Request(f"{moto}/moto-api/reset", method="POST")).close()
    front = Front(moto)
    yield front
    front.close()


@pytest.fixture
def sink():
    sink = Sink()
    yield sink
    sink.close()


def client(service, aws):
    return boto3.client(
        service, endpoint_url=aws.moto, region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
    )


def environment(aws, **more):
    env = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "OTEL"))}
    # moto loads a service when it is first asked for.
    return env | KEYS | {"AWS_ENDPOINT_URL": aws.url, "OTELCOL_LAMBDA_CONFIG_TIMEOUT": "30s"} | more


def configuration(port, exporters, pipeline=None):
    return json.dumps(
        {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
            "exporters": exporters,
            "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": pipeline or list(exporters)}}},
        }
    )


def run(aws, uri=None, **env):
    command = [BINARY, "--config", uri] if uri else [BINARY]
    return subprocess.Popen(command, env=environment(aws, **env), stdout=subprocess.PIPE, text=True)


@contextlib.contextmanager
def collecting(process, port):
    """Gives a tracer that sends each span at once to that collector, and ends it."""
    try:
        exporter = OTLPSpanExporter(f"http://127.0.0.1:{port}/v1/traces")
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/").close()
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.01)
        yield provider.get_tracer("t")
    finally:
        process.terminate()
        process.wait(60)


def a_span_s_resource(aws, uri, port, sink, **env):
    """Runs the collector with a configuration and sends a span through it: its resource as it arrives."""
    with collecting(run(aws, uri, **env), port) as tracer:
        tracer.start_span("s").end()
        return sink.wait_for("traces", lambda traces: traces.resource_spans).resource_spans[0]


def attribute(span, key):
    return next(it.value.string_value for it in span.resource.attributes if it.key == key)


def with_attributes(port, sink, attributes):
    config = json.loads(configuration(port, {"otlp_http": {"endpoint": f"http://127.0.0.1:{sink.http_port}"}}))
    config["processors"] = {"resource": {"attributes": [
        {"key": key, "value": value, "action": "upsert"} for key, value in attributes.items()
    ]}}
    config["service"]["pipelines"]["traces"]["processors"] = ["resource"]
    return json.dumps(config)


def test_a_secret_is_found_by_name_by_arn_by_field_by_version_and_nested_three_deep(aws, sink):
    secrets, ssm, s3 = client("secretsmanager", aws), client("ssm", aws), client("s3", aws)
    arn = secrets.create_secret(Name="app/token", SecretString=json.dumps({"token": "first", "n": 7}))["ARN"]
    secrets.put_secret_value(SecretId=arn, SecretString=json.dumps({"token": "second", "n": 7}))
    secrets.create_secret(Name="binary", SecretBinary=b"bytes")
    ssm.put_parameter(Name="/app/secret", Value="app/token", Type="SecureString")
    for number in range(12):
        ssm.put_parameter(Name=f"/app/p{number}", Value=f"value {number}", Type="String")
    s3.create_bucket(Bucket="conf", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="conf", Key="a b/name", Body=b"/app/secret\n")
    [port] = free_ports(1)
    wanted = {
        "by_name": ("${secretsmanager:app/token#token}", "second"),
        "by_arn": ("${secretsmanager:${env:ARN}#token}", "second"),
        "by_bare_arn": ("<${%s#n}>" % arn, "<7>"),
        "before": ("${secretsmanager:app/token?stage=AWSPREVIOUS#token}", "first"),
        "default": ("${secretsmanager:app/token#none:-other}", "other"),
        "deep": ("<${secretsmanager:${ssm:${s3://conf/a b/name}}#token}>", "<second>"),
        "binary": ("${secretsmanager:binary}", "bytes"),
        "version": ("${ssm:/app/p0:1}", "value 0"),
    } | {f"p{number}": ("${ssm:/app/p%s}" % number, f"value {number}") for number in range(12)}
    config = with_attributes(port, sink, {key: value for key, (value, _) in wanted.items()})
    s3.put_object(Bucket="conf", Key="collector.yaml", Body=config.encode())
    aws.calls.clear()
    span = a_span_s_resource(aws, "s3://conf/collector.yaml", port, sink, ARN=arn)
    assert {key: attribute(span, key) for key in wanted} == {key: text for key, (_, text) in wanted.items()}
    actions = [action.rpartition(".")[2] for action, _ in aws.calls]
    # By name and by ARN it is asked for as what it was called; the fields of either cost nothing more.
    assert actions.count("GetSecretValue") == 4
    assert actions.count("GetParameters") == 3


def test_hostile_values_stay_values(aws, sink):
    ssm = client("ssm", aws)
    for number, value in enumerate(HOSTILE):
        ssm.put_parameter(Name=f"/h/{number}", Value=value, Type="SecureString")
    [port] = free_ports(1)
    attributes = {f"h{number}": "<${ssm:/h/%s}>" % number for number in range(len(HOSTILE))}
    span = a_span_s_resource(aws, f"yaml:{with_attributes(port, sink, attributes)}", port, sink)
    assert [attribute(span, f"h{number}") for number in range(len(HOSTILE))] == [f"<{value}>" for value in HOSTILE]


class Guard:
    """A backend that takes what comes with the right headers and refuses the rest; `seen` are the headers and the answers."""

    def __init__(self, headers, refusal=401):
        self.headers, self.seen, self._arrived = headers, [], threading.Condition()
        guard = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                found = {name: self.headers[name] for name in guard.headers}
                status = 200 if found == guard.headers else refusal
                self.send_response(status)
                self.end_headers()
                with guard._arrived:
                    guard.seen.append((found, status))
                    guard._arrived.notify_all()

            def log_message(self, *_):
                pass

        self.server, self.url = serve(Handler)

    def wait_for(self, requests):
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.seen) >= requests, 60), self.seen

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_a_hostile_value_is_the_whole_of_a_header(aws):
    ssm, [port] = client("ssm", aws), free_ports(1)
    # A header holds neither line breaks nor, as libraries have it, anything that is not ASCII.
    values = {f"x-{i}": value for i, value in enumerate(HOSTILE) if value.isascii() and value.isprintable()}
    for name, value in values.items():
        ssm.put_parameter(Name=f"/h/{name}", Value=value, Type="SecureString")
    with Guard(values) as guard:
        headers = {name: "${ssm:/h/%s}" % name for name in values}
        config = configuration(port, {"otlp_http": {"endpoint": guard.url, "headers": headers}})
        with collecting(run(aws, f"yaml:{config}"), port) as tracer:
            tracer.start_span("s").end()
            guard.wait_for(1)
        assert guard.seen == [(values, 200)]


@pytest.mark.parametrize("refusal", [401, 403])
def test_a_rotated_secret_is_fetched_again_when_the_backend_refuses_the_old_one(aws, refusal):
    secrets, [port] = client("secretsmanager", aws), free_ports(1)
    secrets.create_secret(Name="key", SecretString=json.dumps({"key": "old"}))
    with Guard({"x-key": "old"}, refusal) as guard:
        exporter = {"endpoint": guard.url, "headers": {"x-key": "${secretsmanager:key#key}"}}
        with collecting(run(aws, f"yaml:{configuration(port, {'otlp_http': exporter})}"), port) as tracer:
            tracer.start_span("before").end()
            guard.wait_for(1)
            secrets.put_secret_value(SecretId="key", SecretString=json.dumps({"key": "new"}))
            guard.headers = {"x-key": "new"}
            tracer.start_span("after").end()
            guard.wait_for(3)
        assert [(seen["x-key"], status) for seen, status in guard.seen] == [
            ("old", 200), ("old", refusal), ("new", 200)
        ]
    assert sum("GetSecretValue" in action for action, _ in aws.calls) == 2


@pytest.mark.parametrize(
    "variables",
    [
        {"OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPOINT": "%(url)s", "OTELCOL_LAMBDA_EXPORTER_OTLP_HEADERS": headers}
        for headers in [
            "${secretsmanager:${env:NAME}}",
            "x-key=${secretsmanager:${env:NAME}#x-key},x-team=${%(arn)s#x-team}",
        ]
    ]
    + [
        {
            "ROTEL_OTLP_EXPORTER_ENDPOINT": "%(url)s",
            "ROTEL_OTLP_EXPORTER_PROTOCOL": "http",
            "ROTEL_OTLP_EXPORTER_CUSTOM_HEADERS": "x-key=${%(arn)s#x-key},x-team=${%(arn)s#x-team}",
        },
    ],
)
def test_variables_instead_of_a_configuration_take_secrets(aws, variables):
    wanted, [port, other] = {"x-key": 'a,b=c: "$d', "x-team": "1.10"}, free_ports(2)
    secret = client("secretsmanager", aws).create_secret(Name="headers", SecretString=json.dumps(wanted))
    with Guard(wanted) as guard:
        given = {name: value % {"url": guard.url, "arn": secret["ARN"]} for name, value in variables.items()}
        ports = {
            "OTELCOL_LAMBDA_RECEIVER_OTLP_HTTP_ENDPOINT": f"127.0.0.1:{port}",
            "OTELCOL_LAMBDA_RECEIVER_OTLP_GRPC_ENDPOINT": f"127.0.0.1:{other}",
        }
        with collecting(run(aws, NAME="headers", **given, **ports), port) as tracer:
            tracer.start_span("s").end()
            guard.wait_for(1)
        assert guard.seen == [(wanted, 200)]


def test_a_busy_service_is_asked_again(aws, sink):
    client("secretsmanager", aws).create_secret(Name="s", SecretString="yes")
    answers = iter([(400, b'{"__type": "ThrottlingException"}'), (503, b"")])
    aws.before = lambda action, body: next(answers, None) if "GetSecretValue" in action else None
    [port] = free_ports(1)
    span = a_span_s_resource(aws, f"yaml:{with_attributes(port, sink, {'a': '${secretsmanager:s}'})}", port, sink)
    assert attribute(span, "a") == "yes"


def said(aws, exporter, seconds=60, **env):
    """What the collector says of a configuration with that exporter, and how long it took to end over it."""
    started = time.monotonic()
    process = run(aws, f"yaml:{configuration(free_ports(1)[0], {'otlp_http': exporter})}", **env)
    output, _ = process.communicate(timeout=seconds)
    return output, time.monotonic() - started


def test_what_can_not_be_had_is_named_with_what_aws_says(aws):
    denied = "User: arn:aws:sts::1:assumed-role/fn-role/fn is not authorized to perform: secretsmanager:GetSecretValue"
    aws.before = lambda action, body: (
        (400, json.dumps({"__type": "AccessDeniedException", "Message": denied}).encode()) if "denied" in body else None
    )
    for reference, words in {
        "${secretsmanager:denied#k}": ["the secret denied", "fn-role", "needs secretsmanager:GetSecretValue", "eu-west-1"],
        "${secretsmanager:missing}": ["the secret missing", "ResourceNotFoundException"],
        "${ssm:/missing}": ["the parameter /missing", "eu-west-1"],
        "${s3://nobucket/key}": ["s3://nobucket/key", "NoSuchBucket"],
    }.items():
        output, _ = said(aws, {"endpoint": "http://127.0.0.1:1", "headers": {"k": reference}})
        assert all(word in output for word in words), output


def test_a_slow_service_holds_the_start_for_a_bounded_time(aws):
    aws.before = lambda action, body: time.sleep(20)
    output, seconds = said(
        aws, {"endpoint": "http://a", "headers": {"k": "${ssm:/a}"}}, OTELCOL_LAMBDA_CONFIG_TIMEOUT="300ms"
    )
    assert "no answer within" in output and seconds < 10


def test_what_no_pipeline_uses_costs_nothing_and_a_look_at_it_needs_no_aws(aws, sink):
    [port] = free_ports(1)
    exporters = {
        "otlp_http": {"endpoint": f"http://127.0.0.1:{sink.http_port}"},
        "otlp_http/unused": {"endpoint": "${ssm:/a}"},
    }
    config = f"yaml:{configuration(port, exporters, ['otlp_http'])}"
    a_span_s_resource(aws, config, port, sink)
    assert aws.calls == []
    used = f"yaml:{configuration(port, exporters)}"
    for config, note in {config: "", used: "${ssm:/a} is fetched when the collector starts"}.items():
        for command, shown in {"validate": "", "print-config": "${ssm:/a}"}.items():
            look = subprocess.run([BINARY, "--config", config, command], env={}, capture_output=True, text=True)
            assert look.returncode == 0 and shown in look.stdout, look
            assert note in look.stderr and bool(note) == ("note: " in look.stderr), look
