// The SDK as OpenTelemetry's layer for Node.js sets it up, before the runtime and the user's handler are loaded.
//
// Its exporter was OTLP/HTTP with protobuf and is now with JSON: OTLP_ENCODING chooses which generation this is.
import { register } from "node:module";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { AwsLambdaInstrumentation } from "@opentelemetry/instrumentation-aws-lambda";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { AWSXRayPropagator } from "@opentelemetry/propagator-aws-xray";
import { AWSXRayLambdaPropagator } from "@opentelemetry/propagator-aws-xray-lambda";
import { awsLambdaDetector } from "@opentelemetry/resource-detector-aws";
import { detectResources, envDetector, processDetector } from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const encoding = process.env.OTLP_ENCODING === "proto" ? "proto" : "http";
const { OTLPTraceExporter } = await import(`@opentelemetry/exporter-trace-otlp-${encoding}`);
const { OTLPMetricExporter } = await import(`@opentelemetry/exporter-metrics-otlp-${encoding}`);

const PROPAGATORS = {
  tracecontext: W3CTraceContextPropagator,
  baggage: W3CBaggagePropagator,
  xray: AWSXRayPropagator,
  "xray-lambda": AWSXRayLambdaPropagator,
};
const instrumentations = [new AwsLambdaInstrumentation(), new HttpInstrumentation()];
registerInstrumentations({ instrumentations });
const resource = detectResources({ detectors: [awsLambdaDetector, envDetector, processDetector] });
const tracerProvider = new NodeTracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
const propagators = process.env.OTEL_PROPAGATORS.split(",").map((name) => new PROPAGATORS[name]());
tracerProvider.register({ propagator: new CompositePropagator({ propagators }) });
const readers = [new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() })];
const meterProvider = new MeterProvider({ resource, readers });
registerInstrumentations({ instrumentations, tracerProvider, meterProvider });
// For handlers that are ES modules.
register("import-in-the-middle/hook.mjs", import.meta.url);
