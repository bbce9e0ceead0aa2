"use strict";
/* node publish.cjs BROKER REGISTRY RECORDING URI: publishes one chunk. */
const { Kafka, logLevel, Partitioners } = require("kafkajs");
const { SchemaRegistry } = require("@kafkajs/confluent-schema-registry");

const [broker, host, recording, uri] = process.argv.slice(2);
const registry = new SchemaRegistry({ host });
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
// DefaultPartitioner is murmur2, as Java's: one recording, one partition.
const producer = kafka.producer({ idempotent: true, createPartitioner: Partitioners.DefaultPartitioner });

async function main() {
  const chunk = {
    recording_id: recording, chunk_id: "0", sequence: 0, start_s: 0, duration_s: null, uri,
    size_bytes: null, sha256: null, etag: null, version_id: null, content_type: null,
    channel: null, recorded_at: null, last: true, attributes: { from: "node" },
  };
  const id = await registry.getLatestSchemaId("audio-chunks-value");
  await producer.connect();
  await producer.send({
    topic: "audio-chunks",
    messages: [{ key: chunk.recording_id, value: await registry.encode(id, chunk) }],
  });
  await producer.disconnect();
}

main().catch((error) => { console.error(error); process.exit(1); });
