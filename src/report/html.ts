// The review as one HTML page: no script, no network, nothing outside the file. It reads from the top: the verdict, the
// findings as cards, then what was and was not looked at.

import { frameTable } from "./frame-table.ts";
import { blocksLeftOut, isTwoSided, paintGraph } from "./graph.ts";
import {
  coverageSection,
  fixedAndUnchanged,
  objectTable,
  reproduceSection,
  timingSection,
  warningSection,
  weakenedSection,
} from "./html-coverage.ts";
import { findingCard } from "./html-finding.ts";
import { PAGE_STYLE } from "./html-style.ts";
import { html, type Insertable, Markup, NOTHING } from "./markup.ts";
import type { ReviewFinding, ReviewResult } from "./result.ts";
import {
  coverageSentence,
  durationWords,
  messageOf,
  patchNumber,
  profileWords,
  sandboxSentence,
  speakingFindings,
  totalMillis,
  transientNote,
  verdictSentence,
} from "./sentences.ts";
import { plural } from "./wrap.ts";

/** Cards on the page; what comes after stands in a list. */
const MAX_CARDS = 60;
/** Graphs that are drawn: a drawing may be 200 kB. */
const MAX_GRAPHS = 24;
const MAX_INDEX = 200;

const CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

function verdictTone(result: ReviewResult): string {
  switch (result.verdict) {
    case "clean":
    case "applied":
      return "good";
    case "findings":
      return speakingFindings(result).some((finding) => finding.severity === "error") ? "error" : "warning";
    case "broken":
    case "failed":
      return "error";
    case "conflict":
    case "incomplete":
    case "inconclusive":
      return "warning";
    default:
      return "note";
  }
}

function capitalised(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function fact(name: Insertable, ...value: Insertable[]): Markup {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}

function profileFacts(result: ReviewResult): Markup[] {
  return result.profiles
    .slice(0, 6)
    .map((profile) =>
      fact(
        html`<abbr title="${profile.name}: ${profile.arch} ${profile.config}, ${profile.compiler}">${profileWords(profile, result.profiles)}</abbr>`,
        `${profile.builtObjects} of ${plural(profile.affectedObjects, "affected object")} built`,
        profile.identicalObjects === 0 ? "" : `, ${profile.identicalObjects} with the code of the base`,
      ),
    );
}

function verdictHeader(result: ReviewResult): Markup {
  const { series, base } = result;
  const note = transientNote(result);
  // Where a card below says why, it is not said twice.
  const hasCard = result.broken !== undefined || result.conflict !== undefined;
  const isPlain = result.verdict === "findings" || result.verdict === "clean";
  const reason = isPlain || hasCard ? undefined : result.reason;
  const checked = coverageSentence(result);
  const patches = plural(result.patches.length, "patch", "patches");
  const author = series.author.replace(/\s*<[^>]*>\s*$/, "");
  return html`<header class="verdict ${verdictTone(result)}">
<p class="brand"><span class="dot"></span><span>objreview</span></p>
<h1>${capitalised(verdictSentence(result))}</h1>
${result.patches.length === 0 && series.title === "" ? NOTHING : html`<p class="series">${series.title} <span class="soft">v${series.version}, ${patches}${author === "" ? "" : `, by ${author}`}</span></p>`}
${note === undefined ? NOTHING : html`<p class="lede">${note}</p>`}
${reason === undefined || reason === "" ? NOTHING : html`<p class="lede">${reason}</p>`}
<dl class="facts">
${fact("Base", base.name, base.chosenBy === "" ? "" : html` <span class="soft">${base.chosenBy}</span>`)}
${checked === undefined ? NOTHING : fact("Checked", checked.replace(" %", "\u00a0%"))}
${profileFacts(result)}
${fact("Run", sandboxSentence(result), ` ${durationWords(totalMillis(result))} of work.`)}
</dl>
</header>`;
}

function findingIndex(findings: readonly ReviewFinding[], cards: number): Markup {
  if (findings.length < 2) return NOTHING;
  const rows = findings.slice(0, MAX_INDEX).map((finding, i) => {
    const place = finding.file === "" ? finding.object : `${finding.file}:${finding.line}`;
    const title = i < cards ? html`<a href="#finding-${i + 1}">${messageOf(finding)}</a>` : html`${messageOf(finding)}`;
    return html`<li class="${finding.severity}"><span><span class="badge">${finding.severity}</span></span><span>${title} <code class="soft">${place}</code></span></li>`;
  });
  const more = findings.length - rows.length;
  return html`<section><h2>${plural(findings.length, "finding")}</h2><ol class="index card">${rows}</ol>${
    more > 0 ? html`<p class="small">and ${more} more in review.json</p>` : NOTHING
  }</section>`;
}

const PATCH_STATES: Readonly<Record<ReviewResult["patches"][number]["state"], Markup>> = {
  applied: NOTHING,
  "already-upstream": html`<span class="badge good">already upstream</span>`,
  conflict: html`<span class="badge error">conflict</span>`,
  "not-tried": html`<span class="badge">not tried</span>`,
};

function patchList(result: ReviewResult): Markup {
  if (result.patches.length === 0) return NOTHING;
  const rows = result.patches
    .slice(0, MAX_INDEX)
    .map(
      (patch) =>
        html`<li><span class="soft mono">${patchNumber(patch.number, result)}</span><span>${patch.subject}</span><span class="marks">${PATCH_STATES[patch.state]}${
          patch.builds === false ? html`<span class="badge error">does not build</span>` : NOTHING
        }${patch.newFindings > 0 ? html`<span class="badge error">${patch.newFindings} new</span>` : NOTHING}${
          patch.repairedFindings > 0
            ? html`<span class="badge good">${patch.repairedFindings} repaired</span>`
            : NOTHING
        }</span></li>`,
    );
  return html`<section><h2>The series</h2><ol class="patches card">${rows}</ol></section>`;
}

function brokenCard(result: ReviewResult): Markup {
  const { broken } = result;
  if (broken === undefined) return NOTHING;
  const first =
    broken.patch === undefined
      ? "not looked for"
      : `${patchNumber(broken.patch.number, result)} ${broken.patch.subject}`;
  return html`<section><h2>The first error</h2><article class="card finding error">
<pre class="box"><code>${broken.file}${broken.line > 0 ? `:${broken.line}` : ""}${broken.file === "" ? "" : ": "}${broken.error}</code></pre>
<h3>Where</h3><dl class="witnesses"><dt>Object</dt><dd><code>${broken.object}</code></dd><dt>Profile</dt><dd>${broken.profile}</dd><dt>First bad patch</dt><dd>${first}</dd>${
    broken.repairedBy === undefined
      ? NOTHING
      : html`<dt>Repaired by</dt><dd>${patchNumber(broken.repairedBy.number, result)} ${broken.repairedBy.subject}</dd>`
  }</dl>
<p class="small">The base builds${broken.repairedBy === undefined ? "" : ", and so does the whole series"}.</p></article></section>`;
}

function conflictCard(result: ReviewResult): Markup {
  const { conflict } = result;
  if (conflict === undefined) return NOTHING;
  const files = conflict.files.slice(0, 40).map((file) => html`<li><code>${file}</code></li>`);
  const more = conflict.files.length - files.length;
  return html`<section><h2>The conflict</h2><article class="card finding warning">
<p>${patchNumber(conflict.patch.number, result)} ${conflict.patch.subject}</p>
<h3>Files</h3><ul class="plain">${files}${more > 0 ? html`<li>and ${more} more</li>` : NOTHING}</ul>
${conflict.message === "" ? NOTHING : html`<p class="consequence">${conflict.message}</p>`}</article></section>`;
}

function graphFor(finding: ReviewFinding, result: ReviewResult, id: string): Markup {
  const graph = finding.graph === undefined ? undefined : result.graphs.find((entry) => entry.id === finding.graph);
  if (graph === undefined) return NOTHING;
  const site = finding.path[finding.path.length - 1]?.offset;
  const svg = paintGraph(graph, id, site);
  if (svg === undefined) return NOTHING;
  const left = blocksLeftOut(graph);
  const ways = isTwoSided(graph)
    ? html`<li><span class="swatch path"></span>one way</li><li><span class="swatch other"></span>the other way</li><li><span class="swatch path other"></span>both</li>`
    : html`<li><span class="swatch path"></span>on the way to it</li>`;
  return html`<details open><summary>Control-flow graph of ${graph.function}()</summary>
<div class="box drawing" tabindex="0" role="region" aria-label="Control-flow graph of ${graph.function}()">${new Markup(svg)}</div>
<ul class="legend small"><li><span class="swatch site"></span>the finding is here</li>${ways}<li>first line of a block: state on entry -&gt; behind it</li>${
    graph.blocks.some((block) => block.instructions.some((row) => row.insteadOf !== undefined))
      ? html`<li>* an alternative, patched over what stands there</li>`
      : NOTHING
  }${left > 0 ? html`<li>${plural(left, "more block")} of the function not drawn</li>` : NOTHING}</ul></details>`;
}

function framesFor(finding: ReviewFinding, result: ReviewResult): Markup {
  const table = finding.frames === undefined ? undefined : result.frameTables?.find(({ id }) => id === finding.frames);
  return table === undefined || table.rows.length === 0 ? NOTHING : frameTable(table);
}

/** The whole page as text. Never throws on a result of the schema. */
export function renderHtml(result: ReviewResult): string {
  const findings = speakingFindings(result);
  const shown = findings.slice(0, MAX_CARDS);
  const cards = shown.map((finding, i) => {
    const drawing = i < MAX_GRAPHS ? graphFor(finding, result, `graph-${i + 1}`) : NOTHING;
    return findingCard(finding, result, i + 1, html`${framesFor(finding, result)}${drawing}`);
  });
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${CSP}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>objreview: ${verdictSentence(result)}</title>
<style>${new Markup(PAGE_STYLE)}</style>
</head>
<body>
<main>
${verdictHeader(result)}
${brokenCard(result)}
${conflictCard(result)}
${findingIndex(findings, shown.length)}
${cards.length === 0 ? NOTHING : html`<section aria-label="Findings">${cards}</section>`}
${patchList(result)}
${fixedAndUnchanged(result)}
${weakenedSection(result)}
${warningSection(result)}
${coverageSection(result)}
${objectTable(result)}
${timingSection(result)}
${reproduceSection(result)}
</main>
<footer><p class="small">objreview ${result.tool}. Base ${result.base.name} <code>${result.base.commit}</code>. Format ${result.version}.</p></footer>
</body>
</html>
`;
  return page.text;
}
