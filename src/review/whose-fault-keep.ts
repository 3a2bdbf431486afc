import type { ObjectFinding } from "../analyze/analyze-object.ts";
import { quoteWord, quoteWords } from "../kernel/trial-command.ts";
import { keepFolder, type Reproducer, reproducerCommand, SOURCE_NAME } from "../kernel/trial-keep.ts";
import type { ReviewFault } from "../report/result.ts";
import { safeText } from "../report/safe.ts";

// The folder that goes to a compiler's bug tracker: what is wrong, what was tried, the source, the command line, and what makes it smaller.

export interface KeptCase {
  readonly finding: ObjectFinding;
  readonly fault: ReviewFault;
  readonly reproducer: Reproducer;
  /** The object that comes of the preprocessed source has the finding. */
  readonly isReproduced: boolean;
}

/** Returns the folder's path in the state folder. */
export function keepCase(stateDir: string, kept: KeptCase): string {
  const { finding, reproducer } = kept;
  return keepFolder(stateDir, finding.fingerprint, [
    { name: "README.md", content: describeCase(kept) },
    { name: SOURCE_NAME, content: reproducer.source },
    { name: "command.txt", content: `${reproducerCommand(reproducer)}\n` },
    { name: "reduce.sh", content: reduceScript(kept), isExecutable: true },
  ]);
}

/** Steps of the way that are told, the last ones. */
const MOST_STEPS = 12;

export function describeCase({ finding, fault, isReproduced, reproducer }: KeptCase): string {
  const name = code(finding.function);
  const at = finding.place;
  const lines = [
    `# ${plain(finding.message)}`,
    "",
    `${at === undefined ? "" : `${code(`${at.file}:${at.line}`)}, `}compiled by ${plain(fault.own)}. Who does so: ${plain(fault.says)}.`,
    "",
    isReproduced
      ? `\`${SOURCE_NAME}\`, compiled as \`command.txt\` says, gives an object that has it.`
      : `The object that \`${SOURCE_NAME}\` gives, compiled as \`command.txt\` says, does not have it${whyNot(reproducer)}: the source as it was has.`,
    "",
    "## What is said",
    "",
    `At ${code(`${finding.section}+0x${finding.offset.toString(16)}`)} of the object, in ${name}:`,
    "",
    "| who | says |",
    "| --- | --- |",
    ...finding.evidence.map(({ witness, says }) => `| ${plain(witness)} | ${plain(says)} |`),
  ];
  if (finding.path.length > 0) {
    lines.push(
      "",
      "The way there, with the state behind each step:",
      "",
      "| instruction | what | state |",
      "| --- | --- | --- |",
    );
    for (const step of finding.path.slice(-MOST_STEPS))
      lines.push(
        `| ${code(`${step.section}+0x${step.offset.toString(16)}`)} | ${plain(step.note)} | ${plain(step.state)} |`,
      );
  }
  lines.push("", "## What was tried", "", "| compiler | with | the finding is |", "| --- | --- | --- |");
  for (const { compiler, flags, outcome, why } of fault.trials) {
    const how = flags.length === 0 ? "the build's own flags" : code(flags.join(" "));
    lines.push(`| ${plain(compiler)} | ${how} | ${outcome}${why === undefined ? "" : `: ${plain(why)}`} |`);
  }
  lines.push(
    ...["", "## How to see it", "", "```", "sh command.txt"],
    `objreview unwind object.o ${quoteWord(safeText(finding.function)).replaceAll("`", "")} --differences`,
    ...["```", "", "`reduce.sh` makes the source smaller with cvise, as long as the finding stays.", ""],
  );
  return lines.join("\n");
}

function whyNot({ object }: Reproducer): string {
  return object.kind === "failed" ? ` (${plain(object.why)})` : "";
}

/** Names and messages come from whoever wrote the source: no markup, no control characters. */
function plain(text: string): string {
  return safeText(text)
    .replace(/[\r\n]+/g, " ")
    .replace(/[\\`*[\]<>|#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, (mark) => `\\${mark}`);
}

function code(text: string): string {
  return `\`${safeText(text).replace(/[`|\r\n]/g, "")}\``;
}

/** Flags that make a reduced source behave: what is not declared or not returned is no reproducer of anything. */
const STRICT = ["implicit-function-declaration", "implicit-int", "return-type", "uninitialized"];

/** A script that is its own interestingness test. */
export function reduceScript({ finding, fault, reproducer }: KeptCase): string {
  const quiet = reproducer.options.filter(([name]) => name !== "-w");
  const compile = quoteWords([reproducer.program, ...quiet.flat(), ...STRICT.map((each) => `-Werror=${each}`)]);
  const cure = fault.trials.find(
    ({ compiler, flags, outcome }) => fault.own.startsWith(`${compiler} `) && flags.length > 0 && outcome === "gone",
  );
  const cured =
    cure === undefined
      ? []
      : [
          "  # The same defect and no other: this takes it away.",
          `  ${compile} ${quoteWords(cure.flags)} -c -o cured.o reduced.i >/dev/null 2>&1 || exit 1`,
          `  $objreview check --has ${finding.fingerprint} cured.o >/dev/null 2>&1`,
          "  [ $? -eq 1 ] || exit 1",
        ];
  return [
    "#!/bin/sh",
    `# Makes ${SOURCE_NAME} smaller, into reduced.i, as long as the finding stays. Needs cvise, the compiler and objreview.`,
    "# OBJREVIEW names objreview where it is not in the PATH, by an absolute path.",
    "# Exit status: 0 reduced, 1 the finding is not there to begin with, 3 something is missing.",
    "",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
    "objreview=${OBJREVIEW:-objreview}",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
    'if [ "${REDUCE_TEST:-}" = yes ]; then',
    "  # cvise asks in a folder of its own whether its reduced.i is still interesting.",
    `  timeout 60 ${compile} -c -o object.o reduced.i >/dev/null 2>&1 || exit 1`,
    `  $objreview check --has ${finding.fingerprint} object.o >/dev/null 2>&1 || exit 1`,
    ...cured,
    "  exit 0",
    "fi",
    "",
    'cd "$(dirname "$0")" || exit 3',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
    "for tool in cvise ${objreview%% *}; do",
    '  command -v "$tool" >/dev/null || {',
    '    echo "reduce.sh: $tool is not installed (cvise is a package of Debian: apt-get install cvise; objreview: name it in OBJREVIEW)" >&2',
    "    exit 3",
    "  }",
    "done",
    `cp ${SOURCE_NAME} reduced.i`,
    "REDUCE_TEST=yes",
    "export REDUCE_TEST",
    '"$PWD/reduce.sh" || {',
    '  echo "reduce.sh: the finding is not there, so there is nothing to reduce" >&2',
    "  exit 1",
    "}",
    'exec cvise --tidy "$@" "$PWD/reduce.sh" reduced.i',
    "",
  ].join("\n");
}
