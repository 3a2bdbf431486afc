// The file that `objreview mail` is given with --config: sources, trees, lists, and what may be said where. Silence is the default.
// docs/mail.md describes the keys; a test holds the two together.

import { z } from "zod";

const path = z.string().startsWith("/", "an absolute path").max(4000);
const address = z
  .email()
  .max(254)
  .transform((text) => text.toLowerCase());
const host = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[A-Za-z0-9.:-]+$/, "a host name or address");
const port = z.int().min(1).max(65_535);
const name = z
  .string()
  .max(80)
  .regex(/^[A-Za-z0-9][\w.+-]*$/, "letters, digits, . _ + -");
const revision = z
  .string()
  .max(200)
  .regex(/^(?!.*\.\.)[A-Za-z0-9][\w./-]*$/, "the name of a branch or tag, or a commit");
const pattern = z
  .string()
  .min(1)
  .max(200)
  .regex(/^(?!\/)[\w.*/+@-]+$/, "a path from the top of the tree, with * and **");
const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "a time such as 22:00");
const timeZone = z.string().max(60).refine(isTimeZone, "the name of a time zone, such as Europe/Berlin");

/** Secrets stand in files of their own, which the service alone can read; never in the config, never in the environment. */
const login = z.strictObject({ user: z.string().min(1).max(200), "password-file": path });
/** "starttls" refuses to go on without it; "off" is for a server on this machine. */
const tls = z.enum(["implicit", "starttls", "off"]);

const publicInbox = z.strictObject({
  kind: z.literal("public-inbox"),
  name,
  /** Folder of a mirror with git/N.git in it, or an address to clone the epochs from: https://lore.kernel.org/list */
  at: z.union([path, z.url({ protocol: /^https?$/ })]),
  "poll-minutes": z.number().min(0.01).max(1440).default(5),
  /** On the first run only messages of so many days are taken. */
  "since-days": z.number().min(0).max(36_500).default(7),
});
const imap = z.strictObject({
  kind: z.literal("imap"),
  name,
  host,
  port: port.optional(),
  tls: tls.default("implicit"),
  login,
  mailbox: z.string().min(1).max(500).default("INBOX"),
  "since-days": z.number().min(0).max(36_500).default(7),
});
const maildir = z.strictObject({
  kind: z.literal("maildir"),
  name,
  at: path,
  "poll-minutes": z.number().min(0.01).max(1440).default(1),
});
const mbox = z.strictObject({
  kind: z.literal("mbox"),
  name,
  at: path,
  "poll-minutes": z.number().min(0.01).max(1440).default(5),
});
/** `mail once` alone: a mail or mbox on standard input. */
const stdin = z.strictObject({ kind: z.literal("stdin"), name: name.default("stdin") });

const tree = z.strictObject({
  name,
  /** A git repository on this machine, which is only read. */
  at: path,
  /** Tried in this order where nothing else says the base. */
  branches: z.array(revision).min(1).max(20).default(["HEAD"]),
  profiles: z.array(name).max(8).default([]),
  /** What the index of the rest of the kernel is built from. */
  "base-tree": revision.optional(),
  /** Where [GIT PULL] may be fetched from: the beginning of an address. */
  "pull-from": z
    .array(z.url({ protocol: /^https?$/ }))
    .max(100)
    .default([]),
  dependents: z.int().min(0).max(2000).default(200),
  minutes: z.int().min(1).max(720).default(60),
});

const quietHours = z.strictObject({ from: clockTime, to: clockTime, zone: timeZone.default("UTC") });

const listPolicy = z.strictObject({
  /** The list's own address: what a series is sent to or copied to. */
  address,
  /** Of its List-Id header, without brackets; mails of the list are known by that too. */
  "list-id": z.string().max(200).optional(),
  /** Names of trees, the first whose base is found is taken. */
  trees: z.array(name).min(1).max(20),
  /** silent: nobody is written to. author: the author alone. list: author and list. */
  reply: z.enum(["silent", "author", "list"]).default("silent"),
  /** Besides, where it is answered at all. */
  cc: z.array(address).max(20).default([]),
  /** What is not worth a mail by itself. */
  severity: z.enum(["error", "warning", "note"]).default("warning"),
  /** A broken build is told; other bots may do that already. */
  "tell-broken": z.boolean().default(true),
  /** No mail before the series is so old. */
  "embargo-hours": z
    .number()
    .min(0)
    .max(24 * 30)
    .default(0),
  /** Older than that when the answer is ready: nobody waits for it any more. */
  "late-hours": z
    .number()
    .min(0.1)
    .max(24 * 365)
    .default(48),
  "quiet-hours": quietHours.optional(),
  paths: z
    .strictObject({ include: z.array(pattern).max(100).default([]), exclude: z.array(pattern).max(100).default([]) })
    .prefault({}),
  limits: z
    .strictObject({
      /** Mails to one author, and for the list, in 24 hours. */
      "per-author": z.int().min(0).max(1000).default(5),
      "per-day": z.int().min(0).max(10_000).default(50),
      /** Longer series are not reviewed. */
      patches: z.int().min(1).max(1000).default(60),
    })
    .prefault({}),
});

const smtp = z.strictObject({
  host,
  port: port.default(587),
  tls: tls.default("starttls"),
  login: login.optional(),
  /** Envelope sender, which bounces go to; else `address`. */
  "bounces-to": address.optional(),
});

const commands = z
  .strictObject({
    /** Who may have anything done anywhere, by address. */
    maintainers: z.array(address).max(500).default([]),
    /** The author of a series for their own: recheck, explain, stop. */
    authors: z.boolean().default(true),
    /** Public keys for patatt signatures: a folder as `patatt` keeps it (<type>/<domain>/<local>/<selector>). */
    "patatt-keys": path.optional(),
    /** A mail that is older was replayed, or was long under way. */
    "fresh-hours": z
      .number()
      .min(1)
      .max(24 * 7)
      .default(24),
    /** For one address in 24 hours. */
    "per-day": z.int().min(0).max(1000).default(20),
  })
  .prefault({});

const patchwork = z.strictObject({
  /** "https://patchwork.kernel.org" */
  url: z.url({ protocol: /^https?$/ }),
  project: z.string().min(1).max(200),
  "token-file": path,
  context: z
    .string()
    .max(255)
    .regex(/^[a-z0-9-]+$/, "small letters, digits and -")
    .default("objreview"),
});

const weekly = z.strictObject({
  tree: name,
  to: z.array(address).min(1).max(50),
  weekday: z.enum(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]).default("monday"),
  at: clockTime.default("08:00"),
  zone: timeZone.default("UTC"),
});

export const mailConfigSchema = z
  .strictObject({
    /** How it is called, and the address that it writes from and is written to. */
    name: z.string().min(1).max(80).default("objreview"),
    address,
    /** Right-hand side of its Message-IDs; else the address's. */
    domain: z
      .string()
      .max(253)
      .regex(/^[A-Za-z0-9.-]+$/, "a domain")
      .optional(),
    /** Folder for messages, jobs and mails to be sent; else below OBJREVIEW_STATE. */
    state: path.optional(),
    /** Where reviews can be looked at: "https://objreview.example.org/r". Without it no address is printed. */
    "review-url": z.url({ protocol: /^https?$/ }).optional(),
    sources: z
      .array(z.discriminatedUnion("kind", [publicInbox, imap, maildir, mbox, stdin]))
      .min(1)
      .max(50),
    trees: z.array(tree).min(1).max(50),
    lists: z.array(listPolicy).min(1).max(200),
    commands,
    /** How to send; without it nothing is sent. */
    smtp: smtp.optional(),
    /** Mails are written into this folder instead of being sent. */
    "dry-run": path.optional(),
    patchwork: patchwork.optional(),
    weekly: z.array(weekly).max(100).default([]),
    /** Missing and late parts of a series are waited for. */
    "wait-minutes": z
      .number()
      .min(0)
      .max(24 * 60 * 7)
      .default(30),
    /** A complete series waits for what else is on its way: its cover letter, a newer version. */
    "settle-seconds": z.number().min(0).max(86_400).default(60),
    sandbox: z.enum(["bwrap", "runner"]).default("bwrap"),
    workers: z.int().min(1).max(64).default(1),
  })
  .superRefine((config, context) => {
    const trees = new Set(config.trees.map((each) => each.name));
    const complain = (message: string, at: (string | number)[]) =>
      context.addIssue({ code: "custom", message, path: at });
    config.lists.forEach((list, i) => {
      for (const each of list.trees) if (!trees.has(each)) complain(`there is no tree ${each}`, ["lists", i, "trees"]);
    });
    config.weekly.forEach((each, i) => {
      if (!trees.has(each.tree)) complain(`there is no tree ${each.tree}`, ["weekly", i, "tree"]);
    });
    for (const [key, values] of [
      ["trees", config.trees.map((each) => each.name)],
      ["sources", config.sources.map((each) => each.name)],
      ["lists", config.lists.map((each) => each.address)],
    ] as const) {
      const twice = values.find((value, i) => values.indexOf(value) !== i);
      if (twice !== undefined) complain(`${twice} is there twice`, [key]);
    }
  });

export type MailConfig = z.infer<typeof mailConfigSchema>;
export type SourceConfig = MailConfig["sources"][number];
export type TreeConfig = MailConfig["trees"][number];
export type ListPolicy = MailConfig["lists"][number];

function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch {
    return false;
  }
}
