import assert from "node:assert/strict";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";

// Debian's and Ubuntu's names; OBJREVIEW_CHROMIUM names another one.
const CHROMIUM = [process.env.OBJREVIEW_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (path) => path !== undefined && existsSync(path),
);

/** Where a test file's pictures of the page go. */
export const folder = mkdtempSync(join(tmpdir(), "objreview-page-"));
let browser: Browser;

before(async () => {
  assert.ok(CHROMIUM !== undefined, "these tests look at the page in a real browser: apt install chromium");
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
});

after(async () => {
  await browser?.close();
  process.stderr.write(`pictures of the page: ${folder}\n`);
});

export interface Visit {
  readonly page: Page;
  /** Console errors, page errors and requests for anything but the page itself. */
  readonly trouble: string[];
}

/** Opens a page in a window of its own; close its context when done. */
export async function visit(
  name: string,
  text: string,
  width: number,
  scheme: "light" | "dark" = "light",
): Promise<Visit> {
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
