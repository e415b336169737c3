# A function with the collector as a layer. First `layer/build arm64`, then in this folder
#   terraform init && terraform apply -var python_layer=ARN

terraform {
  required_providers {
    aws     = { source = "hashicorp/aws", version = ">= 5.0" }
    archive = { source = "hashicorp/archive", version = ">= 2.0" }
  }
}

variable "python_layer" {
  type        = string
  description = "ARN of OpenTelemetry's Python layer in your region (github.com/open-telemetry/opentelemetry-lambda/releases)"
}

locals {
  layer_zip = "${path.module}/../../../target/layer/otelcol-lambda-layer-arm64.zip"
}

resource "aws_lambda_layer_version" "collector" {
  layer_name               = "otelcol-lambda-arm64"
  filename                 = local.layer_zip
  source_code_hash         = filebase64sha256(local.layer_zip)
  compatible_architectures = ["arm64"]
}

data "archive_file" "function" {
  type        = "zip"
  source_dir  = "${path.module}/function"
  output_path = "${path.module}/function.zip"
}

resource "aws_lambda_function" "orders" {
  function_name    = "orders"
  filename         = data.archive_file.function.output_path
  source_code_hash = data.archive_file.function.output_base64sha256
  handler          = "app.handler"
  runtime          = "python3.13"
  architectures    = ["arm64"]
  memory_size      = 256
  timeout          = 10
  role             = aws_iam_role.orders.arn
  layers           = [aws_lambda_layer_version.collector.arn, var.python_layer]

  environment {
    variables = {
      AWS_LAMBDA_EXEC_WRAPPER            = "/opt/otel-instrument"
      OPENTELEMETRY_COLLECTOR_CONFIG_URI = "/var/task/collector.yaml"
      # The wrapper would choose xray, which reads the event only; xray-lambda continues the trace that Lambda begins.
      OTEL_PROPAGATORS = "tracecontext,baggage,xray-lambda"
    }
  }

  tracing_config {
    mode = "Active"
  }
}

resource "aws_iam_role" "orders" {
  name = "orders"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "orders" {
  for_each = toset([
    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess",
  ])
  role       = aws_iam_role.orders.name
  policy_arn = each.value
}
