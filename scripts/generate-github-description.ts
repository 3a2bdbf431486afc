// node scripts/generate-github-description.ts
// Writes what test/support/github judges requests and answers by: the calls below out of GitHub's description of its REST API, and one published example of each
// webhook that is sent. The packages are downloaded to a temporary folder: they are some hundred MB, of which this needs little.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const OUT = fileURLToPath(new URL("../test/fixtures/github/", import.meta.url));
const DESCRIPTION = "@octokit/openapi@23.0.2";
const EXAMPLES = "@octokit/webhooks-examples@7.6.1";

const REPO = "/repos/{owner}/{repo}";
/** "method path"; the fake implements each of them, and answers every other call with 404. */
const CALLS = `
get /app
get /app/installations
get /app/installations/{installation_id}
post /app/installations/{installation_id}/access_tokens
get /app/hook/config
get /app/hook/deliveries
get /app/hook/deliveries/{delivery_id}
post /app/hook/deliveries/{delivery_id}/attempts
get /installation/repositories
get /rate_limit
get /search/issues
get /repos/{owner}/{repo}
get ${REPO}/installation
get ${REPO}/branches/{branch}
get ${REPO}/git/ref/{ref}
get ${REPO}/contents/{path}
get ${REPO}/compare/{basehead}
get ${REPO}/commits/{ref}
get ${REPO}/commits/{ref}/check-runs
get ${REPO}/commits/{ref}/check-suites
get ${REPO}/commits/{commit_sha}/pulls
get ${REPO}/collaborators/{username}/permission
get ${REPO}/pulls
get ${REPO}/pulls/{pull_number}
get ${REPO}/pulls/{pull_number}/files
get ${REPO}/pulls/{pull_number}/commits
get ${REPO}/pulls/{pull_number}/reviews
post ${REPO}/pulls/{pull_number}/reviews
get ${REPO}/pulls/{pull_number}/reviews/{review_id}/comments
get ${REPO}/pulls/{pull_number}/comments
post ${REPO}/pulls/{pull_number}/comments
post ${REPO}/pulls/{pull_number}/comments/{comment_id}/replies
get ${REPO}/pulls/comments/{comment_id}
patch ${REPO}/pulls/comments/{comment_id}
delete ${REPO}/pulls/comments/{comment_id}
get ${REPO}/issues/{issue_number}/comments
post ${REPO}/issues/{issue_number}/comments
get ${REPO}/issues/comments/{comment_id}
patch ${REPO}/issues/comments/{comment_id}
delete ${REPO}/issues/comments/{comment_id}
get ${REPO}/issues/comments/{comment_id}/reactions
post ${REPO}/issues/comments/{comment_id}/reactions
delete ${REPO}/issues/comments/{comment_id}/reactions/{reaction_id}
post ${REPO}/check-runs
get ${REPO}/check-runs/{check_run_id}
patch ${REPO}/check-runs/{check_run_id}
get ${REPO}/check-runs/{check_run_id}/annotations
get ${REPO}/check-suites/{check_suite_id}
get ${REPO}/check-suites/{check_suite_id}/check-runs
`
  .trim()
  .split("\n")
  .map((line) => line.split(" ") as [string, string]);

/** Event -> actions ("" where it has none). The first published example of each. */
const EVENTS: Readonly<Record<string, readonly string[]>> = {
  ping: [""],
  pull_request: ["opened", "synchronize", "reopened", "ready_for_review", "converted_to_draft", "edited", "closed"],
  issue_comment: ["created", "edited", "deleted"],
  check_run: ["created", "completed", "rerequested", "requested_action"],
  check_suite: ["requested", "rerequested", "completed"],
  merge_group: ["checks_requested"],
  installation: ["created", "deleted", "suspend", "unsuspend"],
  installation_repositories: ["added", "removed"],
};

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

/** Keys that say nothing about what is right or wrong. */
const WORDS = new Set(["description", "summary", "example", "examples", "externalDocs", "tags", "title"]);

function withoutWords(node: Json, isNames = false): Json {
  if (Array.isArray(node)) return node.map((each) => withoutWords(each));
  if (node === null || typeof node !== "object") return node;
  const kept = Object.entries(node).filter(([key]) => isNames || !(WORDS.has(key) || key.startsWith("x-")));
  // Below "properties" the keys are names of the API's own, "description" among them.
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutWords(value, !isNames && key === "properties")]));
}

function* references(node: Json): Generator<string> {
  if (node === null || typeof node !== "object") return;
  if (Array.isArray(node)) {
    for (const each of node) yield* references(each);
    return;
  }
  for (const [key, value] of Object.entries(node)) {
    if (key === "$ref" && typeof value === "string") yield value;
    else if (key === "mapping" && value !== null && typeof value === "object")
      yield* Object.values(value).map((each) => String(each));
    else yield* references(value);
  }
}

function prune(whole: JsonObject): JsonObject {
  const paths: JsonObject = {};
  for (const [method, path] of CALLS) {
    const operation = ((whole.paths as JsonObject)[path] as JsonObject | undefined)?.[method] as JsonObject | undefined;
    if (operation === undefined) throw new Error(`the description has no ${method} ${path}`);
    const { operationId, parameters, requestBody, responses } = operation;
    const answers = Object.entries(responses as JsonObject)
      .filter(([status]) => status.startsWith("2"))
      .map(([status, answer]) => {
        const json = ((answer as JsonObject).content as JsonObject | undefined)?.["application/json"];
        return [status, { description: "", ...(json === undefined ? {} : { content: { "application/json": json } }) }];
      });
    const kept = { operationId: operationId!, parameters: parameters ?? [], responses: Object.fromEntries(answers) };
    const entry = (paths[path] ?? {}) as JsonObject;
    entry[method] = requestBody === undefined ? kept : { ...kept, requestBody };
    paths[path] = entry;
  }
  const pruned = withoutWords(paths) as JsonObject;
  const components: Record<string, JsonObject> = {};
  const waiting = [...references(pruned)];
  for (let ref = waiting.pop(); ref !== undefined; ref = waiting.pop()) {
    const [, , kind, name] = ref.split("/") as [string, string, string, string];
    const group = components[kind] ?? {};
    components[kind] = group;
    if (group[name] !== undefined) continue;
    const found = ((whole.components as JsonObject)[kind] as JsonObject | undefined)?.[name];
    if (found === undefined) throw new Error(`${ref} leads nowhere`);
    group[name] = withoutWords(found);
    waiting.push(...references(group[name]));
  }
  const { title, version, license } = whole.info as JsonObject;
  return {
    openapi: whole.openapi!,
    info: { title: title!, version: version!, license: license! },
    paths: pruned,
    components,
  };
}

interface PublishedEvent {
  readonly name: string;
  readonly examples: readonly JsonObject[];
}

function pick(published: readonly PublishedEvent[]): JsonObject {
  return Object.fromEntries(
    Object.entries(EVENTS).map(([name, actions]) => {
      const examples = published.find((event) => event.name === name)?.examples ?? [];
      const found = actions.map((action): [string, Json] => {
        // Those that an App gets have the installation in them; an example of a pull request's comment has one of an issue.
        const fitting = examples.filter((example) => (example.action ?? "") === action);
        const example = fitting.find((each) => each.installation !== undefined) ?? fitting[0];
        return [action, example ?? null];
      });
      return [name, Object.fromEntries(found.filter(([, example]) => example !== null))];
    }),
  );
}

const dir = mkdtempSync(join(tmpdir(), "github-description-"));
try {
  const take = (name: string, file: string): Json => {
    const tarball = execFileSync("npm", ["pack", "--silent", name], { cwd: dir, encoding: "utf8" }).trim();
    execFileSync("tar", ["xzf", tarball, `package/${file}`, "package/package.json"], { cwd: dir });
    const { license } = JSON.parse(readFileSync(join(dir, "package/package.json"), "utf8")) as { license?: string };
    if (license !== "MIT") throw new Error(`${name} has another licence by now: ${license}`);
    return JSON.parse(readFileSync(join(dir, "package", file), "utf8")) as Json;
  };
  const write = (name: string, json: Json): void => {
    // One call or event a line: a change of it can be read in a diff.
    const text = JSON.stringify(json, null, 1)
      .replace(/\n {4,}/g, " ")
      .replace(/\n {3}([\]}])/g, " $1");
    writeFileSync(join(OUT, name), `${text}\n`);
  };
  write("description.json", prune(take(DESCRIPTION, "generated/api.github.com.json") as JsonObject));
  write("webhooks.json", pick(take(EXAMPLES, "api.github.com/index.json") as unknown as PublishedEvent[]));
} finally {
  rmSync(dir, { recursive: true, force: true });
}
