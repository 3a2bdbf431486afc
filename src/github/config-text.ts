// The file's text to the configuration, and words for a person where it is wrong: which line, what stands there, what may stand.

import { isMap, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import type { z } from "zod";
import { CONFIG_PATH, type RepositoryConfig, repositoryConfigSchema } from "./config.ts";
import { code, prose } from "./markdown.ts";

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

export type ReadConfig =
  | { readonly ok: true; readonly config: RepositoryConfig }
  | { readonly ok: false; readonly errors: readonly ConfigError[] };

/** Reads the file. Never throws; an empty file is the defaults. */
export function readConfig(text: string): ReadConfig {
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
  const parsed = repositoryConfigSchema.safeParse(value ?? {});
  if (parsed.success) return { ok: true, config: parsed.data };
  const lineOf = (path: readonly PropertyKey[], key?: string) => lineOfPath(document.contents, path, key, lineAt);
  return bad(parsed.error.issues.flatMap((issue) => describeIssue(issue, value, lineOf)).slice(0, 20));
}

function bad(errors: readonly ConfigError[]): ReadConfig {
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
  lineOf: (path: readonly PropertyKey[], key?: string) => number,
): ConfigError[] {
  const key = issue.path.map(String).join(".");
  const at = { line: lineOf(issue.path), key };
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((name) => {
        const near = nearest(name, keysAt(issue.path));
        const full = key === "" ? name : `${key}.${name}`;
        const hint = near === undefined ? `known are ${keysAt(issue.path).join(", ")}` : `${near} is meant, perhaps`;
        return { line: lineOf(issue.path, name), key: full, message: `there is no such key; ${hint}` };
      });
    case "invalid_value":
      return [{ ...at, message: `one of ${issue.values.map(String).join(", ")}, not ${shown(root, issue.path)}` }];
    case "invalid_type":
      return [{ ...at, message: `${typeWords(issue.expected)}, not ${shown(root, issue.path)}` }];
    case "too_small":
      return [{ ...at, message: `at least ${issue.minimum}, not ${shown(root, issue.path)}` }];
    case "too_big":
      return [
        {
          ...at,
          message: `at most ${issue.maximum}${issue.origin === "array" ? " entries" : ""}, not ${shown(root, issue.path)}`,
        },
      ];
    default:
      return [{ ...at, message: `${issue.message}, not ${shown(root, issue.path)}` }];
  }
}

function typeWords(expected: string): string {
  if (expected === "object") return "keys with values below it";
  if (expected === "array") return "a list";
  if (expected === "boolean") return "true or false";
  return expected === "int" || expected === "number" ? "a whole number" : "text";
}

function shown(root: unknown, path: readonly PropertyKey[]): string {
  let value: unknown = root;
  for (const part of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[part];
  if (Array.isArray(value)) return "a list";
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "object") return "keys with values";
  return JSON.stringify(value).slice(0, 60);
}

/** Keys of the schema's object at the path. */
function keysAt(path: readonly PropertyKey[]): string[] {
  let value: unknown = repositoryConfigSchema.parse({});
  for (const part of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[part];
  return path.length === 0
    ? Object.keys(repositoryConfigSchema.shape)
    : Object.keys((value as object | undefined) ?? {});
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

/** What the pull request is told: Markdown for a comment or the check's summary. */
export function describeConfigErrors(errors: readonly ConfigError[], docsUrl?: string): string {
  const lines = errors.slice(0, 10).map(({ line, key, message }) => {
    const where = [line === 0 ? undefined : `line ${line}`, key === "" ? undefined : code(key, 100)];
    const place = where.filter((part) => part !== undefined).join(", ");
    return `- ${place === "" ? "" : `${place}: `}${prose(message, 300)}`;
  });
  const more = errors.length - lines.length;
  return [
    `**objreview cannot use ${code(CONFIG_PATH)} of the base branch, so nothing was reviewed.**`,
    "",
    ...lines,
    ...(more > 0 ? [`- and ${more} more`] : []),
    "",
    `A change of the file counts once it is in the base branch.${docsUrl === undefined ? "" : ` [What may stand in it](${docsUrl}).`}`,
  ].join("\n");
}
