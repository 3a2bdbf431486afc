import { NONE } from "../base/table.ts";
import type { WitnessRows } from "./witness-rows.ts";

// The rows of several witnesses side by side: where each begins and ends, cut so that within one span every witness says one thing.

export interface WitnessSpan {
  /** First byte and behind the last, offsets in the section. */
  readonly start: number;
  readonly end: number;
  /** In the order of the witnesses: the row's frame, or NONE where the witness says nothing. */
  readonly frames: readonly number[];
}

/** The spans of bytes `start` to before `end` of `section`, without gaps; neighbours differ in the frame of one witness at least. */
export function witnessSpans(
  witnesses: readonly WitnessRows[],
  section: number,
  start: number,
  end: number,
): WitnessSpan[] {
  const lanes = witnesses.map((witness) => laneOf(witness, section, start, end));
  const cuts = new Set<number>([start]);
  for (const lane of lanes)
    for (const { from, to } of lane) {
      if (from > start) cuts.add(from);
      if (to < end) cuts.add(to);
    }
  const at = new Int32Array(lanes.length);
  const spans: { start: number; end: number; frames: number[] }[] = [];
  for (const from of [...cuts].sort((a, b) => a - b)) {
    const frames = lanes.map((lane, n) => {
      while (lane[at[n] as number] !== undefined && lane[at[n] as number]!.to <= from) at[n] = (at[n] as number) + 1;
      const row = lane[at[n] as number];
      return row !== undefined && row.from <= from ? row.frame : NONE;
    });
    const before = spans.at(-1);
    if (before !== undefined) before.end = from;
    if (before?.frames.every((frame, n) => frame === frames[n]) === true) continue;
    spans.push({ start: from, end, frames });
  }
  const last = spans.at(-1);
  if (last !== undefined) last.end = end;
  return spans;
}

interface LaneRow {
  readonly from: number;
  readonly to: number;
  readonly frame: number;
}

function laneOf({ rows }: WitnessRows, section: number, start: number, end: number): LaneRow[] {
  const found: LaneRow[] = [];
  let low = 0;
  let high = rows.length;
  // The first row of the section that ends behind `start`: rows are sorted and do not overlap.
  while (low < high) {
    const middle = (low + high) >> 1;
    const s = rows.section[middle] as number;
    if (s < section || (s === section && (rows.end[middle] as number) <= start)) low = middle + 1;
    else high = middle;
  }
  for (let row = low; row < rows.length; row++) {
    if (rows.section[row] !== section || (rows.start[row] as number) >= end) break;
    found.push({ from: rows.start[row] as number, to: rows.end[row] as number, frame: rows.frame[row] as number });
  }
  return found;
}
