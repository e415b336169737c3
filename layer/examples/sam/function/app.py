"""A function with one span of its own; the wrapper of OpenTelemetry's Python layer does the rest."""

from opentelemetry import trace


def handler(event, context):
    with trace.get_tracer("orders").start_as_current_span("price"):
        return {"total": 3 * event.get("items", 1)}
