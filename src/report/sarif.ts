// SARIF 2.1.0 (OASIS), for code scanning. Section numbers are the specification's.

import type { CodeFlow, Fix, Invocation, Location, Log, Notification, ReportingDescriptor, Result, Run } from "sarif";
import type { CoverageNote, ReviewFault, ReviewFinding, ReviewFix, ReviewResult, ReviewStep } from "./result.ts";
import { safeCode, safeText } from "./safe.ts";
import { speakingFindings, transientWords, verdictSentence } from "./sentences.ts";
import { toolWords } from "./steps.ts";
import { weakenedSentence } from "./weakened-text.ts";

export interface RuleInfo {
  /** One sentence. */
  readonly summary: string;
  /** The rule's page, markdown. */
  readonly help: string;
  /** Default: the gravest severity that the rule has in this review. */
  readonly severity?: "error" | "warning" | "note";
}

export interface SarifOptions {
  /** Rule id -> what it means. A rule that is not in it is listed with its id alone. */
  readonly ruleInfo: ReadonlyMap<string, RuleInfo>;
  /** Where the tool's documentation is; the log has no address without it. */
  readonly informationUri?: string;
  /** Public address of the repository reviewed: gives versionControlProvenance. */
  readonly repositoryUri?: string;
}

type Level = "error" | "warning" | "note";
const LEVELS: readonly Level[] = ["note", "warning", "error"];
const SRCROOT = "SRCROOT";
const MAX_MESSAGE = 2000;
const BASELINE = { new: "new", worsened: "updated", unchanged: "unchanged", fixed: "absent" } as const; // 3.27.24

/** Text of a message (3.11): no embedded link and no placeholder can come out of text from outside. */
function messageText(text: string): string {
  const safe = safeText(text.trim(), { max: MAX_MESSAGE });
  const noLinks = safe.includes("](") ? safe.replaceAll(/[[\]\\]/g, "\\$&") : safe; // 3.11.6
  const noHoles = /\{\d+\}/.test(noLinks) ? noLinks.replaceAll(/[{}]/g, "$&$&") : noLinks; // 3.11.5
  return noHoles === "" ? "(no text)" : noHoles;
}

/** A path of the tree as a URI reference (3.10): percent-encoded, relative to the root of the tree. */
export function artifactUri(path: string): { uri: string; uriBaseId?: string } {
  const encoded = path
    .toWellFormed()
    .split("/")
    .map((segment) => encodeURIComponent(segment))
    .join("/");
  return path.startsWith("/")
    ? { uri: `file://${encoded.replace(/^\/+/, "/")}` }
    : { uri: encoded, uriBaseId: SRCROOT };
}

function sourceLocation(file: string, line: number, name: string | undefined, message?: string): Location {
  return {
    ...(file === ""
      ? {}
      : {
          physicalLocation: {
            artifactLocation: artifactUri(file),
            ...(line > 0 ? { region: { startLine: line } } : {}),
          },
        }),
    ...(name === undefined || name === ""
      ? {}
      : { logicalLocations: [{ fullyQualifiedName: safeText(name), kind: "function" }] }),
    ...(message === undefined ? {} : { message: { text: messageText(message) } }),
  };
}

function stepMessage(step: ReviewStep): string {
  const what = [step.note, step.code ?? "", step.asm ?? ""].filter((part) => part !== "").join(": ");
  return `${what === "" ? "step" : safeCode(what)}${step.state === "" ? "" : ` [${step.state}]`}`;
}

function codeFlow(path: readonly ReviewStep[], title: string, finding: ReviewFinding): CodeFlow {
  return {
    message: { text: title },
    threadFlows: [
      {
        locations: path.map((step, i) => ({
          executionOrder: i + 1,
          importance: i === path.length - 1 ? "essential" : "important",
          location: sourceLocation(step.place?.file ?? "", step.place?.line ?? 0, finding.function, stepMessage(step)),
          ...(step.state === "" ? {} : { state: { frame: { text: messageText(step.state) } } }),
          properties: { section: safeText(step.section), offset: step.offset },
        })),
      },
    ],
  };
}

function codeFlows(finding: ReviewFinding): CodeFlow[] {
  const other = finding.otherPath ?? [];
  return [
    ...(finding.path.length === 0
      ? []
      : [codeFlow(finding.path, other.length === 0 ? "The way there" : "One way", finding)]),
    ...(other.length === 0 ? [] : [codeFlow(other, "The other way", finding)]),
  ];
}

function resultMessage(finding: ReviewFinding, result: ReviewResult): string {
  const transient = transientWords(finding, result);
  const said = finding.evidence.map((entry) => `${entry.witness}: ${entry.says}.`);
  const parts = [
    `${finding.message}.`,
    finding.consequence,
    ...(transient === undefined ? [] : [`(${transient})`]),
    ...said,
    toolWords(finding) ?? "",
  ];
  return parts.filter((part) => part !== "").join(" ");
}

/** 3.55 to 3.57: a region of whole lines ends before its last line's end. */
function sarifFix(fix: ReviewFix): Fix {
  return {
    description: { text: messageText(fix.why) },
    artifactChanges: [
      {
        artifactLocation: artifactUri(fix.path),
        replacements: [
          {
            deletedRegion: { startLine: fix.from, endLine: fix.to },
            insertedContent: { text: fix.lines.join("\n").toWellFormed() },
          },
        ],
      },
    ],
  };
}

function sarifResult(finding: ReviewFinding, ruleIndex: number, result: ReviewResult): Result {
  const flows = codeFlows(finding);
  const related = finding.related.map((entry, i) => ({
    id: i + 1,
    ...sourceLocation(entry.place?.file ?? "", entry.place?.line ?? 0, entry.function, entry.says),
  }));
  const { patch, repairedBy } = finding;
  return {
    ruleId: safeText(finding.rule),
    ruleIndex,
    level: finding.severity,
    message: { text: messageText(resultMessage(finding, result)) },
    locations: [sourceLocation(finding.file, finding.line, finding.function)],
    ...(flows.length === 0 ? {} : { codeFlows: flows }),
    ...(related.length === 0 ? {} : { relatedLocations: related }),
    partialFingerprints: { "objreviewFingerprint/v1": safeText(finding.fingerprint) },
    ...(finding.fix === undefined ? {} : { fixes: [sarifFix(finding.fix)] }),
    baselineState: BASELINE[finding.class],
    properties: {
      object: safeText(finding.object),
      profiles: finding.profiles.map((name) => safeText(name)),
      onDiff: finding.onDiff,
      ...(patch === undefined ? {} : { firstBadPatch: patch.number }),
      ...(finding.fault === undefined ? {} : { fault: sarifFault(finding.fault) }),
      ...(repairedBy === undefined ? {} : { repairedByPatch: repairedBy.number }),
    },
  };
}

/** Whose fault it is, as the result has it; where it was kept is a folder of the reviewer's. */
function sarifFault({ says, own, trials }: ReviewFault) {
  return {
    says: messageText(says),
    own: messageText(own),
    trials: trials.map(({ compiler, flags, outcome, why }) => ({
      compiler: messageText(compiler),
      flags: flags.map(messageText),
      outcome,
      ...(why === undefined ? {} : { why: messageText(why) }),
    })),
  };
}

function ruleDescriptors(
  findings: readonly ReviewFinding[],
  options: SarifOptions,
): { rules: ReportingDescriptor[]; index: Map<string, number> } {
  const worst = new Map<string, Level>();
  for (const { rule, severity } of findings) {
    const known = worst.get(rule);
    if (known === undefined || LEVELS.indexOf(severity) > LEVELS.indexOf(known)) worst.set(rule, severity);
  }
  const ids = [...worst.keys()].sort();
  const rules = ids.map((id): ReportingDescriptor => {
    const info = options.ruleInfo.get(id);
    const summary = safeText(info?.summary ?? id);
    const help = info?.help ?? summary;
    return {
      id: safeText(id),
      shortDescription: { text: summary },
      fullDescription: { text: summary },
      help: { text: help.toWellFormed(), markdown: help.toWellFormed() },
      defaultConfiguration: { level: info?.severity ?? worst.get(id)! },
      properties: { tags: ["kernel", "object-code"] },
    };
  });
  return { rules, index: new Map(ids.map((id, i) => [id, i])) };
}

const WARN_KINDS: ReadonlySet<CoverageNote["kind"]> = new Set([
  "object-not-analysed",
  "over-budget",
  "function-not-analysed",
]);

function noteNotification(note: CoverageNote): Notification {
  const where = note.function === undefined ? note.object : `${note.function}() in ${note.object}`;
  return {
    level: WARN_KINDS.has(note.kind) ? "warning" : "note",
    message: { text: messageText(`${where}: ${note.why}`) },
    descriptor: { id: `coverage/${note.kind}` },
    ...(note.function === undefined ? {} : { locations: [sourceLocation("", 0, note.function)] }),
  };
}

function notifications(result: ReviewResult): Notification[] {
  const { broken, conflict, compilerWarnings, coverage } = result;
  return [
    ...(broken === undefined
      ? []
      : [
          {
            level: "error" as const,
            message: { text: messageText(`${broken.object} does not build: ${broken.error}`) },
            descriptor: { id: "verdict/broken" },
            locations: [sourceLocation(broken.file, broken.line, undefined)],
          },
        ]),
    ...(conflict === undefined
      ? []
      : [
          {
            level: "error" as const,
            message: { text: messageText(conflict.message === "" ? "the series does not apply" : conflict.message) },
            descriptor: { id: "verdict/conflict" },
            locations: [...new Set(conflict.files)].map((file) => sourceLocation(file, 0, undefined)),
          },
        ]),
    ...compilerWarnings.map((warning) => ({
      level: "note" as const,
      message: { text: messageText(warning.text) },
      descriptor: { id: "compiler-warning" },
      locations: [sourceLocation(warning.file, warning.line, undefined)],
    })),
    ...(result.weakened ?? []).map((each) => ({
      level: "warning" as const,
      message: { text: messageText(weakenedSentence(each)) },
      descriptor: { id: `weakened/${each.kind}` },
      ...(each.file === "" ? {} : { locations: [sourceLocation(each.file, each.line, undefined)] }),
    })),
    ...coverage.notes.map(noteNotification),
  ];
}

function invocation(result: ReviewResult): Invocation {
  const done = ["clean", "findings", "broken", "conflict", "applied"].includes(result.verdict);
  const all = notifications(result);
  return {
    executionSuccessful: done,
    exitCodeDescription: messageText(`${result.verdict}: ${verdictSentence(result)}`),
    ...(all.length === 0 ? {} : { toolExecutionNotifications: all }),
    properties: {
      verdict: result.verdict,
      ...(result.reason === undefined ? {} : { reason: messageText(result.reason) }),
    },
  };
}

/** The SARIF log as text, two spaces, one "\n" at the end. New and worsened results come first. Never throws. */
export function renderSarif(result: ReviewResult, options: SarifOptions): string {
  const speaking = speakingFindings(result);
  const spoken = new Set(speaking);
  const findings = [...speaking, ...result.findings.filter((finding) => !spoken.has(finding))];
  const { rules, index } = ruleDescriptors(findings, options);
  const run: Run = {
    tool: {
      driver: {
        name: "objreview",
        version: safeText(result.tool, { max: 40 }),
        ...(options.informationUri === undefined ? {} : { informationUri: options.informationUri }),
        rules,
      },
    },
    automationDetails: {
      id: `objreview/${result.profiles.map((profile) => encodeURIComponent(profile.name.toWellFormed())).join("+")}/`,
    },
    invocations: [invocation(result)],
    originalUriBaseIds: { [SRCROOT]: { description: { text: "The root of the kernel tree." } } },
    ...(options.repositoryUri === undefined
      ? {}
      : {
          versionControlProvenance: [
            {
              repositoryUri: options.repositoryUri,
              revisionId: safeText(result.base.commit),
              mappedTo: { uriBaseId: SRCROOT },
              properties: { base: safeText(result.base.name) },
            },
          ],
        }),
    columnKind: "unicodeCodePoints",
    results: findings.map((finding) => sarifResult(finding, index.get(finding.rule)!, result)),
  };
  const log: Log = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [run],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}
