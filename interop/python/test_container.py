"""Images from the Dockerfiles of this project: the collector's own, and the examples for a function in a container.

Wants root, buildah, a Debian in target/container/debian (debootstrap) and the layer's zips; `.ci/run` brings all of it.
"""

import json
import os
import pathlib
import platform
import shutil
import subprocess
import zipfile

import pytest

from collector import BINARY, PATIENCE, ROOT
from images import TARGET, Unpacked, base, build, can_build
from sink import Sink

pytestmark = pytest.mark.skipif(not can_build(), reason="needs root that may mount, buildah and a Debian (see .ci/run)")

EXAMPLE = ROOT / "layer/examples/container"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
LAYER = BINARY.parents[1] / f"layer/otelcol-lambda-layer-{ARCHITECTURE}.zip"
INVOCATIONS = 3


@pytest.fixture(scope="module")
def collector():
    """The image of the project's own Dockerfile. The build's target directory outlives it, for the next time."""
    cargo, rustup = (
        os.environ.get(variable, pathlib.Path.home() / folder)
        for variable, folder in (("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup"))
    )
    base("builder", "builder.Dockerfile", CARGO_HOME=cargo, RUSTUP_HOME=rustup)
    (TARGET / "build").mkdir(exist_ok=True)
    volumes = [f"{cargo}:{cargo}", f"{rustup}:{rustup}", f"{TARGET / 'build'}:/src/target"]
    volumes = [option for volume in volumes for option in ("--volume", volume)]
    build("otelcol-lambda", ROOT / "Dockerfile", ROOT, *volumes, BUILDER="localhost/builder")
    return "localhost/otelcol-lambda"


def test_the_image_holds_what_the_zip_does_and_nothing_else(collector):
    with Unpacked(collector) as image, zipfile.ZipFile(LAYER) as archive:
        assert image.files() == sorted(f"opt/{name}" for name in archive.namelist())
        assert os.access(image.root / "opt/extensions/otelcol-lambda", os.X_OK)


def test_a_second_build_in_another_place_makes_the_same_zip_byte_for_byte(collector):
    assert (TARGET / "build/layer" / LAYER.name).read_bytes() == LAYER.read_bytes()


@pytest.fixture(scope="module", params=["Dockerfile", "Dockerfile.unzip"])
def arrived(request, collector, tmp_path_factory):
    """What a function's image from the example sends to its backend."""
    context = tmp_path_factory.mktemp("example") / "context"
    shutil.copytree(EXAMPLE, context)
    shutil.copy(LAYER, context)
    base("lambda-python", "lambda.Dockerfile")
    arguments = {"BASE": "localhost/lambda-python"}
    arguments |= {"COLLECTOR": collector} if request.param == "Dockerfile" else {"ARCHITECTURE": ARCHITECTURE}
    build("shop", context / request.param, context, **arguments)
    sink = Sink()
    with Unpacked("localhost/shop") as image:
        command = [BINARY.parent / "demo", "--json", "--invocations", str(INVOCATIONS), "--memory", "1769"]
        command += PATIENCE
        for variable in [*image.env, f"BACKEND_ENDPOINT=http://localhost:{sink.http_port}"]:
            command += ["--env", variable]
        command += ["--rootfs", image.root, "--entrypoint", *image.command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=600)
    sink.close()
    return sink.journal


def of(arrived, signal):
    return [request for kind, request in arrived if kind == signal]


def test_the_functions_traces_arrive(arrived):
    spans = [
        span
        for request in of(arrived, "traces")
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert [span.name for span in spans].count("charge") == INVOCATIONS
    parents = {span.span_id for span in spans if span.name != "charge"}
    assert {span.parent_span_id for span in spans if span.name == "charge"} <= parents


def test_the_functions_metrics_arrive(arrived):
    orders = [
        point.as_int
        for request in of(arrived, "metrics")
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "orders"
        for point in metric.sum.data_points
    ]
    assert max(orders) == INVOCATIONS


def test_the_functions_printed_lines_arrive(arrived):
    bodies = [
        record.body.string_value
        for request in of(arrived, "logs")
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]
    assert [body.strip() for body in bodies if "charged" in body] == [
        f"order {order} charged" for order in range(1, INVOCATIONS + 1)
    ]
