// What the fake GitHub has not: the artifacts of a workflow's run. All else is passed on to it, so that its description checks every call.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import type { FakeGitHub } from "../support/github/fake-github.ts";

export interface Front {
  /** Root of the REST API. */
  readonly apiUrl: string;
  /** The run's artifact; undefined for none. */
  zip: Uint8Array | undefined;
}

const ROOT = "/api/v3";

export async function openFront(t: TestContext, fake: FakeGitHub): Promise<Front> {
  const server = createServer(async (request, response) => {
    const url = request.url ?? "/";
    const json = (value: unknown): void => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    };
    if (url.startsWith("/storage")) response.writeHead(200, { "content-type": "application/zip" }).end(front.zip);
    else if (/\/actions\/runs\/\d+\/artifacts/.test(url)) {
      const one = { id: 9, name: "objreview", size_in_bytes: front.zip?.length ?? 0, expired: false };
      json({ total_count: 1, artifacts: front.zip === undefined ? [] : [one] });
    } else if (/\/actions\/artifacts\/9\/zip$/.test(url)) response.writeHead(302, { location: "/storage" }).end();
    else {
      const answer = await fetch(`${fake.webUrl}${url}`, await passedOn(request)).catch(() => undefined);
      if (answer === undefined) {
        // The fake cut the connection: so does this.
        request.socket.destroy();
        return;
      }
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(Buffer.from(await answer.arrayBuffer()));
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const front: Front = { apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}${ROOT}`, zip: undefined };
  return front;
}

async function passedOn(request: IncomingMessage): Promise<RequestInit> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const names = ["authorization", "content-type", "accept", "user-agent", "x-github-api-version"];
  const headers = names.flatMap((name): [string, string][] => {
    const value = request.headers[name];
    return typeof value === "string" ? [[name, value]] : [];
  });
  return { method: request.method ?? "GET", headers, ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }) };
}
