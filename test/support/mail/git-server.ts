import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { serveGit } from "../github/git-host.ts";

export interface GitServer {
  /** "http://127.0.0.1:40000" */
  readonly url: string;
  /** Paths that were asked for. */
  readonly asked: string[];
  /** Answers instead of git. */
  instead: ((path: string) => { status: number; headers?: Record<string, string> } | undefined) | undefined;
  close(): Promise<void>;
}

/** git's own `git http-backend` over the bare repositories in `root`, on a free port of the loopback. */
export async function startGitServer(root: string): Promise<GitServer> {
  const asked: string[] = [];
  const http = createServer((req, res) => {
    const { pathname } = new URL(req.url ?? "/", "http://localhost");
    asked.push(pathname);
    const other = server.instead?.(pathname);
    if (other !== undefined) res.writeHead(other.status, other.headers).end();
    else serveGit(root, pathname, req, res);
  });
  await new Promise<void>((done) => http.listen(0, "127.0.0.1", done));
  const server: GitServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    asked,
    instead: undefined,
    close: () =>
      new Promise((done) => {
        http.closeAllConnections();
        http.close(() => done());
      }),
  };
  return server;
}
