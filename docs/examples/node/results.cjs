"use strict";
/* node results.cjs BROKER REGISTRY COUNT: prints who spoke in that many chunks. */
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require("kafkajs");
const { SchemaRegistry } = require("@kafkajs/confluent-schema-registry");
const { decompress } = require("fzstd");

// The service compresses with zstd, which kafkajs leaves to its users.
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async () => { throw new Error("only reads"); },
  decompress: async (buffer) => Buffer.from(decompress(buffer)),
});

const [broker, host, count] = process.argv.slice(2);
const registry = new SchemaRegistry({ host });
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
// readUncommitted: false is read_committed: what was aborted is never seen.
const consumer = kafka.consumer({ groupId: "example-node", readUncommitted: false });

async function main() {
  let left = Number(count);
  await consumer.connect();
  await consumer.subscribe({ topic: "chunk-results", fromBeginning: true });
  await new Promise((resolve, reject) => consumer.run({
    eachMessage: async ({ message }) => {
      if (left-- <= 0) return;
      const result = await registry.decode(message.value);
      const what = result.status === "diarized" ? result.speakers_detected.join(" ") : result.reason;
      console.log(`${result.recording_id} ${result.chunk_id} ${result.status}: ${what}`);
      if (left === 0) resolve();
    },
  }).catch(reject));
  await consumer.disconnect();
}

main().catch((error) => { console.error(error); process.exit(1); });
