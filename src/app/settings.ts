// What the operator says in the environment. All that is wrong is told at once, before anything is opened.

import { join } from "node:path";
import { z } from "zod";
import { UsageError } from "../base/errors.ts";
import { locateState } from "../kernel/state-folder.ts";

export interface Settings {
  readonly appId: number;
  readonly privateKey: string;
  readonly webhookSecret: string;
  /** Without a final slash: "https://api.github.com". */
  readonly apiUrl: string;
  /** Where git fetches from, without a final slash: "https://github.com". */
  readonly webUrl: string;
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Connection string of PostgreSQL; undefined: the embedded store in `storeFolder`. */
  readonly database: string | undefined;
  readonly storeFolder: string;
  /** Repositories that were fetched. */
  readonly mirrorFolder: string;
  /** What they may hold together. */
  readonly mirrorBytes: number;
  /** What the child that reviews keeps; the store is not in there. */
  readonly reviewState: string;
  readonly reviewCache: string;
  /** A kernel repository on this machine whose objects need not be fetched. */
  readonly kernelTree: string | undefined;
  readonly sandbox: "bwrap" | "runner";
  /** Reviews at a time in this process; 0: this process only hears and speaks. */
  readonly workers: number;
  /** Seconds that a review which is under way has to end when the service is told to stop. */
  readonly drainSeconds: number;
  readonly docsUrl: string | undefined;
  readonly rulesUrl: string | undefined;
  /** Waits between writing calls, as GitHub asks for; off for a GitHub that is a test. */
  readonly throttle: boolean;
}

const url = z
  .url({ protocol: /^https?$/ })
  .transform((text) => text.replace(/\/+$/, ""))
  .refine((text) => new URL(text).username === "", "holds a name or password");
const count = (max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, "is no number")
    .transform(Number)
    .refine((value) => value <= max, `is more than ${max}`);

const schema = z.object({
  APP_ID: z
    .string()
    .regex(/^[1-9]\d{0,11}$/, "is no App id")
    .transform(Number),
  PRIVATE_KEY: z
    .string()
    // Many ways of setting variables cannot hold a line end.
    .transform((text) => text.replaceAll("\\n", "\n").trim())
    .refine(
      (text) => /^-----BEGIN (RSA )?PRIVATE KEY-----\n[\s\S]+\n-----END (RSA )?PRIVATE KEY-----$/.test(text),
      "is no private key in PEM form",
    ),
  // Probot takes "development" for one that is missing; everybody knows that word.
  WEBHOOK_SECRET: z
    .string()
    .min(16, "is shorter than 16 characters")
    .refine((text) => new Set(text).size >= 6 && !/development|secret|password|changeme/i.test(text), "can be guessed"),
  GITHUB_API_URL: url.default("https://api.github.com"),
  GITHUB_WEB_URL: url.default("https://github.com"),
  HOST: z.string().min(1).default("localhost"),
  PORT: count(65_535).default(3000),
  OBJREVIEW_DATABASE: z
    .string()
    .regex(/^postgres(ql)?:\/\//, "does not begin with postgres://")
    .optional(),
  OBJREVIEW_KERNEL_TREE: z.string().startsWith("/", "is no absolute path").optional(),
  OBJREVIEW_SANDBOX: z.enum(["bwrap", "runner"]).default("bwrap"),
  OBJREVIEW_WORKERS: count(64).default(1),
  OBJREVIEW_MIRRORS_GB: count(1_000_000).default(50),
  OBJREVIEW_DRAIN_SECONDS: count(3600).default(20),
  OBJREVIEW_DOCS_URL: url.optional(),
  OBJREVIEW_RULES_URL: url.optional(),
  OBJREVIEW_THROTTLE: z.enum(["on", "off"]).default("on"),
});

/** Variables with secrets in them: the process removes them from its environment once they are read. */
export const SECRET_VARIABLES = ["PRIVATE_KEY", "WEBHOOK_SECRET", "OBJREVIEW_DATABASE"] as const;

/** Throws UsageError, which names each variable and never its value. */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) => {
      const name = String(issue.path[0]);
      return given[name] === undefined ? `${name} is not set` : `${name} ${ownWords(issue.message)}`;
    });
    throw new UsageError(`${[...new Set(wrong)].join("; ")} (docs/server.md has the list)`);
  }
  const value = parsed.data;
  const folders = locateState(env);
  return {
    appId: value.APP_ID,
    privateKey: value.PRIVATE_KEY,
    webhookSecret: value.WEBHOOK_SECRET,
    apiUrl: value.GITHUB_API_URL,
    webUrl: value.GITHUB_WEB_URL,
    host: value.HOST,
    port: value.PORT,
    database: value.OBJREVIEW_DATABASE,
    storeFolder: join(folders.state, "service"),
    mirrorFolder: join(folders.state, "mirrors"),
    mirrorBytes: value.OBJREVIEW_MIRRORS_GB * 1_000_000_000,
    reviewState: join(folders.state, "reviews"),
    reviewCache: folders.cache,
    kernelTree: value.OBJREVIEW_KERNEL_TREE,
    sandbox: value.OBJREVIEW_SANDBOX,
    workers: value.OBJREVIEW_WORKERS,
    drainSeconds: value.OBJREVIEW_DRAIN_SECONDS,
    docsUrl: value.OBJREVIEW_DOCS_URL,
    rulesUrl: value.OBJREVIEW_RULES_URL,
    throttle: value.OBJREVIEW_THROTTLE === "on",
  };
}

/** zod's own sentences may quote what stands there. */
function ownWords(message: string): string {
  return /^(is|can|does|holds) /.test(message) ? message : "cannot be used";
}
