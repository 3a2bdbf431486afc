// Enough of C to read what a kernel header says of a layout: object-like macros that are numbers, and structures of integers with bit fields,
// nested anonymous structures and unions, under conditionals. Pure: text in, numbers out; anything else is told as undefined.

/** Bits of one member, counted from the lowest bit of the first byte (little-endian). */
export interface MemberPlace {
  readonly bit: number;
  readonly width: number;
}

export interface StructLayout {
  /** bytes */
  readonly size: number;
  readonly members: ReadonlyMap<string, MemberPlace>;
}

/** Value of `#define NAME number` for every macro whose name begins with `prefix`. The prefix is cut off. */
export function readDefines(text: string, prefix: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const [, name, value] of stripComments(text).matchAll(
    /^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+(0x[0-9a-fA-F]+|\d+)[ \t]*$/gm,
  )) {
    if (name?.startsWith(prefix)) found.set(name.slice(prefix.length), Number(value));
  }
  return found;
}

/**
 * Layout of `struct NAME { ... }` on a 64-bit little-endian machine, natural alignment unless it is __packed. Undefined where the text has no such
 * structure, or one with a member that is not understood.
 * @param defined macros that conditionals find defined
 */
export function readStruct(
  text: string,
  name: string,
  defined: ReadonlySet<string> = new Set(),
): StructLayout | undefined {
  const clean = preprocess(stripComments(text), defined);
  const start = new RegExp(`\\bstruct\\s+${name}\\s*\\{`).exec(clean);
  if (start === null) return undefined;
  const from = start.index + start[0].length;
  const end = closing(clean, from);
  if (end === undefined || end - from > MAX_BODY) return undefined;
  const packed = /^\}\s*__packed\b|^\}\s*__attribute__\s*\(\(\s*packed\s*\)\)/.test(clean.slice(end));
  const body = parseMembers(clean.slice(from, end));
  if (body === undefined) return undefined;
  const members = new Map<string, MemberPlace>();
  const laid = layOut(body, "struct", packed, 0, members);
  return { size: laid.bits / 8, members };
}

function stripComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, " ").replace(/\/\/.*$/gm, "");
}

/** Index of the brace that closes the block which `from` lies in. */
function closing(text: string, from: number): number | undefined {
  let depth = 1;
  for (let i = from; i < text.length; i++) {
    if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return i;
  }
  return undefined;
}

/** Takes the branches of conditionals over what is defined; other conditions hold. Directives themselves go. */
function preprocess(text: string, defined: ReadonlySet<string>): string {
  const kept: string[] = [];
  /** taken: this branch is; done: an earlier branch of it was */
  const open: { taken: boolean; done: boolean }[] = [];
  for (const line of text.split("\n")) {
    const directive = /^\s*#\s*(\w+)\s*(.*)$/.exec(line);
    if (directive === null) {
      if (open.every((each) => each.taken)) kept.push(line);
      continue;
    }
    const [, word, rest = ""] = directive;
    const top = open.at(-1);
    if (word === "if" || word === "ifdef" || word === "ifndef") {
      const taken = holds(word, rest, defined);
      open.push({ taken, done: taken });
    } else if (word === "elif" && top !== undefined) {
      top.taken = !top.done && holds("if", rest, defined);
      top.done ||= top.taken;
    } else if (word === "else" && top !== undefined) {
      top.taken = !top.done;
      top.done = true;
    } else if (word === "endif") open.pop();
  }
  return kept.join("\n");
}

function holds(word: string, rest: string, defined: ReadonlySet<string>): boolean {
  const name = /^(?:!\s*)?(?:defined\s*\(?\s*)?(\w+)/.exec(rest)?.[1] ?? "";
  if (word === "ifdef") return defined.has(name);
  if (word === "ifndef") return !defined.has(name);
  if (!rest.includes("defined")) return true;
  return defined.has(name) !== rest.trimStart().startsWith("!");
}

interface Member {
  readonly name: string;
  /** Bits of its type. */
  readonly bits: number;
  /** Bits of a bit field. */
  readonly field: number | undefined;
}
interface Block {
  readonly kind: "struct" | "union";
  readonly members: readonly Item[];
}
type Item = Member | Block;

const bitsOfType: Readonly<Record<string, number>> = {
  u8: 8,
  s8: 8,
  u16: 16,
  s16: 16,
  u32: 32,
  s32: 32,
  u64: 64,
  s64: 64,
  "unsigned short": 16,
  "signed int": 32,
  "unsigned int": 32,
  unsigned: 32,
  int: 32,
  "unsigned long": 64,
};

/** Structures that are laid out here nest once or twice and have a few hundred characters. */
const MAX_DEPTH = 6;
const MAX_BODY = 10_000;

function parseMembers(body: string, depth = 0): Item[] | undefined {
  const items: Item[] = [];
  let rest = body.trim();
  while (rest !== "") {
    const block = /^(struct|union)\s*\{/.exec(rest);
    if (block !== null) {
      const from = block[0].length;
      const end = closing(rest, from);
      const members =
        end === undefined || depth === MAX_DEPTH ? undefined : parseMembers(rest.slice(from, end), depth + 1);
      const after = end === undefined ? null : /^\}\s*;/.exec(rest.slice(end));
      if (end === undefined || members === undefined || after === null) return undefined;
      items.push({ kind: block[1] as Block["kind"], members });
      rest = rest.slice(end + after[0].length).trim();
      continue;
    }
    const member = /^([a-z]\w*(?:\s+[a-z]\w*)*?)\s+(\w+)\s*(?::\s*(\d+)\s*)?;/.exec(rest);
    const bits = bitsOfType[member?.[1]?.replace(/\s+/g, " ") ?? ""];
    if (member === null || bits === undefined) return undefined;
    items.push({ name: member[2] as string, bits, field: member[3] === undefined ? undefined : Number(member[3]) });
    rest = rest.slice(member[0].length).trim();
  }
  return items;
}

/** Gives each member its place from bit `base` on, and says how many bits they take and their alignment in bits. */
function layOut(
  items: readonly Item[],
  kind: Block["kind"],
  packed: boolean,
  base: number,
  members: Map<string, MemberPlace>,
): { bits: number; align: number } {
  let at = 0;
  let end = 0;
  let align = 8;
  for (const item of items) {
    if (kind === "union") at = 0;
    if ("kind" in item) {
      // What is packed puts its members side by side, and leaves what is inside of them as it is.
      const own = layOut(item.members, item.kind, false, 0, new Map());
      at = alignUp(at, packed ? 8 : own.align);
      layOut(item.members, item.kind, false, base + at, members);
      at += own.bits;
      align = Math.max(align, packed ? 8 : own.align);
    } else {
      const width = item.field ?? item.bits;
      // A bit field goes on where the one before it ended, as long as it does not cross its type's own boundary.
      if (item.field === undefined) at = alignUp(at, packed ? 8 : item.bits);
      else if (!packed && Math.floor(at / item.bits) !== Math.floor((at + width - 1) / item.bits))
        at = alignUp(at, item.bits);
      members.set(item.name, { bit: base + at, width });
      at += width;
      align = Math.max(align, packed ? 8 : item.bits);
    }
    end = Math.max(end, at);
  }
  return { bits: alignUp(end, align), align };
}

function alignUp(bits: number, to: number): number {
  return Math.ceil(bits / to) * to;
}
