// node review-thrice.ts TREE PATCH...: reviews the patches in one process and prints the seconds and phases of the last.
import { type ReviewEnvironment, type ReviewOptions, reviewCommand } from "../../src/cli/review.ts";

const [tree = "", ...patches] = process.argv.slice(2);
const options: Omit<ReviewOptions, "patch"> = {
  tree,
  base: "HEAD",
  format: "json",
  cache: true,
  sandbox: "bwrap",
};
const environment: ReviewEnvironment = {
  env: process.env,
  signal: new AbortController().signal,
  progress: { line: () => undefined, done: () => undefined },
  colour: false,
};
let json = "";
let seconds = 0;
for (const patch of patches) {
  json = "";
  const began = performance.now();
  const status = await reviewCommand(
    { ...options, patch: [patch] },
    {
      out: (text) => {
        json += text;
      },
      err: (text) => void process.stderr.write(text),
    },
    environment,
  );
  if (status > 1) process.exit(status);
  seconds = (performance.now() - began) / 1000;
}
process.stdout.write(JSON.stringify({ seconds, timings: JSON.parse(json).timings }));
