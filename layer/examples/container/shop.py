"""A function as a user writes one: it knows OpenTelemetry's API and nothing of a collector."""

from opentelemetry import metrics, trace

tracer = trace.get_tracer("shop")
orders = metrics.get_meter("shop").create_counter("orders")


def handle(event, context):
    """Takes an order."""
    with tracer.start_as_current_span("charge", attributes={"order": event["order"]}):
        orders.add(1)
        print(f"order {event['order']} charged")
    return {"charged": event["order"]}
