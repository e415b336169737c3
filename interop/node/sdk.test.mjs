// What the OpenTelemetry SDK for Node.js sends through the collector arrives as if it had been sent directly,
// over every protocol in and out.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { OTLPLogExporter as GrpcLogs } from "@opentelemetry/exporter-logs-otlp-grpc";
import { OTLPLogExporter as JsonLogs } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as ProtoLogs } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter as GrpcMetrics } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { OTLPMetricExporter as JsonMetrics } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtoMetrics } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter as GrpcTraces } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as JsonTraces } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtoTraces } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { AggregationType, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

const PYTHON = process.env.PYTHON ?? "python3";
const TAG = { key: "deployment.environment.name", value: { stringValue: "interop" } };
const EXPORTERS = {
  grpc: { traces: GrpcTraces, metrics: GrpcMetrics, logs: GrpcLogs },
  "http/protobuf": { traces: ProtoTraces, metrics: ProtoMetrics, logs: ProtoLogs },
  "http/json": { traces: JsonTraces, metrics: JsonMetrics, logs: JsonLogs },
};
const resource = resourceFromAttributes({ "service.name": "interop-node", answer: 42, ratio: 0.5, hosts: ["a", "ü"] });

for (const protocol of Object.keys(EXPORTERS)) {
  for (const out of Object.keys(EXPORTERS)) {
    describe(`in over ${protocol}, out over ${out}`, () => {
      let direct, collector;
      before(async () => {
        [direct, collector] = await Promise.all([serve("sink.py"), serve("collector.py", out)]);
      });
      after(async () => {
        await Promise.all([direct?.stop(), collector?.stop()]);
      });
      for (const [signal, make] of Object.entries({ traces: spans, metrics, logs: logRecords })) {
        test(`${signal} arrive as they were sent`, async () => {
          const telemetry = await make();
          await send(protocol, signal, telemetry, direct);
          await send(protocol, signal, telemetry, collector);
          const [expected, relayed] = [await direct.received(signal), await collector.received(signal)];
          for (const resource of Object.values(expected)[0]) resource.resource.attributes.push(TAG);
          assert.deepEqual(relayed, expected);
        });
      }
    });
  }
}

// Sends with the SDK's own exporter; resolves when that says it was taken.
async function send(protocol, signal, telemetry, { grpc, http }) {
  const url = protocol === "grpc" ? `http://127.0.0.1:${grpc}` : `http://127.0.0.1:${http}/v1/${signal}`;
  const exporter = new EXPORTERS[protocol][signal]({ url });
  const result = await new Promise((resolve) => exporter.export(telemetry, resolve));
  assert.equal(result.code, 0, result.error?.message);
  await exporter.shutdown();
}

// Starts a sink, or a collector before one, and learns where it is.
async function serve(program, ...parameters) {
  const path = fileURLToPath(new URL(`../python/${program}`, import.meta.url));
  const process = spawn(PYTHON, [path, ...parameters], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => process.on("exit", resolve));
  const first = createInterface(process.stdout)[Symbol.asyncIterator]().next();
  const line = await Promise.race([first, ended.then((code) => assert.fail(`${program} ended with ${code}`))]);
  const ports = JSON.parse(line.value);
  return {
    ...ports,
    async received(signal) {
      return (await fetch(`http://127.0.0.1:${ports.received}/${signal}`)).json();
    },
    async stop() {
      process.stdin.end();
      assert.equal(await ended, 0);
    },
  };
}

// A small trace with everything a span can have.
function spans() {
  const memory = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor(memory)] });
  const tracer = provider.getTracer("interop", "1.2.3", { schemaUrl: "https://example.org/schema" });
  const attributes = { text: "ünïcode", int: -(2 ** 40), double: 0.1, bool: true, list: [1, 2] };
  const parent = tracer.startSpan("parent", { kind: SpanKind.SERVER, attributes }, ROOT_CONTEXT);
  const links = [{ context: parent.spanContext(), attributes: { link: "to the parent" } }];
  const child = tracer.startSpan("child", { kind: SpanKind.CLIENT, links }, trace.setSpan(ROOT_CONTEXT, parent));
  child.addEvent("an event", { count: 3 });
  child.recordException(new Error("wrong"));
  child.setStatus({ code: SpanStatusCode.ERROR, message: "it failed" });
  child.end();
  parent.end();
  provider.getTracer("another scope").startSpan("alone", {}, ROOT_CONTEXT).end();
  const finished = memory.getFinishedSpans();
  assert.deepEqual(
    finished.map((span) => span.name),
    ["child", "parent", "alone"],
  );
  return finished;
}

class Reader extends MetricReader {
  async onForceFlush() {}
  async onShutdown() {}
}

// One metric of every kind that the SDK makes.
async function metrics() {
  const reader = new Reader();
  const exponential = {
    instrumentName: "exponential",
    aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM },
  };
  const provider = new MeterProvider({ resource, readers: [reader], views: [exponential] });
  const meter = provider.getMeter("interop", "1.2.3");
  meter.createCounter("counter", { unit: "1", description: "counts" }).add(3, { k: "v" });
  meter.createUpDownCounter("up_down").add(-2.5);
  meter.createObservableGauge("gauge").addCallback((gauge) => {
    gauge.observe(7, { sensor: 1 });
    gauge.observe(8, { sensor: 2 });
  });
  for (const name of ["histogram", "exponential"]) {
    const histogram = meter.createHistogram(name, { unit: "ms" });
    for (const value of [0, 0.5, 3, 1200]) histogram.record(value, { path: "/" });
  }
  const { resourceMetrics, errors } = await reader.collect();
  assert.deepEqual(errors, []);
  assert.equal(resourceMetrics.scopeMetrics[0].metrics.length, 5);
  return resourceMetrics;
}

// Records with and without structure.
function logRecords() {
  const memory = new InMemoryLogRecordExporter();
  const provider = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor({ exporter: memory })] });
  const logger = provider.getLogger("interop", "1.2.3");
  logger.emit({ timestamp: 1_700_000_000_123, body: "a line\nand another", severityText: "INFO" });
  logger.emit({
    body: { map: { list: [1, 2.5, true, null] }, bytes: new Uint8Array([0, 255]) },
    severityNumber: SeverityNumber.ERROR2,
    attributes: { nested: { a: [1] }, int: 1 },
    eventName: "an.event",
  });
  const records = memory.getFinishedLogRecords();
  assert.equal(records.length, 2);
  return records;
}
