// A slot is a work tree that is kept from review to review and reset instead of made again.
import type { Tree } from "./tree.ts";

export interface Slot {
  readonly name: string;
  /** The slot's own folder; build folders may live in it beside the work tree. */
  readonly folder: string;
  /** The work tree. */
  readonly dir: string;
  /** The commit that the work tree holds. */
  head(): Promise<string | undefined>;
  checkout(commit: string): Promise<void>;
  /** Back to `head`, with everything that is not in it removed. */
  reset(): Promise<void>;
  release(): Promise<void>;
}

export async function openSlot(_tree: Tree, _name: string): Promise<Slot> {
  throw new Error("under construction");
}
