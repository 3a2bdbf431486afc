// node scripts/dockerfile-check.ts [--scratch DIR] [--keep] [--tree KERNEL] [--toolchains "clang ..."]
// Runs the Dockerfile's steps, each for real, in scratch roots instead of containers, then starts what the image would start. Says at the end what
// could not be run like this. Needs root, debootstrap, bubblewrap and npm; 2 GB of disk, 5 GB with --tree.
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { parseArgs } from "node:util";
import { execForm, type Instruction, pairs, parseDockerfile, type Stage } from "./dockerfile/parse.ts";
import { copyInto, putNode, ScratchRoot } from "./dockerfile/scratch-root.ts";
import { repositoryRoot } from "./setup/paths.ts";

const { values: options } = parseArgs({
  options: {
    scratch: { type: "string" },
    keep: { type: "boolean", default: false },
    tree: { type: "string" },
    toolchains: { type: "string", default: "" },
  },
});

const SUITES: Readonly<Record<string, string>> = { "debian:12-slim": "bookworm" };
const notRun: string[] = [];
let failures = 0;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function step(name: string, work: () => Promise<string | undefined>): Promise<boolean> {
  const began = performance.now();
  const problem = await work().catch((error: Error) => error.message.split("\n").slice(0, 5).join("\n"));
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  say(`${problem === undefined ? "ok  " : "FAIL"} ${seconds.padStart(6)} s  ${name}`);
  if (problem !== undefined) {
    failures++;
    say(problem.replaceAll(/^/gm, "       "));
  }
  return problem === undefined;
}

interface State {
  user: string;
  cwd: string;
  readonly env: Record<string, string>;
  readonly args: Record<string, string>;
}

/** Ignored files are no part of the context; .dockerignore there is none. */
const context = repositoryRoot;

function lastLines(text: string): string {
  return text.trimEnd().split("\n").slice(-8).join("\n");
}

async function instruction(
  one: Instruction,
  root: ScratchRoot,
  state: State,
  others: ReadonlyMap<string, ScratchRoot>,
) {
  const title = `${one.line}: ${one.name} ${one.text.replaceAll(/\s+/g, " ").slice(0, 90)}`;
  switch (one.name) {
    case "RUN":
      return step(title, async () => {
        const env = { ...state.env, ...state.args };
        const { exitCode, output } = await root.run(["/bin/sh", "-c", one.text], {
          user: state.user,
          cwd: state.cwd,
          env,
        });
        return exitCode === 0 ? undefined : `exit status ${exitCode}\n${lastLines(output)}`;
      });
    case "COPY":
      return step(title, async () => {
        const words = one.text.split(/\s+/);
        const target = posix.resolve(state.cwd, words.at(-1)!) + (words.at(-1)!.endsWith("/") ? "/" : "");
        const from = one.flags.get("from");
        copyInto(from === undefined ? context : others.get(from)!.dir, words.slice(0, -1), root, target);
        return undefined;
      });
    case "WORKDIR":
      state.cwd = posix.resolve(state.cwd, one.text);
      if (!existsSync(root.at(state.cwd))) mkdirSync(root.at(state.cwd), { recursive: true });
      return true;
    case "USER":
      state.user = one.text;
      return step(title, async () => (root.ids(one.text)[0] === "0" ? "root" : undefined));
    case "ENV":
      Object.assign(state.env, Object.fromEntries(pairs(one.text)));
      return true;
    case "ARG":
      Object.assign(state.args, Object.fromEntries(pairs(one.text)));
      if ("TOOLCHAINS" in state.args) state.args.TOOLCHAINS = options.toolchains;
      return true;
    default:
      return true;
  }
}

async function build(stages: readonly Stage[], scratch: string) {
  const roots = new Map<string, ScratchRoot>();
  let state: State = { user: "root", cwd: "/", env: {}, args: {} };
  let root: ScratchRoot | undefined;
  for (const [n, stage] of stages.entries()) {
    state = { user: "root", cwd: "/", env: {}, args: {} };
    const dir = join(scratch, stage.name ?? `stage-${n}`);
    const node = /^node:(\d+)-(bookworm)-slim$/.exec(stage.image);
    const suite = node?.[2] ?? SUITES[stage.image];
    if (suite === undefined) throw new Error(`${stage.image}: nothing stands in for it here`);
    const made = await step(`FROM ${stage.image}`, async () => {
      const base = join(scratch, `debian-${suite}`);
      if (!existsSync(base)) await ScratchRoot.make(base, suite, undefined);
      root = await ScratchRoot.make(dir, suite, base);
      if (node !== null) await putNode(root, node[1]!);
      return undefined;
    });
    if (!made || root === undefined) break;
    notRun.push(
      `the image ${stage.image} itself: debootstrap's minbase of ${suite}${node === null ? "" : ` with Node ${node[1]} and npm from npm packages`} stood in for it`,
    );
    roots.set(stage.name ?? String(n), root);
    for (const one of stage.instructions) if (!(await instruction(one, root, state, roots))) return undefined;
  }
  return root === undefined ? undefined : { root, state };
}

/** What a container engine takes from the last stage's instructions. */
function find(stages: readonly Stage[], name: string): string {
  return stages.at(-1)!.instructions.findLast((one) => one.name === name)!.text;
}

async function use(stages: readonly Stage[], root: ScratchRoot, state: State): Promise<void> {
  const entry = execForm(find(stages, "ENTRYPOINT"))!;
  const base = { user: state.user, cwd: state.cwd, env: state.env, timeoutSeconds: 1800 };
  const run = (args: readonly string[], more: object = {}) => root.run([...entry, ...args], { ...base, ...more });
  const expect = async (title: string, args: readonly string[], words: RegExp, status = 0, more: object = {}) =>
    step(title, async () => {
      const { exitCode, output } = await run(args, more);
      if (exitCode !== status) return `exit status ${exitCode}\n${lastLines(output)}`;
      return words.test(output) ? undefined : `its output does not say ${words}\n${lastLines(output)}`;
    });
  await expect("ENTRYPOINT with CMD", execForm(find(stages, "CMD"))!, /Usage: objreview/);
  await step("Node 24, and no root", async () => {
    const node = execForm(find(stages, "HEALTHCHECK").replace(/^CMD\s+/, ""))![0]!;
    const { output } = await root.run([node, "-p", "process.version + ' ' + process.getuid()"], base);
    return /^v24\.\S+ 10001$/.test(output.trim()) ? undefined : output;
  });
  await step("nothing of it can be written to by its user", async () => {
    const { output } = await root.run(["find", "/opt/objreview", "-writable", "-not", "-type", "l"], base);
    return output.trim() === "" ? undefined : lastLines(output);
  });
  await expect("doctor: every tool, and a sandbox as the plain user", ["doctor"], /sandbox/i);
  await step("an object is compiled and checked", async () => {
    const script =
      'cd "$(mktemp -d)" && echo "int f(int a) { return a + 1; }" > a.c && gcc -O2 -c a.c && exec "$@" check a.o';
    const { exitCode, output } = await root.run(["/bin/sh", "-c", script, "sh", ...entry], base);
    return exitCode === 0 ? undefined : lastLines(output);
  });
  await serve(stages, root, state, entry);
  if (options.tree === undefined) notRun.push("a review inside the image (--tree KERNEL does one)");
  else {
    const mounts = [
      [options.tree, "/tree"],
      [join(repositoryRoot, "example"), "/in"],
    ];
    const args = ["review", "--tree", "/tree", "--base", "HEAD", "--mbox", "/in/series.mbox"];
    await expect("the example series is reviewed", args, /uaccess-return-open/, 1, { mounts });
  }
}

/** `serve` with keys of its own making; HEALTHCHECK's command against it, and against nobody. */
async function serve(
  stages: readonly Stage[],
  root: ScratchRoot,
  state: State,
  entry: readonly string[],
): Promise<void> {
  const check = execForm(find(stages, "HEALTHCHECK").replace(/^CMD\s+/, ""))!;
  const base = { user: state.user, cwd: state.cwd };
  const env: Record<string, string> = { ...state.env, PORT: "34567", HOST: "127.0.0.1" };
  const healthy = async (): Promise<boolean> => (await root.run(check, { ...base, env })).exitCode === 0;
  await step("HEALTHCHECK fails where nothing serves", async () => ((await healthy()) ? "it does not" : undefined));
  const { exitCode } = await root.run([...entry, "serve", "--help"], { ...base, env });
  if (exitCode !== 0) {
    notRun.push("HEALTHCHECK against the service: this version has no serve");
    return;
  }
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const secrets = { APP_ID: "1", PRIVATE_KEY: privateKey, WEBHOOK_SECRET: "made-for-this-check-alone" };
  const stop = new AbortController();
  // An address that nobody answers: the check is of the service alone.
  const nobody = { GITHUB_API_URL: "http://127.0.0.1:9", GITHUB_WEB_URL: "http://127.0.0.1:9" };
  const service = root.run([...entry, "serve"], {
    ...base,
    env: { ...env, ...secrets, ...nobody },
    signal: stop.signal,
  });
  await step("HEALTHCHECK passes where the service runs", async () => {
    for (let tries = 0; tries < 40; tries++) {
      if (await healthy()) return undefined;
      const ended = await Promise.race([
        service,
        new Promise<undefined>((done) => setTimeout(() => done(undefined), 500)),
      ]);
      if (ended !== undefined) return `the service ended with ${ended.exitCode}\n${lastLines(ended.output)}`;
    }
    return "not within 20 s";
  });
  stop.abort();
  await service.catch(() => undefined);
}

if (process.getuid?.() !== 0) {
  process.stderr.write("dockerfile-check: needs root, for debootstrap and for the users of the image\n");
  process.exit(2);
}
const scratch = options.scratch ?? mkdtempSync(join(tmpdir(), "objreview-image-"));
const MARK = ".objreview-scratch";
mkdirSync(scratch, { recursive: true });
// Emptied at the end: somebody's own folder by mistake is not.
if (readdirSync(scratch).length > 0 && !existsSync(join(scratch, MARK))) {
  process.stderr.write(`dockerfile-check: ${scratch} holds something else already\n`);
  process.exit(2);
}
writeFileSync(join(scratch, MARK), "");
try {
  const stages = parseDockerfile(readFileSync(join(repositoryRoot, "Dockerfile"), "utf8"));
  const built = await build(stages, scratch);
  if (built !== undefined) await use(stages, built.root, built.state);
  notRun.push("VOLUME, EXPOSE and HEALTHCHECK's timing, which the engine carries out");
  notRun.push("the engine's own profiles (seccomp, AppArmor), which decide whether bubblewrap works in a container");
  say(`\nNot run here:\n${notRun.map((line) => `- ${line}`).join("\n")}`);
} finally {
  if (!options.keep)
    for (const name of readdirSync(scratch)) rmSync(join(scratch, name), { recursive: true, force: true });
}
say(failures === 0 ? "\nall steps ran" : `\n${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;
