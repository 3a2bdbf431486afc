import { hashText } from "../base/hash.ts";
import { NONE } from "../base/table.ts";
import type { Flow } from "../flow/flow.ts";
import { stableName } from "./names.ts";

/**
 * A key of what a function does, without its name and place: kinds, registers, frame operations, what it calls. Two functions with one key
 * are taken for the same one that was renamed or moved.
 */
export function contentKey(flow: Flow, f: number): string {
  const { code, functions, kind, symbol } = flow;
  const { table } = functions;
  const first = table.firstInsn[f] as number;
  if (first === NONE) return "";
  const own = code.object.symbolName[table.symbol[f] as number] as string;
  const parts: string[] = [];
  for (let i = first; i < kind.length && functions.ofInsn[i] === f; i++) {
    const s = symbol[i] as number;
    const name = s === NONE ? "" : (code.object.symbolName[s] as string);
    parts.push(
      `${kind[i]}/${code.insns.size[i]}/${code.insns.writes[i]}${name === "" ? "" : name === own ? "@self" : `@${stableName(name)}`}`,
    );
  }
  return hashText(parts.join(" "));
}
