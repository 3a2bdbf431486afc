// One mail by SMTP (RFC 5321), at most once: what is refused before the message is handed over can be tried again; a connection that breaks behind that leaves
// a mail of which nobody knows, and which is never sent again.

import { Readable } from "node:stream";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { errorWords } from "../service/log.ts";
import type { MailConfig } from "./config.ts";
import type { MailBody } from "./mail-body.ts";
import type { Outlet, SendOutcome } from "./outlet.ts";
import { readSecretFile } from "./secret-file.ts";

type SmtpConfig = NonNullable<MailConfig["smtp"]>;

/** What nodemailer says of an error (its lib/errors). */
interface SmtpError extends Error {
  readonly code?: string;
  readonly responseCode?: number;
  readonly response?: string;
  readonly rejectedErrors?: readonly SmtpError[];
}

const CONNECT_MILLIS = 20_000;
/** RFC 5321 4.5.3.2 allows minutes; the lease of a post does not. */
const SILENCE_MILLIS = 60_000;
const MAX_RESPONSE_BYTES = 64 * 1024;

export interface SmtpOptions {
  /** Certificates that are trusted besides the system's, PEM. */
  readonly ca?: string;
}

export class SmtpOutlet implements Outlet {
  readonly #config: SmtpConfig;
  readonly #options: SmtpOptions;

  constructor(config: SmtpConfig, options: SmtpOptions = {}) {
    this.#config = config;
    this.#options = options;
  }

  async send(mail: MailBody, deadline: AbortSignal): Promise<SendOutcome> {
    const { login } = this.#config;
    let password: string | undefined;
    try {
      password = login && readSecretFile(login["password-file"], "the password file");
    } catch (error) {
      return { end: "again", error: errorWords(error) };
    }
    return new Dialogue(this.#connection(), mail, deadline).run(
      login === undefined || password === undefined ? undefined : { user: login.user, pass: password },
    );
  }

  #connection(): SMTPConnection {
    const { host, port, tls } = this.#config;
    return new SMTPConnection({
      host,
      port,
      secure: tls === "implicit",
      requireTLS: tls === "starttls",
      ignoreTLS: tls === "off",
      connectionTimeout: CONNECT_MILLIS,
      greetingTimeout: CONNECT_MILLIS,
      dnsTimeout: CONNECT_MILLIS,
      socketTimeout: SILENCE_MILLIS,
      maxResponseSize: MAX_RESPONSE_BYTES,
      allowInternalNetworkInterfaces: true,
      tls: { minVersion: "TLSv1.2", ...(this.#options.ca === undefined ? {} : { ca: this.#options.ca }) },
    });
  }
}

type Login = { readonly user: string; readonly pass: string };

/** One connection, one mail. */
class Dialogue {
  readonly #connection: SMTPConnection;
  readonly #mail: MailBody;
  readonly #deadline: AbortSignal;
  /** The server has said that it takes the message, and was given of it. */
  #isHandedOver = false;

  constructor(connection: SMTPConnection, mail: MailBody, deadline: AbortSignal) {
    this.#connection = connection;
    this.#mail = mail;
    this.#deadline = deadline;
  }

  async run(login: Login | undefined): Promise<SendOutcome> {
    const connection = this.#connection;
    const outcome = await new Promise<SendOutcome>((done) => {
      const onDeadline = () => done(this.#broken("there was no time left to send it"));
      if (this.#deadline.aborted) return onDeadline();
      this.#deadline.addEventListener("abort", onDeadline, { once: true });
      connection.once("error", (error) => done(this.#broken(words(error))));
      connection.once("end", () => done(this.#broken("the connection was closed")));
      const offer = () => this.#offer(done);
      connection.connect((error) => {
        if (error !== undefined) return;
        if (login === undefined || !connection.allowsAuth) {
          if (login === undefined) return offer();
          return done({ end: "again", error: "the server offers no authentication" });
        }
        connection.login({ credentials: login }, (refused) =>
          refused === null ? offer() : done({ end: "again", error: words(refused) }),
        );
      });
    });
    connection.on("error", () => {});
    if (outcome.end === "sent") connection.quit();
    else connection.close();
    return outcome;
  }

  #offer(done: (outcome: SendOutcome) => void): void {
    const { envelope, raw } = this.#mail;
    const bytes = Buffer.from(raw, "utf8");
    const message = this.#message(bytes);
    const offered = {
      from: envelope.from,
      to: [...envelope.to],
      size: bytes.length,
      // RFC 6152: some servers change, or refuse, what they were not told of.
      use8BitMime: bytes.some((byte) => byte > 0x7f),
    };
    this.#connection.send(offered, message, (error, info) => {
      if (error !== null) return done(refusal(error as SmtpError));
      const refused = (info?.rejectedErrors ?? []).map((each) => words(each as SmtpError));
      const response = oneLine(info?.response ?? "");
      done({ end: "sent", remote: [response, ...refused.map((each) => `but not to all: ${each}`)].join("; ") });
    });
  }

  /** nodemailer asks for the first byte when the server has answered DATA with 354. It also does so, to throw it away, when the envelope was refused: then it has said so. */
  #message(bytes: Buffer): Readable {
    return Readable.from(
      (async function* (dialogue: Dialogue) {
        dialogue.#isHandedOver = true;
        yield bytes;
      })(this),
      { objectMode: false },
    );
  }

  #broken(error: string): SendOutcome {
    return this.#isHandedOver ? { end: "unknown", error } : { end: "again", error };
  }
}

/** RFC 4954 6: what is wanting is authentication or encryption, which is the operator's affair; the mail waits for that. */
const NOT_ABOUT_MAIL: ReadonlySet<number> = new Set([530, 534, 535, 538]);

/** What the server said of the mail itself. Where it refused all recipients, each has its own answer: one that may change keeps the mail. */
function refusal(error: SmtpError): SendOutcome {
  const answers = error.rejectedErrors ?? [error];
  const mayChange = ({ responseCode: code, code: kind }: SmtpError) =>
    code === undefined ? kind === "ECONNECTION" : code < 500 || NOT_ABOUT_MAIL.has(code);
  return { end: answers.some(mayChange) ? "again" : "refused", error: answers.map(words).join("; ") };
}

function words(error: unknown): string {
  const { message, response } = error as SmtpError;
  const said = response === undefined || message.includes(response) ? "" : `: ${response}`;
  return oneLine(`${message}${said}`);
}

function oneLine(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, 500);
}
