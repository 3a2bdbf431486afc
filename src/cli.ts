import { Command, CommanderError } from "commander";
import { FormatError, ToolError, UsageError } from "./base/errors.ts";
import { checkCommand } from "./cli/check.ts";
import { VERSION } from "./version.ts";

// The command line: reads the environment and the arguments, builds what a command needs, and turns its outcome into an exit status.

const io = {
  out: (text: string) => void process.stdout.write(text),
  err: (text: string) => void process.stderr.write(text),
};

const program = new Command("objreview")
  .description("Reviews what a kernel patch does to the object code.")
  .version(VERSION)
  .exitOverride()
  .showHelpAfterError("(objreview --help lists the commands)");

program
  .command("check")
  .description("validate objects one by one, like the kernel's own tool")
  .argument("<object...>", "relocatable objects (.o)")
  .option("--tree <dir>", "kernel source tree whose lists of functions are used")
  .option("--kernel-config <file>", ".config that the objects were built with")
  .option("--json", "print JSON")
  .addHelpText("after", "\nExit status: 0 clean, 1 findings, 2 an object could not be checked.")
  .action(async (objects: string[], options) => {
    process.exitCode = await checkCommand(objects, options, io);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof UsageError || error instanceof FormatError || error instanceof ToolError) {
    io.err(`objreview: ${error.message.split("\n")[0]}\n`);
    process.exitCode = 2;
  } else throw error;
}
