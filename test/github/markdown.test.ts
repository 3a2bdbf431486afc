import assert from "node:assert/strict";
import { test } from "node:test";
import { marked } from "marked";
import { cellCode, code, fenced, fitBlocks, prose, sentence } from "../../src/github/markdown.ts";
import { HOSTILE } from "../report/hostile.ts";
import { randomSource } from "../report/random-result.ts";
import { shownByGithub } from "./rendered.ts";

const EVIL = [
  ...HOSTILE,
  "@torvalds and @kernel/maintainers, see #1 GH-2 torvalds/linux#3",
  "![x](https://evil.example/pixel.png) [click](javascript:alert(1)) <https://evil.example>",
  "user@evil.example mailto:user@evil.example xmpp:user@evil.example",
  "``` ```` `` ` \\` \\\\`",
  "a | b \\| c \\\\| <img src=x onerror=alert(1)>",
  "| --- | --- |",
  "# head",
  "- item",
  "1. item",
  "1) item",
  "> quote",
  "=====",
  "+++",
  "~~~ struck ~~gone~~",
  "$`\\text{math}`$ and $x$ and $$y$$",
  "<!-- objreview:topic 1 0 open --> &lt;b&gt; &#64;torvalds &commat;torvalds",
  "**bold** __init_once __weak *a* _b_ snake_case_name",
  ":tada: :+1:",
  "</details></summary><details open>",
  "https://evil.example/a_b http://evil.example ftp://evil.example www.evil.example",
  "[x]: https://evil.example",
  "\\",
  "`",
  "  leading and trailing  ",
];

test("prose is shown as text: no element, link, mention or reference comes of it", () => {
  for (const text of EVIL) {
    const page = shownByGithub(prose(text));
    assert.deepEqual(
      page.elements.filter((name) => name !== "p" && name !== "span"),
      [],
      `${text}\n${page.html}`,
    );
    assert.deepEqual(page.mentions, [], text);
    assert.deepEqual(page.references, [], text);
  }
});

test("what prose is shown as reads like the text", () => {
  const same = [
    "x86_64 defconfig, gcc 12.2",
    "CFA=rsp+16 -> CFA=rsp+8",
    "__weak f() & g[1] <b> *p | q ~ \\n",
    "costs $5 and $6",
    "@torvalds, #12 and GH-3; :a:b:",
  ];
  for (const text of same) assert.equal(shownByGithub(prose(text)).text.replaceAll("\u200b", ""), text);
});

test("code is shown to the letter", () => {
  for (const text of ["`", "``a`", "a ` b", "<b>", "@torvalds", "a\\", "x | y", "$a$", "&amp;"]) {
    const page = shownByGithub(`before ${code(text)} after`);
    assert.equal(page.codes[0], text, page.html);
    assert.deepEqual(page.mentions, []);
  }
  assert.equal(code(""), "");
});

test("a cell of a table holds any code, and the row keeps its cells", () => {
  for (const text of [...EVIL, "a|b", "a\\|b", "a\\\\|b", "`|`", "|"]) {
    const table = `| one | two |\n| --- | --- |\n| ${cellCode(text)} | end |`;
    const page = shownByGithub(table);
    assert.equal(page.elements.filter((name) => name === "td").length, 2, `${text}\n${page.html}`);
    assert.match(page.html, /<td>end<\/td>/, text);
    const extra = page.elements.filter((name) => !/^(table|thead|tbody|tr|th|td|code)$/.test(name));
    assert.deepEqual(extra, [], `${text}\n${page.html}`);
  }
});

test("a fence holds any lines", () => {
  const page = shownByGithub([...fenced(EVIL, "text"), "", "after"].join("\n"));
  assert.deepEqual(page.elements, ["pre", "code", "p"], page.html);
});

test("a sentence shows names of functions as code, and nothing else changes", () => {
  const page = shownByGithub(sentence("__do_sys_peek() returns to f.cold() with *user* access open"));
  assert.deepEqual(page.codes, ["__do_sys_peek()", "f.cold()"]);
  assert.equal(page.text, "__do_sys_peek() returns to f.cold() with *user* access open");
});

test("random text of structural signs stays text (2000 lines)", () => {
  const random = randomSource(4);
  const signs = [
    "`",
    "``",
    "*",
    "_",
    "[",
    "]",
    "(",
    ")",
    "<",
    ">",
    "!",
    "#1",
    "@a",
    "|",
    "\\",
    "~",
    "$",
    "&",
    ":a:",
    " ",
    "x",
    "-",
    "1.",
    "http://a.b",
    "\n",
    "\t",
    "&#64;",
    "www.a.bc",
  ];
  for (let round = 0; round < 2000; round++) {
    let text = "";
    for (let n = Math.floor(random() * 12); n >= 0; n--) text += signs[Math.floor(random() * signs.length)];
    for (const [kind, made] of [
      ["prose", prose(text)],
      ["sentence", sentence(text)],
    ] as const) {
      const page = shownByGithub(made);
      assert.deepEqual(
        page.elements.filter((name) => name !== "p" && name !== "span" && name !== "code"),
        [],
        `${kind}: ${JSON.stringify(text)}\n${page.html}`,
      );
      assert.deepEqual([...page.mentions, ...page.references], [], JSON.stringify(text));
    }
    const cell = shownByGithub(`| a | b |\n| --- | --- |\n| ${cellCode(text)} | end |`);
    assert.match(cell.html, /<td>end<\/td>/, JSON.stringify(text));
  }
});

test("the renderer of these tests does see what must not be there", () => {
  const page = shownByGithub("@torvalds #1 [x](https://a.example) <img src=x> https://b.example");
  assert.deepEqual(page.mentions, ["@torvalds"]);
  assert.deepEqual(page.references, ["#1"]);
  assert.ok(page.elements.includes("a") && page.elements.includes("img"));
  assert.equal(typeof marked.parse, "function");
});

test("blocks that do not fit are left out whole, and counted", () => {
  const blocks = Array.from({ length: 10 }, (_, i) => `${i}`.repeat(100));
  assert.equal(
    fitBlocks(blocks, 5000, () => "never"),
    blocks.join("\n\n"),
  );
  const cut = fitBlocks(blocks, 520, (left) => `${left} more`);
  assert.ok(cut.length <= 520);
  assert.match(cut, /^0{100}\n\n1{100}\n\n2{100}\n\n3{100}\n\n6 more$/);
});
