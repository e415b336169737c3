"""A Lambda function without a word of OpenTelemetry: the same in Python, Node.js and Java (see ../../README.md)."""

import os
import urllib.request


def handle(event, context):
    """Asks the shop by HTTP, which notes that the invocation has begun; the second order is one too many."""
    order = event["order"]
    request = urllib.request.Request(f"{os.environ['SHOP']}/marks/{context.aws_request_id}", data=b"")
    urllib.request.urlopen(request).close()
    if order == 2:
        raise ValueError("order 2: one too many")
    return {"order": order}
