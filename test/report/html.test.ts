import assert from "node:assert/strict";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { type GraphPainter, loadGraphPainter } from "../../src/report/graph.ts";
import { renderHtml } from "../../src/report/html.ts";
import { verdictSentence } from "../../src/report/sentences.ts";
import { exampleResult, FIXTURES, hostileResult, manyResult, twoFindingsResult } from "./fixtures.ts";

// Debian's and Ubuntu's names; OBJREVIEW_CHROMIUM names another one.
const CHROMIUM = [process.env.OBJREVIEW_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (path) => path !== undefined && existsSync(path),
);

const folder = mkdtempSync(join(tmpdir(), "objreview-page-"));
let browser: Browser;
let painter: GraphPainter;

before(async () => {
  assert.ok(CHROMIUM !== undefined, "these tests look at the page in a real browser: apt install chromium");
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  painter = await loadGraphPainter();
});

after(async () => {
  await browser?.close();
  process.stderr.write(`pictures of the page: ${folder}\n`);
});

interface Visit {
  readonly page: Page;
  /** Console errors, page errors and requests for anything but the page itself. */
  readonly trouble: string[];
}

async function visit(name: string, text: string, width: number, scheme: "light" | "dark" = "light"): Promise<Visit> {
  const file = join(folder, `${name}.html`);
  writeFileSync(file, text);
  const url = pathToFileURL(file).href;
  const context = await browser.newContext({
    viewport: { width, height: width < 500 ? 844 : 900 },
    colorScheme: scheme,
    ...(width < 500 ? { deviceScaleFactor: 2, isMobile: true, hasTouch: true } : {}),
  });
  const page = await context.newPage();
  const trouble: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") trouble.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => trouble.push(`page: ${error.message}`));
  page.on("dialog", (dialog) => trouble.push(`dialog: ${dialog.message()}`));
  page.on("request", (request) => {
    if (request.url() !== url) trouble.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  return { page, trouble };
}

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
    const text = await renderHtml(result, { painter });
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

test("the graph shows the way, the site and the state on each block", async () => {
  const { page } = await visit("graph", await renderHtml(exampleResult(), { painter }), 1280);
  const svg = page.locator(".drawing svg");
  assert.equal(await svg.count(), 1);
  assert.ok(await svg.isVisible());
  assert.equal(await svg.locator(".node").count(), 6);
  assert.equal(await svg.locator(".node.path").count(), 4);
  assert.equal(await svg.locator(".node.site").count(), 1);
  assert.equal(await svg.locator(".edge.path").count(), 3);
  const site = (await svg.locator(".node.site text").allTextContents()).map((line) => line.replaceAll("\u00a0", " "));
  assert.equal(site[0], "AC=1 CFA=rbp+16");
  assert.match(site[3]!, /220 {2}28f5 {2}jmp __x86_return_thunk {2}<--/);
  assert.ok((await svg.textContent())?.includes("fixup"));
  const colour = async (selector: string) =>
    await page.evaluate<string>(
      `getComputedStyle(document.querySelector(${JSON.stringify(`.drawing svg ${selector}`)})).stroke`,
    );
  assert.match(await colour(".node.site polygon"), /^rgb/);
  assert.notEqual(await colour(".node.site polygon"), await colour(".node:not(.path) polygon"));
  assert.notEqual(await colour(".node.path:not(.site) polygon"), await colour(".node:not(.path) polygon"));
  // Text keeps inside its box.
  const sticksOut = await svg.locator(".node").evaluateAll(
    (nodes) =>
      nodes.filter((node) => {
        const box = node.querySelector("polygon")!.getBoundingClientRect();
        return [...node.querySelectorAll("text")].some((text) => text.getBoundingClientRect().right > box.right + 1);
      }).length,
  );
  assert.equal(sticksOut, 0);
  await page.context().close();
});

test("a wide graph scrolls in its own box on a phone", async () => {
  const { page } = await visit("phone", await renderHtml(twoFindingsResult(), { painter }), 390);
  const box = page.locator(".drawing").first();
  const sizes = await box.evaluate((node) => ({ client: node.clientWidth, scroll: node.scrollWidth }));
  assert.ok(sizes.client < 390);
  assert.ok(sizes.scroll > sizes.client, "the drawing keeps its size, for its text to stay readable");
  await page.context().close();
});

test("the page reads without its style's help: order, headings, one way to each finding", async () => {
  const { page } = await visit("order", await renderHtml(twoFindingsResult(), { painter }), 1280);
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
  const { page, trouble } = await visit("hostile-inert", await renderHtml(hostileResult(), { painter }), 1280);
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
  assert.match(await renderHtml(FIXTURES.get("clean")!(), { painter }), claim);
  for (const name of ["example", "conflict", "inconclusive", "applied", "many"]) {
    assert.doesNotMatch(await renderHtml(FIXTURES.get(name)!(), { painter }), claim, name);
  }
  const clean = FIXTURES.get("clean")!();
  clean.coverage.functionsAnalysed--;
  assert.doesNotMatch(await renderHtml(clean, { painter }), claim);
});

test("the same result gives the same page", async () => {
  assert.equal(await renderHtml(manyResult(), { painter }), await renderHtml(manyResult()));
});

test("printed, the graph is on the paper whole", async () => {
  const { page } = await visit("print", await renderHtml(exampleResult(), { painter }), 1000);
  await page.emulateMedia({ media: "print" });
  const box = await page.locator(".drawing").evaluate((node) => ({
    client: node.clientHeight,
    scroll: node.scrollHeight,
    wide: node.scrollWidth - node.clientWidth,
  }));
  assert.ok(box.scroll <= box.client + 1 && box.wide <= 1, JSON.stringify(box));
  await page.context().close();
});

test("a graph beyond all measure is drawn in part, in bounded time", async () => {
  const result = exampleResult();
  const seed = result.graphs[0]!;
  const count = 5000;
  const graph = {
    ...seed,
    blocks: Array.from({ length: count }, (_, i) => ({
      ...seed.blocks[1]!,
      id: i,
      start: i,
      onPath: i % 500 === 0,
      isSite: i === 4500,
    })),
    edges: Array.from({ length: 20 * count }, (_, i) => ({
      ...seed.edges[0]!,
      from: i % count,
      to: (i * 7919) % count,
    })),
  };
  const started = performance.now();
  const text = await renderHtml({ ...result, graphs: [graph] }, { painter });
  const seconds = (performance.now() - started) / 1000;
  assert.ok(seconds < 10, `${seconds} s`);
  assert.match(text, /4850 blocks left out/);
  assert.equal(text.match(/class="node block[^"]* site"/g)?.length, 1);
});
