// A YAML file's text to a configuration, and words for a person where it is wrong: which line, what stands there, what may stand. All that is wrong at once.

import { isMap, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import type { z } from "zod";

/** Longer files are refused: the longest sensible one has some hundred lines. */
const MAX_CONFIG_CHARACTERS = 64 * 1024;

export interface ConfigError {
  /** 1-based; 0 where the error is of the file as a whole. */
  readonly line: number;
  /** "limits.comments", or "" for the file. */
  readonly key: string;
  /** One sentence without a full stop, plain text with words of the file in it. */
  readonly message: string;
}

export type ReadConfig<T> =
  | {
      readonly ok: true;
      readonly config: T;
      /** 1-based; where the value of a path stands, for what a schema cannot see. */
      readonly lineOf: (path: readonly PropertyKey[]) => number;
    }
  | { readonly ok: false; readonly errors: readonly ConfigError[] };

/** Reads the file. Never throws; an empty file is an empty map. */
export function readYamlConfig<S extends z.ZodType>(text: string, schema: S): ReadConfig<z.infer<S>> {
  if (text.length > MAX_CONFIG_CHARACTERS) {
    return bad([{ line: 0, key: "", message: `longer than ${MAX_CONFIG_CHARACTERS / 1024} KiB` }]);
  }
  const counter = new LineCounter();
  const lineAt = (offset: number): number => counter.linePos(offset).line;
  // YAML 1.2 core: no tags that make objects. Anchors can multiply; none of the keys needs one.
  const document = parseDocument(text, { lineCounter: counter, version: "1.2", schema: "core", stringKeys: true });
  if (document.errors.length > 0) {
    return bad(
      document.errors.slice(0, 5).map((error) => ({
        line: lineAt(error.pos[0]),
        key: "",
        message: `not YAML: ${error.message.split("\n")[0]!.replace(/ at line \d+, column \d+:?$/, "")}`,
      })),
    );
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 });
  } catch {
    return bad([{ line: 0, key: "", message: "anchors and aliases are not taken" }]);
  }
  const root = value ?? {};
  const lineOf = (path: readonly PropertyKey[], key?: string) => lineOfPath(document.contents, path, key, lineAt);
  const parsed = schema.safeParse(root);
  if (parsed.success) return { ok: true, config: parsed.data, lineOf };
  return bad(inOrder(parsed.error.issues.flatMap((issue) => describeIssue(issue, root, schema, lineOf))).slice(0, 20));
}

/** As they stand in the file, what is wrong with it as a whole first. */
export function inOrder(errors: readonly ConfigError[]): ConfigError[] {
  return errors.toSorted((a, b) => a.line - b.line);
}

function bad(errors: readonly ConfigError[]): { readonly ok: false; readonly errors: readonly ConfigError[] } {
  return { ok: false, errors };
}

/** The line of the key itself, or of the nearest one around it. */
function lineOfPath(
  root: Node | null,
  path: readonly PropertyKey[],
  key: string | undefined,
  lineAt: (offset: number) => number,
): number {
  let node: unknown = root;
  let line = 0;
  for (const part of key === undefined ? path : [...path, key]) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part));
      if (pair === undefined) break;
      const range = (pair.key as Node).range;
      if (range != null) line = lineAt(range[0]);
      node = pair.value;
    } else {
      const item = (node as { items?: readonly Node[] } | null)?.items?.[Number(part)];
      if (item === undefined) break;
      if (item.range != null) line = lineAt(item.range[0]);
      node = item;
    }
  }
  return line;
}

function describeIssue(
  issue: z.core.$ZodIssue,
  root: unknown,
  schema: z.core.$ZodType,
  lineOf: (path: readonly PropertyKey[], key?: string) => number,
): ConfigError[] {
  const key = issue.path.map(String).join(".");
  const at = { line: lineOf(issue.path), key };
  switch (issue.code) {
    case "unrecognized_keys": {
      const known = keysAt(schema, root, issue.path);
      return issue.keys.map((name) => {
        const near = nearest(name, known);
        const full = key === "" ? name : `${key}.${name}`;
        const hint = near === undefined ? `known are ${known.join(", ")}` : `${near} is meant, perhaps`;
        return { line: lineOf(issue.path, name), key: full, message: `there is no such key; ${hint}` };
      });
    }
    case "invalid_value":
      return [{ ...at, message: `one of ${issue.values.map(String).join(", ")}, not ${shown(root, issue.path)}` }];
    case "invalid_union": {
      const kinds = optionsAt(schema, root, issue.path.slice(0, -1));
      if (kinds === undefined) return [{ ...at, message: `${issue.message}, not ${shown(root, issue.path)}` }];
      return [{ ...at, message: `one of ${kinds.join(", ")}, not ${shown(root, issue.path)}` }];
    }
    case "invalid_type": {
      const wanted = typeWords(issue.expected);
      if (valueAt(root, issue.path) === undefined) return [{ ...at, message: `missing; ${wanted} is wanted here` }];
      return [{ ...at, message: `${wanted}, not ${shown(root, issue.path)}` }];
    }
    case "too_small":
      return [{ ...at, message: boundWords("at least", issue.minimum, valueAt(root, issue.path)) }];
    case "too_big":
      return [{ ...at, message: boundWords("at most", issue.maximum, valueAt(root, issue.path)) }];
    case "custom":
      return [{ ...at, message: issue.message }];
    default:
      return [{ ...at, message: `${issue.message}, not ${shown(root, issue.path)}` }];
  }
}

/** "at least 1 entry, not 0". */
function boundWords(which: string, bound: number | bigint, value: unknown): string {
  const words = (one: string, many: string) => `${which} ${bound} ${Number(bound) === 1 ? one : many}`;
  if (Array.isArray(value)) return `${words("entry", "entries")}, not ${value.length}`;
  if (typeof value === "string") return `${words("character", "characters")}, not ${value.length}`;
  return `${which} ${bound}, not ${JSON.stringify(value)}`;
}

function typeWords(expected: string): string {
  if (expected === "object") return "a block of keys with values";
  if (expected === "array") return "a list";
  if (expected === "boolean") return "true or false";
  if (expected === "int") return "a whole number";
  return expected === "number" ? "a number" : "text";
}

function shown(root: unknown, path: readonly PropertyKey[]): string {
  const value = valueAt(root, path);
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "object") return "a block of keys";
  return JSON.stringify(value).slice(0, 60);
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = root;
  for (const part of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[part];
  return value;
}

/** What zod keeps of a schema, as far as it is walked here (zod 4, `def`). */
interface Def {
  readonly type: string;
  readonly shape?: Record<string, z.core.$ZodType>;
  readonly element?: z.core.$ZodType;
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly discriminator?: string;
}

const defOf = (schema: z.core.$ZodType): Def => schema._zod.def as unknown as Def;

/** The schema at the path; of a discriminated union the option that the value says. */
function schemaAt(schema: z.core.$ZodType, root: unknown, path: readonly PropertyKey[]): z.core.$ZodType | undefined {
  let at: z.core.$ZodType | undefined = schema;
  for (let depth = 0; ; depth++) {
    at = at === undefined ? undefined : resolved(at, valueAt(root, path.slice(0, depth)));
    if (at === undefined || depth === path.length) return at;
    const def = defOf(at);
    at = def.type === "array" ? def.element : def.shape?.[String(path[depth])];
  }
}

/** Behind defaults and the like, and behind a choice. */
function resolved(schema: z.core.$ZodType, value: unknown): z.core.$ZodType | undefined {
  let at: z.core.$ZodType | undefined = schema;
  while (at !== undefined) {
    const def = defOf(at);
    if (def.innerType !== undefined) at = def.innerType;
    else if (def.type === "pipe") at = def.in;
    else if (def.discriminator !== undefined) {
      const kind = (value as Record<string, unknown> | null | undefined)?.[def.discriminator];
      at = def.options?.find((option) => kindOf(option, def.discriminator!) === kind);
    } else return at;
  }
  return undefined;
}

function kindOf(option: z.core.$ZodType, discriminator: string): unknown {
  const literal = defOf(option).shape?.[discriminator];
  return literal === undefined ? undefined : [...(literal._zod.values ?? [])][0];
}

function keysAt(schema: z.core.$ZodType, root: unknown, path: readonly PropertyKey[]): string[] {
  const at = schemaAt(schema, root, path);
  return at === undefined ? [] : Object.keys(defOf(at).shape ?? {});
}

/** The words that a choice at the path is made by. */
function optionsAt(schema: z.core.$ZodType, root: unknown, path: readonly PropertyKey[]): string[] | undefined {
  const parent = schemaAt(schema, root, path.slice(0, -1));
  const last = path.at(-1);
  if (parent === undefined || last === undefined) return undefined;
  let at = defOf(parent).type === "array" ? defOf(parent).element : defOf(parent).shape?.[String(last)];
  while (at !== undefined && defOf(at).innerType !== undefined) at = defOf(at).innerType;
  const { discriminator, options } = at === undefined ? ({} as Partial<Def>) : defOf(at);
  return discriminator === undefined ? undefined : options?.map((option) => String(kindOf(option, discriminator)));
}

/** The known key that differs least, if that is little. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z]/g, "");
  const best = known
    .map((each) => ({ each, far: distance(plain(name).slice(0, 40), plain(each)) }))
    .sort((a, b) => a.far - b.far)[0];
  return best !== undefined && best.far <= Math.max(1, best.each.length / 3) ? best.each : undefined;
}

/** Edits between two short words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
