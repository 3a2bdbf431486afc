import { withoutComments } from "./definitions.ts";

// Which members of which types move where a patch adds a member to one, and which texts read them. As lexical as definitions.ts, and for the
// same end: every source of the network code names struct sock, and the code of a few reads what moved in it.

/** A struct or union of a header, with the members of those that have no name of their own, in order. */
export interface Layout {
  /** "struct sock" */
  readonly name: string;
  readonly members: readonly Member[];
}

export interface Member {
  readonly name: string;
  /** Its type, "struct inner" or the name of a typedef. */
  readonly type: string;
  readonly isPointer: boolean;
  /** 1-based line. */
  readonly line: number;
}

const HEAD = /^(?:typedef[ \t]+)?(struct|union)[ \t]+(?:__\w+(?:\([^()\n]*\))?[ \t]+)*([A-Za-z_]\w*)[^;{}()=]*\{/gm;
/** A type of more lines is a table that somebody generated. */
const MAX_LINES = 3000;

/** The tagged types that a header defines at its left margin. Linear in the text. */
export function readLayouts(text: string): Layout[] {
  if (!/^(?:typedef[ \t]+)?(?:struct|union)\b/m.test(text)) return [];
  const bare = withoutComments(text);
  const found: Layout[] = [];
  let line = 1;
  let counted = 0;
  for (const match of bare.matchAll(HEAD)) {
    const start = match.index + match[0].length;
    for (let at = bare.indexOf("\n", counted); at >= 0 && at < start; at = bare.indexOf("\n", counted)) {
      line++;
      counted = at + 1;
    }
    const rest = bare.indexOf("\n", start);
    const end = bare.lastIndexOf("}", rest) >= start ? bare.lastIndexOf("}", rest) : bare.indexOf("\n}", start);
    const body = bare.slice(start, end < 0 ? start : end);
    found.push({ name: `${match[1]} ${match[2]}`, members: readMembers(body, line) });
  }
  return found;
}

function readMembers(body: string, first: number): Member[] {
  const members: Member[] = [];
  let statement = "";
  let isDirective = false;
  for (const [at, line] of body.split("\n").slice(0, MAX_LINES).entries()) {
    const directive: boolean = isDirective || /^[ \t]*#/.test(line);
    isDirective = directive && line.endsWith("\\");
    if (directive) continue;
    for (const part of line.split(/(?<=[;{}])/)) {
      statement += part;
      if (!/[;{}]$/.test(part)) continue;
      addMembers(statement.slice(0, -1), first + at, members);
      statement = "";
    }
    statement = statement === "" ? "" : `${statement} `;
  }
  return members;
}

const QUALIFIER = /\b(?:const|volatile|unsigned|signed|__[a-z]\w*|____cacheline\w*)\b/g;

function addMembers(text: string, line: number, members: Member[]): void {
  const statement = text.replace(/\b__\w+\s*\([^()]*(?:\([^()]*\)[^()]*)*\)/g, " ").replace(QUALIFIER, " ");
  const pointer = /\(\s*\*+\s*([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)?\)\s*\(/.exec(statement);
  if (pointer !== null) {
    members.push({ name: pointer[1] as string, type: "", isPointer: true, line });
    return;
  }
  const macro = /^\s*[A-Z_][A-Z0-9_]*\s*\(\s*([A-Za-z_]\w*)/.exec(statement);
  if (macro !== null) {
    members.push({ name: macro[1] as string, type: "", isPointer: false, line });
    return;
  }
  // "unsigned a:1, b:1", "struct list_head *x[2]"; a nested type that ends in a name has lost its words to the brace before.
  const [, word, type = ""] = /^\s*(?:(struct|union|enum)\s+)?([A-Za-z_]\w*)/.exec(statement) ?? [];
  for (const [n, part] of statement.split(",").entries()) {
    const name = /([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)*(?::[^:]*)?$/.exec(part.trimEnd())?.[1];
    if (name === undefined || /^(?:struct|union|enum)$/.test(name)) continue;
    const full = word === undefined ? type : `${word} ${type}`;
    members.push({ name, type: n === 0 && full === name ? "" : full, isPointer: part.includes("*"), line });
  }
}

/** Type -> those of its members that another layout moves or that are new; with every member of another type that moves within it. */
export type Moved = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * @param edited the types of the edited header
 * @param lines its changed lines
 * @param layouts the types of all headers, which may hold an edited one by value
 */
export function movedMembers(edited: readonly Layout[], lines: readonly number[], layouts: readonly Layout[]): Moved {
  const moved = new Map<string, Set<string>>();
  const todo: string[] = [];
  const add = (name: string, members: readonly Member[]): void => {
    const known = moved.get(name) ?? new Set();
    const before = moved.has(name) ? known.size : -1;
    for (const member of members) known.add(member.name);
    moved.set(name, known);
    if (known.size > before) todo.push(name);
  };
  for (const { name, members } of edited) {
    const last = members.at(-1)?.line ?? 0;
    const first = lines.filter((line) => line >= (members[0]?.line ?? 1) && line <= last + 1);
    if (first.length > 0)
      add(
        name,
        members.filter(({ line }) => line >= Math.min(...first)),
      );
  }
  const holders = new Map<string, [Layout, number][]>();
  for (const layout of moved.size === 0 ? [] : layouts) {
    for (const [at, { type, isPointer }] of layout.members.entries()) {
      if (isPointer || type === "" || type === layout.name) continue;
      const list = holders.get(type);
      if (list === undefined) holders.set(type, [[layout, at]]);
      else list.push([layout, at]);
    }
  }
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    for (const [layout, at] of holders.get(name) ?? []) {
      // All of a union begins where it begins; it may be larger, and what holds it with it.
      add(layout.name, layout.name.startsWith("union ") ? [] : layout.members.slice(at + 1));
    }
  }
  return moved;
}
