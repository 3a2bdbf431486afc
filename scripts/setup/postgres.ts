import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";

/** Where Debian's package postgresql-15 has its programs. */
export const DEBIAN_POSTGRES = "/usr/lib/postgresql/15/bin";

/** PostgreSQL refuses to run as root; root's servers run as Debian's nobody. */
const NOBODY = 65534;
const PORT = 5432;

export interface PostgresServer {
  /** The folder of its socket, which is what a client takes for a host. It listens on no network. */
  readonly host: string;
  readonly pid: number;
  /** Makes a database, and gives what pg and pg-boss connect with. */
  createDatabase(name: string): { host: string; port: number; user: string; database: string };
  /** Ends it in order: `fast` shutdown, connections are cut. */
  stop(): Promise<void>;
}

export interface PostgresFiles {
  /** Folder of initdb and postgres. */
  readonly programs: string;
  /** Kept between starts; made where it is missing. */
  readonly folder: string;
  /** false: nothing is flushed to the disk, for tests in which the server itself is never killed. */
  readonly durable: boolean;
}

/** Starts a PostgreSQL of one's own, without a password, in a folder. It does not outlive this process's group unless it is killed apart. */
export async function startPostgres({ programs, folder, durable }: PostgresFiles): Promise<PostgresServer> {
  const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const data = join(folder, "data");
  const environment = { PATH: "/usr/bin:/bin", LC_ALL: "C.UTF-8" };
  if (!existsSync(join(data, "PG_VERSION"))) {
    rmSync(data, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
    if (identity.uid !== undefined) chownSync(folder, NOBODY, NOBODY);
    const args = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
    execFileSync(join(programs, "initdb"), args, { ...identity, env: environment, cwd: "/", stdio: "pipe" });
  }
  const args = ["-D", data, "-k", folder, "-p", String(PORT), "-c", "listen_addresses=", "-c", "logging_collector=off"];
  if (!durable) args.push("-c", "fsync=off");
  const child = spawn(join(programs, "postgres"), args, { ...identity, env: environment, cwd: "/", stdio: "ignore" });
  const socket = join(folder, `.s.PGSQL.${PORT}`);
  const ended = once(child, "exit").then(() => true);
  const host = { host: folder, port: PORT, user: "postgres" };
  while (!(await accepts(socket))) {
    if (await Promise.race([ended, new Promise((done) => setTimeout(done, 20))])) {
      throw new Error(`PostgreSQL in ${folder} did not start`);
    }
  }
  return {
    host: folder,
    pid: child.pid as number,
    createDatabase(name) {
      const sql = [
        "-h",
        folder,
        "-p",
        String(PORT),
        "-U",
        "postgres",
        "-d",
        "postgres",
        "-qc",
        `create database ${name}`,
      ];
      execFileSync("psql", sql, { stdio: "pipe" });
      return { ...host, database: name };
    },
    stop: () => stop(child, ended),
  };
}

/** A server that is still starting takes the connection and answers the first message with an error. */
function accepts(socket: string): Promise<boolean> {
  return new Promise((done) => {
    const connection = createConnection(socket);
    const end = (answer: boolean) => {
      connection.destroy();
      done(answer);
    };
    connection.on("error", () => end(false));
    connection.on("close", () => end(false));
    // StartupMessage for the database that always exists: an 'R' (authentication) means that it serves, an 'E' that it does not yet.
    const text = Buffer.from("user\0postgres\0database\0postgres\0\0");
    const head = Buffer.alloc(8);
    head.writeInt32BE(8 + text.length, 0);
    head.writeInt32BE(0x00030000, 4);
    connection.on("connect", () => connection.write(Buffer.concat([head, text])));
    connection.on("data", (bytes) => end(bytes[0] === 0x52));
  });
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  // SIGINT is its "fast" shutdown.
  child.kill("SIGINT");
  await ended;
}
