import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { openSource } from "../../../src/mail/sources/open.ts";
import { freePort, temporaryFolder } from "../../support/mail/daemon.ts";
import { startPublicInbox } from "../../support/mail/public-inbox.ts";
import { idOf, mail, range, readAll } from "./reading.ts";

const folder = temporaryFolder("intake");
after(() => folder.remove());
let states = 0;

function open(at: string, options: { sinceDays?: number; state?: string; now?: () => number } = {}) {
  const config = {
    kind: "public-inbox",
    name: "linux-test",
    at,
    "poll-minutes": 0.01,
    "since-days": options.sinceDays ?? 7,
  } as const;
  const state = options.state ?? join(folder.path, `state${states++}`);
  return openSource(config, { state, ...(options.now === undefined ? {} : { now: options.now }) });
}

function git(dir: string, args: readonly string[], input = ""): string {
  const env = { PATH: process.env.PATH, HOME: folder.path, GIT_CONFIG_NOSYSTEM: "1", LC_ALL: "C" };
  return execFileSync("git", ["-C", dir, ...args], { env, input, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"] });
}

const daysAgo = (days: number): Date => new Date(Date.now() - days * 24 * 3600 * 1000);

for (const form of ["a mirror", "an address"] as const) {
  test(`${form}: all epochs are read, then what is new, new epochs included`, async () => {
    const archive = await startPublicInbox();
    try {
      await archive.add(
        range(1, 6).map((i) => mail(i)),
        { rotateBytes: 500 },
      );
      const epochs = readdirSync(join(archive.mirror, "git")).length;
      assert.ok(epochs >= 2, `${epochs} epochs`);
      const at = form === "a mirror" ? archive.mirror : (await archive.serve()).url;
      const state = join(folder.path, `state${states++}`);
      const source = open(at, { state });
      assert.equal(source.name, "public-inbox:linux-test");
      const first = await readAll(source);
      assert.deepEqual(first.ids, range(1, 6).map(idOf));
      assert.deepEqual(first.skipped, []);
      const quiet = await readAll(source, first.cursor);
      assert.deepEqual([quiet.ids, quiet.batches], [[], 0]);

      await archive.deliver(mail(7));
      await archive.add(
        range(8, 12).map((i) => mail(i)),
        { rotateBytes: 500 },
      );
      assert.ok(readdirSync(join(archive.mirror, "git")).length > epochs);
      // Another process, which was started again.
      const second = await readAll(open(at, { state }), first.cursor);
      assert.deepEqual(second.ids, range(7, 12).map(idOf));
      assert.match(
        Buffer.from(second.raws[0] as Uint8Array).toString(),
        /^From: A Developer .*\n(.+\n)+\nThis is mail 7\.\n$/,
      );

      await archive.remove(mail(12));
      const third = await readAll(open(at, { state }), second.cursor);
      assert.deepEqual([third.ids, third.skipped], [[], []], "a deletion is no mail");
      assert.notEqual(third.cursor, second.cursor);
      await source.close();
    } finally {
      await archive.end();
    }
  });

  test(`${form}: an epoch that was rewritten is read on behind the newest mail that is known`, async () => {
    const archive = await startPublicInbox();
    try {
      await archive.add(range(1, 8).map((i) => mail(i)));
      const at = form === "a mirror" ? archive.mirror : (await archive.serve()).url;
      const source = open(at);
      const first = await readAll(source);
      assert.equal(first.ids.length, 8);
      await archive.purge(mail(3));
      await archive.add([mail(9)]);
      const second = await readAll(source, first.cursor);
      assert.deepEqual(second.ids, [idOf(9)]);
      assert.equal(second.skipped.length, 1);
      assert.match(second.skipped[0] as string, /^epoch 0: its history was rewritten/);
      // The very mail that was read last: what comes behind it is found by the old history, and nothing is lost.
      await archive.purge(mail(9));
      await archive.add([mail(10)]);
      const third = await readAll(source, second.cursor);
      assert.ok(third.ids.includes(idOf(10)), third.ids.join(" "));
      assert.ok(!third.ids.includes(idOf(3)) && !third.ids.includes(idOf(9)));
      // Without the old history too.
      for (const name of readdirSync(join(archive.mirror, "git"))) {
        const dir = join(archive.mirror, "git", name);
        git(dir, ["reflog", "expire", "--expire=now", "--all"]);
        git(dir, ["gc", "--quiet", "--prune=now"]);
      }
      await archive.purge(mail(10));
      await archive.add([mail(11)]);
      const fourth = await readAll(open(at), third.cursor);
      assert.ok(fourth.ids.includes(idOf(11)));
    } finally {
      await archive.end();
    }
  });

  test(`${form}: the first run takes the last days only, and fetches little more`, async () => {
    const archive = await startPublicInbox();
    try {
      const old = range(1, 30).map((i) => mail(i, { date: daysAgo(100 - i) }));
      const fresh = range(31, 33).map((i) => mail(i, { date: daysAgo(36 - i) }));
      await archive.add([...old, ...fresh], { rotateBytes: 1500 });
      assert.ok(readdirSync(join(archive.mirror, "git")).length >= 3);
      const at = form === "a mirror" ? archive.mirror : (await archive.serve()).url;
      const state = join(folder.path, `state${states++}`);
      const source = open(at, { sinceDays: 6, state });
      const first = await readAll(source);
      assert.deepEqual(first.ids, range(31, 33).map(idOf));
      if (form === "an address") {
        const clones = readdirSync(join(state, "sources", "linux-test")).filter((name) => name.endsWith(".git"));
        assert.ok(!clones.includes("0.git"), `cloned: ${clones.join(" ")}`);
        const commits = clones.map((name) =>
          git(join(state, "sources", "linux-test", name), ["rev-list", "--count", "refs/objreview/head"]),
        );
        assert.ok(commits.reduce((sum, count) => sum + Number(count), 0) <= 10, `${commits.join(" ")} commits`);
      }
      // Old by its own words, but new here.
      await archive.add([mail(34, { date: daysAgo(4000) })]);
      assert.deepEqual((await readAll(source, first.cursor)).ids, [idOf(34)]);

      const none = open(at, { sinceDays: 0, now: () => Date.now() + 24 * 3600 * 1000 });
      const nothing = await readAll(none);
      assert.deepEqual(nothing.ids, []);
      await archive.add([mail(35, { date: daysAgo(50) })]);
      assert.deepEqual((await readAll(none, nothing.cursor)).ids, [idOf(35)]);
    } finally {
      await archive.end();
    }
  });
}

test("an archive of version 1, as a mirror and by address", async () => {
  const archive = await startPublicInbox({ version: 1 });
  try {
    await archive.add(range(1, 3).map((i) => mail(i)));
    const { url } = await archive.serve();
    const sources = [open(archive.mirror), open(url)];
    const firsts = await Promise.all(sources.map((source) => readAll(source)));
    for (const first of firsts) assert.deepEqual([first.ids, first.skipped], [range(1, 3).map(idOf), []]);
    await archive.add([mail(4)]);
    await archive.remove(mail(2));
    for (const [i, source] of sources.entries()) {
      assert.deepEqual((await readAll(source, firsts[i]!.cursor)).ids, [idOf(4)]);
    }
  } finally {
    await archive.end();
  }
});

test("a server without manifest: the epochs are tried one by one", async () => {
  const archive = await startPublicInbox();
  const { url } = await archive.serve();
  // In front of the archive, with another page in place of one.
  let manifest: Uint8Array | undefined;
  const front = createServer(async (request, response) => {
    if (request.url?.endsWith("/manifest.js.gz") === true) {
      response.writeHead(manifest === undefined ? 404 : 200).end(manifest);
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = await fetch(new URL(request.url ?? "/", url), {
      method: request.method ?? "GET",
      headers: Object.entries(request.headers).flatMap(([key, value]) =>
        ["content-type", "git-protocol", "accept"].includes(key) ? [[key, String(value)] as [string, string]] : [],
      ),
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    });
    const body = Buffer.from(await answer.arrayBuffer());
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" }).end(body);
  });
  await new Promise<void>((done) => front.listen(0, "127.0.0.1", done));
  try {
    await archive.add(
      range(1, 6).map((i) => mail(i)),
      { rotateBytes: 500 },
    );
    const { port } = front.address() as { port: number };
    const source = open(`http://127.0.0.1:${port}/linux-test/`);
    const first = await readAll(source);
    assert.deepEqual(first.ids, range(1, 6).map(idOf));
    await archive.add(
      range(7, 10).map((i) => mail(i)),
      { rotateBytes: 500 },
    );
    assert.deepEqual((await readAll(source, first.cursor)).ids, range(7, 10).map(idOf));
    // Nor does it matter what the page says: that it is a page, a list of nothing we know, a hundred megabytes packed.
    const second = await readAll(source, first.cursor);
    for (const [i, page] of ["<html>", gzipSync("[1]"), gzipSync(Buffer.alloc(100 << 20))].entries()) {
      manifest = Buffer.from(page as string);
      await archive.add([mail(20 + i)]);
      const heard = await readAll(source, second.cursor);
      assert.equal(heard.ids.at(-1), idOf(20 + i));
    }
    manifest = undefined;
    await assert.rejects(readAll(open(`http://127.0.0.1:${port}/no-such-list`)), {
      name: "ToolError",
      message:
        /^public-inbox:linux-test: there is no archive at http:\/\/127\.0\.0\.1:\d+\/no-such-list, neither epochs nor a repository$/,
    });
  } finally {
    front.close();
    await archive.end();
  }
});

test("what a git that was killed leaves behind does not stop the next one", async () => {
  const archive = await startPublicInbox();
  try {
    await archive.add([mail(1)]);
    const { url } = await archive.serve();
    const state = join(folder.path, `state${states++}`);
    const first = await readAll(open(url, { state }));
    await archive.add([mail(2)]);
    const clone = join(state, "sources", "linux-test", "0.git");
    mkdirSync(join(clone, "refs", "objreview"), { recursive: true });
    for (const lock of ["refs/objreview/head.lock", "shallow.lock", "packed-refs.lock"]) {
      writeFileSync(join(clone, lock), "");
    }
    assert.deepEqual((await readAll(open(url, { state }), first.cursor)).ids, [idOf(2)]);
    // Killed while it was made.
    rmSync(join(clone, "HEAD"));
    assert.deepEqual((await readAll(open(url, { state }), first.cursor)).ids, [idOf(2)]);
  } finally {
    await archive.end();
  }
});

test("an archive that is not there is one clear line", async () => {
  const none = join(folder.path, "no-archive");
  await assert.rejects(readAll(open(none)), {
    name: "ToolError",
    code: "not-found",
    message: `public-inbox:linux-test: ${none} holds neither git/0.git nor a git repository`,
  });
  mkdirSync(join(none, "git"), { recursive: true });
  await assert.rejects(readAll(open(none)), {
    message: `public-inbox:linux-test: ${join(none, "git")} has no epoch (0.git, 1.git ...)`,
  });
  await assert.rejects(readAll(open(`http://127.0.0.1:${await freePort()}/list`)), {
    name: "ToolError",
    message: /^public-inbox:linux-test: http:\/\/127\.0\.0\.1:\d+\/list\/manifest\.js\.gz: ECONNREFUSED$/,
  });
});

test("nothing of the mirror is run, read as configuration, or written", async () => {
  const archive = await startPublicInbox();
  try {
    await archive.add([mail(1)]);
    const dir = join(archive.mirror, "git", "0.git");
    const mark = join(folder.path, "ran");
    for (const hook of ["post-checkout", "reference-transaction", "pre-auto-gc"]) {
      mkdirSync(join(dir, "hooks"), { recursive: true });
      writeFileSync(join(dir, "hooks", hook), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 });
    }
    writeFileSync(
      join(dir, "config"),
      `[core]\n\tfsmonitor = touch ${mark}\n\tsshCommand = touch ${mark}\n\tbroken\n[[`,
    );
    const before = git(archive.mirror, ["hash-object", "--no-filters", ...listFiles(dir)]);
    assert.deepEqual((await readAll(open(archive.mirror))).ids, [idOf(1)]);
    assert.equal(existsSync(mark), false);
    assert.equal(git(archive.mirror, ["hash-object", "--no-filters", ...listFiles(dir)]), before);
  } finally {
    await archive.end();
  }
});

function listFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
