// A Lambda function without a word of OpenTelemetry: the same in Python, Node.js and Java (see ../../README.md).
import { request } from "node:http";
import { once } from "node:events";

/** Asks the shop by HTTP, which notes that the invocation has begun; the second order is one too many. */
export async function handle({ order }, { awsRequestId }) {
  const call = request(`${process.env.SHOP}/marks/${awsRequestId}`, { method: "POST", agent: false }).end();
  const [answer] = await once(call, "response");
  answer.resume();
  await once(answer, "end");
  if (order === 2) {
    throw new RangeError("order 2: one too many");
  }
  return { order };
}
