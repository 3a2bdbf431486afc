// Sound edits of C that the compiler answers with code of another shape: other blocks, frames, clones, tables.
import { type CFunction, isDelicate, mentions } from "./c-text.ts";
import type { Edit } from "./draw.ts";
import { behindLastReturn, eachFunction, edited, firstStatement, pointerParameter, spliced } from "./each-function.ts";

/** An if whose condition is on one line: its tabs and its condition. */
const ifLine = /^(\t+)if \((.+)\)( \{)?$/;

function isBalanced(condition: string): boolean {
  let depth = 0;
  for (const char of condition) {
    if (char === "(") depth++;
    if (char === ")" && --depth < 0) return false;
  }
  return depth === 0;
}

/** Adds an include behind the first one of <linux/...>. */
function withInclude(lines: readonly string[], header: string): string[] {
  const line = `#include <${header}>`;
  const at = lines.findIndex((each) => each.startsWith("#include <linux/"));
  return lines.includes(line) || at < 0 ? [...lines] : spliced(lines, at + 1, at + 1, line);
}

/** Statements at the beginning of a function, with declarations of their own. */
function withStart(
  lines: readonly string[],
  fn: CFunction,
  declarations: readonly string[],
  statements: readonly string[],
): string[] | undefined {
  const at = firstStatement(lines, fn);
  if (at === undefined) return undefined;
  return spliced(spliced(lines, at, at, ...statements), fn.open + 1, fn.open + 1, ...declarations);
}

/** Whether a call may be added at the beginning of a function. A function that is not inlined anywhere begins with user access closed. */
function mayCallAtStart(text: string, lines: readonly string[], fn: CFunction): boolean {
  if (!isDelicate(text)) return true;
  const header = lines.slice(fn.header, fn.open).join(" ");
  if (/\b(static|\w*inline|noinstr|notrace|__entry_text|__noendbr|asmlinkage)\b|DEFINE_IDTENTRY/.test(header))
    return false;
  return !lines.slice(fn.open, firstStatement(lines, fn) ?? fn.close).some((line) => /access_begin|asm/.test(line));
}

const likely: Edit = (text, draw) =>
  eachFunction(text, draw, (lines, fn) => {
    for (let i = fn.open + 1; i < fn.close; i++) {
      const match = ifLine.exec(lines[i]!);
      if (match === null || !isBalanced(match[2]!) || /likely\(|[^=!<>]=[^=]/.test(match[2]!)) continue;
      const hint = draw.below(2) === 0 ? "likely" : "unlikely";
      const line = `${match[1]}if (${hint}(${match[2]}))${match[3] ?? ""}`;
      return edited(spliced(lines, i, i + 1, line), `say what is ${hint} in ${fn.name}()`);
    }
    return undefined;
  });

const invertIf: Edit = (text, draw) =>
  eachFunction(text, draw, (lines, fn) => {
    for (let i = fn.open + 1; i < fn.close; i++) {
      const match = ifLine.exec(lines[i]!);
      if (match === null || match[3] === undefined || !isBalanced(match[2]!)) continue;
      const indent = match[1]!;
      const isOwn = (line: string): boolean => line.startsWith(indent) && /^\S/.test(line.slice(indent.length));
      const middle = lines.findIndex((line, at) => at > i && isOwn(line));
      if (lines[middle] !== `${indent}} else {`) continue;
      const end = lines.findIndex((line, at) => at > middle && isOwn(line));
      if (lines[end] !== `${indent}}`) continue;
      const out = spliced(
        lines,
        i,
        end,
        `${indent}if (!(${match[2]})) {`,
        ...lines.slice(middle + 1, end),
        `${indent}} else {`,
        ...lines.slice(i + 1, middle),
      );
      return edited(out, `turn an if of ${fn.name}() around`);
    }
    return undefined;
  });

const switchToIf: Edit = (text, draw) =>
  eachFunction(text, draw, (lines, fn) => {
    for (let i = fn.open + 1; i < fn.close; i++) {
      const match = /^(\t+)switch \((\w+(?:->\w+|\.\w+)*)\) \{$/.exec(lines[i]!);
      if (match === null) continue;
      const [, indent, value] = match as unknown as [string, string, string];
      const chain: string[] = [];
      let tail: string | undefined;
      let at = i + 1;
      for (; lines[at] !== `${indent}}`; at += 2) {
        const label = /^\t+case (\w+):$/.exec(lines[at] ?? "")?.[1];
        const isReturn = /^\t+return\b.*;$/.test(lines[at + 1] ?? "");
        if (!isReturn || tail !== undefined || (label === undefined && !/^\t+default:$/.test(lines[at] ?? ""))) break;
        const statement = `${indent}${lines[at + 1]!.trim()}`;
        if (label === undefined) tail = statement;
        else chain.push(`${indent}if (${value} == ${label})`, `\t${statement}`);
      }
      if (lines[at] !== `${indent}}` || chain.length < 4) continue;
      const out = spliced(lines, i, at + 1, ...chain, ...(tail === undefined ? [] : [tail]));
      return edited(out, `a chain of ifs in place of the switch of ${fn.name}()`);
    }
    return undefined;
  });

const unroll: Edit = (text, draw) =>
  eachFunction(text, draw, (lines, fn) => {
    for (let i = fn.open + 1; i < fn.close; i++) {
      if (!/^\t+for \(.*\)/.test(lines[i]!) || !/[;{}]$|^$/.test(lines[i - 1]!)) continue;
      return edited(spliced(lines, i, i, `#pragma GCC unroll ${2 << draw.below(3)}`), `unroll a loop of ${fn.name}()`);
    }
    return undefined;
  });

const whileToForever: Edit = (text, draw) =>
  eachFunction(text, draw, (lines, fn) => {
    for (let i = fn.open + 1; i < fn.close; i++) {
      const match = /^(\t+)while \((.+)\) \{$/.exec(lines[i]!);
      if (match === null || !isBalanced(match[2]!)) continue;
      const [, indent, condition] = match as unknown as [string, string, string];
      const loop = [`${indent}for (;;) {`, `${indent}\tif (!(${condition}))`, `${indent}\t\tbreak;`];
      return edited(spliced(lines, i, i + 1, ...loop), `end a loop of ${fn.name}() from the inside`);
    }
    return undefined;
  });

const gotoReturn: Edit = (text, draw) =>
  eachFunction(text, draw, (lines, fn) => {
    const end = behindLastReturn(lines, fn);
    const label = "out_early";
    if (end === undefined || mentions(lines, label)) return undefined;
    for (let i = fn.open + 1; i < fn.close - 1; i++) {
      const match = /^\t(\t+)(return -E\w+;)$/.exec(lines[i]!);
      if (match === null || !ifLine.test(lines[i - 1]!)) continue;
      const out = spliced(lines, end, end, `${label}:`, `\t${match[2]}`);
      return edited(spliced(out, i, i + 1, `\t${match[1]}goto ${label};`), `one way out for an error of ${fn.name}()`);
    }
    return undefined;
  });

const errorMessage: Edit = (text, draw) => {
  if (isDelicate(text)) return undefined;
  return eachFunction(text, draw, (lines, fn) => {
    for (let i = fn.open + 1; i < fn.close - 1; i++) {
      const match = ifLine.exec(lines[i]!);
      if (match === null || match[3] !== undefined || !isBalanced(match[2]!)) continue;
      if (!new RegExp(`^${match[1]}\treturn -E\\w+;$`).test(lines[i + 1]!) || /^\t+else/.test(lines[i + 2]!)) continue;
      const block = [
        `${lines[i]} {`,
        `${match[1]}\tpr_err("%s: cannot go on\\n", __func__);`,
        lines[i + 1]!,
        `${match[1]}}`,
      ];
      return edited(spliced(lines, i, i + 2, ...block), `tell why ${fn.name}() fails`);
    }
    return undefined;
  });
};

const warnOnce: Edit = (text, draw) => {
  return eachFunction(text, draw, (lines, fn) => {
    if (!mayCallAtStart(text, lines, fn)) return undefined;
    const name = pointerParameter(lines, fn);
    const out = name === undefined ? undefined : withStart(lines, fn, [], [`\tWARN_ON_ONCE(!${name});`, ""]);
    return out === undefined ? undefined : edited(withInclude(out, "linux/bug.h"), `${fn.name}() wants a ${name}`);
  });
};

const staticKey: Edit = (text, draw) => {
  return eachFunction(text, draw, (lines, fn) => {
    if (!mayCallAtStart(text, lines, fn)) return undefined;
    const key = `${fn.name}_told`;
    const told = [`\tif (static_branch_unlikely(&${key}))`, `\t\tpr_info("%s\\n", __func__);`];
    const out = mentions(lines, key) ? undefined : withStart(lines, fn, [], told);
    if (out === undefined) return undefined;
    const declared = spliced(out, fn.start, fn.start, `DEFINE_STATIC_KEY_FALSE(${key});`, "");
    return edited(withInclude(declared, "linux/jump_label.h"), `a static key to follow ${fn.name}()`);
  });
};

/** get_user() and put_user() opened up: one block that closes access on both ways out. */
const accessBlock: Edit = (text, draw) =>
  eachFunction(text, draw, (lines, fn) => {
    const end = behindLastReturn(lines, fn);
    if (end === undefined || mentions(lines.slice(fn.open, fn.close), "efault_open")) return undefined;
    for (let i = fn.open + 1; i < fn.close - 1; i++) {
      const match = /^(\t+)if \((get|put)_user\((\w+(?:->\w+|\.\w+)*), (&?\w+(?:->\w+)*)\)\)$/.exec(lines[i]!);
      if (match === null || !/[;{}]$|^$/.test(lines[i - 1]!) || lines[i + 1] !== `${match[1]}\treturn -EFAULT;`)
        continue;
      const [, indent, verb, value, pointer] = match as unknown as [string, string, string, string, string];
      const way = verb === "get" ? "read" : "write";
      const block = [
        `${indent}if (!user_${way}_access_begin(${pointer}, sizeof(*(${pointer}))))`,
        `${indent}\treturn -EFAULT;`,
        `${indent}unsafe_${verb}_user(${value}, ${pointer}, efault_open);`,
        `${indent}user_${way}_access_end();`,
      ];
      const out = spliced(lines, end, end, "", "efault_open:", `\tuser_${way}_access_end();`, "\treturn -EFAULT;");
      return edited(spliced(out, i, i + 2, ...block), `open user access once in ${fn.name}()`);
    }
    return undefined;
  });

/** A local array that escapes, so that the compiler keeps it: stack protector, realigned stack, big frame. */
function localArray(bytes: number, attribute: string, what: string): Edit {
  return (text, draw) => {
    return eachFunction(text, draw, (lines, fn) => {
      if (mentions(lines, "scratch_area") || !mayCallAtStart(text, lines, fn)) return undefined;
      const fill = ["\tmemset(scratch_area, 0, sizeof(scratch_area));", "\tbarrier_data(scratch_area);"];
      const out = withStart(lines, fn, [`\tu8 scratch_area[${bytes}]${attribute};`], fill);
      return out === undefined ? undefined : edited(withInclude(out, "linux/string.h"), `${what} in ${fn.name}()`);
    });
  };
}

/** A function that is always called with the same argument: .constprop and .isra clones. */
const oneArgument: Edit = (text, draw) => {
  if (isDelicate(text)) return undefined;
  return eachFunction(text, draw, (lines, fn) => {
    const header = lines.slice(fn.header, fn.open).join(" ").replace(/\s+/g, " ");
    const match = /^static ((?:unsigned |const |struct |enum )*\w+ \*?)(\w+)\(([^()]+)\)$/.exec(header);
    const at = firstStatement(lines, fn);
    if (match === null || at === undefined || /\binline\b|\.\.\./.test(header)) return undefined;
    const [, type, name, parameters] = match as unknown as [string, string, string, string];
    const fresh = `${name}_mode`;
    if (parameters === "void" || mentions(lines, fresh)) return undefined;
    const names = parameters.split(",").map((each) => /(\w+)\s*$/.exec(each)?.[1] ?? "");
    if (names.includes("")) return undefined;
    const worker = `static noinline ${type}${fresh}(${parameters}, int mode)`;
    const guard = ["\tif (mode > 1)", "\t\tdump_stack();"];
    const back = type.trim() === "void" ? "" : "return ";
    const wrapper = [
      "",
      `static ${type}${name}(${parameters})`,
      "{",
      `\t${back}${fresh}(${names.join(", ")}, 1);`,
      "}",
    ];
    const out = [
      ...lines.slice(0, fn.header),
      worker,
      ...lines.slice(fn.open, at),
      ...guard,
      ...lines.slice(at, fn.close + 1),
      ...wrapper,
      ...lines.slice(fn.close + 1),
    ];
    return edited(withInclude(out, "linux/printk.h"), `${name}() in a way that others may want`);
  });
};

/** Other attributes for a function that is called by name, and whose address nobody takes: the compiler was free to inline it. */
function attributed(attributes: string, summary: (name: string) => string): Edit {
  return (text, draw) => {
    if (isDelicate(text)) return undefined;
    return eachFunction(text, draw, (lines, fn) => {
      const header = lines[fn.header]!;
      if (!/^static (?!inline|noinline|__always)/.test(header) || fn.close - fn.open < 4) return undefined;
      const uses = lines.filter((line) => new RegExp(`\\b${fn.name}\\b`).test(line));
      if (uses.length < 2 || !uses.every((line) => new RegExp(`\\b${fn.name}\\(`).test(line))) return undefined;
      const changed = header.replace(/^static /, `static ${attributes} `);
      return edited(spliced(lines, fn.header, fn.header + 1, changed), summary(fn.name));
    });
  };
}

/** Kind -> edit, for .c files. */
export const hardEdits: Readonly<Record<string, Edit>> = {
  likely,
  "invert-if": invertIf,
  "switch-to-if": switchToIf,
  unroll,
  "while-to-forever": whileToForever,
  "goto-return": gotoReturn,
  "error-message": errorMessage,
  "warn-once": warnOnce,
  "static-key": staticKey,
  "access-block": accessBlock,
  "local-array": localArray(96, "", "a local array"),
  "aligned-array": localArray(128, " __aligned(64)", "an aligned array"),
  "big-frame": localArray(1400, "", "a big array"),
  "one-argument": oneArgument,
  "always-inline": attributed("__always_inline", (name) => `have ${name}() inline`),
  "noinline-noclone": attributed("noinline __noclone", (name) => `keep ${name}() one function`),
};
