import { hashText } from "../base/hash.ts";
import { NONE } from "../base/table.ts";
import type { Flow } from "../flow/flow.ts";
import { stableName } from "./names.ts";

/** Keys that were asked for before: a function may have many findings. */
const known = new WeakMap<Flow, Map<number, string>>();

/**
 * A key of what a function does, without its name and place: kinds, lengths, registers, what it calls. Two functions with one key
 * are taken for the same one that was renamed or moved.
 */
export function contentKey(flow: Flow, f: number): string {
  const keys = known.get(flow) ?? new Map<number, string>();
  known.set(flow, keys);
  let key = keys.get(f);
  if (key === undefined) {
    key = computeKey(flow, f);
    keys.set(f, key);
  }
  return key;
}

function computeKey(flow: Flow, f: number): string {
  const { code, functions, kind, symbol } = flow;
  const { table } = functions;
  const first = table.firstInsn[f] as number;
  if (first === NONE) return "";
  const own = code.object.symbolName[table.symbol[f] as number] as string;
  const parts: string[] = [];
  for (let i = first; i < kind.length && functions.ofInsn[i] === f; i++) {
    const s = symbol.at(i);
    const name = s === NONE ? "" : (code.object.symbolName[s] as string);
    parts.push(
      `${kind[i]}/${code.insns.size[i]}/${code.insns.writes[i]}${name === "" ? "" : name === own ? "@self" : `@${stableName(name)}`}`,
    );
  }
  return hashText(parts.join(" "));
}
