import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { type Document, OpenAPIBackend, type Operation } from "openapi-backend";

// GitHub's description of its own API (test/fixtures/github/description.json), as the judge of requests, and of the fake's answers.

export interface ApiRequest {
  readonly method: string;
  /** Below the API's root, without the query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface Matched {
  readonly operationId: string;
  readonly params: Readonly<Record<string, string>>;
  /** What the description has against the request; empty: nothing. */
  readonly wrong: readonly string[];
  readonly operation: Operation;
}

type Node = { [key: string]: unknown };

const isNode = (value: unknown): value is Node => value !== null && typeof value === "object" && !Array.isArray(value);

/** Calls `change` for every object below, the inner ones first. */
function walk(value: unknown, change: (node: Node) => void): void {
  if (Array.isArray(value)) for (const each of value) walk(each, change);
  else if (isNode(value)) {
    for (const each of Object.values(value)) walk(each, change);
    change(value);
  }
}

/** GitHub ignores what it does not know; a caller that sends such a thing has a mistake in it. */
function closeObject(node: Node): void {
  if (node.type === "object" && isNode(node.properties) && node.additionalProperties === undefined) {
    node.additionalProperties = false;
  }
}

/** The fake leaves fields out that nobody reads, but has none that GitHub has not, and none of another type. */
function loosen(node: Node): void {
  if (Array.isArray(node.required)) delete node.required;
  if (Array.isArray(node.oneOf)) {
    node.anyOf = node.oneOf;
    delete node.oneOf;
    delete node.discriminator;
  }
  // The second part adds a field that the fake has not, and would be closed against those of the first.
  if (Array.isArray(node.allOf)) node.allOf = node.allOf.slice(0, 1);
  // GitHub answers null for the lines of an outdated comment, and of one of the whole file; the description does not say so.
  for (const name of ["line", "original_line"]) {
    const line = isNode(node.properties) ? node.properties[name] : undefined;
    if (isNode(line)) line.nullable = true;
  }
  // There are more permissions than the description lists (merge_queues is one).
  if (isNode(node.properties) && node.properties.metadata !== undefined && node.properties.pull_requests !== undefined)
    return;
  closeObject(node);
}

/** OpenAPI 3.0's way to say "or null", in JSON Schema's where it has no type beside it. */
function spellNull(node: Node): void {
  if (node.nullable !== true) return;
  if (Array.isArray(node.enum) && !node.enum.includes(null)) node.enum.push(null);
  if (node.type !== undefined) return;
  const rest = { ...node };
  for (const key of Object.keys(node)) delete node[key];
  delete rest.nullable;
  node.anyOf = [{ enum: [null] }, rest];
}

function load(): Document {
  const file = fileURLToPath(new URL("../../fixtures/github/description.json", import.meta.url));
  const description = JSON.parse(readFileSync(file, "utf8")) as {
    paths: Record<string, Record<string, { requestBody?: unknown; responses: unknown }>>;
    components: { schemas: unknown };
  };
  walk(description, spellNull);
  walk(description.components.schemas, loosen);
  for (const operation of Object.values(description.paths).flatMap((path) => Object.values(path))) {
    walk(operation.responses, loosen);
    walk(operation.requestBody, closeObject);
  }
  return description as unknown as Document;
}

export class Description {
  readonly #api = new OpenAPIBackend({
    definition: load(),
    quick: true,
    strict: false,
    validate: true,
    coerceTypes: true,
    ajvOpts: { strict: false, allErrors: true, validateSchema: false },
    customizeAjv: (ajv) => {
      addFormats.default(ajv as unknown as Ajv);
      return ajv;
    },
  });

  async init(): Promise<void> {
    await this.#api.init();
  }

  match(request: ApiRequest): Matched | undefined {
    // A path, a branch or a pair of them may have slashes in it, which the router takes for the next part.
    const path = request.path.replace(
      /^(\/repos\/[^/]+\/[^/]+\/(?:contents|compare|git\/ref|branches)\/)(.+)$/,
      (_, start: string, rest: string) => start + encodeURIComponent(decodeURIComponent(rest)),
    );
    const given = {
      method: request.method,
      path,
      query: request.query,
      headers: { "content-type": "application/json" },
      body: request.body,
    };
    const operation = this.#api.router.matchOperation(given);
    if (operation?.operationId === undefined) return undefined;
    const { params } = this.#api.router.parseRequest(given, operation);
    const { errors } = this.#api.validator.validateRequest(given, operation);
    const wrong = (errors ?? []).map(({ instancePath, message, params: more }) => {
      const what = (more as { additionalProperty?: string }).additionalProperty;
      return `${instancePath} ${message}${what === undefined ? "" : `: ${what}`}`;
    });
    const decoded = Object.entries(params).map(([name, value]) => [name, decodeURIComponent(String(value))]);
    return { operationId: operation.operationId, params: Object.fromEntries(decoded), wrong, operation };
  }

  /** What is wrong with an answer of the fake. */
  wrongAnswer(operation: Operation, status: number, body: unknown): readonly string[] {
    const { errors } = this.#api.validator.validateResponse(body, operation, status);
    return (errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  }
}
