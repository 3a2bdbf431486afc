import { z } from "zod";
import { frameTable, graph } from "./result-drawn.ts";

// What every renderer reads and what review.json is. Versioned: a field is only ever added within a major version.
// schema/review.schema.json is generated from here (`npm run schema`); a test holds them together.

/** The `reason` of a review that a defect of ours has ended; whatever else it is, is about the input or the machine. */
export const OWN_FAILURE = "an error of objreview itself";

export const RESULT_VERSION = "1.4";

const place = z.strictObject({
  file: z.string(),
  /** 0: the compiler gave no line. */
  line: z.int().min(0),
  inlineStack: z.array(z.strictObject({ function: z.string(), file: z.string(), line: z.int().min(0) })),
});

const step = z.strictObject({
  section: z.string(),
  /** Section offset in bytes. */
  offset: z.int().min(0),
  size: z.int().min(0),
  note: z.string(),
  /** State after the step: "CFA=SP+16", "AC=1". */
  state: z.string(),
  /** Instructions right before this one that are told with it: "5 pushes". */
  folded: z.string().optional(),
  /** Steps between the one before and this one that are left out. */
  skipped: z.int().min(1).optional(),
  /** For an instruction of a replacement (an alternative): section offset in bytes of what it is patched over. */
  insteadOf: z.int().min(0).optional(),
  place: place.optional(),
  /** Disassembly of the instruction. */
  asm: z.string().optional(),
  /** The source line's text, trimmed. */
  code: z.string().optional(),
});

/** The same source compiled in another way, to see whose the finding is. */
const trial = z.strictObject({
  /** "gcc 12.2.0" */
  compiler: z.string(),
  /** What differs from the build's own flags: "-O1", "-fno-shrink-wrap"; empty for the other compiler as it is. */
  flags: z.array(z.string()),
  /** there: the same finding. gone: the function is there and the witness speaks of it, without the finding. unknown: neither (why). */
  outcome: z.enum(["there", "gone", "unknown"]),
  why: z.string().optional(),
});

/** Whose fault a finding about the compiler's own words is. */
const fault = z.strictObject({
  /** A clause: "only gcc 12.2.0 at -O2; gone with -fno-shrink-wrap"; where two profiles' trials differ, "...; under PROFILE: only clang 22.1.8 at -O2". */
  says: z.string(),
  /** The build's own compiler and its level of optimisation: "gcc 12.2.0 -O2"; of two profiles, the first one's. */
  own: z.string(),
  trials: z.array(trial),
  /** Folder with the preprocessed source, the command line and what was seen, ready for a compiler's bug tracker; where it was kept. */
  kept: z.string().optional(),
});

const patchRef = z.strictObject({
  /** 1-based place in the series. */
  number: z.int().min(1),
  subject: z.string(),
});

/** A change of one file of the head: it was applied, the objects built and judged again, the finding gone, and nothing came in its place. */
const fix = z.strictObject({
  path: z.string(),
  /** Lines of the head's file that are replaced, both included, and what stands there. */
  from: z.int().min(1),
  to: z.int().min(1),
  replaced: z.array(z.string()),
  /** What stands there instead. */
  lines: z.array(z.string()),
  /** One sentence: what it does. */
  why: z.string(),
});

/** A hunk as it is quoted: header line and body lines as in the patch mail. */
const hunk = z.strictObject({
  header: z.string(),
  lines: z.array(z.string()),
  /** index into lines behind which the comment stands */ after: z.int().min(0),
});

const finding = z.strictObject({
  /** Short and stable within the review: "f1", "f2". */
  id: z.string(),
  class: z.enum(["new", "worsened", "unchanged", "fixed"]),
  rule: z.string(),
  severity: z.enum(["error", "warning", "note"]),
  object: z.string(),
  function: z.string(),
  file: z.string(),
  line: z.int().min(0),
  /** The file and line stand inside a hunk of the patch, on the side that is judged. */
  onDiff: z.boolean(),
  /** The line of the diff it is placed on where that is not `line` itself: the nearest one in the same function. */
  diffLine: z.int().min(1).optional(),
  /** One sentence without a final full stop that names the function: "fn() returns with user access open". */
  message: z.string(),
  /** One sentence: what follows from it at run time. */
  consequence: z.string(),
  path: z.array(step),
  otherPath: z.array(step).optional(),
  evidence: z.array(z.strictObject({ witness: z.string(), says: z.string() })),
  /** What the kernel's own tool (tools/objtool, the base's build of it) says of the same object; for findings that speak up. Since 1.1. */
  kernelTool: z
    .strictObject({
      says: z.enum(["agrees", "silent", "not-asked"]),
      /** Its words where it agrees; why it was not asked. */
      text: z.string(),
    })
    .optional(),
  related: z.array(z.strictObject({ function: z.string(), says: z.string(), place: place.optional() })),
  fingerprint: z.string(),
  /** First bad patch; absent where it could not be told (see coverage) and for unchanged findings. */
  patch: patchRef.optional(),
  /** Patch that repairs it before the series ends; such a finding is of class "new" and `transient`. */
  repairedBy: patchRef.optional(),
  /** Names of the profiles it appears in. */
  profiles: z.array(z.string()),
  /** The hunk it is quoted under. */
  hunk: hunk.optional(),
  graph: z.string().optional(),
  /** -> frameTables. Since 1.4; of findings about unwind data. */
  frames: z.string().optional(),
  /** As frames. */
  fault: fault.optional(),
  place: place.optional(),
  /** Since 1.2; where one is certain. Tried under every profile that builds the object. */
  fix: fix.optional(),
});

const object = z.strictObject({
  /** Path in the build folder, "kernel/exit.o". */
  path: z.string(),
  profile: z.string(),
  /** Why it was built: "touched", "includes include/linux/sched.h", "names a changed symbol". */
  reason: z.string(),
  state: z.enum(["analysed", "identical", "not-built", "not-analysed", "new", "removed"]),
  /** Why, where the state is not "analysed" or "identical". */
  why: z.string().optional(),
  functions: z.int().min(0),
  textBytes: z.int().min(0),
  fromCache: z.boolean(),
});

const coverageNote = z.strictObject({
  kind: z.enum([
    "object-not-built",
    "object-not-analysed",
    "function-not-analysed",
    "function-excluded",
    "undecoded-bytes",
    "unresolved-jump",
    "over-budget",
    "affected-cap",
    "assumption",
    "undecided",
    /* Since 1.4; see `defect`. */ "known-defect",
  ]),
  object: z.string(),
  function: z.string().optional(),
  why: z.string(),
  /** Findings that a known defect of the compiler explains: its page's name, who compiled the functions ("gcc 12.2.0"), findings that are not told for it. Since 1.4. */
  defect: z
    .strictObject({
      defect: z.string(),
      compiler: z.string(),
      count: z.int().min(1),
      /** Every version of the compiler has it, in most functions: so it is news to nobody, and no digest or comment says it. */
      everywhere: z.boolean().optional(),
    })
    .optional(),
});

const weakening = z.strictObject({
  /** no-longer-checked: was in the base. silenced: an annotation or recipe that the series adds. listed: a name on a list of the tree's. */
  kind: z.enum(["no-longer-checked", "silenced", "listed"]),
  /** Why it is not checked; the annotation's or variable's name; what the list says. */
  what: z.string(),
  /** Path in the build folder; a folder with its final slash; "" for a list. */
  object: z.string(),
  /** Functions of the object, or the names on the list. */
  names: z.array(z.string()),
  /** Annotations, names or functions. */
  count: z.int().min(1),
  /** Source place of the first; "" and 0 where none is known. */
  file: z.string(),
  line: z.int().min(0),
  profiles: z.array(z.string()),
});

export const reviewResultSchema = z.strictObject({
  /** Of the writer; readers take every minor version of their major one. */
  version: z.string().regex(/^1\.\d+$/),
  /** objreview's own version. */
  tool: z.string(),
  verdict: z.enum([
    "queued",
    "applying",
    "building",
    "analysing",
    "clean",
    "findings",
    "broken",
    "inconclusive",
    "conflict",
    "applied",
    "incomplete",
    "failed",
    "superseded",
    "cancelled",
  ]),
  /** One line: why, for a verdict other than clean and findings. */
  reason: z.string().optional(),
  /** The verdict is "failed" for what the machine could not do (disk, memory, sandbox), in a plain sentence: another try may come to one. Since 1.4. */
  machine: z.string().optional(),
  series: z.strictObject({
    title: z.string(),
    version: z.int().min(1),
    messageId: z.string().optional(),
    author: z.string(),
  }),
  base: z.strictObject({
    /** Commit id. */
    commit: z.string(),
    /** As people name it: "v6.12.117". */
    name: z.string(),
    /** The rule that chose it: "as asked by --base", "base-commit trailer". */
    chosenBy: z.string(),
  }),
  patches: z.array(
    z.strictObject({
      number: z.int().min(1),
      subject: z.string(),
      author: z.string(),
      messageId: z.string().optional(),
      commit: z.string().optional(),
      state: z.enum(["applied", "already-upstream", "conflict", "not-tried"]),
      files: z.array(z.string()),
      /** Verdict of the tree after this patch, where it was walked. */
      builds: z.boolean().optional(),
      newFindings: z.int().min(0),
      repairedFindings: z.int().min(0),
    }),
  ),
  conflict: z.strictObject({ patch: patchRef, files: z.array(z.string()), message: z.string() }).optional(),
  broken: z
    .strictObject({
      /** First bad patch. */
      patch: patchRef.optional(),
      /** Patch of the series behind which it builds again: the tip does. */
      repairedBy: patchRef.optional(),
      object: z.string(),
      file: z.string(),
      line: z.int().min(0),
      error: z.string(),
      profile: z.string(),
      /** The hunk of the first bad patch that the line is in. Since 1.3. */
      hunk: hunk.optional(),
    })
    .optional(),
  profiles: z.array(
    z.strictObject({
      name: z.string(),
      arch: z.string(),
      compiler: z.string(),
      config: z.string(),
      /** Objects that the series affects under this profile, built ones, those with identical code. */
      affectedObjects: z.int().min(0),
      builtObjects: z.int().min(0),
      identicalObjects: z.int().min(0),
    }),
  ),
  objects: z.array(object),
  findings: z.array(finding),
  graphs: z.array(graph),
  /** Since 1.4. */
  frameTables: z.array(frameTable).optional(),
  /** What the series takes out of the check, where it does: no defects, and worth a look each. Since 1.1. */
  weakened: z.array(weakening).optional(),
  /** Compiler warnings that the base does not have. */
  compilerWarnings: z.array(
    z.strictObject({ file: z.string(), line: z.int().min(0), text: z.string(), profile: z.string() }),
  ),
  coverage: z.strictObject({
    functions: z.int().min(0),
    functionsAnalysed: z.int().min(0),
    textBytes: z.int().min(0),
    textBytesAnalysed: z.int().min(0),
    notes: z.array(coverageNote),
  }),
  /** Milliseconds by phase, in the order in which the phases ran. */
  timings: z.array(z.strictObject({ phase: z.string(), millis: z.number().min(0) })),
  sandbox: z.strictObject({
    mode: z.enum(["bwrap", "runner", "none-needed"]),
    network: z.boolean(),
    /** What bounds memory and processes: "cgroup v2", "cgroup v1", "prlimit". */
    limits: z.string(),
  }),
  /** Shell lines that repeat the review. */
  reproduce: z.array(z.string()),
  /** Findings of the previous version of the series compared with this one, where one is known. */
  previousVersion: z
    .strictObject({ version: z.int().min(1), fixed: z.int().min(0), stillThere: z.int().min(0), new: z.int().min(0) })
    .optional(),
});

export type ReviewResult = z.infer<typeof reviewResultSchema>;
export type ReviewFinding = z.infer<typeof finding>;
export type ReviewFix = z.infer<typeof fix>;
export type ReviewGraph = z.infer<typeof graph>;
export type ReviewFrameTable = z.infer<typeof frameTable>;
export type ReviewFault = z.infer<typeof fault>;
export type ReviewTrial = z.infer<typeof trial>;
export type ReviewStep = z.infer<typeof step>;
export type ReviewObject = z.infer<typeof object>;
export type ReviewWeakening = z.infer<typeof weakening>;
export type CoverageNote = z.infer<typeof coverageNote>;
export type Verdict = ReviewResult["verdict"];
