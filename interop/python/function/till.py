"""A Lambda function as a user writes one, with a query and a failure that it survives."""

from opentelemetry import trace

tracer = trace.get_tracer("till")


def handle(event, context):
    """Takes an order, asks the database, and fails to be paid."""
    with tracer.start_as_current_span("charge", attributes={"order": event["order"]}):
        query()
        try:
            with tracer.start_as_current_span("pay"):
                pay({})
        except RuntimeError:
            pass
    return {"charged": event["order"]}


def query():
    attributes = {
        "db.system.name": "postgresql",
        "db.namespace": "shop",
        "db.query.text": "SELECT total FROM orders WHERE id = ?",
        "server.address": "db.example.com",
    }
    with tracer.start_as_current_span("SELECT orders", kind=trace.SpanKind.CLIENT, attributes=attributes):
        pass


def pay(order):
    try:
        order["card"]
    except KeyError as missing:
        raise RuntimeError("not paid") from missing
