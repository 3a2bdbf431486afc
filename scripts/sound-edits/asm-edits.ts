// Sound edits of x86 assembly (AT&T syntax, after the C preprocessor's own syntax).
import type { Draw, Edit } from "./draw.ts";

/** Register family by any of its names: %eax, %ax, %al and %rax are one. */
function family(register: string): string {
  const name = register.replace(/^%/, "");
  if (/^r\d+[dwb]?$/.test(name)) return name.replace(/[dwb]$/, "");
  return name
    .replace(/^[re]/, "")
    .replace(/^([abcd])[xlh]$/, "$1x")
    .replace(/l$/, "");
}

function registersOf(operand: string): Set<string> {
  return new Set([...operand.matchAll(/%[a-z0-9]+/g)].map((match) => family(match[0])));
}

interface Move {
  readonly source: string;
  readonly target: string;
}

/** A plain move of one register, constant or memory word; no label, macro or prefix on the line. */
function readMove(line: string): Move | undefined {
  const match =
    /^\t(?:mov|movq|movl|lea|leaq)\s+(\$[\w*+-]+|%\w+|[\w*+-]*\([%\w,]+\)),\s*(%\w+|[\w*+-]*\([%\w,]+\))\s*(?:\/\*.*\*\/|#.*)?$/.exec(
      line,
    );
  if (match === null || (match[1]!.includes("(") && match[2]!.includes("("))) return undefined;
  const move = { source: match[1]!, target: match[2]! };
  // Control, segment and debug registers have effects of their own, and a write of the stack pointer is what this is all about.
  if (
    /%(?:cr|dr|db|xmm|mm)\d|%[c-gs]s\b/.test(line) ||
    /^%[re]?[sb]p[l]?$/.test(move.target) ||
    /^%[re]?sp$/.test(move.source)
  )
    return undefined;
  return move;
}

function areIndependent(a: Move, b: Move): boolean {
  const writesMemory = (move: Move): boolean => move.target.includes("(");
  const readsMemory = (move: Move): boolean => move.source.includes("(");
  // Two accesses to memory may be one word, unless both only read.
  if ((writesMemory(a) && (writesMemory(b) || readsMemory(b))) || (writesMemory(b) && readsMemory(a))) return false;
  const touches = (move: Move): Set<string> => new Set([...registersOf(move.source), ...registersOf(move.target)]);
  const written = (move: Move): Set<string> => (writesMemory(move) ? new Set() : registersOf(move.target));
  return written(a).isDisjointFrom(touches(b)) && written(b).isDisjointFrom(touches(a));
}

/** A line that cannot put a label, a table entry or a hint on the line after it. */
function isPlain(line: string): boolean {
  return (
    /^\t(?:mov|lea|add|sub|xor|and|or|test|cmp|push|pop|shr|shl|inc|dec|neg|not)[a-z]*\s+[%$\w(*)+,.\s-]+$/.test(
      line,
    ) || line === ""
  );
}

/** Line -> name of the function that it stands in; lines of functions that are not to be edited, and those outside of any, have none. */
function functionOfLine(lines: readonly string[], draw: Draw): (string | undefined)[] {
  let name: string | undefined;
  return lines.map((line) => {
    const start = /^SYM_(?:TYPED_)?(?:FUNC|CODE)_START\w*\((\w+)/.exec(line)?.[1];
    if (start !== undefined) name = draw.isWanted(start) ? start : undefined;
    const owner = name;
    if (/^SYM_(?:FUNC|CODE)_END/.test(line)) name = undefined;
    return owner;
  });
}

const reorderMoves: Edit = (text, draw) => {
  const lines = text.split("\n");
  const places: number[] = [];
  const owner = functionOfLine(lines, draw);
  for (let i = 1; i + 1 < lines.length; i++) {
    // Macros and what is between functions may be edited too, unless functions are asked for by name.
    if (owner[i] === undefined && !draw.isWanted("")) continue;
    const a = readMove(lines[i]!);
    const b = readMove(lines[i + 1]!);
    if (a !== undefined && b !== undefined && isPlain(lines[i - 1]!) && areIndependent(a, b)) places.push(i);
  }
  const at = draw.shuffled(places)[0];
  if (at === undefined) return undefined;
  const out = [...lines];
  [out[at], out[at + 1]] = [lines[at + 1]!, lines[at]!];
  return { text: out.join("\n"), summary: "reorder two moves that do not depend on each other" };
};

const renameLabel: Edit = (text, draw) => {
  if (/##|\\@/.test(text)) return undefined;
  const lines = text.split("\n");
  const owner = functionOfLine(lines, draw);
  const labels = lines.flatMap((line, i) => {
    const label = /^(\.L\w+):/.exec(line)?.[1];
    return label === undefined || (owner[i] === undefined && !draw.isWanted("")) ? [] : [label];
  });
  for (const label of draw.shuffled(labels)) {
    const fresh = `${label}_here`;
    if (text.includes(fresh)) continue;
    const use = new RegExp(`${label.replace(".", "\\.")}\\b`, "g");
    return { text: text.replace(use, fresh), summary: `rename the label ${label}` };
  }
  return undefined;
};

const comment: Edit = (text, draw) => {
  const lines = text.split("\n");
  const places = lines.flatMap((line, i) =>
    /^SYM_(FUNC|CODE)_START/.test(line) &&
    lines[i - 1] !== undefined &&
    !lines[i - 1]!.endsWith("\\") &&
    draw.isWanted(/\((\w+)\)/.exec(line)?.[1] ?? "")
      ? [i]
      : [],
  );
  const at = draw.shuffled(places)[0];
  if (at === undefined) return undefined;
  const name = /\((\w+)\)/.exec(lines[at]!)?.[1] ?? "what follows";
  const out = [...lines.slice(0, at), "/* See the callers for what the registers hold. */", ...lines.slice(at)];
  return { text: out.join("\n"), summary: `comment ${name}` };
};

const addNop: Edit = (text, draw) => {
  const lines = text.split("\n");
  const owner = functionOfLine(lines, draw);
  const places = lines.flatMap((line, i) =>
    i > 0 && owner[i] !== undefined && line !== "" && isPlain(line) && isPlain(lines[i - 1]!) && lines[i - 1] !== ""
      ? [i]
      : [],
  );
  const at = draw.shuffled(places)[0];
  if (at === undefined) return undefined;
  return {
    text: [...lines.slice(0, at), "\tnop", ...lines.slice(at)].join("\n"),
    summary: `a nop where ${owner[at]} has time`,
  };
};

/** Two pushes in a row change places, and so do the two pops that undo them on every way out. */
const swapPushes: Edit = (text, draw) => {
  const lines = text.split("\n");
  const owner = functionOfLine(lines, draw);
  const operand = (line: string, verb: string): string | undefined =>
    new RegExp(`^\\t${verb}q?\\s+(%r\\w+)\\s*$`).exec(line)?.[1];
  const places = lines.flatMap((_, i) =>
    operand(lines[i]!, "push") && operand(lines[i + 1] ?? "", "push") ? [i] : [],
  );
  for (const at of draw.shuffled(places)) {
    const name = owner[at];
    if (name === undefined) continue;
    const own = lines.flatMap((_, i) => (owner[i] === name ? [i] : []));
    const [a, b] = [operand(lines[at]!, "push")!, operand(lines[at + 1]!, "push")!];
    const pushes = own.filter((i) => [a, b].includes(operand(lines[i]!, "push") ?? ""));
    const pops = own.filter((i) => [a, b].includes(operand(lines[i]!, "pop") ?? ""));
    // Whoever addresses the stack by hand, or keeps its address, may mean one of the two slots.
    if (pushes.length !== 2 || pops.length === 0 || own.some((i) => /%[er]sp|\(%[er]bp/.test(lines[i]!))) continue;
    const pairs = pops.filter((i) => operand(lines[i]!, "pop") === b && operand(lines[i + 1]!, "pop") === a);
    if (pairs.length * 2 !== pops.length) continue;
    const out = [...lines];
    for (const i of [at, ...pairs]) [out[i], out[i + 1]] = [lines[i + 1]!, lines[i]!];
    return { text: out.join("\n"), summary: `push ${b} first in ${name}` };
  }
  return undefined;
};

/** Kind -> edit, for .S files: the harder ones. */
export const hardAsmEdits: Readonly<Record<string, Edit>> = {
  "asm-nop": addNop,
  "asm-swap-pushes": swapPushes,
  "asm-reorder": reorderMoves,
};

/** Kind -> edit, for .S files. */
export const asmEdits: Readonly<Record<string, Edit>> = {
  "asm-reorder": reorderMoves,
  "asm-rename-label": renameLabel,
  "asm-comment": comment,
};
