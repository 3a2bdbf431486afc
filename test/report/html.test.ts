import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { renderHtml } from "../../src/report/html.ts";
import { verdictSentence } from "../../src/report/sentences.ts";
import { folder, visit } from "./browser.ts";
import { exampleResult, FIXTURES, hostileResult, manyResult, twoFindingsResult } from "./fixtures.ts";

/** Pixels by which the page is wider than the window, and what sticks out. */
async function overflow(page: Page): Promise<{ pixels: number; culprits: string[] }> {
  return await page.evaluate(`(() => {
    const width = document.documentElement.clientWidth;
    const culprits = [...document.querySelectorAll("body *")]
      .filter((node) => node.getBoundingClientRect().right > width + 0.5 && node.parentElement.closest(".box") === null)
      .map((node) => node.tagName + "." + (node.getAttribute("class") ?? ""));
    return { pixels: document.documentElement.scrollWidth - width, culprits: culprits.slice(0, 5) };
  })()`);
}

for (const [name, build] of FIXTURES) {
  test(`page of "${name}": quiet, complete and never wider than the window`, async () => {
    const result = build();
    const text = renderHtml(result);
    for (const [width, scheme] of [
      [1280, "light"],
      [1280, "dark"],
      [390, "light"],
    ] as const) {
      const { page, trouble } = await visit(name, text, width, scheme);
      assert.deepEqual(trouble, [], `${name} at ${width}`);
      assert.equal(await page.title(), `objreview: ${verdictSentence(result)}`);
      assert.ok(await page.locator("h1").isVisible());
      assert.equal((await page.locator("h1").textContent())?.toLowerCase(), verdictSentence(result).toLowerCase());
      assert.deepEqual(await overflow(page), { pixels: 0, culprits: [] }, `${name} at ${width}`);
      await page.screenshot({ path: join(folder, `${name}-${width}-${scheme}.png`), fullPage: name !== "many" });
      await page.context().close();
    }
  });
}

test("the page reads without its style's help: order, headings, one way to each finding", async () => {
  const { page } = await visit("order", renderHtml(twoFindingsResult()), 1280);
  const headings = await page.locator("h1, h2").allTextContents();
  assert.match(headings[0]!, /^2 new findings/);
  assert.ok(
    headings.indexOf("Coverage") > headings.findIndex((heading) => heading.startsWith("fill_words() is reached")),
  );
  const links = await page.locator("a").evaluateAll((nodes) => nodes.map((node) => node.getAttribute("href")));
  assert.deepEqual(links, ["#finding-1", "#finding-2"]);
  for (const link of links) assert.equal(await page.locator(link!).count(), 1);
  const ids = await page.locator("[id]").evaluateAll((nodes) => nodes.map((node) => node.id));
  assert.equal(new Set(ids).size, ids.length, "no id twice");
  assert.equal(await page.locator("details:not([open])").count(), 0);
  await page.context().close();
});

test("hostile strings are text and nothing else", async () => {
  const { page, trouble } = await visit("hostile-inert", renderHtml(hostileResult()), 1280);
  await page.waitForTimeout(200);
  assert.deepEqual(trouble, []);
  assert.equal(await page.evaluate("window.__hit"), undefined);
  assert.equal(await page.locator("script, img, iframe, object, link, form, base").count(), 0);
  const onHandlers = await page.evaluate(
    '[...document.querySelectorAll("*")].filter((node) => [...node.attributes].some(({ name }) => name.startsWith("on"))).length',
  );
  assert.equal(onHandlers, 0);
  const hrefs = await page
    .locator("[href], [src], [action]")
    .evaluateAll((nodes) => nodes.map((node) => node.getAttribute("href")));
  assert.ok(
    hrefs.every((href) => href?.startsWith("#finding-")),
    String(hrefs),
  );
  const body = (await page.locator("main").textContent()) ?? "";
  assert.ok(body.includes("</script><script>window.__hit=1</script>"), "shown as it is");
  assert.ok(body.includes("\\u{202e}gnp.exe"), "bidi controls are visible");
  assert.doesNotMatch(await page.content(), /[\u202a-\u202e\u2066-\u2069\u0000-\u0008\u001b]/);
  await page.context().close();
});

test("coverage is never called complete where it is not", async () => {
  const claim = /Nothing was left out/;
  assert.match(renderHtml(FIXTURES.get("clean")!()), claim);
  for (const name of ["example", "conflict", "inconclusive", "applied", "many"]) {
    assert.doesNotMatch(renderHtml(FIXTURES.get(name)!()), claim, name);
  }
  const clean = FIXTURES.get("clean")!();
  clean.coverage.functionsAnalysed--;
  assert.doesNotMatch(renderHtml(clean), claim);
});

test("the same result gives the same page", async () => {
  assert.equal(renderHtml(manyResult()), renderHtml(manyResult()));
});

test("printed, the graph is on the paper whole", async () => {
  const { page } = await visit("print", renderHtml(exampleResult()), 1000);
  await page.emulateMedia({ media: "print" });
  const box = await page.locator(".drawing").evaluate((node) => ({
    client: node.clientHeight,
    scroll: node.scrollHeight,
    wide: node.scrollWidth - node.clientWidth,
  }));
  assert.ok(box.scroll <= box.client + 1 && box.wide <= 1, JSON.stringify(box));
  await page.context().close();
});
