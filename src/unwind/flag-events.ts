import { lowerBound, NONE } from "../base/table.ts";
import { type Flow, ownerOf } from "../flow/flow.ts";
import { sameFamily } from "../flow/functions.ts";
import type { Successors } from "../flow/successors.ts";
import { KIND_ACCESS_CLOSE, KIND_ACCESS_OPEN, KIND_DIRECTION_CLEAR, KIND_DIRECTION_SET } from "../isa/insn-table.ts";
import type { FlagState } from "./machine-flags.ts";

// What the walk of the machine flags comes upon, and which of it is told: one defect makes one finding.

export const FLAG_EVENT_RETURN_OPEN = 1;
export const FLAG_EVENT_RETURN_CLOSED = 2;
export const FLAG_EVENT_CALL_OPEN = 3;
export const FLAG_EVENT_DOUBLE_OPEN = 4;
export const FLAG_EVENT_REDUNDANT_CLOSE = 5;
export const FLAG_EVENT_SAFE_CLOSES = 6;
export const FLAG_EVENT_RETURN_DIRECTION = 7;
export const FLAG_EVENT_CALL_DIRECTION = 8;
export const FLAG_EVENT_DOUBLE_SET = 9;
export const FLAG_EVENT_REDUNDANT_CLEAR = 10;
export const FLAG_EVENT_STACK_EXHAUSTED = 11;

export interface FlagEvent {
  readonly kind: number;
  readonly insn: number;
  readonly owner: number;
  readonly flags: FlagState;
  /** Other instructions that the same defect is seen at: the flag has its value from the same place on the way there. */
  readonly also: readonly number[];
  /** Instructions on the way with the flags before each, from the root to `insn`. */
  readonly path: readonly { readonly insn: number; readonly flags: FlagState }[];
}

/** A flag that is left set is seen at returns, at calls and at the next set: the return says best what is missing. */
const significance: readonly number[] = [
  FLAG_EVENT_RETURN_OPEN,
  FLAG_EVENT_RETURN_DIRECTION,
  FLAG_EVENT_DOUBLE_OPEN,
  FLAG_EVENT_DOUBLE_SET,
];

const isCall = ({ kind }: FlagEvent): boolean => kind === FLAG_EVENT_CALL_OPEN || kind === FLAG_EVENT_CALL_DIRECTION;

/**
 * Of the events of one cause, the one that is told, with the places of the others. A call is told beside it where the flag is cleared behind:
 * that call would be wrong if nothing else were. Where nothing clears it, the first call on the way is where it should have been.
 */
export function chooseEvents(list: readonly FlagEvent[], isCleared: (event: FlagEvent) => boolean): FlagEvent[] {
  const rank = ({ kind }: FlagEvent): number =>
    (significance.indexOf(kind) + significance.length + 1) % (significance.length + 1);
  const best = list.reduce((a, b) => (rank(b) < rank(a) ? b : a));
  const calls = isCall(best) ? [] : list.filter(isCall);
  const own = calls.filter(isCleared);
  const onTheWay = calls.find((call) => !own.includes(call) && best.path.some(({ insn }) => insn === call.insn));
  const first = onTheWay ?? best;
  const also = (told: FlagEvent, others: readonly FlagEvent[]): FlagEvent => ({
    ...told,
    also: [...new Set(others.map((event) => event.insn))].filter((insn) => insn !== told.insn),
  });
  const found = [
    also(
      first,
      list.filter((event) => !own.includes(event)),
    ),
  ];
  if (own[0] !== undefined) found.push(also(own[0], own));
  return found;
}

/** Whether the flag that is set at an event is cleared on some way on from there, before anything sets it again. */
export function isClearedBehind(flow: Flow, next: Successors, { insn, kind, owner }: FlagEvent): boolean {
  const isDirection = kind === FLAG_EVENT_CALL_DIRECTION;
  const [clear, set] = isDirection ? [KIND_DIRECTION_CLEAR, KIND_DIRECTION_SET] : [KIND_ACCESS_CLOSE, KIND_ACCESS_OPEN];
  const { edges, skipped } = flow.instead;
  const { table } = flow.functions;
  const seen = new Set([insn]);
  const work = [insn];
  const visit = (to: number): void => {
    const there = ownerOf(flow, to);
    if (seen.has(to) || (there !== NONE && there !== owner && (owner < 0 || !sameFamily(table, owner, there)))) return;
    seen.add(to);
    work.push(to);
  };
  for (let i = work.pop(); i !== undefined; i = work.pop()) {
    if (flow.kind[i] === clear) return true;
    for (let e = lowerBound(edges.from, i, 0, edges.length); e < edges.length && edges.from[e] === i; e++)
      visit(edges.to[e] as number);
    if (skipped.has(i) || flow.kind[i] === set) continue;
    const count = next.of(i);
    for (const to of next.to.slice(0, count)) visit(to);
  }
  return false;
}
