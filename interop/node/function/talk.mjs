// A Lambda function that talks: the same in Python, Node.js and Java (see ../../README.md).

/** Says something in every way; the second order is one too many. */
export async function handle({ order }) {
  process.stdout.write(`order ${order}: a plain line\n`);
  console.debug(`order ${order}: a detail`);
  console.info(`order ${order}: a fact`);
  console.warn(`order ${order}: a doubt`);
  console.error(`order ${order}: a fault`);
  console.log(`order ${order}: a first line\nand a second`);
  if (order === 2) {
    throw new RangeError("order 2: one too many");
  }
  return { order };
}
