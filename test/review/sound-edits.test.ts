import assert from "node:assert/strict";
import { test } from "node:test";
import { drawEdits } from "../../scripts/sound-edits/draw-edits.ts";
import { packEdits, sameSeries } from "../../scripts/sound-edits/pack.ts";
import { verdictOf } from "../../scripts/sound-edits/verdicts.ts";
import { kernelBuildFolder } from "../support/kernel-objects.ts";
import { briefly, filesFolder, runReview, writeIn } from "../support/run-review.ts";
import { openSeriesTree } from "../support/series-tree.ts";

// A small part of `npm run sound`, which reviews 200 such edits: docs/sound-edits.md.

const COUNT = 8;
const SEED = 12;

test("sound edits give no finding", async (t) => {
  const { edits } = await drawEdits({ build: kernelBuildFolder(), count: COUNT, seed: SEED });
  const [series, ...more] = packEdits(edits, COUNT);
  assert.deepEqual([series?.length, more.length], [COUNT, 0], "no two edits touch one object");
  const mbox = writeIn(filesFolder(t), "series.mbox", sameSeries(edits.map((each) => each.mail)));
  const { status, result } = await runReview({ tree: openSeriesTree().dir, base: "HEAD", mbox });
  assert.deepEqual(
    briefly(result).filter((line) => !line.startsWith("unchanged ")),
    [],
  );
  assert.deepEqual([status, result.verdict], [0, "clean"]);
  // Clean is what was looked at and found to be so.
  const verdicts = edits.map((each) => ({ file: each.file, ...verdictOf(each, result) }));
  // The kernel has more dependents of a header than the test build: a review builds those that use what changed, and tells of the rest.
  const isCapped = result.coverage.notes.some((note) => note.kind === "affected-cap");
  const seen = verdicts.filter((each) => !(isCapped && each.file.endsWith(".h") && each.verdict === "not-seen"));
  assert.ok(seen.length >= COUNT - 2, "headers are two of the edits");
  for (const each of seen) assert.deepEqual([each.file, each.verdict, each.complaints], [each.file, "clean", []]);
  assert.ok(
    verdicts.some((each) => each.identical < each.objects),
    "at least one edit changes code",
  );
});

test("edits of one file or one object are not packed into one series", () => {
  const entry = (file: string, ...objects: string[]) => ({
    patch: `${file}.mbox`,
    kind: "comment",
    file,
    summary: "",
    objects,
  });
  const packed = packEdits(
    [entry("a.c", "a.o"), entry("a.h", "a.o", "b.o"), entry("c.c", "c.o"), entry("b.c", "b.o")],
    3,
  );
  assert.deepEqual(
    packed.map((series) => series.map((each) => each.file)),
    [["a.c", "c.c", "b.c"], ["a.h"]],
  );
});
