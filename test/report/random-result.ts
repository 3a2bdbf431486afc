// Random review results that the schema allows, drawn from the published JSON Schema itself: a new field is drawn without
// anybody remembering it.

import { schemaText } from "../../scripts/generate-schema.ts";
import { type ReviewResult, reviewResultSchema } from "../../src/report/result.ts";
import { HOSTILE } from "./hostile.ts";

interface Schema {
  readonly type?: string;
  readonly pattern?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** mulberry32: 32 bits of state, the same numbers everywhere. */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const WORDS = [
  "",
  "a",
  "fs/peek.c",
  "arch/x86/lib/fill.S",
  "/abs/path.c",
  "foo",
  "AC=1",
  "g1",
  "+\tadded",
  "-\tgone",
  "J\u00f6rg",
  "\u{1f600}",
];

function draw(schema: Schema, random: () => number, depth: number): unknown {
  const below = (n: number) => Math.floor(random() * n);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[below(schema.enum.length)];
  switch (schema.type) {
    case "object": {
      const required = new Set(schema.required ?? []);
      const entries = Object.entries(schema.properties ?? {}).filter(([name]) => required.has(name) || random() < 0.6);
      return Object.fromEntries(entries.map(([name, entry]) => [name, draw(entry, random, depth + 1)]));
    }
    case "array":
      return Array.from({ length: below(depth < 2 ? 7 : 4) }, () => draw(schema.items ?? {}, random, depth + 1));
    case "string":
      // The one pattern of the schema is the version's.
      if (schema.pattern !== undefined) return "1.0";
      return random() < 0.7 ? WORDS[below(WORDS.length)] : HOSTILE[below(HOSTILE.length)];
    case "integer": {
      const least = schema.minimum ?? 0;
      return random() < 0.1 ? schema.maximum : Math.max(least, below(random() < 0.5 ? 6 : 3000));
    }
    case "number":
      return random() < 0.1 ? Number.MAX_VALUE : random() * 1e5;
    case "boolean":
      return random() < 0.5;
    default:
      throw new Error(`the generator does not know ${JSON.stringify(schema).slice(0, 200)}`);
  }
}

const SCHEMA = JSON.parse(schemaText()) as Schema;

/** One random result; the schema itself vouches for it. */
export function randomResult(random: () => number): ReviewResult {
  return reviewResultSchema.parse(draw(SCHEMA, random, 0));
}
