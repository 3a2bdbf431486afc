// Writes schema/review.schema.json from the zod schema of review.json: `node scripts/generate-schema.ts`.

import { mkdirSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { RESULT_VERSION, reviewResultSchema } from "../src/report/result.ts";

/** The JSON Schema (draft 2020-12) of review.json as text, with one "\n" at the end. */
export function schemaText(): string {
  const { $schema, ...schema } = z.toJSONSchema(reviewResultSchema, { target: "draft-2020-12", io: "output" });
  const head = {
    $schema,
    title: `objreview review result, version ${RESULT_VERSION}`,
    description: "Generated from src/report/result.ts, where the comments say what each field means. Do not edit.",
  };
  return `${JSON.stringify({ ...head, ...schema }, undefined, 2)}\n`;
}

if (import.meta.main) {
  const folder = new URL("../schema/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL("review.schema.json", folder), schemaText());
  process.stdout.write("schema/review.schema.json written\n");
}
