import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { FormatError, ToolError, UsageError } from "./base/errors.ts";
import { KNOWN_DEFECTS_OPTIONS, REVIEW_FORMATS } from "./cli/formats.ts";
import { ABOUT, pointToHelp, TO_BEGIN_WITH, UNWIND_MARKS } from "./cli/help-text.ts";
import { VERSION } from "./version.ts";

// The command line: reads the environment and the arguments, builds what a command needs, and turns its outcome into an exit status.
// A command's own modules are loaded when it runs: half of a short command's time is loading.

const io = {
  out: (text: string) => void process.stdout.write(text),
  err: (text: string) => void process.stderr.write(text),
};

// A reader that ends early (head, a pager) is no error; a full disk is, and no answer was given then.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(process.exitCode);
    if (stream === process.stdout) io.err(`objreview: cannot write the answer: ${error.message}\n`);
    process.exit(2);
  });
}

const knownDefectsOption = () =>
  new Option("--known-defects <how>", "findings that a known defect of the compiler explains (src/defects)")
    .choices(KNOWN_DEFECTS_OPTIONS)
    .default("mute");

const program = new Command("objreview")
  .description(ABOUT)
  .version(VERSION)
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "objreview: ")) })
  .showHelpAfterError("(objreview --help lists the commands)")
  .addHelpText("after", TO_BEGIN_WITH);

program
  .command("check")
  .description("validate objects one by one, like the kernel's own tool")
  .argument("<object...>", "relocatable objects (.o)")
  .option("--tree <dir>", "kernel source tree whose lists of functions are used")
  .option("--kernel-config <file>", ".config that the objects were built with")
  .option(
    "--index <dir>",
    "base that knows the objects around them: its folder (objreview base status --json), or auto",
  )
  .option(
    "--witnesses",
    "hold what compiler and assembler say (unwind data, functions that never return) against the code",
  )
  .option("--has <fingerprint>", "only tell by the exit status whether one object has this finding (docs/witnesses.md)")
  .addOption(knownDefectsOption())
  .option("--json", "print JSON")
  .addHelpText(
    "after",
    "\nExit status: 0 clean, 1 findings, 2 an object could not be checked. With --has: 0 it has it, 1 it has not, 2 as before.",
  )
  .action(async (objects: string[], options) => {
    if (options.has !== undefined) {
      const { hasFindingCommand } = await import("./cli/has-finding.ts");
      process.exitCode = hasFindingCommand(objects, options.has, io);
      return;
    }
    const { checkCommand } = await import("./cli/check.ts");
    process.exitCode = await checkCommand(objects, options, io, process.env);
  });

program
  .command("review")
  .description("review a patch series: build base and head, validate both, tell what is new")
  .requiredOption("--tree <dir>", "kernel tree: a git repository, which is only read")
  .requiredOption("--base <rev>", "revision that the series is applied to")
  .option("--mbox <file>", "mailbox with the series, - for standard input")
  .option("--patch <file...>", "patch files, in order")
  .option("--range <A..B>", "commits of the tree")
  .option(
    "--profile <name...>",
    "configuration and compiler: names (objreview doctor lists them), or JSON files of that form",
  )
  .option(
    "--max-dependents <n>",
    "objects built at most because they include a touched header (default 60, and up to 250 that use what changed)",
    readCount,
  )
  .option("--index-of <commit>", "base build whose index is used before a nearer one: its full commit id or its name")
  .option("--out <dir>", "write review.json, review.html, review.sarif and digest.txt there")
  .addOption(new Option("--format <format>", "what standard output gets").choices(REVIEW_FORMATS).default("text"))
  .addOption(knownDefectsOption())
  .option("--no-cache", "build the base anew, whatever earlier reviews made")
  .addOption(new Option("--sandbox <mode>", "where builds run").choices(["bwrap", "runner"]).default("bwrap"))
  .addHelpText("after", "\nExit status: 0 clean, 1 findings or broken, 2 could not review (reason on standard error).")
  .action(async (options) => {
    const { openProgress } = await import("./cli/progress.ts");
    const { reviewCommand } = await import("./cli/review.ts");
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
    const progress = openProgress(process.stderr);
    process.exitCode = await reviewCommand(options, io, {
      env: process.env,
      signal: stop.signal,
      progress,
      colour: process.stdout.isTTY === true && process.env.NO_COLOR === undefined,
    });
  });

program
  .command("serve")
  .description("run the GitHub App (docs/server.md has the environment that it needs)")
  .addHelpText("after", "\nExit status: 0 when it was told to stop, 2 when it cannot start.")
  .action(async () => {
    const { serve } = await import("./main.ts");
    await serve();
  });

const orc = program
  .command("orc")
  .description("rows of the kernel's ORC unwinder: ours, the object's, and where they differ");
for (const which of ["dump", "diff"] as const) {
  const command = orc
    .command(which)
    .description(
      which === "dump" ? "print the rows of an object" : "compare ours with the object's at every instruction",
    )
    .argument("<object>", "relocatable object (.o)")
    .option("--tree <dir>", "kernel source tree that the object was built from: its lists and its formats are used")
    .option(
      "--kernel-config <file>",
      ".config that the object was built with: it says which padding belongs to functions",
    )
    .option("--json", "print JSON (docs/formats/orc.md)");
  if (which === "dump") command.option("--theirs", "the rows that the object holds, instead of ours");
  command
    .addHelpText(
      "after",
      `\nExit status: ${which === "dump" ? "0 printed" : "0 equal, 1 different"}, 2 the object cannot be read or holds no rows.`,
    )
    .action(async (object: string, options) => {
      const { orcDiffCommand, orcDumpCommand } = await import("./cli/orc.ts");
      process.exitCode = which === "dump" ? orcDumpCommand(object, options, io) : orcDiffCommand(object, options, io);
    });
}

program
  .command("unwind")
  .description("what each witness of the frame says at each instruction: the instructions, DWARF, SFrame, ORC")
  .argument("<object>", "relocatable object (.o)")
  .argument("[function]", "only this function and its parts")
  .option("--tree <dir>", "kernel source tree that the object was built from: its lists and its formats are used")
  .option("--differences", "only where one of them contradicts the instructions, with the rows beside it")
  .option("--json", "print JSON (docs/formats/unwind.md)")
  .addHelpText("after", UNWIND_MARKS)
  .action(async (object: string, name: string | undefined, options) => {
    const { unwindCommand } = await import("./cli/unwind.ts");
    const { columns } = process.stdout;
    process.exitCode = await unwindCommand(object, name, { ...options, ...(columns ? { columns } : {}) }, io);
  });

program
  .command("whose-fault")
  .description(
    "compile an object again, with other compilers and with passes off: whose fault is what its compiler says wrong",
  )
  .argument("<object>", "object of the build (.o)")
  .argument(
    "[function]",
    "only this function and its parts, with known defects and what a review holds against the base",
  )
  .requiredOption("--build <dir>", "build folder of the kernel: kbuild's saved commands are there")
  .addOption(knownDefectsOption())
  .option("--json", "print JSON")
  .addOption(new Option("--sandbox <mode>", "where it is compiled").choices(["bwrap", "runner"]).default("bwrap"))
  .addHelpText(
    "after",
    "\nExit status: 0 the compiler says nothing wrong of it, 1 it does, 2 it could not be tried (reason on standard error).",
  )
  .action(async (object: string, name: string | undefined, options) => {
    const { openProgress } = await import("./cli/progress.ts");
    const { whoseFaultCommand } = await import("./cli/whose-fault.ts");
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
    const progress = openProgress(process.stderr);
    process.exitCode = await whoseFaultCommand(object, name, options, io, {
      env: process.env,
      signal: stop.signal,
      progress,
    });
  });

program
  .command("doctor")
  .description("tell what this machine has of what reviews need, what is missing, and how to get it")
  .option("--json", "print JSON")
  .addHelpText("after", "\nExit status: 0 reviews are possible, 1 something that they need is missing.")
  .action(async (options) => {
    const { doctorCommand } = await import("./cli/doctor.ts");
    process.exitCode = await doctorCommand(options, process.env, io);
  });

const base = program
  .command("base")
  .description("build whole kernels once, so that reviews know what every object tells the others")
  .showHelpAfterError("(objreview base --help lists the commands)");

base
  .command("build")
  .description("build every object of one commit and the index of them; goes on where a stopped build was")
  .requiredOption("--tree <dir>", "kernel tree: a git repository, which is only read")
  .option("--commit <rev>", "revision to build (default HEAD)")
  .option("--profile <name>", "configuration and compiler: a name (objreview doctor lists them), or a JSON file")
  .option("--only <path...>", "directories and objects to restrict it to; the index is incomplete then")
  .option("--jobs <n>", "compilers at a time (default: one a processor)", readJobs)
  .option("--disk-cap <GB>", "most that bases and the object cache may hold", readGigabytes)
  .addOption(new Option("--sandbox <mode>", "where builds run").choices(["bwrap", "runner"]).default("bwrap"))
  .addHelpText(
    "after",
    "\nExit status: 0 whole, 1 some objects could not be built, 2 refused or stopped before its end.",
  )
  .action(async (options) => {
    const { openProgress } = await import("./cli/progress.ts");
    const { baseBuildCommand } = await import("./cli/base.ts");
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
    const progress = openProgress(process.stderr);
    process.exitCode = await baseBuildCommand(options, io, { env: process.env, signal: stop.signal, progress });
  });

base
  .command("status")
  .description("tell which bases there are, how far and how old, and what they hold")
  .option("--tree <dir>", "only those of this tree")
  .option("--json", "print JSON")
  .addHelpText("after", "\nExit status: 0 there is a whole base, 1 there is none.")
  .action(async (options) => {
    const { baseStatusCommand } = await import("./cli/base.ts");
    process.exitCode = await baseStatusCommand(options, io, { env: process.env });
  });

base
  .command("gc")
  .description("remove what is of no use, and with a cap the oldest bases")
  .option("--disk-cap <GB>", "most that bases and the object cache may hold", readGigabytes)
  .addHelpText("after", "\nExit status: 0 done, 1 still above the cap because the rest is in use.")
  .action(async (options) => {
    const { baseGcCommand } = await import("./cli/base.ts");
    process.exitCode = baseGcCommand(options, io, { env: process.env });
  });

const action = program
  .command("action")
  .description("review a pull request in GitHub Actions, without a server (docs/action.md)")
  .showHelpAfterError("(objreview action --help lists the commands)");

action
  .command("build")
  .description(
    "in a job of pull_request, which holds no token: review the head, write review.json and the job's summary",
  )
  .option("--tree <dir>", "repository that has base and head; without it the pull request is fetched")
  .option("--profile <name...>", "configurations and compilers; without one, those of .github/objreview.yml")
  .addOption(new Option("--sandbox <mode>", "where builds run").choices(["bwrap", "runner"]).default("bwrap"))
  .requiredOption("--out <dir>", "folder for review.json and review.html")
  .addHelpText("after", "\nExit status: 0 reviewed or nothing to review, 2 refused or could not review.")
  .action(async (options) => {
    const { openProgress } = await import("./cli/progress.ts");
    const { actionBuild } = await import("./action/command.ts");
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
    const progress = openProgress(process.stderr);
    const actionIo = { out: io.out, onProgress: progress.line };
    process.exitCode = await actionBuild(options, actionIo, process.env, stop.signal).finally(() => progress.done());
  });

action
  .command("post")
  .description("in a job of workflow_run, with a token and without a checkout: post the review that the build job left")
  .option("--artifact <name>", "name of the artifact that holds review.json", "objreview")
  .option("--account <login>", "whose comments are our own", "github-actions[bot]")
  .option("--rules-url <url>", "folder of the rules' pages")
  .addHelpText(
    "after",
    "\nThe token is read from OBJREVIEW_TOKEN. Exit status: 0 posted or nothing to post, 1 no usable review, 2 refused.",
  )
  .action(async (options) => {
    const { openProgress } = await import("./cli/progress.ts");
    const { actionPost } = await import("./action/command.ts");
    const progress = openProgress(process.stderr);
    const actionIo = { out: io.out, onProgress: progress.line };
    process.exitCode = await actionPost(options, actionIo, process.env).finally(() => progress.done());
  });

const mail = program
  .command("mail")
  .description("review patch series from mailing lists, and answer where that is allowed (docs/mail.md)")
  .showHelpAfterError("(objreview mail --help lists the commands)");

mail
  .command("once")
  .description("read all sources to their end, do what is due, and end")
  .requiredOption("--config <file>", "what is read, reviewed and answered")
  .option("--wait", "stay until the waiting windows of what came have passed and it is reviewed")
  .addHelpText(
    "after",
    "\nExit status: 0 all that was due is done, 1 a source could not be read, 2 refused or stopped before its end.",
  )
  .action(async (options) => {
    const { mailOnceCommand } = await import("./cli/mail.ts");
    process.exitCode = await mailOnceCommand(options, io, mailEnvironment());
  });

mail
  .command("watch")
  .description("do so as mails come, until it is told to stop (SIGTERM, SIGINT); logs JSON lines on standard error")
  .requiredOption("--config <file>", "what is read, reviewed and answered")
  .addHelpText("after", "\nExit status: 0 stopped as asked, 2 refused.")
  .action(async (options) => {
    const { mailWatchCommand } = await import("./cli/mail.ts");
    process.exitCode = await mailWatchCommand(options, io, mailEnvironment());
  });

mail
  .command("status")
  .description("tell which series there are, what became of each and why, what waits, and what was sent")
  .requiredOption("--config <file>", "as for once and watch, which may be running")
  .option("--days <n>", "only those that changed in the last n days", readCount, 7)
  .option("--limit <n>", "the newest n of them", readCount, 100)
  .option("--json", "print JSON")
  .addHelpText("after", "\nExit status: 0 told, 2 the config cannot be used.")
  .action(async (options) => {
    const { mailStatusCommand } = await import("./cli/mail.ts");
    process.exitCode = await mailStatusCommand(options, io, { env: process.env });
  });

mail
  .command("check-config")
  .description("tell all that is wrong with a config, each with its line; nothing is read, built or sent")
  .requiredOption("--config <file>", "the file")
  .addHelpText("after", "\nExit status: 0 it can be used, 1 it cannot, 2 there is no such file, or it cannot be read.")
  .action(async (options) => {
    const { mailCheckConfigCommand } = await import("./cli/mail.ts");
    process.exitCode = mailCheckConfigCommand(options, io, { env: process.env });
  });

mail
  .command("ci-hook")
  .description("for b4 review: a mail on standard input, what its review says as JSON on standard output")
  .requiredOption("--config <file>", "as for once and watch, which may be running")
  .addHelpText("after", "\nExit status: 0 an array was printed (empty: nothing is known), 2 the config cannot be used.")
  .action(async (options) => {
    const { mailCiHookCommand } = await import("./cli/mail-ci-hook.ts");
    process.exitCode = await mailCiHookCommand(options, io, { env: process.env, stdin: process.stdin });
  });

function mailEnvironment() {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  return { env: process.env, signal: stop.signal, stdin: process.stdin };
}

pointToHelp(program, program.name());

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof UsageError || error instanceof FormatError || error instanceof ToolError) {
    io.err(`objreview: ${error.message.split("\n")[0]}\n`);
    process.exitCode = 2;
  } else {
    // A defect of ours. People get one line; whoever looks into it asks for the rest.
    io.err(
      `objreview: an error of objreview itself: ${error instanceof Error ? error.message.split("\n")[0] : error}\n`,
    );
    if (process.env.OBJREVIEW_DEBUG !== undefined && error instanceof Error) io.err(`${error.stack}\n`);
    else io.err("objreview: OBJREVIEW_DEBUG=1 shows where; please report it\n");
    process.exitCode = 2;
  }
}

function readCount(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError("not a number from 0 to 99999");
  return Number(text);
}

function readJobs(text: string): number {
  const count = readCount(text);
  if (count === 0) throw new InvalidArgumentError("not a number from 1 to 99999");
  return count;
}

function readGigabytes(text: string): number {
  if (!/^\d{1,6}(\.\d{1,3})?$/.test(text))
    throw new InvalidArgumentError("not a number of gigabytes, such as 20 or 0.5");
  return Number(text);
}
