import { type Definition, keywords, withoutComments } from "./definitions.ts";
import type { Layout, Moved } from "./layouts.ts";

// Which texts read a member that moved: `sk->sk_rcu` where sk is declared as a struct sock, `tcp_sk(sk)->snd_cwnd`, `current->mm`,
// `sizeof(struct sock)`. What a receiver is comes from declarations of the text itself, from what functions return and from the pointers
// that types hold; nothing is resolved by scope.

/** What the headers say of names that stand before `->`. */
export class Receivers {
  /** Function, or macro that is like one -> types that it gives. */
  readonly #given = new Map<string, Set<string>>();
  /** Member -> types that it is or points to. */
  readonly #members = new Map<string, Set<string>>();
  /** Member -> types that have one of this name. */
  readonly #owners = new Map<string, Set<string>>();
  readonly #aliases: [string, string][] = [];

  add(text: string, layouts: readonly Layout[]): void {
    for (const [, word, tag, name] of text.matchAll(/\b(struct|union)\s+([A-Za-z_]\w*)\s*\*\s*([A-Za-z_]\w*)\s*\(/g))
      put(this.#given, name as string, `${word} ${tag}`);
    for (const [, name, body] of text.matchAll(
      /^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)(?:\([^()\n]*\))?[ \t]*((?:[^\n]{0,400}\\\n){0,3}[^\n]{0,400})/gm,
    )) {
      const container = /\bcontainer_of\w*\s*\([\s\S]*?,\s*(struct|union)\s+([A-Za-z_]\w*)\s*,/.exec(body as string);
      const alias = /^\(?([A-Za-z_]\w*)\s*\(/.exec(body as string)?.[1];
      if (container !== null) put(this.#given, name as string, `${container[1]} ${container[2]}`);
      else if (alias !== undefined) this.#aliases.push([name as string, alias]);
    }
    for (const { name: owner, members } of layouts) {
      for (const { name, type } of members) {
        put(this.#members, name, type);
        put(this.#owners, name, owner);
      }
    }
  }

  /** Types that a function gives, itself or through a macro of another name. */
  given(name: string): ReadonlySet<string> | undefined {
    return this.#given.get(name);
  }

  member(name: string): ReadonlySet<string> | undefined {
    return this.#members.get(name);
  }

  owners(member: string): ReadonlySet<string> | undefined {
    return this.#owners.get(member);
  }

  /** To be called when all headers are there. */
  close(): void {
    for (let turn = 0; turn < 2; turn++) {
      for (const [name, other] of this.#aliases)
        for (const type of this.#given.get(other) ?? []) put(this.#given, name, type);
    }
  }
}

function put(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([value]));
  else set.add(value);
}

/** A receiver, its arguments or index, and the member behind it; bounded, because the text is anybody's. */
const ACCESS =
  /\b([A-Za-z_]\w*)(\((?:[^()]|\([^()]{0,100}\)){0,100}\)|\[[^\][]{0,100}\])?\s{0,4}(?:->|\.)(?=\s{0,4}([A-Za-z_]\w*))/g;
const DECLARED = /\b(struct|union)\s+([A-Za-z_]\w*)\s*(\**)\s*(?:const\s+)?([A-Za-z_]\w*)\s*([,;=)[]|$)/gm;

/** Moved members that a text reads, by "struct sock.sk_rcu"; a type that it holds or measures counts as one, "struct sock". */
export function movedUses(text: string, moved: Moved, receivers: Receivers): Set<string> {
  const uses = new Set<string>();
  const declared = new Map<string, Set<string>>();
  for (const [, word, tag, stars, name, end] of text.matchAll(DECLARED)) {
    const type = `${word} ${tag}`;
    put(declared, name as string, type);
    // Of a variable or a member the size counts, too.
    if (stars === "" && end !== ")" && end !== "," && moved.has(type)) uses.add(type);
  }
  for (const [, word, tag] of text.matchAll(/\bsizeof\s*\(\s*(struct|union)\s+([A-Za-z_]\w*)\s*\)/g))
    if (moved.has(`${word} ${tag}`)) uses.add(`${word} ${tag}`);
  for (const { 1: receiver, 2: call, 3: member, index } of text.matchAll(ACCESS)) {
    const types =
      call?.[0] === "("
        ? receivers.given(receiver as string)
        : /(?:->|\.)\s*$/.test(text.slice(Math.max(0, index - 6), index))
          ? receivers.member(receiver as string)
          : (declared.get(receiver as string) ?? receivers.given(receiver as string));
    for (const type of types ?? []) if (moved.get(type)?.has(member as string)) uses.add(`${type}.${member}`);
  }
  return uses;
}

/** Functions and macros of a header that read a moved member: code that calls them reads it with them. */
export function readersOf(
  read: () => string,
  definitions: readonly Definition[],
  moved: Moved,
  receivers: Receivers,
): string[] {
  const members = new Set([...moved.values()].flatMap((names) => [...names]));
  const candidates = definitions.filter(
    ({ name, needs }) =>
      !/\s/.test(name) && !keywords.has(name) && needs.some((word) => members.has(word) || moved.has(word)),
  );
  if (candidates.length === 0) return [];
  const lines = withoutComments(read()).split("\n");
  return candidates.flatMap(({ name, first, last }) => {
    const body = lines.slice(first - 1, last).join("\n");
    const isMacro = /^[ \t]*#/.test(body);
    // The arguments of a macro have no types: members that are nobody else's must do.
    const reads = movedUses(body, moved, receivers).size > 0 || (isMacro && readsOwn(body, moved, receivers));
    return reads ? [name] : [];
  });
}

function readsOwn(body: string, moved: Moved, receivers: Receivers): boolean {
  for (const [, member] of body.matchAll(/(?:->|\.)\s{0,4}([A-Za-z_]\w*)/g)) {
    const owners = receivers.owners(member as string);
    if (owners !== undefined && [...owners].every((type) => moved.get(type)?.has(member as string))) return true;
  }
  return false;
}
