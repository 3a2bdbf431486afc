import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { locateState } from "../../src/kernel/state-folder.ts";

/** The cache folder that reviews use too; its contents can be made again. */
export function testCacheFolder(): string {
  return locateState({ ...process.env, HOME: process.env.HOME || homedir() }).cache;
}

/**
 * The git repository of the kernel source: $OBJREVIEW_KERNEL_TREE, or the one that the set-up of `npm test` unpacks.
 * @throws Error when there is none: a test over a kernel does not pass without it
 */
export function findKernelTree(): { readonly tree: string } {
  const given = process.env.OBJREVIEW_KERNEL_TREE;
  const tree = given !== undefined && given !== "" ? given : join(testCacheFolder(), "linux-source-6.12");
  if (!existsSync(join(tree, "objects")) && !existsSync(join(tree, ".git"))) {
    throw new Error(
      `no kernel tree in ${tree}: run "npm test", which unpacks it, or name one in OBJREVIEW_KERNEL_TREE`,
    );
  }
  return { tree };
}
