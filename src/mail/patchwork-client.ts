// patchwork's REST API 1.2, as far as checks need it (docs/api/schemas/v1.2 of patchwork). Every answer is read by a schema; the token goes to the configured
// address and nowhere else: a redirection is an error.

import { z } from "zod";
import { errorWords } from "../service/log.ts";
import type { MailConfig } from "./config.ts";
import { readSecretFile } from "./secret-file.ts";

export type PatchworkConfig = NonNullable<MailConfig["patchwork"]>;

export interface Check {
  readonly state: "pending" | "success" | "warning" | "fail";
  readonly context: string;
  readonly description: string;
  /** At most 200 characters. */
  readonly targetUrl?: string | undefined;
}

/** What became of a check. */
export type CheckOutcome =
  /** `remote`: its id there. "repeated": the last one of the context already said so. */
  | { readonly end: "sent"; readonly remote: string }
  | { readonly end: "repeated"; readonly remote: string }
  /** `retryMillis`: what the server asked for. */
  | { readonly end: "again"; readonly error: string; readonly retryMillis?: number }
  | { readonly end: "refused"; readonly error: string };

const patchSchema = z.object({ id: z.int().min(0), msgid: z.string() });
const checkSchema = z.object({
  id: z.int().min(0),
  state: z.string(),
  context: z.string(),
  description: z.string().nullable(),
  target_url: z.string().nullable(),
});

const TIMEOUT_MILLIS = 30_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const MAX_RETRY_MILLIS = 3_600_000;
const MAX_PAGES = 20;
const PER_PAGE = 100;

class Answer extends Error {
  readonly outcome: CheckOutcome;
  constructor(outcome: CheckOutcome) {
    super(outcome.end);
    this.outcome = outcome;
  }
}

/** Sets the check of the patch with that Message-ID. Never throws for what the other side does. */
export async function postCheck(
  config: PatchworkConfig,
  messageId: string,
  check: Check,
  signal?: AbortSignal,
): Promise<CheckOutcome> {
  try {
    const token = readToken(config["token-file"]);
    const api = new Api(config.url, token, signal);
    const patch = await findPatch(api, config.project, messageId);
    const path = `patches/${patch}/checks/`;
    const last = await lastCheck(api, path, check.context);
    if (last !== undefined && isSame(last, check)) return { end: "repeated", remote: String(last.id) };
    const made = await api.ask("POST", path, {}, toWire(check));
    return { end: "sent", remote: String(read(checkSchema, made).id) };
  } catch (error) {
    if (error instanceof Answer) return error.outcome;
    return { end: "again", error: errorWords(error) };
  }
}

async function findPatch(api: Api, project: string, messageId: string): Promise<number> {
  const found = read(z.array(patchSchema), await api.ask("GET", "patches/", { msgid: messageId, project }));
  const patch = found.find(({ msgid }) => msgid.replace(/^<(.*)>$/, "$1") === messageId);
  // Its mail may still be on the way to them.
  if (patch === undefined) throw new Answer({ end: "again", error: "patchwork does not have this patch" });
  return patch.id;
}

/** Of all with that context; their lists are ordered by id. */
async function lastCheck(api: Api, path: string, context: string): Promise<z.infer<typeof checkSchema> | undefined> {
  let last: z.infer<typeof checkSchema> | undefined;
  for (let page = 1; page <= MAX_PAGES; page++) {
    const answer = await api
      .ask("GET", path, { context, page: String(page), per_page: String(PER_PAGE) })
      .catch((error) => {
        // A page behind the last one is not found.
        if (page > 1 && error instanceof Answer && error.outcome.end === "refused") return [];
        throw error;
      });
    const checks = read(z.array(checkSchema), answer);
    for (const each of checks) if (each.context === context && (last === undefined || each.id > last.id)) last = each;
    if (checks.length < PER_PAGE) break;
  }
  return last;
}

function isSame(there: z.infer<typeof checkSchema>, { state, description, targetUrl }: Check): boolean {
  return (
    there.state === state && (there.description ?? "") === description && (there.target_url ?? "") === (targetUrl ?? "")
  );
}

function toWire({ state, context, description, targetUrl }: Check): Record<string, string> {
  return { state, context, description, ...(targetUrl === undefined ? {} : { target_url: targetUrl }) };
}

function read<T>(schema: z.ZodType<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new Answer({ end: "again", error: "patchwork gave an answer that is none of its API" });
}

function readToken(file: string): string {
  const token = readSecretFile(file, "the token file");
  // It goes into a header.
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error("the token file does not hold one word");
  return token;
}

class Api {
  readonly #root: string;
  readonly #token: string;
  readonly #signal: AbortSignal | undefined;

  constructor(url: string, token: string, signal: AbortSignal | undefined) {
    this.#root = `${url.replace(/\/+$/, "")}/api/1.2/`;
    this.#token = token;
    this.#signal = signal;
  }

  /** JSON of the answer; throws Answer for everything but success. */
  async ask(
    method: "GET" | "POST",
    path: string,
    query: Record<string, string>,
    body?: Record<string, string>,
  ): Promise<unknown> {
    const url = new URL(path, this.#root);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const timeout = AbortSignal.timeout(TIMEOUT_MILLIS);
    const response = await fetch(url, {
      method,
      redirect: "error",
      headers: {
        Accept: "application/json",
        Authorization: `Token ${this.#token}`,
        "User-Agent": "objreview",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: this.#signal === undefined ? timeout : AbortSignal.any([timeout, this.#signal]),
    });
    const text = await readBody(response);
    if (response.ok) return JSON.parse(text);
    throw new Answer(refusal(response, `${method} ${path.replace(/\d+/, "N")}: ${response.status}`));
  }
}

/** What may be another time: too much, a server that is ill, and a token that the operator has to repair. The rest is of the check itself. */
function refusal(response: Response, error: string): CheckOutcome {
  const { status } = response;
  const mayChange = status >= 500 || status === 429 || status === 408 || status === 401 || status === 403;
  if (!mayChange) return { end: "refused", error };
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0
    ? { end: "again", error, retryMillis: Math.min(seconds * 1000, MAX_RETRY_MILLIS) }
    : { end: "again", error };
}

async function readBody(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error("patchwork's answer is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
