import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Locator, Page } from "playwright-core";
import { blocksLeftOut, paintGraph } from "../../src/report/graph.ts";
import { renderHtml } from "../../src/report/html.ts";
import { parseReviewJson } from "../../src/report/json.ts";
import { placeInLanes } from "../../src/report/lanes.ts";
import type { ReviewGraph, ReviewResult } from "../../src/report/result.ts";
import { cpuMillis } from "../support/cpu-time.ts";
import { folder, visit } from "./browser.ts";
import { peekGraph } from "./finding-fixtures.ts";
import { exampleResult, twoFindingsResult } from "./fixtures.ts";

// The drawing as a reader meets it: in a real browser, measured. Reviews of real patches lie in test/kernel/reviews.

function realReview(name: string): ReviewResult {
  return parseReviewJson(readFileSync(new URL(`../kernel/reviews/${name}.json`, import.meta.url), "utf8"));
}

async function textsOf(locator: Locator): Promise<string[]> {
  return (await locator.allTextContents()).map((line) => line.replaceAll("\u00a0", " "));
}

async function stroke(page: Page, selector: string): Promise<string> {
  return await page.evaluate<string>(
    `getComputedStyle(document.querySelector(${JSON.stringify(`.drawing svg ${selector}`)})).stroke`,
  );
}

/** Nodes of the drawing with text outside of their box, edges not counted. */
async function textOutside(page: Page): Promise<number> {
  return await page.locator(".drawing .node.block").evaluateAll(
    (nodes) =>
      nodes.filter((node) => {
        const box = node.querySelector("rect")!.getBoundingClientRect();
        return [...node.querySelectorAll("text")].some((text) => {
          const { left, right, top, bottom } = text.getBoundingClientRect();
          return right > box.right + 1 || left < box.left - 1 || top < box.top - 1 || bottom > box.bottom + 1;
        });
      }).length,
  );
}

test("the graph shows the way, the site and the state on each block", async () => {
  const { page } = await visit("graph", renderHtml(exampleResult()), 1280);
  const svg = page.locator(".drawing svg");
  assert.equal(await svg.count(), 1);
  assert.ok(await svg.isVisible());
  assert.equal(await svg.locator(".node.path").count(), 4);
  assert.equal(await svg.locator(".node.site").count(), 1);
  assert.equal(await svg.locator(".edge.path").count(), 3);
  // What lies beside the way stands beside it, once for each edge.
  assert.equal(await svg.locator(".node.stub").count(), 4);
  const site = await textsOf(svg.locator(".node.site text"));
  assert.equal(site[0], "AC=1 CFA=rbp+16");
  assert.match(site[3]!, /220 {2}28f5 {2}jmp __x86_return_thunk {2}<--/);
  assert.match(await stroke(page, ".node.site rect"), /^rgb/);
  assert.notEqual(await stroke(page, ".node.site rect"), await stroke(page, ".node.path:not(.site) rect"));
  assert.equal(await textOutside(page), 0);
  await page.context().close();
});

test("two ways to one place are told apart, and what they share", async () => {
  const { page } = await visit("two-ways", renderHtml(twoFindingsResult()), 1280);
  const svg = page.locator(".drawing svg").nth(1);
  assert.equal(await svg.locator(".node.path.other").count(), 2);
  assert.equal(await svg.locator(".node.other:not(.path)").count(), 1);
  assert.equal(await svg.locator(".edge.path:not(.other)").count(), 1);
  assert.equal(await svg.locator(".edge.other:not(.path)").count(), 2);
  assert.deepEqual((await textsOf(svg.locator(".edge .label"))).sort(), ["one way", "the other way"]);
  assert.deepEqual((await textsOf(svg.locator(".node.site text"))).slice(0, 2), [
    "CFA=rsp+16 by one way",
    "CFA=rsp+8 by the other way",
  ]);
  assert.notEqual(await stroke(page, ".edge.path:not(.other) path"), await stroke(page, ".edge.other:not(.path) path"));
  await page.context().close();
});

interface Seen {
  /** Blocks of the column, those of them not wholly inside the box as it stands, those without a state. */
  readonly blocks: number;
  readonly outside: number;
  readonly stateless: number;
  /** The line that the finding is about is inside the box. */
  readonly site: boolean;
  /** Size of a letter on the screen, height of the box: in CSS pixels. */
  readonly letter: number;
  readonly height: number;
}

// Runs in the page, where nothing has been scrolled: what a reader sees who does nothing.
const LOOK = `(node) => {
  const frame = node.getBoundingClientRect();
  const inside = (element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    return left >= frame.left && right <= frame.left + node.clientWidth && top >= frame.top && bottom <= frame.bottom;
  };
  const column = [...node.querySelectorAll(".node.block")];
  const site = node.querySelector(".node.site .here");
  const rect = column[0].querySelector("rect");
  const scale = rect.getBoundingClientRect().width / rect.width.baseVal.value;
  return {
    blocks: column.length,
    outside: column.filter((element) => !inside(element)).length,
    stateless: column.filter((element) => element.querySelector(".state") === null).length,
    site: site !== null && inside(site),
    letter: scale * parseFloat(getComputedStyle(column[0].querySelector("text")).fontSize),
    height: frame.height,
  };
}`;

for (const name of ["example", "defects"]) {
  for (const width of [1280, 390]) {
    test(`${name}: on a window of ${width} pixels the way and the site are in view in every graph`, async () => {
      const result = realReview(name);
      const { page, trouble } = await visit(`real-${name}-${width}`, renderHtml(result), width);
      assert.deepEqual(trouble, []);
      const boxes = page.locator(".drawing");
      const count = await boxes.count();
      assert.equal(count, result.graphs.length);
      assert.ok(count >= 2);
      const all = await page.evaluate<Seen[]>(`[...document.querySelectorAll(".drawing")].map(${LOOK})`);
      for (let n = 0; n < count; n++) {
        const box = boxes.nth(n);
        const seen = all[n]!;
        const where = `graph ${n + 1} of ${name}: ${JSON.stringify(seen)}`;
        assert.equal(seen.outside, 0, where);
        assert.ok(seen.site, where);
        assert.ok(seen.letter >= 9, `readable: ${where}`);
        assert.equal(seen.stateless, 0, `a state on each block: ${where}`);
        assert.ok(seen.blocks <= 16 && seen.height < 1400, `in view at once: ${where}`);
        await box.screenshot({ path: join(folder, `real-${name}-${width}-${n + 1}.png`) });
      }
      assert.equal(await textOutside(page), 0);
      await page.context().close();
    });
  }
}

test("each block of a finding about user access says whether it is open, and the alternative is marked", async () => {
  const { page } = await visit("access", renderHtml(realReview("example")), 1280);
  const svg = page.locator(".drawing svg").first();
  const states = await textsOf(svg.locator(".node.block .state"));
  assert.ok(
    states.every((state) => /^AC=[01]( -> AC=[01])?$/.test(state)),
    String(states),
  );
  assert.equal(states[0], "AC=0");
  assert.ok(states.includes("AC=0 -> AC=1"));
  assert.equal(states.at(-1), "AC=1");
  assert.ok((await textsOf(svg.locator(".node.block text"))).some((line) => /[0-9a-f]\* +stac +AC=1$/.test(line)));
  assert.equal(await svg.locator(".node.stub .state").count(), 0);
  assert.match((await page.locator(".legend").first().textContent())!, /an alternative/);
  await page.context().close();
});

test("on a phone what lies beside the way scrolls in its own box", async () => {
  const { page } = await visit("phone", renderHtml(twoFindingsResult()), 390);
  const sizes = await page
    .locator(".drawing")
    .first()
    .evaluate((node) => ({ client: node.clientWidth, scroll: node.scrollWidth }));
  assert.ok(sizes.client < 390);
  assert.ok(sizes.scroll > sizes.client, "the drawing keeps its size, for its text to stay readable");
  await page.context().close();
});

test("a graph beyond all measure is drawn in part, in bounded time", () => {
  const count = 5000;
  const graph: ReviewGraph = {
    ...peekGraph,
    blocks: Array.from({ length: count }, (_, i) => ({
      ...peekGraph.blocks[1]!,
      id: i,
      start: i,
      onPath: i % 10 === 0,
      isSite: i === 4500,
    })),
    edges: Array.from({ length: 20 * count }, (_, i) => ({
      ...peekGraph.edges[0]!,
      from: i % count,
      to: (i * 7919) % count,
    })),
  };
  const started = cpuMillis();
  const svg = paintGraph(graph, "g", undefined)!;
  assert.ok(cpuMillis() - started < 2000);
  assert.ok(svg.length < 300_000, `${svg.length} characters`);
  assert.equal(svg.match(/class="node block[^"]* site"/g)?.length, 1);
  assert.ok(blocksLeftOut(graph) > 4500);
});

test("edges that run over the same rows have lanes of their own", () => {
  const spans: [number, number][] = [
    [0, 9],
    [1, 3],
    [4, 6],
    [5, 2],
    [9, 9],
  ];
  const lanes = placeInLanes(spans, (span) => span, 3);
  assert.equal(lanes.length, spans.length);
  for (const a of lanes) {
    for (const b of lanes) {
      if (a === b || a.lane !== b.lane) continue;
      assert.ok(
        Math.max(...a.item) < Math.min(...b.item) || Math.max(...b.item) < Math.min(...a.item),
        `${a.item} and ${b.item}`,
      );
    }
  }
  assert.equal(placeInLanes(spans, (span) => span, 1).length, 3, "what finds no lane is left out");
});
