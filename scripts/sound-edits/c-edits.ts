// Sound edits of C: each leaves what the program does as it is, whatever it does to the code.
import { findFunctions, isDelicate, mentions, renameIdentifier } from "./c-text.ts";
import type { Edit } from "./draw.ts";
import { eachFunction, edited } from "./each-function.ts";

const renameLocal: Edit = (text, draw) =>
  eachFunction(text, draw, (lines, fn) => {
    const body = lines.slice(fn.open, fn.close + 1);
    const declaration =
      /^\t(?:const )?(?:int|unsigned int|unsigned long|long|bool|size_t|ssize_t|u8|u16|u32|u64|struct \w+)\s+\*?(\w+)(?: = [^,]*)?;$/;
    const names = body.flatMap((line) => declaration.exec(line)?.[1] ?? []);
    for (const name of draw.shuffled(names)) {
      const fresh = `my_${name}`;
      // A macro argument may become a field's name: leave names alone that are fields, or tags, somewhere in the file.
      if (mentions(lines, fresh) || new RegExp(`(\\.|->|##|#|struct|union|enum)\\s*${name}\\b`).test(text)) continue;
      const renamed = renameIdentifier(body, name, fresh);
      return edited(
        [...lines.slice(0, fn.open), ...renamed, ...lines.slice(fn.close + 1)],
        `rename a local variable of ${fn.name}()`,
      );
    }
    return undefined;
  });

const renameStatic: Edit = (text, draw) =>
  eachFunction(text, draw, (lines, fn) => {
    if (!/^static\b/.test(lines[fn.header]!) || /##/.test(text) || fn.name.startsWith("__")) return undefined;
    const fresh = `${fn.name}_one`;
    if (mentions(lines, fresh)) return undefined;
    return edited(renameIdentifier(lines, fn.name, fresh), `rename ${fn.name}() to ${fresh}()`);
  });

const reorderFunctions: Edit = (text, draw) => {
  const lines = text.split("\n");
  const functions = findFunctions(lines);
  const pairs = functions.slice(1).map((second, i) => [functions[i]!, second] as const);
  for (const [first, second] of draw.shuffled(pairs)) {
    const between = lines.slice(first.end + 1, second.start);
    if (!between.every((line) => line === "") || !(draw.isWanted(first.name) || draw.isWanted(second.name))) continue;
    const a = lines.slice(first.start, first.end + 1);
    const b = lines.slice(second.start, second.end + 1);
    if (mentions(a, second.name) || mentions(b, first.name)) continue;
    const swapped = [...lines.slice(0, first.start), ...b, ...between, ...a, ...lines.slice(second.end + 1)];
    return edited(swapped, `put ${second.name}() before ${first.name}()`);
  }
  return undefined;
};

const swapAssignments: Edit = (text, draw) =>
  eachFunction(text, draw, (lines, fn) => {
    const constant = /^(\t+)(\w+(?:(?:->|\.)\w+)*) = (?:-?\d+|0x[0-9a-f]+|NULL|true|false);$/;
    for (let i = fn.open + 1; i + 1 < fn.close; i++) {
      const a = constant.exec(lines[i]!);
      const b = constant.exec(lines[i + 1]!);
      // Statements of one block only: the first must not be the whole body of an if.
      if (a === null || b === null || a[1] !== b[1] || a[2] === b[2] || !/[;{}]$|^$/.test(lines[i - 1]!)) continue;
      // A field that is one assignment's whole object, or a volatile one, would make the order visible; plain members of one base do not.
      if (
        a[2]!.startsWith(`${b[2]}.`) ||
        b[2]!.startsWith(`${a[2]}.`) ||
        a[2]!.startsWith(`${b[2]}-`) ||
        b[2]!.startsWith(`${a[2]}-`)
      )
        continue;
      const out = [...lines];
      [out[i], out[i + 1]] = [lines[i + 1]!, lines[i]!];
      return edited(out, `reorder two assignments in ${fn.name}()`);
    }
    return undefined;
  });

const extractHelper: Edit = (text, draw) => {
  if (isDelicate(text)) return undefined;
  return eachFunction(text, draw, (lines, fn) => {
    const header = lines.slice(fn.header, fn.open).join(" ").replace(/\s+/g, " ");
    const match = /^static ((?:unsigned |const |struct |enum )*\w+ \*?)(\w+)\(([^()]*)\)$/.exec(header);
    if (match === null || /\binline\b|\.\.\./.test(header) || fn.close - fn.open < 6) return undefined;
    const [, type, name, parameters] = match as unknown as [string, string, string, string];
    const names =
      parameters === "void" ? [] : parameters.split(",").map((each) => /(\w+)(?:\[\w*\])?\s*$/.exec(each)?.[1] ?? "");
    if (names.includes("") || mentions(lines, `do_${name}`)) return undefined;
    const helper = lines
      .slice(fn.header, fn.open)
      .map((line) => line.replace(new RegExp(`\\b${name}\\(`), `do_${name}(`));
    const call = `${type.trim() === "void" ? "" : "return "}do_${name}(${names.join(", ")});`;
    const wrapper = ["", ...lines.slice(fn.header, fn.open), "{", `\t${call}`, "}"];
    const out = [
      ...lines.slice(0, fn.header),
      ...helper,
      ...lines.slice(fn.open, fn.close + 1),
      ...wrapper,
      ...lines.slice(fn.close + 1),
    ];
    return edited(out, `split do_${name}() out of ${name}()`);
  });
};

const noinline: Edit = (text, draw) => {
  if (isDelicate(text)) return undefined;
  return eachFunction(text, draw, (lines, fn) => {
    if (!/^static (?!inline|noinline|__always)/.test(lines[fn.header]!) || fn.close - fn.open < 4) return undefined;
    const out = [...lines];
    out[fn.header] = lines[fn.header]!.replace(/^static /, "static noinline ");
    return edited(out, `keep ${fn.name}() out of line`);
  });
};

const debugMessage: Edit = (text, draw) => {
  if (isDelicate(text)) return undefined;
  return eachFunction(text, draw, (lines, fn) => {
    for (let i = fn.close - 1; i > fn.open + 1; i--) {
      if (
        !/^\treturn\b/.test(lines[i]!) ||
        !/^\t\S.*;$|^\t\}$|^$/.test(lines[i - 1]!) ||
        /^\t(if|else|for|while)\b/.test(lines[i - 1]!)
      )
        continue;
      const out = [...lines.slice(0, i), '\tpr_debug("%s: done\\n", __func__);', ...lines.slice(i)];
      return edited(out, `tell when ${fn.name}() is done`);
    }
    return undefined;
  });
};

const comment: Edit = (text, draw) =>
  eachFunction(text, draw, (lines, fn) => {
    for (let i = fn.open + 1; i < fn.close; i++) {
      if (lines[i] !== "" || !/^\t[a-z]/.test(lines[i + 1] ?? "")) continue;
      const out = [...lines.slice(0, i + 1), "\t/* What follows is the work proper. */", ...lines.slice(i + 1)];
      return edited(out, `say where the work of ${fn.name}() begins`);
    }
    return undefined;
  });

/** Kind -> edit, for .c files. */
export const cEdits: Readonly<Record<string, Edit>> = {
  "rename-local": renameLocal,
  "rename-static": renameStatic,
  "reorder-functions": reorderFunctions,
  "swap-assignments": swapAssignments,
  "extract-helper": extractHelper,
  noinline,
  "pr-debug": debugMessage,
  comment,
};

const headerComment: Edit = (text, draw) => {
  const lines = text.split("\n");
  const places = findFunctions(lines).filter(
    (fn) => /^static (__always_)?inline/.test(lines[fn.header]!) && fn.start === fn.header,
  );
  const fn = draw.shuffled(places)[0];
  if (fn === undefined) return undefined;
  const out = [...lines.slice(0, fn.start), "/* Used by several files: keep it small. */", ...lines.slice(fn.start)];
  return { text: out.join("\n"), summary: `comment ${fn.name}()` };
};

/** Kind -> edit, for headers. */
export const headerEdits: Readonly<Record<string, Edit>> = {
  "header-comment": headerComment,
  "rename-inline-local": renameLocal,
  "reorder-inlines": reorderFunctions,
};
