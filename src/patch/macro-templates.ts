import { type Definition, readDefinitions, withoutComments } from "./definitions.ts";

// Headers that define functions by a macro: BUFFER_FNS(Dirty, dirty) makes set_buffer_dirty() out of `set_buffer_##name`. No text has those
// names but the sources that use them, so the few macros that paste names together are expanded. As lexical as definitions.ts.

interface Template {
  readonly params: readonly string[];
  readonly body: string;
}

interface Call {
  readonly name: string;
  readonly args: readonly string[];
  readonly line: number;
}

/** Of one name the variants of all branches of #ifdef. */
const MAX_VARIANTS = 4;
const MAX_DEPTH = 4;
/** Characters that the calls of one kernel's headers may expand to. */
const MAX_EXPANDED = 8 << 20;

/** Collects the macros and the calls of many headers, in any order; the calls are expanded when all are there. */
export class MacroTemplates {
  readonly #templates = new Map<string, Template[]>();
  readonly #calls: Call[] = [];

  add(text: string): void {
    const mayDefine = text.includes("##");
    if (!mayDefine && !/^[A-Za-z_]\w*\s*\(/m.test(text)) return;
    const lines = withoutComments(text).split("\n");
    for (let at = 0; at < lines.length; at++) {
      const start = at;
      let line = lines[at] as string;
      if (!/^(?:[A-Za-z_]|[ \t]*#[ \t]*define\b)/.test(line)) continue;
      while (line.endsWith("\\") && at + 1 < lines.length) line = `${line.slice(0, -1)}\n${lines[++at]}`;
      const macro = /^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)\(([^)]*)\)([\s\S]*)$/.exec(line);
      if (macro !== null) this.#define(macro[1] as string, macro[2] as string, macro[3] as string);
      else {
        const call = /^([A-Za-z_]\w*)\s*\((.*)\)\s*;?\s*$/s.exec(line);
        if (call !== null)
          this.#calls.push({ name: call[1] as string, args: splitArguments(call[2] as string), line: start + 1 });
      }
    }
  }

  /** What the calls at file level define; every definition needs the macros that it comes from. */
  *definitions(): Generator<Definition> {
    let left = MAX_EXPANDED;
    for (const call of this.#calls) {
      const { text, used } = this.#expand(call.name, call.args, MAX_DEPTH);
      left -= text.length;
      if (left < 0) return;
      if (used.size === 0) continue;
      for (const { name, needs } of readDefinitions(text))
        yield { name, needs: [...needs, ...used], first: call.line, last: call.line };
    }
  }

  /** Those whose body pastes names together, and those that do nothing but call others. */
  #define(name: string, params: string, body: string): void {
    const callsOnly = /^\s*[A-Za-z_]\w*\s*\([^(){};]*\)(\s*[A-Za-z_]\w*\s*\([^(){};]*\))*\s*$/.test(body);
    if (!callsOnly && !(body.includes("##") && body.includes("{"))) return;
    const template = { params: params.split(",").map((param) => param.trim()), body };
    const variants = this.#templates.get(name);
    if (variants === undefined) this.#templates.set(name, [template]);
    else if (variants.length < MAX_VARIANTS) variants.push(template);
  }

  #expand(name: string, args: readonly string[], depth: number): { text: string; used: Set<string> } {
    const used = new Set<string>();
    const texts: string[] = [];
    for (const { params, body } of depth === 0 ? [] : (this.#templates.get(name) ?? [])) {
      used.add(name);
      const given = new Map(params.map((param, at) => [param, args[at] ?? ""]));
      const text = body.replace(/\b[A-Za-z_]\w*\b/g, (word) => given.get(word) ?? word).replace(/\s*##\s*/g, "");
      if (text.includes("{")) texts.push(text);
      for (const [, inner, list] of text.matchAll(/(?:^|[)\n])\s*([A-Za-z_]\w*)\s*\(([^(){};]*)\)/g)) {
        if (inner === name || !this.#templates.has(inner as string)) continue;
        const below = this.#expand(inner as string, splitArguments(list as string), depth - 1);
        texts.push(below.text);
        for (const macro of below.used) used.add(macro);
      }
    }
    return { text: texts.join("\n"), used };
  }
}

function splitArguments(text: string): string[] {
  const args: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === "(") depth++;
    else if (char === ")") depth--;
    else if (char === "," && depth === 0) {
      args.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  args.push(text.slice(start).trim());
  return args;
}
