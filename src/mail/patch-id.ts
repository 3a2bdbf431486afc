// The name of a patch's contents that `git format-patch --base` writes into prerequisite-patch-id trailers: what `git patch-id --stable` says (git-patch-id(1)).

import { createHash, type Hash } from "node:crypto";

/**
 * Of the diff in a mail, from its first "diff --git" line on; undefined: there is none, or something binary in it. Per file the SHA-1 of its lines without white space, without index
 * lines and hunk headers; the sums of these, as numbers with their lowest byte first, so that the order of the files does not matter.
 */
export function patchId(patch: Uint8Array): string | undefined {
  // Bytes as characters: the patched files may be in any charset, and in several.
  const text = Buffer.from(patch.buffer, patch.byteOffset, patch.byteLength).toString("latin1");
  const sum = new Uint8Array(20);
  let file: Hash | undefined;
  /** Lines of the hunk that are still to come on each side; undefined: in a file's header. */
  let left: { before: number; after: number } | undefined;
  const flush = (): void => {
    if (file !== undefined) add(sum, file.digest());
  };
  for (const line of text.split("\n")) {
    // A file that was only renamed has no hunk: git counts its header to the next file's.
    if (line.startsWith("diff --git ") && (file === undefined || (left !== undefined && isDone(left)))) {
      flush();
      file = createHash("sha1");
      left = undefined;
    } else if (file === undefined) continue;
    else if (line.startsWith("\\ ")) continue;
    else if (left === undefined) {
      if (line.startsWith("index ")) continue;
      if (/^(GIT binary patch|Binary files )/.test(line)) return undefined;
      if (line.startsWith("--- ")) left = { before: 0, after: 1 };
      else if (!/^[A-Za-z]/.test(line)) break;
    } else if (isDone(left)) {
      const hunk = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line);
      // What follows a mail's diff is its signature.
      if (hunk === null) break;
      left = { before: Number(hunk[1] ?? 1), after: Number(hunk[2] ?? 1) };
      continue;
    } else {
      if (line.startsWith("-") || line.startsWith(" ") || line === "") left.before--;
      if (line.startsWith("+") || line.startsWith(" ") || line === "") left.after--;
    }
    // What git's own isspace() takes (git-compat-util.h): neither form feed nor vertical tab.
    file.update(line.replace(/[ \t\r]+/g, ""), "latin1");
  }
  flush();
  return file === undefined ? undefined : Buffer.from(sum).toString("hex");
}

const isDone = ({ before, after }: { before: number; after: number }): boolean => before <= 0 && after <= 0;

function add(sum: Uint8Array, digest: Uint8Array): void {
  let carry = 0;
  for (let i = 0; i < sum.length; i++) {
    carry += (sum[i] as number) + (digest[i] as number);
    sum[i] = carry & 0xff;
    carry >>= 8;
  }
}
