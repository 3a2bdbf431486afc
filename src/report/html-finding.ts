// One finding as a card of the page: headline, place, hunk, the way there with the state beside each line, what follows,
// what the witnesses say, the instructions, the graph.

import { trialCells } from "./fault-text.ts";
import { pathRows, placeWords } from "./finding-text.ts";
import { fixDiff, fixPlace, fixWords } from "./fix-text.ts";
import { html, type Markup, NOTHING } from "./markup.ts";
import type { ReviewFinding, ReviewResult, ReviewStep } from "./result.ts";
import { safeCode } from "./safe.ts";
import { messageOf, patchNumber, profilesOfFinding, transientWords } from "./sentences.ts";
import { asmWords, evidenceWords, offsetWords, toolWords } from "./steps.ts";
import { plural } from "./wrap.ts";

const MAX_ROWS = 60;
const MAX_INSTRUCTIONS = 80;
const MAX_HUNK_LINES = 60;
const MAX_ENTRIES = 20;

function badges(finding: ReviewFinding, result: ReviewResult): Markup {
  const transient = transientWords(finding, result);
  const from =
    finding.patch === undefined || transient !== undefined
      ? undefined
      : `from ${patchNumber(finding.patch.number, result)}`;
  return html`<p class="badges"><span class="badge">${finding.severity}</span><span class="badge quiet">${finding.class}</span>${
    from === undefined ? NOTHING : html`<span class="badge quiet">${from}</span>`
  }${transient === undefined ? NOTHING : html`<span class="badge good">${transient}</span>`}</p>`;
}

function hunkLines(finding: ReviewFinding): Markup {
  const { hunk } = finding;
  if (hunk === undefined) return NOTHING;
  const start =
    hunk.lines.length <= MAX_HUNK_LINES
      ? 0
      : Math.max(0, Math.min(hunk.after, hunk.lines.length) - MAX_HUNK_LINES + 10);
  const rows = hunk.lines.slice(start, start + MAX_HUNK_LINES).map((line, i) => {
    const kind = line.startsWith("+") ? "add" : line.startsWith("-") ? "del" : "same";
    const at = start + i === hunk.after ? " at" : "";
    return html`<span class="${kind}${at}">${tabs(line)}</span>`;
  });
  return html`<pre class="box hunk" tabindex="0"><code><span class="head">${tabs(hunk.header)}</span>${rows}</code></pre>`;
}

/** Code keeps its tabs, as the eight columns that the kernel's style gives them. */
function tabs(line: string): string {
  return safeCode(line, 400).replaceAll("\t", "        ");
}

function pathTable(path: readonly ReviewStep[], file: string): Markup {
  const rows = pathRows(path, file);
  if (rows.length === 0) return NOTHING;
  const first = rows.length > MAX_ROWS ? rows.length - MAX_ROWS : 0;
  const body = rows
    .slice(first)
    .map(
      (row) =>
        html`${row.skipped === 0 ? NOTHING : html`<tr><td class="num">...</td><td class="soft">${plural(row.skipped, "step")} left out</td><td></td></tr>`}<tr${row.isSite ? html` class="here"` : NOTHING}><td class="num"><code>${row.line}</code></td><td><code class="code">${row.code}</code>${
          row.note === "" ? NOTHING : html`<span class="step">${row.note}</span>`
        }${row.isSite ? html`<span class="here-mark">the finding is here</span>` : NOTHING}</td><td class="state"><code>${row.state}</code></td></tr>`,
    );
  const left =
    first === 0 ? NOTHING : html`<tr><td></td><td class="soft">${first} lines before left out</td><td></td></tr>`;
  return html`<div class="box"><table class="path"><thead><tr><th class="num">Line</th><th>Code</th><th>State after</th></tr></thead><tbody>${left}${body}</tbody></table></div>`;
}

function waysOf(finding: ReviewFinding): { title: string; path: readonly ReviewStep[] }[] {
  const other = finding.otherPath ?? [];
  if (other.length === 0) return finding.path.length === 0 ? [] : [{ title: "", path: finding.path }];
  return [
    { title: "One way", path: finding.path },
    { title: "The other way", path: other },
  ];
}

function ways(finding: ReviewFinding): Markup {
  const tables = waysOf(finding).map(({ title, path }) => {
    const table = pathTable(path, finding.file);
    return table === NOTHING ? NOTHING : html`${title === "" ? NOTHING : html`<p class="way">${title}</p>`}${table}`;
  });
  return tables.every((table) => table === NOTHING) ? NOTHING : html`<h3>How it gets here</h3>${tables}`;
}

function instructions(finding: ReviewFinding): Markup {
  const lists = waysOf(finding).map(({ title, path }) => {
    const steps = path.filter((step) => step.asm !== undefined && step.asm !== "").slice(-MAX_INSTRUCTIONS);
    if (steps.length === 0) return NOTHING;
    const offsets = Math.max(...steps.map((step) => offsetWords(step).length));
    const asm = steps.map((step) => asmWords(step, 120));
    const width = Math.min(40, Math.max(...asm.map((text) => text.length)));
    const lines = steps.flatMap((step, i) => {
      const line = `${offsetWords(step).padStart(offsets)}  ${asm[i]!.padEnd(width)}  ${step.state}`.trimEnd();
      return step.skipped === undefined ? [line] : ["...".padStart(offsets), line];
    });
    return html`${title === "" ? NOTHING : html`<p class="way">${title}</p>`}<pre class="box" tabindex="0"><code>${lines.map((line) => html`${line}\n`)}</code></pre>`;
  });
  if (lists.every((list) => list === NOTHING)) return NOTHING;
  return html`<details open><summary>Instructions in ${finding.object}</summary>${lists}</details>`;
}

function witnesses(finding: ReviewFinding): Markup {
  if (finding.evidence.length === 0) return NOTHING;
  const { heading, entries } = evidenceWords(finding.evidence);
  const rows = entries.slice(0, MAX_ENTRIES).map((entry) => html`<dt>${entry.witness}</dt><dd>${entry.says}</dd>`);
  return html`<h3>${heading}</h3><dl class="witnesses">${rows}</dl>`;
}

function related(finding: ReviewFinding): Markup {
  if (finding.related.length === 0) return NOTHING;
  const rows = finding.related.slice(0, MAX_ENTRIES).map((entry) => {
    const place =
      entry.place === undefined ? NOTHING : html` <code class="soft">${entry.place.file}:${entry.place.line}</code>`;
    return html`<li><code>${entry.function}()</code>${place}: ${entry.says}</li>`;
  });
  return html`<h3>Related</h3><ul class="plain">${rows}</ul>`;
}

function change({ fix }: ReviewFinding): Markup {
  if (fix === undefined) return NOTHING;
  const rows = fixDiff(fix).map((line) => {
    const kind = line.startsWith("+") ? "add" : line.startsWith("-") ? "del" : "same";
    return html`<span class="${kind}">${tabs(line)}</span>`;
  });
  return html`<h3>A change that helps</h3><p>${fixWords(fix)}.</p><pre class="box hunk" tabindex="0"><code><span class="head">${fixPlace(fix)}</span>${rows}</code></pre>`;
}

/** Whose fault it is, with each trial that says so. */
function fault(finding: ReviewFinding): Markup {
  if (finding.fault === undefined) return NOTHING;
  const { own, trials, kept } = finding.fault;
  const rows = trials.slice(0, MAX_ENTRIES).map((trial) => {
    const [compiler, flags, outcome] = trialCells(trial);
    return html`<tr><td>${compiler}</td><td><code>${flags}</code></td><td>${outcome}</td></tr>`;
  });
  const more = trials.length - rows.length;
  const table = html`<details><summary>${plural(trials.length, "trial")} beside ${own}</summary>
<table><thead><tr><th>Compiler</th><th>Other flags</th><th>The finding</th></tr></thead><tbody>${rows}</tbody></table>${
    more > 0 ? html`<p class="soft">and ${more} more</p>` : NOTHING
  }</details>`;
  return html`<h3>Whose fault</h3><p>${sentenceOf(finding.fault.says)}</p>${trials.length === 0 ? NOTHING : table}${
    kept === undefined ? NOTHING : html`<p class="small">Kept for the compiler's bug tracker: <code>${kept}</code></p>`
  }`;
}

function sentenceOf(clause: string): string {
  return `${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`;
}

function inlineStack(finding: ReviewFinding): Markup {
  const frames = finding.place?.inlineStack.slice(0, MAX_ENTRIES) ?? [];
  if (frames.length === 0) return NOTHING;
  const rows = frames.map(
    (frame) =>
      html`<li>inlined from <code>${frame.function}()</code>, called at <code>${frame.file}:${frame.line}</code></li>`,
  );
  return html`<ul class="plain where">${rows}</ul>`;
}

/** `number`: place of the card on the page, from 1. `drawing`: the table of witnesses and the graph, made elsewhere. */
export function findingCard(finding: ReviewFinding, result: ReviewResult, number: number, drawing: Markup): Markup {
  const under = profilesOfFinding(finding, result.profiles);
  const tool = toolWords(finding);
  return html`<article class="card finding ${finding.severity}" id="finding-${number}">
${badges(finding, result)}
<h2>${messageOf(finding)}</h2>
<p class="where"><code>${placeWords(finding)}</code> in <code>${finding.function}()</code>, rule <code>${finding.rule}</code>${
    under === undefined ? NOTHING : `, ${under}`
  }</p>
${inlineStack(finding)}
${hunkLines(finding)}
${finding.consequence === "" ? NOTHING : html`<p class="consequence">${finding.consequence}</p>`}
${tool === undefined ? NOTHING : html`<p>${tool}</p>`}
${ways(finding)}
${witnesses(finding)}
${fault(finding)}
${related(finding)}
${change(finding)}
${instructions(finding)}
${drawing}
<p class="small">${finding.patch === undefined ? "" : `First bad patch: ${patchNumber(finding.patch.number, result)} ${finding.patch.subject}. `}Fingerprint <code>${finding.fingerprint}</code></p>
</article>
`;
}
