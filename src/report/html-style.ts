// The look of the page. Calm: one column, system fonts, colour only where it says something. Light and dark follow the
// reader's setting; narrow screens never scroll sideways as a whole, wide things scroll in boxes of their own.

export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #f7f6f3; --card: #ffffff; --ink: #20242a; --soft: #5d656f; --line: #e2dfd8; --inset: #f4f2ee;
  --error: #b42318; --error-bg: #fdf0ee; --warning: #8a5a00; --warning-bg: #fcf4e2; --note: #1d5fa8; --note-bg: #eef4fb;
  --good: #1b7a3d; --good-bg: #edf7f0; --path: #c2601b; --path-bg: #fdf3ea;
  --sans: ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", "Liberation Mono", Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --card: #1b1f25; --ink: #e4e7eb; --soft: #9aa4af; --line: #2d333b; --inset: #15181d;
    --error: #ff9086; --error-bg: #341d1c; --warning: #e8bb5a; --warning-bg: #30270f; --note: #85bbf5; --note-bg: #182636;
    --good: #6fd08c; --good-bg: #16291d; --path: #f0a267; --path-bg: #2d2118;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 400 1rem/1.6 var(--sans); overflow-wrap: anywhere; }
main, footer { width: 100%; max-width: 58rem; margin: 0 auto; padding: 0 1.5rem; }
main { padding-top: 3.5rem; }
h1, h2, h3, p, ol, ul, dl, dd, pre, figure, table { margin: 0; padding: 0; }
h1 { font-size: clamp(1.55rem, 1.1rem + 2vw, 2.2rem); line-height: 1.22; font-weight: 650; letter-spacing: -0.018em; text-wrap: balance; }
h2 { font-size: 1.12rem; line-height: 1.4; font-weight: 640; letter-spacing: -0.006em; }
h3 { font-size: 0.8rem; line-height: 1.4; font-weight: 600; color: var(--soft); margin: 1.75rem 0 0.55rem; }
code, pre, .mono { font-family: var(--mono); font-size: 0.855em; font-variant-ligatures: none; tab-size: 8; }
pre code { font-size: 1em; }
a { color: inherit; text-decoration-color: var(--soft); text-underline-offset: 0.2em; }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--note); outline-offset: 3px; border-radius: 4px; }
abbr { text-decoration: none; }
.soft { color: var(--soft); }
.error { --tone: var(--error); --tone-bg: var(--error-bg); }
.warning { --tone: var(--warning); --tone-bg: var(--warning-bg); }
.note { --tone: var(--note); --tone-bg: var(--note-bg); }
.good { --tone: var(--good); --tone-bg: var(--good-bg); }

.verdict .brand { display: flex; align-items: center; gap: 0.6rem; margin-bottom: 0.9rem; font-size: 0.9rem; color: var(--soft); }
.verdict .dot { flex: none; width: 0.7rem; height: 0.7rem; border-radius: 50%; background: var(--tone); box-shadow: 0 0 0 4px var(--tone-bg); }
.verdict .series { margin-top: 0.85rem; font-size: 1.06rem; }
.verdict .lede { margin-top: 0.85rem; max-width: 44rem; color: var(--soft); text-wrap: pretty; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr)); gap: 1.1rem 2rem; margin-top: 2rem; padding: 1.15rem 0; border-block: 1px solid var(--line); }
.facts dt { font-size: 0.8rem; color: var(--soft); }
.facts dd { font-size: 0.94rem; line-height: 1.45; }

section { margin-top: 3rem; }
section > h2 { margin-bottom: 0.9rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.6rem 1.75rem 1.75rem; }
.card + .card { margin-top: 1.5rem; }
.finding { border-top: 3px solid var(--tone); }
.badge { display: inline-block; padding: 0.08rem 0.6rem; border-radius: 1rem; background: var(--tone-bg, var(--inset)); color: var(--tone, var(--soft)); font-size: 0.78rem; font-weight: 600; line-height: 1.6; white-space: nowrap; }
.badge.quiet { background: var(--inset); color: var(--soft); }
.badges { display: flex; flex-wrap: wrap; gap: 0.4rem; margin-bottom: 0.7rem; }
.where { margin-top: 0.4rem; color: var(--soft); font-size: 0.92rem; }
.where code { color: var(--ink); }
.consequence { margin-top: 1.25rem; max-width: 44rem; }

.box { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--inset); -webkit-overflow-scrolling: touch; }
pre.box { padding: 0.75rem 1rem; line-height: 1.55; white-space: pre; overflow-wrap: normal; }
.hunk { margin-top: 1.25rem; }
.hunk span { display: block; min-width: max-content; margin: 0 -1rem; padding: 0 1rem; }
.hunk .add { background: var(--good-bg); color: var(--good); }
.hunk .del { background: var(--error-bg); color: var(--error); }
.hunk .head { color: var(--soft); }
.hunk .at { box-shadow: inset 3px 0 0 var(--tone); }
.way { font-size: 0.86rem; color: var(--soft); margin: 0.9rem 0 0.4rem; }

table { width: 100%; border-collapse: collapse; font-size: 0.92rem; }
th { padding: 0.45rem 0.8rem; text-align: left; font-size: 0.78rem; font-weight: 600; color: var(--soft); white-space: nowrap; }
td { padding: 0.45rem 0.8rem; vertical-align: top; border-top: 1px solid var(--line); }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.path td:nth-child(1) { width: 1%; color: var(--soft); }
.path .code { white-space: pre-wrap; }
.path .step { display: block; font-size: 0.8rem; color: var(--soft); }
.path .state { width: 22%; min-width: 6.5rem; }
.path tr.here td { background: var(--tone-bg); }
.path tr.here .state { color: var(--tone); font-weight: 600; }
.here-mark { display: block; color: var(--tone); font: 600 0.78rem/1.5 var(--sans); }
.list td { overflow-wrap: normal; }
.list td:nth-child(5) { min-width: 11rem; }
.list td:last-child { white-space: nowrap; }
.list td code { white-space: nowrap; }

.frames { font-size: 0.84rem; }
.frames caption { padding: 0.55rem 0.8rem; text-align: left; color: var(--soft); border-bottom: 1px solid var(--line); }
.frames tbody :is(td, th) { padding: 0.34rem 0.8rem; vertical-align: baseline; border-top: 1px solid var(--line); }
.frames :is(th, td):first-child { position: sticky; left: 0; background: var(--inset); text-align: right; }
.frames tbody th, .frames code { font-weight: inherit; font-size: 0.95em; white-space: nowrap; }
.frames th code { font-size: 1em; }
.frames td:nth-child(3) { min-width: 15rem; width: 45%; }
.frames td:nth-child(n + 4) { min-width: 8rem; }
.frames .part { display: inline-block; margin-right: 0.8em; font-family: var(--mono); font-size: 0.95em; white-space: nowrap; }
.frames td > .soft { font-size: 0.95em; }
.frames .line { font-size: 0.92em; color: var(--soft); white-space: nowrap; }
.frames .agreed, .frames .gap, .frames th { color: var(--soft); font-weight: 400; }
.frames thead th { font-weight: 600; }
.frames .about { font-weight: 700; text-decoration: underline; text-underline-offset: 0.25em; }
.frames .wrong { color: var(--error); font-weight: 600; }
.frames .wrong-cell { background: var(--error-bg); box-shadow: inset 3px 0 0 var(--error); }
.frames tr.here > * { border-block: 2px solid var(--tone); }
.frames tr.here > :not(.wrong-cell) { background: var(--tone-bg); }
.frames tr.here th { font-weight: 700; color: var(--tone); }

.witnesses { display: grid; grid-template-columns: fit-content(14rem) 1fr; gap: 0.4rem 1.4rem; font-size: 0.94rem; }
.witnesses dt { font-weight: 600; }
details { margin-top: 1.5rem; }
summary { cursor: pointer; font-size: 0.88rem; font-weight: 600; color: var(--soft); padding: 0.15rem 0; }
summary:hover { color: var(--ink); }
details > :not(summary) { margin-top: 0.55rem; }
.small { font-size: 0.82rem; color: var(--soft); }
.finding > .small { margin-top: 1.5rem; }

.drawing { padding: 1rem; }
.drawing svg { display: block; max-width: none; height: auto; }
.drawing text { font-family: var(--mono); font-size: 12px; fill: var(--ink); }
.drawing .state { font-weight: 600; fill: var(--soft); }
.drawing .gap, .drawing .edge text { fill: var(--soft); }
.drawing .edge text, .drawing .stub text { font-size: 11px; fill: var(--soft); }
.drawing .node rect { fill: var(--card); stroke: var(--soft); stroke-opacity: 0.6; }
.drawing .edge path { fill: none; stroke: var(--soft); stroke-opacity: 0.7; }
.drawing .edge polygon { fill: var(--soft); }
.drawing .node.path rect { fill: var(--path-bg); stroke: var(--path); stroke-opacity: 1; stroke-width: 1.5; }
.drawing .node.path .state { fill: var(--path); }
.drawing .edge.path path { stroke: var(--path); stroke-opacity: 1; stroke-width: 2; }
.drawing .edge.path polygon, .drawing .edge.path text { fill: var(--path); }
.drawing .node.other rect { fill: var(--note-bg); stroke: var(--note); stroke-opacity: 1; stroke-width: 1.5; }
.drawing .node.other .state, .drawing .other-state { font-weight: 600; fill: var(--note); }
.drawing .edge.other path { stroke: var(--note); stroke-opacity: 1; stroke-width: 2; stroke-dasharray: 6 3; }
.drawing .edge.other polygon, .drawing .edge.other text { fill: var(--note); }
.drawing .node.path.other rect { fill: var(--card); stroke: var(--ink); }
.drawing .node.path.other .state { fill: var(--ink); }
.drawing .edge.path.other path { stroke: var(--ink); stroke-dasharray: none; }
.drawing .edge.path.other polygon { fill: var(--ink); }
.drawing .node.fold rect { stroke-dasharray: 5 4; }
.drawing .node.node.site rect { fill: var(--error-bg); stroke: var(--error); stroke-opacity: 1; stroke-width: 2.5; }
.drawing .node.node.site .state { fill: var(--error); }
.drawing .here { font-weight: 600; fill: var(--error); }
.legend { display: flex; flex-wrap: wrap; gap: 0.3rem 1.4rem; list-style: none; }
.legend li { display: flex; align-items: center; gap: 0.5rem; }
.swatch { width: 1.1rem; height: 0.75rem; border: 1.5px solid var(--soft); border-radius: 2px; background: var(--card); }
.swatch.path { border-color: var(--path); background: var(--path-bg); }
.swatch.other { border: 1.5px dashed var(--note); background: var(--note-bg); }
.swatch.path.other { border: 1.5px solid var(--ink); background: var(--card); }
.swatch.site { border: 2.5px solid var(--error); background: var(--error-bg); }

.index, .patches { list-style: none; }
.index li, .patches li { display: grid; gap: 0 1rem; padding: 0.6rem 0; border-top: 1px solid var(--line); align-items: baseline; }
.index li { grid-template-columns: 5.5rem 1fr; }
.patches li { grid-template-columns: 3rem 1fr auto; }
.index li:first-child, .patches li:first-child { border-top: 0; padding-top: 0; }
.index li:last-child, .patches li:last-child { padding-bottom: 0; }
.patches .marks { display: flex; flex-wrap: wrap; gap: 0.35rem; justify-content: flex-end; }
.plain { padding-left: 1.2rem; }
.plain li { margin: 0.25rem 0; }
.meter { height: 6px; margin: 0.7rem 0 0.3rem; border-radius: 3px; background: var(--line); overflow: hidden; }
.meter svg, .bar svg { display: block; width: 100%; height: 100%; }
.meter rect { fill: var(--good); }
.bar { width: 40%; }
.bar svg { height: 0.5rem; margin-top: 0.55rem; }
.bar rect { fill: var(--note); opacity: 0.7; }
footer { margin-top: 4rem; padding-bottom: 3rem; }
footer p { border-top: 1px solid var(--line); padding-top: 1.1rem; }

@media (max-width: 40rem) {
  main, footer { padding-inline: 1rem; }
  main { padding-top: 2rem; }
  .card { padding: 1.15rem 1rem 1.25rem; border-radius: 8px; }
  .facts { grid-template-columns: 1fr 1fr; gap: 0.9rem 1.2rem; }
  .witnesses { grid-template-columns: 1fr; gap: 0.1rem; }
  .witnesses dd { margin-bottom: 0.6rem; }
  td, th { padding: 0.4rem 0.55rem; }
  .index li { grid-template-columns: 4.6rem 1fr; }
  .patches li { grid-template-columns: 2.4rem 1fr; }
  .patches .marks { grid-column: 2; justify-content: flex-start; margin-top: 0.25rem; }
  .frames, .frames tbody, .frames caption { display: block; }
  .frames thead { display: none; }
  .frames tbody tr { display: grid; grid-template-columns: 4.3rem 1fr; padding: 0.45rem 0.6rem; border-top: 1px solid var(--line); }
  .frames caption { border: 0; }
  .frames tbody tr > :is(td, th):nth-child(n) { width: auto; padding: 0; border: 0; min-width: 0; background: none; box-shadow: none; text-align: left; }
  .frames tbody tr > :nth-child(n + 3) { grid-column: 2; margin-top: 0.15rem; }
  .frames tbody tr > [data-of]::before { content: attr(data-of) " "; font-size: 0.92em; color: var(--soft); margin-right: 0.4em; }
  .frames code { white-space: normal; }
  .frames tr.differs { box-shadow: inset 3px 0 0 var(--error); }
  .frames tbody tr.here { background: var(--tone-bg); border-block: 2px solid var(--tone); }
  .drawing { padding: 0.6rem; }
  .drawing svg { zoom: 0.78; }
  section { margin-top: 2.4rem; }
}
@media print {
  :root { --paper: #ffffff; --inset: #ffffff; }
  body { font-size: 10pt; }
  main, footer { max-width: none; padding: 0; }
  .card { border-radius: 0; padding: 0.8rem 0 0; border-width: 1px 0 0; break-inside: auto; }
  .finding { border-top-width: 2px; }
  tr, .hunk, .witnesses, h2, h3 { break-inside: avoid; }
  h2, h3, summary { break-after: avoid; }
  .box { overflow: visible; }
  pre.box { white-space: pre-wrap; }
  .frames { font-size: 0.78rem; }
  .frames td:nth-child(n) { min-width: 0; width: auto; }
  .drawing { border: 0; padding: 0; }
  .drawing svg { max-width: 100%; max-height: 22cm; width: auto; }
}
`;
