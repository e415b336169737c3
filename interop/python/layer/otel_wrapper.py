"""The handler that the runtime imports: the user's own, wrapped only now, since the runtime would undo it earlier."""

import importlib
import os

from opentelemetry.instrumentation.aws_lambda import AwsLambdaInstrumentor

AwsLambdaInstrumentor().instrument()

module, name = os.environ["ORIG_HANDLER"].rsplit(".", 1)
lambda_handler = getattr(importlib.import_module(module.replace("/", ".")), name)
