import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Mount } from "./sandbox.ts";

/** Gives `use` a read-only mount of a file with `text` at `target`; the file is gone afterwards. */
export async function withMountedFile<T>(text: string, target: string, use: (mount: Mount) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "objreview-"));
  try {
    // Jobs may run as another user.
    chmodSync(folder, 0o755);
    const source = join(folder, "file");
    writeFileSync(source, text, { mode: 0o644 });
    return await use({ source, target, mode: "ro" });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
