// What the cells of a frame table say: a witness that says what the instructions say is one word, and of what it says otherwise only that stands there.

/** What one witness says in one row, as in the frame tables of a review. */
export interface Says {
  /** "" for no row */
  readonly frame: string;
  readonly wrong: readonly string[];
}

/** One thing said of a frame: "CFA=rsp+16", "rbx at CFA-24", "signal". */
export interface FramePart {
  readonly text: string;
  /** In the witness: the instructions contradict it. In the instructions: a witness is wrong of it. */
  readonly isWrong: boolean;
}

export type FrameCell =
  | { readonly kind: "no-row" }
  /** All that the witness says, the instructions say too. */
  | { readonly kind: "agrees" }
  /** What it says otherwise; what the instructions contradict stands last. */
  | { readonly kind: "differs"; readonly parts: readonly FramePart[] };

const NAMES: Readonly<Record<string, string>> = {
  instructions: "instructions",
  debug_frame: ".debug_frame",
  eh_frame: ".eh_frame",
  sframe: ".sframe",
  orc: ".orc_unwind",
  hints: "unwind hints",
};

/** A witness as people know it: ".debug_frame". */
export function witnessName(witness: string): string {
  return Object.hasOwn(NAMES, witness) ? (NAMES[witness] as string) : witness;
}

/** "rbx", "CFA" */
function subjectOf(text: string): string {
  return /^[^ =]*/.exec(text)![0];
}

/** A frame's parts; `about` are the subjects to mark. What is marked and has no part of its own is said without details. */
function partsOf(frame: string, about: ReadonlySet<string>): FramePart[] {
  const found = new Set<string>();
  const parts = frame.split(", ").map((text) => {
    const subject = subjectOf(text);
    const isWrong = about.has(subject);
    if (isWrong) found.add(subject);
    return { text, isWrong };
  });
  for (const subject of about)
    if (!found.has(subject))
      parts.push({ text: subject === "signal" ? "no signal" : `${subject} not said`, isWrong: true });
  return parts;
}

/** The instructions' cell of a row: all they say, with what any witness is wrong of marked. */
export function ownParts({ says }: { readonly says: readonly Says[] }): FramePart[] {
  const own = says[0]?.frame ?? "";
  return own === "" ? [] : partsOf(own, new Set(says.flatMap(({ wrong }) => wrong)));
}

/** The cell of a witness, `own` the instructions in the same row. */
export function frameCell(own: Says, { frame, wrong }: Says): FrameCell {
  if (frame === "") return { kind: "no-row" };
  const said = new Set(own.frame.split(", "));
  const parts = partsOf(frame, new Set(wrong)).filter(
    ({ text, isWrong }) => isWrong || !(said.has(text) || text.endsWith(" not said")),
  );
  parts.sort((a, b) => Number(a.isWrong) - Number(b.isWrong));
  return parts.length === 0 ? { kind: "agrees" } : { kind: "differs", parts };
}

/** Fewer are repeated rather than referred to. */
const LEAST_REFERRED = 2;

/**
 * The CFA, and what is new in the instructions' cell against the row above. Undefined where the whole is to be said: something is gone, for one, or little was
 * left out.
 */
export function newParts(parts: readonly FramePart[], above: readonly FramePart[]): readonly FramePart[] | undefined {
  const subjects = new Set(parts.map(({ text }) => subjectOf(text)));
  if (above.some(({ text }) => !subjects.has(subjectOf(text)))) return undefined;
  const before = new Set(above.map(({ text }) => text));
  const changed = parts.filter(({ text, isWrong }, n) => n === 0 || isWrong || !before.has(text));
  return parts.length - changed.length < LEAST_REFERRED ? undefined : changed;
}

/** What the instructions say in every row of some: told once, above them. */
export function saidThroughout(rows: readonly { readonly says: readonly Says[] }[]): string[] {
  const [first, ...others] = rows.map(ownParts);
  if (first === undefined || others.length === 0) return [];
  const everywhere = (text: string) =>
    others.every((parts) => parts.some((part) => part.text === text && !part.isWrong));
  return first.filter(({ text, isWrong }) => !isWrong && everywhere(text)).map(({ text }) => text);
}
