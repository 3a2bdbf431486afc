// A patch series onto a base commit, with the result of `git am --3way`.
import type { Slot } from "./slot.ts";

export type ApplyResult =
  | { readonly kind: "applied"; readonly commits: readonly string[] }
  /** `patches` are indices into the mails of those that the base already has; `commits` are one per patch as in "applied",
   * with the previous commit repeated where a patch brought nothing. */
  | { readonly kind: "already-upstream"; readonly patches: readonly number[]; readonly commits: readonly string[] }
  | { readonly kind: "conflict"; readonly patch: number; readonly files: readonly string[]; readonly message: string };

export async function applySeries(
  _slot: Slot,
  _baseCommit: string,
  _mails: readonly Uint8Array[],
): Promise<ApplyResult> {
  throw new Error("under construction");
}
