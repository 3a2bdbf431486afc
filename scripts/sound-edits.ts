// node scripts/sound-edits.ts --out DIR [--build DIR] [--count N] [--seed S] [--hard] [--file PATH...] [--function NAME...]
// Draws N sound edits of a kernel tree: each is one patch that changes code or line numbers and no behaviour; docs/sound-edits.md has the
// kinds. Writes DIR/NNN-kind.mbox and DIR/manifest.json. --file and --function (repeatable) edit these only, as often as the count says.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { SetupError } from "./setup/command.ts";
import { cacheFolder } from "./setup/paths.ts";
import { step } from "./setup/progress.ts";
import { testBuildPath } from "./setup/test-objects.ts";
import { drawEdits } from "./sound-edits/draw-edits.ts";

function parseNumber(text: string, name: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new SetupError(`--${name} ${text}: not a number`);
  return Number(text);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: "string" },
      build: { type: "string" },
      count: { type: "string", default: "200" },
      seed: { type: "string", default: "1" },
      hard: { type: "boolean", default: false },
      file: { type: "string", multiple: true },
      function: { type: "string", multiple: true },
    },
  });
  if (values.out === undefined) throw new SetupError("--out DIR says where the patches go");
  const out = resolve(values.out);
  const count = parseNumber(values.count, "count");
  const { edits, refused } = await step(`${count} sound edits`, (report) =>
    drawEdits({
      build: values.build ?? testBuildPath(cacheFolder(process.env)),
      count,
      seed: parseNumber(values.seed, "seed"),
      isHard: values.hard,
      files: values.file,
      functions: values.function,
      onProgress: report,
    }),
  );
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  for (const { patch, mail } of edits) await writeFile(join(out, patch), mail);
  const manifest = edits.map(({ mail: _, ...entry }) => entry);
  await writeFile(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const files = new Set(edits.map((each) => each.file));
  const folders = new Set([...files].map((file) => dirname(file)));
  const notC = edits.filter((each) => !each.file.endsWith(".c")).length;
  for (const each of refused.objtool) process.stderr.write(`refused: ${each}\n`);
  process.stdout.write(
    `${edits.length} edits of ${files.size} files in ${folders.size} folders, ${notC} of assembly or headers; thrown away: ` +
      `${refused.place} without a place, ${refused.compile} that did not compile, ${refused.objtool.length} that objtool objected to\n`,
  );
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`sound-edits: ${error.message}\n`);
  process.exitCode = 2;
}
