import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run } from "../setup/command.ts";

/** A line of DIR/manifest.json. */
export interface ManifestEntry {
  readonly patch: string;
  readonly kind: string;
  /** The file that is edited; of an edit of several files the one that it is about. */
  readonly file: string;
  readonly summary: string;
  /** Objects whose code or lines it may change, by their names behind the patch. */
  readonly objects: readonly string[];
}

/** One file on both sides; undefined on the side that does not have it. */
export interface FileChange {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** The mail of one patch, as git format-patch would write it. `number` makes its Message-ID and date. */
export async function makePatch(
  scratch: string,
  area: string,
  changes: readonly FileChange[],
  number: number,
  summary: string,
): Promise<string> {
  for (const side of ["a", "b"]) {
    await rm(join(scratch, side), { recursive: true, force: true });
    await mkdir(join(scratch, side), { recursive: true });
  }
  for (const { path, before, after } of changes) {
    for (const [side, text] of [
      ["a", before],
      ["b", after],
    ] as const) {
      if (text === undefined) continue;
      await mkdir(join(scratch, side, dirname(path)), { recursive: true });
      await writeFile(join(scratch, side, path), text);
    }
  }
  // Ends with 1, because the two differ.
  const command = "git diff --no-index --no-prefix --find-renames --full-index --no-color a b || test $? = 1";
  // Without an index git takes the folders for a part of the names, which -p1 takes off the other lines only.
  const diff = (await run("sh", ["-c", command], { cwd: scratch })).replace(/^(rename (?:from|to)) [ab]\//gm, "$1 ");
  const minute = String(number % 60).padStart(2, "0");
  return [
    "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001",
    `Message-ID: <sound-edit-${number}@dev.example.org>`,
    "From: A Developer <dev@example.org>",
    `Date: Mon, 2 Nov 2026 ${String(9 + Math.floor(number / 60)).padStart(2, "0")}:${minute}:00 +0000`,
    `Subject: [PATCH] ${area}: ${summary}`,
    "",
    "No functional change.",
    "",
    "Signed-off-by: A Developer <dev@example.org>",
    "---",
    diff,
  ].join("\n");
}
