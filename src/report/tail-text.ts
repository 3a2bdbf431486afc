// What stands under the findings in the digest and in the terminal form: what was built, what was not looked at and why,
// against which base, and how it ran.

import { explainedNews } from "./fault-text.ts";
import type { ReviewResult } from "./result.ts";
import { safeProse } from "./safe.ts";
import {
  cappedList,
  coverageGroups,
  coverageSentence,
  durationWords,
  profileWords,
  type ReasonGroup,
  sandboxSentence,
  totalMillis,
} from "./sentences.ts";
import { plural, wrapText } from "./wrap.ts";

const LABEL_WIDTH = 13;
const MAX_GROUPS = 5;
const MAX_NAMES = 4;
const MAX_WARNINGS = 4;
const MAX_PROFILES = 8;

function item(label: string, text: string): string[] {
  return wrapText(text, { first: `${label}:`.padEnd(LABEL_WIDTH), rest: " ".repeat(LABEL_WIDTH) });
}

function groupItem(label: string, groups: readonly ReasonGroup[]): string[] {
  const shown = groups.slice(0, MAX_GROUPS);
  const lines = shown.flatMap((group, i) => {
    const inObject = group.object === undefined ? "" : ` in ${group.object}`;
    const names = group.names.filter((name) => name !== "");
    // What is about the review as a whole names nothing.
    const text = names.length === 0 ? `${group.why}.` : `${cappedList(names, MAX_NAMES)}${inObject} (${group.why}).`;
    return i === 0 ? item(label, text) : wrapText(text, { first: " ".repeat(LABEL_WIDTH) });
  });
  const left = groups.slice(MAX_GROUPS).reduce((sum, group) => sum + group.names.length, 0);
  return left === 0 ? lines : [...lines, `${" ".repeat(LABEL_WIDTH)}And ${left} more, for other reasons.`];
}

const MAX_USERS = 3;

function builtLines(result: ReviewResult): string[] {
  const lines = result.profiles.slice(0, MAX_PROFILES).flatMap((profile, i) => {
    const { affectedObjects: affected, builtObjects: built, identicalObjects: identical } = profile;
    const count = `${built} of ${plural(affected, "affected object")}`;
    const same =
      identical === 0
        ? ""
        : `, ${identical === built ? (built === 1 ? "" : "all ") : `${identical} of them `}with the code of the base`;
    // Objects whose sources the series leaves alone: fact-changes.ts gives the reason.
    const users = result.objects.filter(
      ({ profile: of, reason }) => of === profile.name && /^(uses|defines) /.test(reason),
    );
    const again =
      users.length === 0
        ? ""
        : ` ${users.length} ${users.length === 1 ? "was" : "were"} looked at again because of what changes: ` +
          `${cappedList(
            users.map(({ path }) => safeProse(path, 120)),
            MAX_USERS,
          )}.`;
    const text = `${profileWords(profile, result.profiles)}: ${count}${same}.${again}`;
    return i === 0 ? item("Built", text) : wrapText(text, { first: " ".repeat(LABEL_WIDTH) });
  });
  const more = result.profiles.length - MAX_PROFILES;
  return more > 0 ? [...lines, `${" ".repeat(LABEL_WIDTH)}And ${plural(more, "more profile")}.`] : lines;
}

function baseLine(result: ReviewResult): string[] {
  const { base, patches } = result;
  const commit = safeProse(base.commit, 64);
  const short = commit.slice(0, 12);
  const name = safeProse(base.name, 80);
  const words = name === "" ? short : name.startsWith(short) || short === "" ? name : `${name} (${short})`;
  const upstream = patches.filter((patch) => patch.state === "already-upstream").length;
  const applied = patches.filter((patch) => patch.state === "applied").length;
  const what = patches.length === 1 ? "Patch" : "Series";
  const state =
    patches.length === 0
      ? ""
      : applied === patches.length
        ? ` ${what} applied.`
        : upstream > 0
          ? ` ${upstream} of ${plural(patches.length, "patch", "patches")} already upstream.`
          : ` ${applied} of ${plural(patches.length, "patch", "patches")} applied.`;
  return item("Base", `${words}${base.chosenBy === "" ? "" : `, ${safeProse(base.chosenBy, 120)}`}.${state}`);
}

function warningLines(result: ReviewResult): string[] {
  const shown = result.compilerWarnings.slice(0, MAX_WARNINGS);
  const lines = shown.flatMap((warning, i) => {
    const place = `${safeProse(warning.file, 120)}${warning.line === 0 ? "" : `:${warning.line}`}`;
    const text = `${place}: ${safeProse(warning.text, 240)} (new)`;
    return i === 0 ? item("Warnings", text) : wrapText(text, { first: " ".repeat(LABEL_WIDTH) });
  });
  const more = result.compilerWarnings.length - shown.length;
  return more > 0 ? [...lines, `${" ".repeat(LABEL_WIDTH)}And ${more} more that are new.`] : lines;
}

function timeLine(result: ReviewResult, sinceMailMillis: number | undefined): string[] {
  const work = durationWords(totalMillis(result));
  const time =
    sinceMailMillis === undefined
      ? `${work} of work.`
      : `${durationWords(sinceMailMillis)} from your mail to this one, ${work} of it work.`;
  return wrapText(`${sandboxSentence(result)} ${time}`, { rest: "  " });
}

/** The block of labelled lines, each at most 76 columns. `sinceMailMillis`: from the arrival of the mail to this answer; `waived`: findings left out. */
export function tailLines(result: ReviewResult, sinceMailMillis?: number, waived = 0): string[] {
  const groups = coverageGroups(result);
  const previous = result.previousVersion;
  const count = (kind: string) => result.findings.filter((finding) => finding.class === kind).length;
  const checked = coverageSentence(result);
  const explained = explainedNews(result);
  const looked = result.coverage.functions > 0;
  return [
    ...(previous === undefined
      ? []
      : item(
          `Against v${previous.version}`,
          `fixed ${previous.fixed}, still there ${previous.stillThere}, new ${previous.new}.`,
        )),
    ...builtLines(result),
    ...groupItem("Not built", groups.notBuilt),
    ...(checked === undefined ? [] : item("Checked", `${checked}.`)),
    ...groupItem("Not checked", groups.notChecked),
    ...(explained === undefined ? [] : item("Not told", `${explained}.`)),
    ...groupItem("Assumed", groups.assumed),
    ...baseLine(result),
    ...(waived === 0 ? [] : item("Waived", `${plural(waived, "new finding")}, by a command.`)),
    ...(count("fixed") === 0 ? [] : item("Fixed", `${plural(count("fixed"), "older finding")} of the base.`)),
    ...(looked ? item("Unchanged", `${plural(count("unchanged"), "older finding")} in these objects.`) : []),
    ...warningLines(result),
    ...timeLine(result, sinceMailMillis),
  ];
}
