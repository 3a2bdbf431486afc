import type { Command } from "commander";

// What `objreview --help` says to somebody who has never seen it.

export const ABOUT =
  "Reviews what a Linux kernel patch does to the object code: compiles the affected objects before and after it in a sandbox, follows control flow, stack frames " +
  "and CPU flags through their instructions, and tells what the patch breaks: a function that returns with a wrong frame or with user access open, code that " +
  "nothing reaches, unwind data that is wrong, and more. It boots nothing.";

export const TO_BEGIN_WITH = `
To begin with:
  objreview doctor                                               what this machine lacks, and how to get it
  objreview check fs/exec.o                                      one object as it is, without a build
  objreview review --tree linux --base v6.12 --mbox series.mbox  a patch series
Each command has a --help of its own, with its exit statuses.`;

/** Below the options of `objreview unwind`. */
export const UNWIND_MARKS = `
Behind "wrong:" is what the instructions contradict, and behind "known:" the
known defect of the compiler that explains it (src/defects). ~ marks a row that
is wrong by nothing but slots below the stack pointer.

Exit status: 0 none contradicts the instructions, 1 one does, known defects
included, 2 the object or the function is not there.`;

/** A wrong argument of a command leads to its own help. */
export function pointToHelp(command: Command, words: string): void {
  for (const each of command.commands) pointToHelp(each, `${words} ${each.name()}`);
  if (command.commands.length === 0) command.showHelpAfterError(`(${words} --help shows its arguments and options)`);
}
