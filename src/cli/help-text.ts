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
