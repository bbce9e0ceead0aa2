"use strict";
/* node client.cjs read|write BROKER REGISTRY TOPIC: one event from the topic to stdout as JSON, or
   one from stdin into it. */
const { createRequire } = require("node:module");
const modules = createRequire(process.env.NODE_MODULES + "/");
const { Kafka, logLevel, Partitioners } = modules("kafkajs");
const { SchemaRegistry } = modules("@kafkajs/confluent-schema-registry");

async function main([what, broker, url, topic]) {
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
  const registry = new SchemaRegistry({ host: url });
  if (what === "write") {
    const { key, subject, value } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    const id = await registry.getLatestSchemaId(subject);
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    await producer.send({ topic, messages: [{ key, value: await registry.encode(id, value) }] });
    return producer.disconnect();
  }
  const consumer = kafka.consumer({ groupId: topic + "-node", readUncommitted: false });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const seen = await new Promise((resolve, reject) => consumer.run({
    eachMessage: async ({ message }) => registry.decode(message.value)
      .then((value) => resolve({ key: message.key.toString(), value }), reject),
  }).catch(reject));
  console.log(JSON.stringify(seen));
  return consumer.disconnect();
}

main(process.argv.slice(2)).catch((error) => { console.error(error); process.exit(1); });
