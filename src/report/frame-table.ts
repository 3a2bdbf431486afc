// The table of PC against witnesses as HTML: what each says of the caller's frame around the place of a finding.

import {
  type FramePart,
  frameCell,
  newParts,
  ownParts,
  type Says,
  saidThroughout,
  witnessName,
} from "./frame-words.ts";
import { html, type Markup, NOTHING } from "./markup.ts";
import type { ReviewFrameTable } from "./result.ts";
import { safeCode } from "./safe.ts";
import { plural } from "./wrap.ts";

type Row = ReviewFrameTable["rows"][number];

/** A row of x86-64 has at most nine parts; what a defective object has the page does not follow. */
const MAX_PARTS = 20;
const MAX_ASM = 80;

/** @param word stands before the first of those that are marked, which come last */
function partList(parts: readonly FramePart[], tone: "wrong" | "about", word = ""): Markup {
  const shown = parts.slice(0, MAX_PARTS);
  const first = shown.findIndex(({ isWrong }) => isWrong);
  return html`${shown.map(
    ({ text, isWrong }, n) =>
      html`<span class="part${isWrong ? ` ${tone}` : ""}">${n === first ? word : ""}${text}</span> `,
  )}`;
}

function witnessCell(own: Says, says: Says, name: string): Markup {
  const cell = frameCell(own, says);
  const tone = cell.kind !== "differs" ? "soft" : says.wrong.length > 0 ? "wrong-cell" : "other";
  const words =
    cell.kind === "no-row" ? "no row" : cell.kind === "agrees" ? "same" : partList(cell.parts, "wrong", "wrong: ");
  return html`<td role="cell" class="${tone}" data-of="${name}">${words}</td>`;
}

/** What the instructions say: all of it where a reader begins, and otherwise what is new. */
function ownCell(row: Row, above: Row | undefined, told: ReadonlySet<string>): Markup {
  const shown = (parts: readonly FramePart[]) => parts.filter(({ text, isWrong }) => isWrong || !told.has(text));
  const parts = shown(ownParts(row));
  if (row.says[0]?.frame === "") return html`<span class="soft">no row</span>`;
  const changed = above === undefined || row.isSite ? undefined : newParts(parts, shown(ownParts(above)));
  if (changed === undefined) return partList(parts, "about");
  return html`${partList(changed, "about")}<span class="soft">the rest as above</span>`;
}

/** Roles are said, for a narrow window shows the rows as blocks. @param above the row right before it, where that is shown */
function tableRow(
  row: Row,
  above: Row | undefined,
  start: number,
  names: readonly string[],
  told: ReadonlySet<string>,
): Markup {
  const [own, ...others] = row.says;
  if (own === undefined) return NOTHING;
  const differs = row.says.some(({ wrong }) => wrong.length > 0);
  const tone = row.isSite ? "here" : differs ? "differs" : "agreed";
  const offset = Math.max(0, row.start - start).toString(16);
  const asm = safeCode(row.asm, MAX_ASM).replaceAll(/\s+/g, " ");
  const line = row.line === 0 || row.line === above?.line ? NOTHING : html` <span class="line">line ${row.line}</span>`;
  const mark = row.isSite ? html`<span class="here-mark">the finding is here</span>` : NOTHING;
  return html`<tr role="row" class="${tone}"><th role="rowheader" scope="row"><code>+0x${offset}</code></th><td role="cell"><code>${asm}</code>${line}${mark}</td><td role="cell" data-of="${names[0]}">${ownCell(
    row,
    above,
    told,
  )}</td>${others.map((says, n) => witnessCell(own, says, names[n + 1] ?? ""))}</tr>`;
}

function gapRow(rows: number | undefined, columns: number): Markup {
  if (rows === undefined || rows === 0) return NOTHING;
  return html`<tr role="row" class="gap"><td role="cell">...</td><td role="cell" colspan="${columns - 1}">${plural(rows, "row")} left out</td></tr>`;
}

/** Details with the table in a box of its own, which scrolls by itself where the window is narrow. */
export function frameTable(table: ReviewFrameTable): Markup {
  const { rows, omittedRows, differingRows } = table;
  const names = table.witnesses.map(witnessName);
  const columns = names.length + 2;
  const throughout = saidThroughout(rows);
  const told = new Set(throughout);
  const start = rows[0]?.start ?? 0;
  const body = rows.map((row, n) => {
    const above = row.skipped === undefined ? rows[n - 1] : undefined;
    return html`${gapRow(row.skipped, columns)}${tableRow(row, above, start, names, told)}`;
  });
  const label = `The frame of ${table.function}() by each witness`;
  const headings = ["PC", "First instruction", ...names].map(
    (name) => html`<th role="columnheader" scope="col">${name}</th>`,
  );
  return html`<details open><summary>${label}</summary>
<div class="box" tabindex="0" role="region" aria-label="${label}"><table role="table" class="frames"><caption>${table.function}() at <code>${table.section}+0x${start.toString(16)}</code> of ${table.object}${
    throughout.length === 0 ? NOTHING : html`; in every row <code>${throughout.join(", ")}</code>`
  }</caption><thead role="rowgroup"><tr role="row">${headings}</tr></thead><tbody role="rowgroup">${body}${gapRow(omittedRows, columns)}</tbody></table></div>
<ul class="legend small"><li>CFA: the stack pointer before the call; rbp at CFA-16: the caller's rbp is stored there</li><li>same: what the instructions say; else only what the witness says otherwise</li><li>wrong: the instructions contradict it, in ${differingRows} of the function's ${plural(totalRows(table), "row")}</li></ul></details>`;
}

function totalRows({ rows, omittedRows }: ReviewFrameTable): number {
  return rows.reduce((sum, { skipped }) => sum + 1 + (skipped ?? 0), omittedRows);
}
