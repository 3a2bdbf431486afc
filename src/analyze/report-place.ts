import type { Flow } from "../flow/flow.ts";
import { KIND_RETURN } from "../isa/insn-table.ts";
import { outerPlace, type SourcePlace } from "../rules/finding.ts";
import type { Report, RuleContext } from "../rules/rule.ts";

/** Instruction that stands where this one is patched in; itself outside of replacements, whose own line rows are those of the macro before. */
export function placedInsn(flow: Flow, insn: number): number {
  const row = flow.instead.replacementOf.get(insn);
  return row === undefined ? insn : (flow.instead.alternatives.from[row] as number);
}

/** So many instructions before one without a line are asked for theirs. */
const MOST_BEFORE = 32;

/** Compilers give line 0 to code that they made of several statements (DWARF 5, 6.2.2): then the line of the code right before it says most. */
function withLine(
  { code, functions }: Flow,
  insn: number,
  placeOf: (insn: number) => SourcePlace | undefined,
): SourcePlace | undefined {
  const place = placeOf(insn);
  if (place === undefined || outerPlace(place).line !== 0) return place;
  const first = Math.max(code.sectionStart[code.insns.section[insn] as number] as number, insn - MOST_BEFORE);
  for (let i = insn - 1; i >= first && functions.ofInsn[i] === functions.ofInsn[insn]; i--) {
    const before = placeOf(i);
    if (before !== undefined && outerPlace(before).line !== 0) return before;
  }
  return place;
}

/**
 * The source place of a report. A C function's return has the line of its closing brace, whichever statement ended it. Where a flag leaks out, the
 * last line on the way that lies between its setting and the brace says more: the statement that left, or the access that faulted. (Lines before the
 * setting come from tails that the compiler shares between statements.)
 */
export function reportPlace(
  { flow }: RuleContext,
  report: Report,
  placeOf: (insn: number) => SourcePlace | undefined,
): SourcePlace | undefined {
  const place = withLine(flow, report.placedAt ?? report.at, placeOf);
  const { way } = report;
  if (place === undefined || flow.kind[report.at] !== KIND_RETURN || way?.kind !== "flags") return place;
  if (place.file.endsWith(".S")) return place;
  const brace = outerPlace(place);
  const last = way.insns.length - 1;
  let set = last;
  while (set > 0 && way.flags[set] === way.flags[last]) set--;
  const setting = placeOf(way.insns[set] as number);
  if (setting === undefined || outerPlace(setting).file !== brace.file) return place;
  const from = outerPlace(setting).line;
  for (let n = last - 1; n > set; n--) {
    const other = placeOf(way.insns[n] as number);
    if (other === undefined) continue;
    const { file, line } = outerPlace(other);
    if (file === brace.file && line > from && line < brace.line) return other;
  }
  return place;
}

/** Lines of a function's own source, with those where inlined code is called: its file, first and last line. */
export function functionLines(
  flow: Flow,
  owner: number,
  at: number,
  placeOf: (insn: number) => SourcePlace | undefined,
) {
  const rows: number[] = [];
  if (owner >= 0) {
    const { table } = flow.functions;
    for (let i = 0; i < flow.kind.length; i++) {
      const f = flow.functions.ofInsn[i] as number;
      if (f >= 0 && table.parent[f] === table.parent[owner]) rows.push(i);
    }
  } else rows.push(at);
  let file: string | undefined;
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  for (const insn of rows) {
    const place = placeOf(insn);
    if (place === undefined) continue;
    const own = outerPlace(place);
    file ??= own.file;
    if (own.file !== file || own.line === 0) continue;
    from = Math.min(from, own.line);
    to = Math.max(to, own.line);
  }
  return file === undefined || to === 0 ? undefined : { file, from, to };
}
