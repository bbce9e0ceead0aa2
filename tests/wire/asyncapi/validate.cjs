"use strict";
/* node validate.cjs DOCUMENT: what AsyncAPI's parser says about it, one finding a line. */
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");
const modules = createRequire(process.env.NODE_MODULES + "/");
const { Parser } = modules("@asyncapi/parser");
const { AvroSchemaParser } = modules("@asyncapi/avro-schema-parser");

async function main([path]) {
  const parser = new Parser();
  parser.registerSchemaParser(AvroSchemaParser());
  const { document, diagnostics } = await parser.parse(readFileSync(path, "utf8"));
  for (const found of diagnostics) {
    console.log(`${found.severity} ${found.code} ${found.path.join("/")}: ${found.message}`);
  }
  if (document === undefined) return;
  console.log(document.allMessages().all().map((message) => message.name()).sort().join(" "));
}

main(process.argv.slice(2)).catch((error) => { console.error(error); process.exit(1); });
