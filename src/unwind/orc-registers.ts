import { NONE } from "../base/table.ts";
import type { Flow } from "../flow/flow.ts";
import type { Arch } from "../isa/arch.ts";
import { orcRegisterName } from "../orc/constants.ts";
import { type OrcLayout, orcLayouts } from "../orc/layout.ts";
import type { Frames } from "./simulate.ts";
import { BASE_UNDEFINED, FRAME_END_OF_STACK, FRAME_UNDEFINED } from "./state.ts";

/** register -> ORC_REG_*, for the registers that a row of this layout can name; none on a machine without ORC */
export function orcRegisters(arch: Arch, layout: OrcLayout): ReadonlyMap<number, number> {
  return new Map(
    Object.entries(orcRegisterName)
      .map(([orc, machine]): [number, number] => [arch.registers.name.indexOf(machine), Number(orc)])
      .filter(([register, orc]) => register >= 0 && layout.registers.includes(orc)),
  );
}

/**
 * state -> 1 where no row can say what holds the frame: a register that none can name, or none at all in a frame that has to have one. Where nobody
 * says which kernel's the rows are, what any kernel can name counts as named. A machine that has none of these registers has no ORC: no state
 * of it counts.
 */
export function unnamedBases({ code, formats }: Flow, { states }: Frames): Uint8Array {
  const layouts = formats.orc === undefined ? orcLayouts : [formats.orc];
  const named = new Set(layouts.flatMap((layout) => [...orcRegisters(code.arch, layout).keys()]));
  named.delete(NONE);
  if (named.size === 0) return new Uint8Array(states.all.length);
  if (named.size === 0) return new Uint8Array(states.all.length);
  return Uint8Array.from(states.all, ({ base, type }) =>
    base <= BASE_UNDEFINED && type !== FRAME_UNDEFINED && type !== FRAME_END_OF_STACK && !named.has(base) ? 1 : 0,
  );
}
