import type { ObjectFinding } from "../../src/analyze/analyze-object.ts";

// Findings of objects against those of all of them linked to one. Mostly the words are the same; where a defect lies between two objects, each side
// can only say what it sees of it.

export interface Placed {
  readonly object: string;
  /** "section+0xoffset" in the object */
  readonly place: string;
  readonly finding: ObjectFinding;
  /** Where the way of the finding begins: its object and place. */
  readonly entry: string;
  /** Of the other way, of findings that have two. */
  readonly otherEntry: string;
}

export interface Matched {
  readonly same: number;
  readonly otherWords: number;
  readonly onlyFirst: readonly Placed[];
  readonly onlySecond: readonly Placed[];
}

const said = ({ object, place, finding }: Placed): string => `${object} ${place} ${finding.rule}: ${finding.message}`;

export function matchFindings(first: readonly Placed[], second: readonly Placed[]): Matched {
  const left = new Map<string, Placed[]>();
  for (const each of second) left.set(said(each), [...(left.get(said(each)) ?? []), each]);
  const unmatched: Placed[] = [];
  for (const each of first) if (left.get(said(each))?.pop() === undefined) unmatched.push(each);
  const rest = [...left.values()].flat();
  const onlyFirst = unmatched.filter((each) => !isToldBy(each, second));
  const onlySecond = rest.filter((each) => !isToldBy(each, first));
  return {
    same: first.length - unmatched.length,
    otherWords: unmatched.length - onlyFirst.length + rest.length - onlySecond.length,
    onlyFirst,
    onlySecond,
  };
}

/** Whether one of the others is about the same defect. */
function isToldBy(one: Placed, others: readonly Placed[]): boolean {
  const { rule, message } = one.finding;
  switch (rule) {
    case "falls-through":
      // By itself an object ends where the next one begins.
      return others.some(({ finding }) => finding.rule === rule && finding.function === one.finding.function);
    case "unreachable-instruction": {
      // A callee that lost its return is told once where it is seen, with its callers, or not beside what is told of itself.
      const callee = /call to (.+?)\(\), which never returns/.exec(message)?.[1];
      // A function is told once: with two damages each side may tell another of them.
      if (callee === undefined)
        return others.some((other) => isOfOneFunction(one, other) && other.finding.rule === rule);
      return others.some(({ finding }) => finding.function === callee || mentions(finding, callee));
    }
    case "landing-pad-code":
    case "landing-pad-data": {
      // Who takes the address and whose it is: either object tells it of itself.
      const names = namesOf(one.finding);
      return others.some(
        ({ finding }) =>
          finding.rule.startsWith("landing-pad") && namesOf(finding).filter((name) => names.includes(name)).length > 0,
      );
    }
    case "stack-state-mismatch":
      // A way with a wrong frame meets one right way after the other, and is told at one of them; linked it goes on into the next object's.
      return others.some(
        (other) => other.finding.rule === rule && (isElsewhere(one) || isElsewhere(other)) && shareEntry(one, other),
      );
    case "jump-into-instruction":
      // Behind its section's end an object has no code; linked, somebody else's instructions are there.
      return others.some(
        (other) => other.finding.rule === rule && other.object === one.object && other.place === one.place,
      );
    case "untrain-before-return":
      // A callee in another object that returns first: by itself an object tells it at the call, linked it is told at what is found on the way on.
      return others.some(
        (other) =>
          other.finding.rule === rule && other.entry === one.entry && (isToldAtCall(one) || isToldAtCall(other)),
      );
    default:
      // What runs off the end of its section is told there by the object; linked, what it meets in the next one's is told too.
      return (
        isElsewhere(one) &&
        others.some(({ finding }) => finding.rule === "falls-through" && finding.function === one.finding.function)
      );
  }
}

const entriesOf = ({ entry, otherEntry }: Placed): string[] => [entry, otherEntry].filter((each) => each !== "");

const isElsewhere = ({ object, ...placed }: Placed): boolean =>
  entriesOf({ object, ...placed }).some((entry) => !entry.startsWith(`${object} `));

const shareEntry = (one: Placed, other: Placed): boolean =>
  entriesOf(one).some((entry) => entriesOf(other).includes(entry));

const isOfOneFunction = (one: Placed, other: Placed): boolean =>
  one.object === other.object && one.finding.function === other.finding.function;

const isToldAtCall = ({ finding }: Placed): boolean =>
  finding.related.some(({ says }) => says.endsWith("in another object"));

function mentions(finding: ObjectFinding, name: string): boolean {
  return finding.message.includes(`${name}()`) || finding.related.some((each) => each.says.includes(`${name}()`));
}

/** Functions and variables that a finding names, as far as they are no placeholders. */
function namesOf({ function: own, message, related }: ObjectFinding): string[] {
  const called = [...message.matchAll(/(\S+)\(\)/g)].map((match) => match[1] as string);
  return [...new Set([own, ...called, ...related.map((each) => each.function)])].filter(
    (name) => name !== "" && !name.includes(" "),
  );
}
