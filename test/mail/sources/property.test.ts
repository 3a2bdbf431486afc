import assert from "node:assert/strict";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { SourceConfig } from "../../../src/mail/config.ts";
import type { MailSource } from "../../../src/mail/source.ts";
import { openSource } from "../../../src/mail/sources/open.ts";
import { temporaryFolder } from "../../support/mail/daemon.ts";
import { startDovecot } from "../../support/mail/dovecot.ts";
import { startPublicInbox } from "../../support/mail/public-inbox.ts";
import { seededRandom } from "../../support/random.ts";
import { idOf, mail } from "./reading.ts";

// Whatever comes, in whatever portions, and whenever the service is killed: all that came is stored, and nothing is skipped.

type Below = (limit: number) => number;

interface World {
  add(mails: readonly string[]): Promise<void>;
  /** What happens to mailboxes besides. */
  disturb(below: Below): Promise<void>;
  readonly config: SourceConfig;
  end(): Promise<void>;
}

/** A store as the mailroom is: mails and cursor in one transaction, or neither. */
interface Stored {
  readonly ids: Set<string>;
  cursor: string | undefined;
}

/** One reading; "killed" at some batch before or after it was stored. */
async function serve(source: MailSource, stored: Stored, below: Below): Promise<void> {
  for await (const batch of source.read(stored.cursor, new AbortController().signal, () => {})) {
    const fate = below(6);
    if (fate === 0) return;
    for (const each of batch.mails) stored.ids.add(each.messageId);
    stored.cursor = batch.cursor ?? stored.cursor;
    if (fate === 1) return;
  }
}

async function check(seed: number, rounds: number, world: World): Promise<void> {
  const random = seededRandom(seed);
  const below: Below = (limit) => random() % limit;
  const state = temporaryFolder("intake");
  const stored: Stored = { ids: new Set(), cursor: undefined };
  const sent = new Set<string>();
  let source = openSource(world.config, { state: state.path });
  try {
    // What is there when it is set up for the first time: there is no cursor before that.
    sent.add(idOf("m0"));
    await world.add([mail("m0")]);
    await serve(source, stored, () => 5);
    for (let round = 0; round < rounds; round++) {
      const burst = [0, 1, 3, 210, 450][below(5)] as number;
      const mails: string[] = [];
      for (let i = 0; i < burst; i++) {
        const again = sent.size > 0 && below(10) === 0;
        const name = again ? `m${below(sent.size)}` : `m${sent.size}`;
        sent.add(idOf(name));
        mails.push(mail(name, { body: "x\n".repeat(below(30)) }));
      }
      await world.add(mails);
      if (below(3) === 0) await world.disturb(below);
      if (below(3) === 0) {
        await source.close();
        source = openSource(world.config, { state: state.path });
      }
      if (below(4) !== 0) await serve(source, stored, below);
    }
    await serve(source, stored, () => 5);
    const missing = [...sent].filter((id) => !stored.ids.has(id));
    assert.deepEqual(missing, [], `seed ${seed}: of ${sent.size}`);
    assert.deepEqual(
      [...stored.ids].filter((id) => !sent.has(id)),
      [],
      `seed ${seed}`,
    );
    // Read to the end: nothing comes any more.
    const before = stored.cursor;
    await serve(source, stored, () => 5);
    assert.equal(stored.cursor, before);
  } finally {
    await source.close();
    state.remove();
    await world.end();
  }
}

function mboxWorld(): World {
  const folder = temporaryFolder("box");
  const at = join(folder.path, "box");
  let clock = Date.now() - 24 * 3600_000;
  writeFileSync(at, "");
  const settle = (): void => {
    clock += 60_000;
    utimesSync(at, new Date(clock), new Date(clock));
  };
  return {
    config: { kind: "mbox", name: "box", at, "poll-minutes": 1 },
    async add(mails) {
      appendFileSync(at, mails.map((each) => `From a@b Sun Nov 22 12:00:00 2026\n${each}\n`).join(""));
      settle();
    },
    async disturb(below) {
      const olds = readdirSync(folder.path).filter((name) => name.startsWith("box.")).length;
      for (let i = olds; i >= 1; i--) renameSync(`${at}.${i}`, `${at}.${i + 1}`);
      if (below(2) === 0) renameSync(at, `${at}.1`);
      else {
        copyFileSync(at, `${at}.1`);
        utimesSync(`${at}.1`, new Date(clock), new Date(clock));
        truncateSync(at, 0);
      }
      if (!existsSync(at)) writeFileSync(at, "");
      settle();
    },
    end: async () => folder.remove(),
  };
}

function maildirWorld(): World {
  const folder = temporaryFolder("box");
  const at = folder.path;
  let names = 0;
  for (const part of ["cur", "new", "tmp"]) mkdirSync(join(at, part));
  return {
    config: { kind: "maildir", name: "box", at, "poll-minutes": 1 },
    async add(mails) {
      for (const each of mails) {
        const name = `${(names * 7919) % 1000}.M${names++}.host`;
        writeFileSync(join(at, "tmp", name), each);
        renameSync(join(at, "tmp", name), join(at, "new", name));
      }
    },
    async disturb(below) {
      for (const name of readdirSync(join(at, "new"))) {
        if (below(2) === 0) renameSync(join(at, "new", name), join(at, "cur", `${name}:2,${"S".repeat(below(2))}`));
      }
    },
    end: async () => folder.remove(),
  };
}

test("mbox: appended, rotated, killed", async () => {
  for (let seed = 1; seed <= 40; seed++) await check(seed, 12, mboxWorld());
});

test("Maildir: delivered, moved, killed", async () => {
  for (let seed = 1; seed <= 4; seed++) await check(seed, 8, maildirWorld());
});

test("public-inbox: several epochs, killed", async () => {
  for (let seed = 1; seed <= 2; seed++) {
    const archive = await startPublicInbox();
    await check(seed, 6, {
      config: { kind: "public-inbox", name: "list", at: archive.mirror, "poll-minutes": 1, "since-days": 7 },
      add: (mails) => (mails.length === 0 ? Promise.resolve() : archive.add(mails, { rotateBytes: 20_000 })),
      disturb: async () => {},
      end: () => archive.end(),
    });
  }
});

test("IMAP: delivered, restarted, restored, killed", async () => {
  for (let seed = 1; seed <= 2; seed++) {
    const server = await startDovecot();
    const login = { user: server.user, "password-file": server.passwordFile };
    await check(seed, 8, {
      config: {
        ...{ kind: "imap", name: "box", host: server.host, port: server.port, tls: "off", login },
        ...{ mailbox: "INBOX", "since-days": 7 },
      },
      add: async (mails) => server.drop(mails),
      async disturb(below) {
        await server.stop();
        if (below(2) === 0) server.resetUidValidity();
        await server.start();
      },
      end: () => server.end(),
    });
  }
});
