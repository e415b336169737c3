"""An instrumented Python function's traces by way of `awsxray` to a fake X-Ray (moto), read back as AWS's console would."""

import datetime
import json
import pathlib
import shlex
import subprocess
import sys
import urllib.request

import boto3
import pytest
from moto.server import ThreadedMotoServer

from collector import BINARY, PATIENCE

FUNCTION = pathlib.Path(__file__).parent / "function"
INVOCATIONS = 3


@pytest.fixture(scope="module")
def xray():
    """A client of a fake X-Ray that nothing has been sent to."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield boto3.client(
        "xray",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        # Whoever signs with the function's key sees the same account.
        aws_access_key_id="ASIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="x",
    )
    server.stop()


@pytest.fixture(scope="module")
def traces(xray, tmp_path_factory):
    """The documents of each trace, after some invocations in the simulated Lambda; and what summaries say of them."""
    began = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
    config = tmp_path_factory.mktemp("xray") / "collector.yaml"
    config.write_text(json.dumps(configuration(xray.meta.endpoint_url)))
    runtime = f"cd {shlex.quote(str(FUNCTION))} && exec {sys.executable} -m awslambdaric wrapper_xray.handler"
    command = [BINARY.parent / "demo", "--json", "--invocations", str(INVOCATIONS), "--extension", BINARY]
    command += PATIENCE
    command += ["--config", config, "--runtime", "/bin/sh", "-c", runtime]
    subprocess.run(command, check=True, timeout=600)
    ended = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)
    summaries = xray.get_trace_summaries(StartTime=began, EndTime=ended)["TraceSummaries"]
    found = xray.batch_get_traces(TraceIds=[summary["Id"] for summary in summaries])["Traces"]
    documents = {trace["Id"]: [json.loads(it["Document"]) for it in trace["Segments"]] for trace in found}
    return summaries, documents


def configuration(endpoint):
    return {
        "receivers": {"otlp": {"protocols": {"http": {}}}},
        # moto keeps regions apart by what is signed.
        "exporters": {"awsxray": {"endpoint": endpoint, "region": "us-east-1", "indexed_attributes": ["order"]}},
        "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["awsxray"]}}},
    }


def named(documents, name):
    [document] = [it for it in documents if it["name"] == name]
    return document


def test_every_invocation_is_one_connected_trace(traces):
    _, documents = traces
    assert len(documents) == INVOCATIONS
    for found in documents.values():
        assert len(found) == 4
        ids = {it["id"] for it in found}
        assert len([it for it in found if it.get("parent_id") not in ids]) == 1, "one root"
        assert len({it["trace_id"] for it in found}) == 1


def test_names_annotations_and_sql_are_in_place(traces):
    _, documents = traces
    orders = set()
    for found in documents.values():
        charge = named(found, "charge")
        orders.add(charge["annotations"]["order"])
        query = named(found, "shop@db.example.com")
        assert query["parent_id"] == charge["id"]
        assert (query["namespace"], query["type"]) == ("remote", "subsegment")
        assert query["sql"]["sanitized_query"] == "SELECT total FROM orders WHERE id = ?"
        assert query["sql"]["database_type"] == "postgresql"
    assert orders == set(range(1, INVOCATIONS + 1))


def test_what_failed_is_a_fault_with_its_causes(traces):
    summaries, documents = traces
    assert all(summary["HasFault"] for summary in summaries)
    for found in documents.values():
        pay = named(found, "pay")
        assert pay["fault"] is True
        outer, inner = pay["cause"]["exceptions"]
        assert (outer["type"], outer["message"], outer["cause"]) == ("RuntimeError", "not paid", inner["id"])
        assert (inner["type"], inner["message"]) == ("KeyError", "'card'")
        for exception in (outer, inner):
            thrown_at = exception["stack"][0]
            assert (thrown_at["label"], pathlib.Path(thrown_at["path"]).name) == ("pay", "till.py")
        assert "fault" not in named(found, "charge")
