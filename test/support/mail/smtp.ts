import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { SMTPServer } from "smtp-server";
import { runProgram, temporaryFolder } from "./daemon.ts";

// Mail servers on the loopback: a whole one (smtp-server), and one that breaks the connection wherever it is told to.

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: Buffer;
  readonly isTls: boolean;
  /** Who was authenticated; "" for nobody. */
  readonly user: string;
}

export interface SmtpOptions {
  readonly tls?: "implicit" | "starttls" | "off";
  readonly login?: { readonly user: string; readonly password: string };
  /** Answers to MAIL, RCPT (by address) and to the end of the message: "451 4.7.1 come back later". */
  readonly answers?: {
    readonly mail?: string;
    readonly rcpt?: Readonly<Record<string, string>>;
    readonly data?: string;
  };
  /** Bytes. */
  readonly size?: number;
  /** Takes a message further before it is answered. */
  readonly forward?: (mail: ReceivedMail) => Promise<void>;
}

export interface Smtp {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** PEM of the certificate, which is signed by itself, for 127.0.0.1. */
  readonly certificate: string;
  readonly passwordFile: string;
  readonly mails: readonly ReceivedMail[];
  /** What is answered from now on. */
  answers: SmtpOptions["answers"];
  end(): Promise<void>;
}

function answer(text: string | undefined): Error | null {
  if (text === undefined) return null;
  return Object.assign(new Error(text.slice(4)), { responseCode: Number(text.slice(0, 3)) });
}

export async function startSmtp(options: SmtpOptions = {}): Promise<Smtp> {
  const { tls = "off", login } = options;
  const folder = temporaryFolder("smtp");
  const at = (name: string) => join(folder.path, name);
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", at("key.pem")];
  const env = { PATH: "/usr/bin:/bin" };
  await runProgram(["openssl", "req", "-x509", "-days", "2", ...key, "-out", at("cert.pem"), ...subject], { env });
  writeFileSync(at("password"), `${login?.password ?? ""}\n`, { mode: 0o600 });
  const mails: ReceivedMail[] = [];
  const held = { answers: options.answers };
  const server = new SMTPServer({
    secure: tls === "implicit",
    key: readFileSync(at("key.pem")),
    cert: readFileSync(at("cert.pem")),
    disabledCommands: [...(tls === "starttls" ? [] : ["STARTTLS"]), ...(login === undefined ? ["AUTH"] : [])],
    allowInsecureAuth: true,
    authOptional: login === undefined,
    disableReverseLookup: true,
    logger: false,
    ...(options.size === undefined ? {} : { size: options.size }),
    onAuth({ username, password }, _session, done) {
      if (username === login?.user && password === login?.password) done(null, { user: username });
      else done(Object.assign(new Error("5.7.8 no such user or password"), { responseCode: 535 }));
    },
    onMailFrom: (_address, _session, done) => done(answer(held.answers?.mail)),
    onRcptTo: ({ address }, _session, done) => done(answer(held.answers?.rcpt?.[address])),
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const refused = answer(held.answers?.data);
        if (refused === null) {
          const { mailFrom, rcptTo } = session.envelope;
          const mail: ReceivedMail = {
            from: mailFrom === false ? "" : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            raw: Buffer.concat(chunks),
            isTls: session.secure,
            user: typeof session.user === "string" ? session.user : "",
          };
          mails.push(mail);
          const forwarded = options.forward?.(mail) ?? Promise.resolve();
          forwarded.then(() => done(null), done);
        } else done(refused);
      });
    },
  });
  // A client that hangs up is what some tests are about.
  server.on("error", () => {});
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return Object.assign(held, {
    host: "127.0.0.1" as const,
    port: (server.server.address() as { port: number }).port,
    certificate: readFileSync(at("cert.pem"), "utf8"),
    passwordFile: at("password"),
    mails,
    async end() {
      await new Promise<void>((done) => server.close(() => done()));
      folder.remove();
    },
  });
}

/** What a client has sent when the connection is broken. "accepted": the message was taken, and the client never hears of it. */
export const CUTS = ["connect", "EHLO", "MAIL", "RCPT", "DATA", "message", "dot", "accepted"] as const;
export type Cut = (typeof CUTS)[number];

export interface CuttingSmtp {
  readonly port: number;
  /** Messages that came whole. */
  readonly taken: () => number;
  readonly connections: () => number;
  end(): Promise<void>;
}

/** "silent": it does not hang up there, it says nothing more. */
export async function startCuttingSmtp(cut: Cut, manner: "reset" | "close" | "silent" = "reset"): Promise<CuttingSmtp> {
  let taken = 0;
  let connections = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    const hangUp = () => {
      if (manner === "reset") socket.resetAndDestroy();
      else if (manner === "close") socket.end();
    };
    if (cut === "connect") return hangUp();
    socket.write("220 cutting.example ESMTP\r\n");
    let text = "";
    let isMessage = false;
    let isOver = false;
    socket.on("data", (chunk) => {
      if (isOver) return;
      text += chunk.toString("latin1");
      if (isMessage) {
        if (cut === "message" && text.length > 0) {
          isOver = true;
          return hangUp();
        }
        if (!text.endsWith("\r\n.\r\n")) return;
        isOver = true;
        if (cut === "accepted") taken++;
        return hangUp();
      }
      for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
        const verb = text.slice(0, end).split(/[ :]/)[0]!.toUpperCase();
        text = text.slice(end + 2);
        if (verb === cut) {
          isOver = true;
          return hangUp();
        }
        if (verb === "DATA") {
          isMessage = true;
          socket.write("354 go on\r\n");
          return;
        }
        socket.write(verb === "EHLO" ? "250-cutting.example\r\n250 8BITMIME\r\n" : "250 2.0.0 ok\r\n");
      }
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    port: (server.address() as { port: number }).port,
    taken: () => taken,
    connections: () => connections,
    async end() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}
