import type { Arch } from "./arch.ts";
import { arm64 } from "./arm64/index.ts";
import { x86_64 } from "./x86-64/index.ts";

/** Every instruction set that objreview knows. */
export const arches: readonly Arch[] = [x86_64, arm64];

/** The instruction set of an e_machine value, or undefined. */
export function findArch(machine: number): Arch | undefined {
  return arches.find((arch) => arch.elfMachine === machine);
}
