// Sound edits of x86 assembly (AT&T syntax, after the C preprocessor's own syntax).
import type { Edit } from "./draw.ts";

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
    /%(cr|dr|db|[c-g]s|ss|xmm|mm)/.test(line) ||
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

const reorderMoves: Edit = (text, draw) => {
  const lines = text.split("\n");
  const places: number[] = [];
  for (let i = 1; i + 1 < lines.length; i++) {
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
  const labels = [...text.matchAll(/^(\.L\w+):/gm)].map((match) => match[1]!);
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
    /^SYM_(FUNC|CODE)_START/.test(line) && lines[i - 1] !== undefined && !lines[i - 1]!.endsWith("\\") ? [i] : [],
  );
  const at = draw.shuffled(places)[0];
  if (at === undefined) return undefined;
  const name = /\((\w+)\)/.exec(lines[at]!)?.[1] ?? "what follows";
  const out = [...lines.slice(0, at), "/* See the callers for what the registers hold. */", ...lines.slice(at)];
  return { text: out.join("\n"), summary: `comment ${name}` };
};

/** Kind -> edit, for .S files. */
export const asmEdits: Readonly<Record<string, Edit>> = {
  "asm-reorder": reorderMoves,
  "asm-rename-label": renameLabel,
  "asm-comment": comment,
};
