import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { analyzeObject, type TreeFacts } from "../../src/analyze/analyze-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import type { Tree } from "../../src/kernel/tree.ts";
import { frameCell, newParts, ownParts, saidThroughout } from "../../src/report/frame-words.ts";
import { renderHtml } from "../../src/report/html.ts";
import { parseReviewJson, renderJson } from "../../src/report/json.ts";
import type { ReviewFrameTable, ReviewResult } from "../../src/report/result.ts";
import { Decorator } from "../../src/review/decorate.ts";
import { assemble } from "../support/assemble.ts";
import { folder, visit } from "./browser.ts";
import { peekFinding } from "./finding-fixtures.ts";
import { cleanResult, exampleResult } from "./fixtures.ts";
import { makeHostile } from "./hostile.ts";

const facts: TreeFacts = { source: "test", noreturn: new Set(), accessSafe: new Set() };
const noSource = { readFile: async () => undefined } as unknown as Tree;

/** A push that the directives hide, in a function that keeps registers, with both kinds of frame tables. */
function planted(name: string): string {
  const push = (register: string, n: number) =>
    `push %${register}\n.cfi_def_cfa_offset ${16 + 8 * n}\n.cfi_offset ${register}, -${16 + 8 * n}\n`;
  const pop = (register: string, n: number) =>
    `pop %${register}\n.cfi_def_cfa_offset ${8 + 8 * n}\n.cfi_restore ${register}\n`;
  const saved = ["rbp", "rbx", "r12"];
  const hidden = "call g\npush %rax\ncall g\npop %rax\ncall g\n";
  const told = "push %rax\n.cfi_adjust_cfa_offset 8\ncall g\npop %rax\n.cfi_adjust_cfa_offset -8\n";
  return `.cfi_sections .eh_frame, .debug_frame
.text
.globl "${name}"
.type "${name}", @function
"${name}": .cfi_startproc
${saved.map(push).join("")}${told.repeat(20)}${hidden}${told.repeat(20)}${saved.map(pop).reverse().join("")}ret
.cfi_endproc
.size "${name}", .-"${name}"
`;
}

/** The review that has the one finding of an object and its table, as the pipeline describes it. */
async function reviewOf(name: string): Promise<{ result: ReviewResult; table: ReviewFrameTable }> {
  const object = bytesSource(assemble(planted(name)).bytes);
  const analysis = analyzeObject(object, { facts, witnesses: true, forComparison: true });
  const finding = analysis.comparison?.contracts.find(({ rule }) => rule === "frame-change-untold");
  assert.ok(finding !== undefined);
  const decorator = new Decorator(noSource);
  const table = await decorator.frames("t-f1", "kernel/planted.o", finding, analysis);
  decorator.close();
  assert.ok(table !== undefined);
  const { graph: _, path: __, ...rest } = peekFinding;
  const { rule, severity, message, evidence } = finding;
  const described = { ...rest, id: "f1", rule, severity, message, evidence: [...evidence], path: [], frames: table.id };
  return { result: { ...cleanResult(), verdict: "findings", findings: [described], frameTables: [table] }, table };
}

/** Text of the cells, row by row; rows that stand for others are "...". */
async function rowsOf(page: Page): Promise<string[][]> {
  return await page
    .locator("table.frames tbody tr")
    .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => (cell.textContent ?? "").trim())));
}

test("the table of a real object: rows, marks and counts are those of review.json", async () => {
  const { result, table } = await reviewOf("planted");
  const known = parseReviewJson(renderJson(result)).frameTables?.[0];
  assert.deepEqual(known, table);
  assert.deepEqual(table.witnesses, ["instructions", "eh_frame", "debug_frame"]);
  const { page, trouble } = await visit("frames", renderHtml(result), 1280);
  assert.deepEqual(trouble, []);
  const wrong = table.rows.flatMap(({ says }) => says.filter((each) => each.wrong.length > 0)).length;
  assert.equal(wrong, 2, "both witnesses, in one row");
  assert.equal(await page.locator("table.frames .wrong-cell").count(), wrong);
  assert.equal(await page.getByText(/^wrong: CFA=rsp\+32$/).count(), wrong, "said in a word as well");
  assert.equal(await page.locator("table.frames tr.here").count(), 1);
  const rows = await rowsOf(page);
  assert.equal(rows.filter(([pc]) => pc?.startsWith("+0x")).length, table.rows.length);
  const site = rows.find((cells) => cells[1]?.includes("the finding is here"));
  assert.deepEqual(site?.slice(2), [
    "CFA=rsp+40 rbx at CFA-24 rbp at CFA-16 r12 at CFA-32",
    ...Array(2).fill("wrong: CFA=rsp+32"),
  ]);
  const start = table.rows[0]!.start;
  assert.equal(site?.[0], `+0x${(table.rows.find(({ isSite }) => isSite)!.start - start).toString(16)}`);
  assert.deepEqual(rows[0], ["+0x0", "pushq %rbp", "CFA=rsp+8", "same", "same"]);
  // What did not change is not said again, and what is left out is counted.
  assert.ok(rows.some((cells) => cells[2] === "CFA=rsp+40 the rest as above"));
  const gaps = rows
    .filter(([pc]) => pc === "...")
    .map((cells) => Number(/^(\d+) rows? left out$/.exec(cells[1]!)?.[1]));
  const skipped = table.rows.reduce((sum, row) => sum + (row.skipped ?? 0), table.omittedRows);
  assert.equal(
    gaps.reduce((sum, n) => sum + n, 0),
    skipped,
  );
  assert.match((await page.locator("table.frames caption").textContent())!, /in every row ra at CFA-8$/);
  assert.ok(await page.getByText(`in 1 of the function's ${table.rows.length + skipped} rows`).isVisible());
  await page.context().close();
});

test("it is a table to those who hear it, wide and narrow, and no window is too narrow for it", async () => {
  const { result } = await reviewOf("planted");
  for (const [width, scheme] of [
    [1280, "light"],
    [400, "dark"],
    [320, "light"],
  ] as const) {
    const { page } = await visit("frames-roles", renderHtml(result), width, scheme);
    const table = page.getByRole("table", { name: /^planted\(\)/ });
    assert.equal(await table.count(), 1, `${width}`);
    assert.ok((await table.getByRole("rowheader").count()) > 5);
    if (width > 640) {
      const headings = await table.getByRole("columnheader").allTextContents();
      assert.deepEqual(headings, ["PC", "First instruction", "instructions", ".eh_frame", ".debug_frame"]);
    }
    const wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert.equal(wide, 0, `${width}`);
    if (width < 640) {
      // Nothing has to be scrolled for sideways: what the witness says stands below what the instructions say.
      const [own, said, box] = await Promise.all(
        ["tr.here td:nth-child(3)", "tr.here td:nth-child(4)", ".box:has(table.frames)"].map((each) =>
          page.locator(each).boundingBox(),
        ),
      );
      assert.ok(said!.y > own!.y && said!.x + said!.width <= box!.x + box!.width, `${width}`);
      const label = await page.evaluate(
        `getComputedStyle(document.querySelector("tr.here td:nth-child(4)"), "::before").content`,
      );
      assert.match(String(label), /^"\.eh_frame/);
    }
    await page.screenshot({ path: `${folder}/frames-${width}-${scheme}.png`, fullPage: true });
    await page.context().close();
  }
});

test("printed, no column is cut off", async () => {
  const { page } = await visit("frames-print", renderHtml((await reviewOf("planted")).result), 794);
  await page.emulateMedia({ media: "print" });
  const box = await page.locator("table.frames").evaluate((node) => node.getBoundingClientRect().right);
  assert.ok(box <= 794, String(box));
  await page.context().close();
});

test("hostile names are text, and no longer than they need be", async () => {
  const long = "x".repeat(10_000);
  for (const name of ["<script>window.__hit=1</script>", "</table><img src=x onerror=window.__hit=2>", long]) {
    const { result, table } = await reviewOf(name);
    assert.equal(table.function, name);
    const text = renderHtml(result);
    assert.ok(text.length < 80_000, `${text.length}`);
    const { page, trouble } = await visit("frames-name", text, 400);
    assert.deepEqual(trouble, []);
    assert.equal(await page.evaluate("window.__hit"), undefined);
    assert.equal(await page.locator("script, img").count(), 0);
    assert.equal(await page.locator("table.frames").count(), 1);
    assert.equal(await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"), 0);
    const shown = (await page.locator("table.frames caption").textContent())!;
    assert.ok(name === long ? shown.startsWith("xxxx") : shown.startsWith(`${name}()`), shown.slice(0, 60));
    await page.context().close();
  }
});

test("hostile text in every cell stays in its cell", async () => {
  const { table } = await reviewOf("planted");
  const example = exampleResult();
  const findings = example.findings.map((finding) => ({ ...finding, frames: table.id }));
  const { page, trouble } = await visit(
    "frames-hostile",
    renderHtml(makeHostile({ ...example, findings, frameTables: [table] })),
    1280,
  );
  assert.deepEqual(trouble, []);
  assert.equal(await page.evaluate("window.__hit"), undefined);
  assert.equal(await page.locator("script, img, svg[onload]").count(), 0);
  const rows = page.locator("table.frames tbody tr:not(.gap)");
  assert.equal(await rows.count(), table.rows.length);
  for (const row of await rows.all()) assert.equal(await row.locator("> *").count(), table.witnesses.length + 2);
  await page.context().close();
});

const says = (frame: string, ...wrong: string[]) => ({ frame, wrong });

test("a cell says what is said otherwise, and last what is wrong", () => {
  const own = says("CFA=rsp+16, rbx at CFA-16, r12 at CFA-24, ra at CFA-8");
  assert.deepEqual(frameCell(own, says("")), { kind: "no-row" });
  assert.deepEqual(frameCell(own, says("CFA=rsp+16, ra at CFA-8")), { kind: "agrees" });
  assert.deepEqual(frameCell(own, says("CFA=rsp+16, rbp not said, ra at CFA-8")), { kind: "agrees" });
  assert.deepEqual(frameCell(own, says("CFA=rsp+8, rbx at CFA-16, r12 unchanged", "CFA")), {
    kind: "differs",
    parts: [
      { text: "r12 unchanged", isWrong: false },
      { text: "CFA=rsp+8", isWrong: true },
    ],
  });
  // It is wrong of something that it does not spell out.
  assert.deepEqual(frameCell(own, says("CFA=rsp+16", "signal")), {
    kind: "differs",
    parts: [{ text: "no signal", isWrong: true }],
  });
});

test("the instructions' cell marks what a witness is wrong of, and says again only what is new", () => {
  const row = (frame: string, ...wrong: string[]) => ({ says: [says(frame), says("CFA=rsp+8", ...wrong)] });
  const above = ownParts(row("CFA=rsp+16, rbx at CFA-16, r12 at CFA-24, ra at CFA-8"));
  const texts = (frame: string, ...wrong: string[]) =>
    newParts(ownParts(row(frame, ...wrong)), above)?.map(({ text, isWrong }) => (isWrong ? `!${text}` : text));
  assert.deepEqual(texts("CFA=rsp+24, rbx at CFA-16, r12 at CFA-24, ra at CFA-8"), ["CFA=rsp+24"]);
  assert.deepEqual(texts("CFA=rsp+24, rbx at CFA-16, r12 at CFA-24, ra at CFA-8", "rbx"), [
    "CFA=rsp+24",
    "!rbx at CFA-16",
  ]);
  // Something is gone, little stays, nothing is said: the whole is.
  assert.equal(texts("CFA=rsp+24, rbx at CFA-16, ra at CFA-8"), undefined);
  assert.equal(texts("CFA not said"), undefined);
  assert.deepEqual(saidThroughout([row("CFA=rsp+16, ra at CFA-8"), row("CFA=rsp+24, ra at CFA-8", "CFA")]), [
    "ra at CFA-8",
  ]);
  assert.deepEqual(saidThroughout([row("CFA=rsp+16, ra at CFA-8"), row("")]), []);
});
