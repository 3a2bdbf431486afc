// The lower half of the page: what was built and looked at, what was not and why, how long it took, how to repeat it.

import { explainedWords } from "./fault-text.ts";
import { html, type Markup, NOTHING } from "./markup.ts";
import type { ReviewFinding, ReviewObject, ReviewResult } from "./result.ts";
import { safeCode } from "./safe.ts";
import {
  coverageGroups,
  coverageSentence,
  durationWords,
  messageOf,
  type ReasonGroup,
  totalMillis,
} from "./sentences.ts";
import { weakenedHeading, weakenedPlace, weakenedSentence } from "./weakened-text.ts";
import { plural } from "./wrap.ts";

const MAX_ROWS = 400;
const MAX_NAMES = 30;
const MAX_GROUPS = 40;

/** A share of a whole as a bar. SVG attributes, so that no inline style is needed. */
function bar(share: number): Markup {
  const width = Math.max(0, Math.min(100, Math.floor(share * 1000) / 10));
  return html`<svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect width="${width}" height="4"></rect></svg>`;
}

function findingRows(findings: readonly ReviewFinding[]): Markup {
  const rows = findings.slice(0, MAX_ROWS).map((finding) => {
    const place = finding.file === "" ? finding.object : `${finding.file}:${finding.line}`;
    return html`<li>${messageOf(finding)} <code class="soft">${place}</code> <code class="soft">${finding.rule}</code></li>`;
  });
  return html`<ul class="plain">${rows}</ul>`;
}

/** Findings that the base had: those that are gone, those that are still there. */
export function fixedAndUnchanged(result: ReviewResult): Markup {
  const fixed = result.findings.filter((finding) => finding.class === "fixed");
  const unchanged = result.findings.filter((finding) => finding.class === "unchanged");
  const previous = result.previousVersion;
  if (fixed.length + unchanged.length === 0 && previous === undefined) return NOTHING;
  return html`<section><h2>Before this series</h2><div class="card">
${
  previous === undefined
    ? NOTHING
    : html`<p>Against v${previous.version}: ${previous.fixed} fixed, ${previous.stillThere} still there, ${previous.new} new.</p>`
}
${fixed.length === 0 ? NOTHING : html`<h3>${plural(fixed.length, "older finding")} fixed</h3>${findingRows(fixed)}`}
${unchanged.length === 0 ? NOTHING : html`<details><summary>${plural(unchanged.length, "older finding")} unchanged</summary>${findingRows(unchanged)}</details>`}
</div></section>`;
}

/** Compiler warnings that the base does not have. */
export function warningSection(result: ReviewResult): Markup {
  const warnings = result.compilerWarnings;
  if (warnings.length === 0) return NOTHING;
  const rows = warnings.slice(0, MAX_ROWS).map((warning) => {
    const place = `${warning.file}${warning.line > 0 ? `:${warning.line}` : ""}`;
    return html`<li><code>${place}</code>: ${warning.text}</li>`;
  });
  const more = warnings.length - rows.length;
  return html`<section><h2>New compiler warnings</h2><div class="card"><ul class="plain">${rows}${more > 0 ? html`<li>and ${more} more</li>` : NOTHING}</ul></div></section>`;
}

/** What the series takes out of the check. */
export function weakenedSection(result: ReviewResult): Markup {
  const heading = weakenedHeading(result);
  if (heading === undefined) return NOTHING;
  const all = result.weakened ?? [];
  const rows = all.slice(0, MAX_ROWS).map((each) => {
    const place = weakenedPlace(each);
    return html`<li>${weakenedSentence(each)}${place === "" ? NOTHING : html` <code>${place}</code>`}</li>`;
  });
  const more = all.length - rows.length;
  return html`<section><h2>What is checked</h2><div class="card"><p>${heading}</p><ul class="plain">${rows}${more > 0 ? html`<li>and ${more} more</li>` : NOTHING}</ul></div></section>`;
}

function groupList(title: string, groups: readonly ReasonGroup[]): Markup {
  if (groups.length === 0) return NOTHING;
  const rows = groups.slice(0, MAX_GROUPS).map((group) => {
    const names = group.names.slice(0, MAX_NAMES).map((name, i) => html`${i === 0 ? "" : ", "}<code>${name}</code>`);
    const more = group.names.length - names.length;
    const where = group.object === undefined ? NOTHING : html` in <code>${group.object}</code>`;
    if (group.names.every((name) => name === "")) return html`<li>${group.why}</li>`;
    return html`<li>${group.why}: ${names}${more > 0 ? ` and ${more} more` : ""}${where}</li>`;
  });
  const left = groups.length - rows.length;
  return html`<h3>${title}</h3><ul class="plain">${rows}${left > 0 ? html`<li>and ${left} more reasons</li>` : NOTHING}</ul>`;
}

/** What was looked at and what was not, with the reason for each. */
export function coverageSection(result: ReviewResult): Markup {
  const groups = coverageGroups(result);
  const checked = coverageSentence(result);
  const explained = explainedWords(result);
  const { functions, functionsAnalysed, textBytes, textBytesAnalysed } = result.coverage;
  const hasGaps = groups.notBuilt.length + groups.notChecked.length + groups.assumed.length > 0;
  return html`<section><h2>Coverage</h2><div class="card">
${
  checked === undefined
    ? html`<p>No function was analysed.</p>`
    : html`<p>${checked} analysed.</p><div class="meter">${bar(textBytes === 0 ? 1 : textBytesAnalysed / textBytes)}</div>`
}
${hasGaps || functions === 0 ? NOTHING : html`<p class="soft">${functionsAnalysed < functions ? "What was left out is not named." : "Nothing was left out."}</p>`}
${groupList("Not built", groups.notBuilt)}
${groupList("Not checked", groups.notChecked)}
${explained === undefined ? NOTHING : html`<h3>Not told</h3><p>${explained}.</p>`}
${groupList("Taken on an assumption", groups.assumed)}
</div></section>`;
}

const OBJECT_STATES: Readonly<Record<ReviewObject["state"], { words: string; tone: string }>> = {
  analysed: { words: "analysed", tone: "note" },
  identical: { words: "code of the base", tone: "good" },
  "not-built": { words: "not built", tone: "warning" },
  "not-analysed": { words: "not analysed", tone: "warning" },
  new: { words: "new", tone: "note" },
  removed: { words: "removed", tone: "" },
};

/** Every object that the series affects. */
export function objectTable(result: ReviewResult): Markup {
  if (result.objects.length === 0) return NOTHING;
  const rows = result.objects.slice(0, MAX_ROWS).map((object) => {
    const state = OBJECT_STATES[object.state];
    const why = object.why === undefined ? object.reason : `${object.reason}; ${object.why}`;
    const size =
      object.functions === 0 && object.textBytes === 0
        ? ["", ""]
        : [String(object.functions), String(object.textBytes)];
    return html`<tr><td><code>${object.path}</code></td><td><span class="badge ${state.tone}">${state.words}</span></td><td class="num">${size[0]}</td><td class="num">${size[1]}</td><td>${why}${
      object.fromCache ? html` <span class="soft">(cached)</span>` : NOTHING
    }</td><td class="soft">${object.profile}</td></tr>`;
  });
  const more = result.objects.length - rows.length;
  return html`<section><h2>Objects</h2><div class="box" tabindex="0"><table class="list"><thead><tr><th>Object</th><th>State</th><th class="num">Functions</th><th class="num">Code bytes</th><th>Why</th><th>Profile</th></tr></thead><tbody>${rows}</tbody></table></div>${
    more > 0 ? html`<p class="small">and ${more} more in review.json</p>` : NOTHING
  }</section>`;
}

/** Phases in the order in which they ran. */
export function timingSection(result: ReviewResult): Markup {
  if (result.timings.length === 0) return NOTHING;
  const longest = Math.max(1, ...result.timings.map((timing) => timing.millis));
  const rows = result.timings
    .slice(0, MAX_NAMES)
    .map(
      (timing) =>
        html`<tr><td>${timing.phase}</td><td class="bar">${bar(timing.millis / longest)}</td><td class="num">${durationWords(timing.millis)}</td></tr>`,
    );
  return html`<section><h2>Time</h2><div class="box"><table><tbody>${rows}<tr><td>together</td><td class="bar"></td><td class="num">${durationWords(totalMillis(result))}</td></tr></tbody></table></div></section>`;
}

/** Shell lines that repeat the review. */
export function reproduceSection(result: ReviewResult): Markup {
  if (result.reproduce.length === 0) return NOTHING;
  const lines = result.reproduce.slice(0, MAX_NAMES).map((line) => html`${safeCode(line, 400)}\n`);
  return html`<section><h2>Try it</h2><pre class="box" tabindex="0"><code>${lines}</code></pre></section>`;
}
