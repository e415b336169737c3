"""The layer's zips: what is in them, that the binaries run where there is nothing else, and the script that publishes.

Wants the zips of both architectures (`layer/build`) and, for running them, root and `qemu-aarch64-static`.
"""

import contextlib
import json
import os
import pathlib
import platform
import shutil
import socket
import subprocess
import sys
import threading
import zipfile

import pytest

from collector import BINARY, PATIENCE, ROOT
from images import may_mount
from sink import Sink

TARGET = BINARY.parents[1]
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
NAMESERVER = "127.0.0.153"


def layer(architecture):
    return TARGET / f"layer/otelcol-lambda-layer-{architecture}.zip"


@pytest.fixture(params=ARCHITECTURES)
def architecture(request):
    return request.param


@pytest.fixture
def root(architecture, tmp_path):
    """An empty root with the zip unpacked into its /opt, as Lambda does it: modes are those of the zip."""
    with zipfile.ZipFile(layer(architecture)) as archive:
        for entry in archive.infolist():
            path = pathlib.Path(archive.extract(entry, tmp_path / "opt"))
            path.chmod(entry.external_attr >> 16 & 0o7777)
    return tmp_path


def test_the_zip_holds_the_collector_and_nothing_that_could_be_the_users(architecture):
    with zipfile.ZipFile(layer(architecture)) as archive:
        modes = {entry.filename: oct(entry.external_attr >> 16) for entry in archive.infolist()}
    assert modes == {
        "extensions/otelcol-lambda": "0o100755",
        "otelcol-lambda/LICENSE": "0o100644",
        "otelcol-lambda/NOTICES": "0o100644",
        "otelcol-lambda/config.example.yaml": "0o100644",
    }


def test_the_zip_is_small(architecture):
    assert layer(architecture).stat().st_size < 3_000_000


def test_the_binary_wants_no_loader_no_library_and_no_version_of_one(architecture, root):
    def readelf(option):
        command = ["readelf", "--wide", option, root / "opt/extensions/otelcol-lambda"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert "INTERP" not in readelf("--segments")
    assert "(NEEDED)" not in readelf("--dynamic")
    assert "No version information found" in readelf("--version-info")
    machine = {"amd64": "X86-64", "arm64": "AArch64"}[architecture]
    assert machine in readelf("--file-header")


@pytest.mark.skipif(not may_mount(), reason="needs root that may mount, to run programs in a root directory")
def test_the_binary_relays_in_an_empty_root_to_backends_by_name(architecture, root, tmp_path_factory):
    by_hosts, by_dns, silent = Sink(), Sink(), Sink()
    config = tmp_path_factory.mktemp("layer") / "collector.yaml"
    endpoints = {
        "otlp_http": "${env:OTLP_ENDPOINT}",
        "otlp_http/hosts": f"http://sandbox.localdomain:{by_hosts.http_port}",
        "otlp_http/dns": f"http://backend.example:{by_dns.http_port}",
        "otlp_http/unknown": f"http://other.example:{silent.http_port}",
    }
    pipeline = {"receivers": ["otlp"], "exporters": list(endpoints)}
    document = {
        "receivers": {"otlp": {"protocols": {"http": {}}}},
        "exporters": {name: {"endpoint": endpoint} for name, endpoint in endpoints.items()},
        "service": {"pipelines": {signal: pipeline for signal in ("traces", "metrics", "logs")}},
    }
    config.write_text(json.dumps(document))
    command = [BINARY.parent / "demo", "--json", "--invocations", "2", "--memory", "1769", "--rootfs", root]
    command += ["--config", config, "--nameserver", NAMESERVER, *PATIENCE]
    if ARCHITECTURES[architecture] != platform.machine():
        command += ["--emulator", shutil.which(f"qemu-{ARCHITECTURES[architecture]}-static")]
    before = sorted(root.rglob("*"))
    with nameserver({"backend.example": "127.0.0.1"}):
        # It fails if anything is lost on the way to its own backend.
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=600)
    assert json.loads(done.stdout)["arrived"]["spans"] > 0
    for sink in (by_hosts, by_dns):
        assert "traces" in [signal for signal, _ in sink.journal]
    assert silent.journal == []
    assert sorted(root.rglob("*")) == before
    for sink in (by_hosts, by_dns, silent):
        sink.close()


@contextlib.contextmanager
def nameserver(addresses):
    """A DNS server that knows these addresses and that there are no others."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((NAMESERVER, 53))

    def serve():
        while True:
            query, client = server.recvfrom(512)
            if not query:
                return
            labels, at = [], 12
            while size := query[at]:
                labels.append(query[at + 1 : at + 1 + size].decode())
                at += 1 + size
            question, kind = query[12 : at + 5], query[at + 2]
            address = addresses.get(".".join(labels).lower())
            # A (1) is all there is; of a known name other types are empty answers, an unknown name is no such domain (3).
            answer = b""
            if address and kind == 1:
                answer = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04" + socket.inet_aton(address)
            flags = 0x8180 if address else 0x8183
            head = query[:2] + flags.to_bytes(2) + b"\0\x01" + (1 if answer else 0).to_bytes(2) + b"\0\0\0\0"
            server.sendto(head + question + answer, client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", (NAMESERVER, 53))
    thread.join()
    server.close()


def test_the_example_for_sam_is_a_sound_template():
    lint = [pathlib.Path(sys.executable).with_name("cfn-lint"), ROOT / "layer/examples/sam/template.yaml"]
    done = subprocess.run(lint, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


AWS = """#!/bin/sh
printf '%s\\n' "$*" >> "$AWS_CALLS"
case "$*" in
  "ec2 describe-regions "*) printf 'eu-west-1\\tus-east-1\\n' ;;
  *"publish-layer-version --region us-east-1 "*) [ "$AWS_FAILS" ] && exit 254; echo arn:us:7 ;;
  *"publish-layer-version "*) echo arn:eu:3 ;;
esac
"""


@pytest.fixture
def publish(tmp_path):
    """Runs layer/publish with an AWS CLI that writes down what it is asked; answers with both."""
    aws, calls = tmp_path / "aws", tmp_path / "calls"
    aws.write_text(AWS)
    aws.chmod(0o755)

    def run(*arguments, **variables):
        path = f"{tmp_path}:{os.environ['PATH']}"
        env = os.environ | {"PATH": path, "AWS_CALLS": calls, "CARGO_TARGET_DIR": TARGET, "AWS_REGION": "eu-west-1"}
        calls.write_text("")
        done = subprocess.run([ROOT / "layer/publish", *arguments], env=env | variables, capture_output=True, text=True)
        return done, calls.read_text().splitlines()

    return run


def test_publishing_takes_both_architectures_to_the_own_region(publish):
    done, calls = publish()
    assert done.returncode == 0, done.stderr
    assert done.stdout == "eu-west-1\tamd64\tarn:eu:3\neu-west-1\tarm64\tarn:eu:3\n"
    assert len(calls) == 2
    for call, name, machine in zip(calls, ("amd64", "arm64"), ("x86_64", "arm64")):
        assert f"--region eu-west-1 --layer-name otelcol-lambda-{name} " in call
        assert f"--compatible-architectures {machine} --zip-file fileb://{layer(name)} " in call


def test_publishing_goes_to_all_regions_of_the_account_and_lets_everybody_in(publish):
    done, calls = publish("--all-regions", "--public", "--architecture", "arm64", "--name", "mine")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "eu-west-1\tarm64\tarn:eu:3\nus-east-1\tarm64\tarn:us:7\n"
    permission = "lambda add-layer-version-permission --region {} --layer-name mine-arm64 --version-number {} "
    assert [call for call in calls if call.startswith(permission.format("eu-west-1", 3))]
    assert [call for call in calls if call.startswith(permission.format("us-east-1", 7))]


def test_a_dry_run_of_publishing_changes_nothing_and_says_what_it_would(publish):
    done, calls = publish("--all-regions", "--public", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert [call.split()[:2] for call in calls] == [["ec2", "describe-regions"]]
    assert done.stderr.count("would run: aws lambda publish-layer-version") == 4
    assert done.stderr.count("would run: aws lambda add-layer-version-permission") == 4


def test_publishing_goes_on_where_a_region_fails_and_says_so(publish):
    done, _ = publish("--region", "us-east-1", "--region", "eu-west-1", "--architecture", "arm64", AWS_FAILS="yes")
    assert done.returncode == 1
    assert done.stdout == "eu-west-1\tarm64\tarn:eu:3\n"
    assert "failed: us-east-1/arm64" in done.stderr
