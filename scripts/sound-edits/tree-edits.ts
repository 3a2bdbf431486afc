// Sound edits that touch more than one file.
import { basename, dirname } from "node:path";
import { findFunctions, isDelicate, mentions } from "./c-text.ts";
import type { TreeEdit } from "./draw.ts";
import { spliced } from "./each-function.ts";

const MIN_USERS = 15;
const MAX_USERS = 60;
const MAX_MENTIONING = 60;

/** A static inline of a header that many files include gets another name, there and wherever it is used. */
const renameInline: TreeEdit = (path, tree, draw) => {
  const users = tree.users(path);
  if (!path.endsWith(".h") || users.length < MIN_USERS || users.length > MAX_USERS) return undefined;
  const lines = (tree.read(path) ?? "").split("\n");
  const inlines = findFunctions(lines).filter(
    (fn) => /^static (__always_)?inline/.test(lines[fn.header]!) && !fn.name.startsWith("__") && fn.name.length > 8,
  );
  for (const fn of draw.shuffled(inlines)) {
    const fresh = `${fn.name}_now`;
    const mentioning = tree.mentioning(fn.name);
    if (mentioning.length < 2 || mentioning.length > MAX_MENTIONING) continue;
    const files = new Map<string, string>();
    const word = new RegExp(`\\b${fn.name}\\b`, "g");
    for (const each of mentioning) files.set(each, tree.read(each)!.replace(word, fresh));
    return { files, summary: `rename ${fn.name}() to ${fresh}()`, objects: users };
  }
  return undefined;
};

/** A function that other files call moves to the file beside. */
const moveFunction: TreeEdit = (path, tree, draw) => {
  const folder = dirname(path);
  const text = tree.read(path) ?? "";
  const other = draw.shuffled(tree.sources(folder).filter((each) => each !== path))[0];
  if (!path.endsWith(".c") || other === undefined || isDelicate(text)) return undefined;
  const lines = text.split("\n");
  const target = tree.read(other)!.split("\n");
  const movable = findFunctions(lines).filter(
    (fn) =>
      fn.close - fn.open > 3 &&
      !/^static|__init|__exit|SYSCALL/.test(lines[fn.header]!) &&
      !mentions(target, `${fn.name}_not`),
  );
  for (const fn of draw.shuffled(movable)) {
    const body = lines.slice(fn.start, fn.end + 1);
    // What it calls or reads of its own file stays behind.
    const own = [...text.matchAll(/^(?:static|#define|struct|enum)\b[^\n(=;]*?(\w+)\s*(?:\(|=|;|\[|\{| )/gm)].map(
      (m) => m[1]!,
    );
    if (own.some((name) => name !== fn.name && mentions(body, name))) continue;
    if (mentions(spliced(lines, fn.start, fn.end + 1), fn.name) && !mentions(lines.slice(0, fn.start), fn.name))
      continue;
    const includes = lines.filter((line) => /^#include [<"]/.test(line) && !target.includes(line));
    const at = target.findIndex((line) => line.startsWith("#include <linux/"));
    if (at < 0) continue;
    const moved = [...spliced(target, at + 1, at + 1, ...includes), ...body, ""];
    const kept = spliced(lines, fn.start, lines[fn.end + 1] === "" ? fn.end + 2 : fn.end + 1);
    return {
      files: new Map([
        [path, kept.join("\n")],
        [other, moved.join("\n")],
      ]),
      summary: `move ${fn.name}() to ${basename(other)}`,
      objects: [path, other].map((each) => each.replace(/\.c$/, ".o")),
    };
  }
  return undefined;
};

/** A source file gets another name, in its folder's Makefile too. */
const renameFile: TreeEdit = (path, tree) => {
  const makefile = `${dirname(path)}/Makefile`;
  const rules = tree.read(makefile);
  const match = /\/(\w[\w-]*)\.([cS])$/.exec(path);
  if (rules === undefined || match === null) return undefined;
  const [, stem, end] = match as unknown as [string, string, string];
  const fresh = `${stem}_again`;
  const name = new RegExp(`(?<![\\w./-])${stem}\\.o\\b`, "g");
  // A composite object's name stands for other files, and flags are given by name.
  if (!name.test(rules) || new RegExp(`\\b${stem}-(y|objs)\\b|_${stem}\\.o`).test(rules)) return undefined;
  return {
    files: new Map([
      [path, undefined],
      [`${dirname(path)}/${fresh}.${end}`, tree.read(path)!],
      [makefile, rules.replace(name, `${fresh}.o`)],
    ]),
    summary: `a better name for ${stem}.${end}`,
    objects: [`${dirname(path)}/${fresh}.o`],
  };
};

/** Kind -> edit. */
export const treeEdits: Readonly<Record<string, TreeEdit>> = {
  "rename-inline-everywhere": renameInline,
  "move-function": moveFunction,
  "rename-file": renameFile,
};
