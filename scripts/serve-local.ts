// node scripts/serve-local.ts [port]
// The App on this machine: a GitHub of our own (test/support/github) with a kernel, a pull request that has the example's two defects, and the service
// beside it, until Ctrl-C. The pages show what GitHub would, and their forms do what a person does there.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startFakeGitHub } from "../test/support/github/fake-github.ts";
import { serviceEnvironment } from "../test/support/github/service-environment.ts";
import { findKernelTree, testCacheFolder } from "../test/support/kernel-tree.ts";
import { repositoryRoot } from "../test/support/repository.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function start(service: ChildProcess): Promise<string> {
  const line = createInterface({ input: service.stdout! });
  const [url] = (await Promise.race([once(line, "line"), once(service, "exit").then(() => [undefined])])) as [string?];
  if (url === undefined) throw new Error("the service did not start: what it says is above");
  return url;
}

const stopped = new Promise<void>((done) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => done());
});
const dir = mkdtempSync(join(tmpdir(), "objreview-local-"));
// Work trees and what was fetched are kept; what the service has stored is of a GitHub that is gone by now.
const state = join(testCacheFolder(), "serve-local");
rmSync(join(state, "service"), { recursive: true, force: true });
const fake = await startFakeGitHub({ dir, port: Number(process.argv[2] ?? 0) });
const { tree } = findKernelTree();
const git = (...args: string[]): string => execFileSync("git", ["-C", tree, ...args], { encoding: "utf8" }).trim();
const service = spawn(join(repositoryRoot, "bin/objreview"), ["serve"], {
  stdio: ["ignore", "pipe", "inherit"],
  env: {
    ...process.env,
    ...serviceEnvironment(fake),
    OBJREVIEW_STATE: state,
    OBJREVIEW_KERNEL_TREE: tree,
  },
});
try {
  const url = await start(service);
  fake.listenAt(`${url}/api/github/webhooks`);
  const objects = join(git("rev-parse", "--path-format=absolute", "--git-common-dir"), "objects");
  const repo = fake.repo("acme/linux", { borrow: { objects, commit: git("rev-parse", "HEAD") } });
  fake.setRole(repo, "maria", "maintain");
  fake.setRole(repo, "dev", "write");
  fake.user("stranger");
  const series = readFileSync(join(repositoryRoot, "example/series.mbox"), "utf8");
  const head = repo.git.commitMails(fake.tip(repo), series);
  const pull = await fake.openPull(repo, { author: "dev", title: "net: small clean-ups", head });
  say(`pull request  ${fake.pullUrl(pull)}`);
  say(`git           ${fake.gitUrl(repo)}`);
  say(`service       ${url}  (healthz, readyz)`);
  say(
    "dev may write, maria maintains, stranger may nothing. The first review writes a work tree and takes a minute. Ctrl-C ends it.",
  );
  await Promise.race([stopped, once(service, "exit")]);
} finally {
  if (service.exitCode === null) {
    service.kill("SIGTERM");
    await once(service, "exit");
  }
  await fake.stop();
  for (const complaint of fake.complaints) process.stderr.write(`GitHub would not like it: ${complaint}\n`);
  rmSync(dir, { recursive: true, force: true });
}
