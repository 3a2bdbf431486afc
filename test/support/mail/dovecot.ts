import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { type Daemon, freePort, runProgram, startDaemon, temporaryFolder } from "./daemon.ts";

// Debian's Dovecot on the loopback with one mailbox, a Maildir. The whole server runs as one plain user: the one who runs the tests, or "nobody" when that is root.

export interface Dovecot {
  readonly host: "127.0.0.1";
  /** IMAP without TLS, STARTTLS offered. */
  readonly port: number;
  /** IMAP with TLS from the first byte. */
  readonly tlsPort: number;
  /** PEM of the certificate, which is signed by itself, for 127.0.0.1. */
  readonly certificate: string;
  readonly user: string;
  readonly passwordFile: string;
  /** The INBOX; messages are in new/ and cur/ of it. */
  readonly maildir: string;
  /** Hands a message over by Dovecot's own delivery agent, which wakes up who waits with IDLE. */
  deliver(mail: string | Uint8Array, mailbox?: string): Promise<void>;
  /** Puts many messages in at once, as files. */
  drop(mails: readonly (string | Uint8Array)[]): void;
  /** All that is in the INBOX, oldest first. */
  messages(): { readonly file: string; readonly raw: Buffer }[];
  stop(): Promise<void>;
  /** On the same ports as before. */
  start(): Promise<void>;
  /** While it is stopped: every message gets a new UID under another UIDVALIDITY, as after a restore from a backup. */
  resetUidValidity(): void;
  end(): Promise<void>;
}

const PASSWORD = "correct-horse-battery-staple";
/** Debian's "nobody" and "nogroup" (base-passwd). */
const NOBODY = { name: "nobody", group: "nogroup", uid: 65534, gid: 65534 };

export async function startDovecot(): Promise<Dovecot> {
  const folder = temporaryFolder("imap");
  const isRoot = process.getuid?.() === 0;
  const me = userInfo();
  const own = (path: string): void => {
    if (isRoot) chownSync(path, NOBODY.uid, NOBODY.gid);
  };
  const at = (...parts: string[]): string => join(folder.path, ...parts);
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", HOME: folder.path };
  const as = isRoot ? { uid: NOBODY.uid, gid: NOBODY.gid } : {};
  const maildir = at("Maildir");
  let daemon: Daemon | undefined;
  let dropped = 0;
  try {
    chmodSync(folder.path, 0o755);
    own(folder.path);
    for (const name of ["Maildir", "Maildir/cur", "Maildir/new", "Maildir/tmp"]) {
      mkdirSync(at(name), { mode: 0o700 });
      own(at(name));
    }
    writeFileSync(at("password"), `${PASSWORD}\n`, { mode: 0o600 });
    const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", at("key.pem")];
    await runProgram(["openssl", "req", "-x509", "-days", "2", ...key, "-out", at("cert.pem"), ...subject], { env });
    own(at("key.pem"));
    own(at("cert.pem"));
    const [port, tlsPort] = [await freePort(), await freePort()];
    const user = isRoot ? NOBODY.name : me.username;
    const group = isRoot ? NOBODY.group : (await runProgram(["id", "-gn"], { env })).trim();
    const [uid, gid] = isRoot ? [NOBODY.uid, NOBODY.gid] : [me.uid, me.gid];
    writeFileSync(
      at("dovecot.conf"),
      `
base_dir = ${at("run")}
state_dir = ${at("state")}
log_path = ${at("log")}
protocols = imap
listen = 127.0.0.1
default_internal_user = ${user}
default_internal_group = ${group}
default_login_user = ${user}
first_valid_uid = 1
first_valid_gid = 1
disable_plaintext_auth = no
ssl = yes
ssl_cert = <${at("cert.pem")}
ssl_key = <${at("key.pem")}
mail_location = maildir:${maildir}
mail_fsync = never
lda_mailbox_autocreate = yes
postmaster_address = postmaster@example.org
hostname = example.org
passdb {
  driver = static
  args = password=${PASSWORD}
}
userdb {
  driver = static
  args = uid=${uid} gid=${gid} home=${folder.path} allow_all_users=yes
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = ${tlsPort}
    ssl = yes
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
`,
    );
    const start = async (): Promise<void> => {
      try {
        daemon = await startDaemon(["/usr/sbin/dovecot", "-F", "-c", at("dovecot.conf")], { env, port, ...as });
      } catch (error) {
        const log = existsSync(at("log")) ? readFileSync(at("log"), "utf8") : "";
        throw new Error(`${(error as Error).message}\n${log}`);
      }
    };
    const stop = async (): Promise<void> => {
      await daemon?.stop();
      daemon = undefined;
    };
    await start();
    return {
      host: "127.0.0.1",
      port,
      tlsPort,
      certificate: readFileSync(at("cert.pem"), "utf8"),
      user: "reviewer",
      passwordFile: at("password"),
      maildir,
      async deliver(mail, mailbox = "INBOX") {
        const lda = ["/usr/lib/dovecot/dovecot-lda", "-c", at("dovecot.conf"), "-d", "reviewer", "-m", mailbox];
        await runProgram(lda, { env, input: mail, ...as });
      },
      drop(mails) {
        for (const mail of mails) {
          // maildir(5): a name that is never used twice, written in tmp, moved into new.
          const name = `${Math.floor(Date.now() / 1000)}.M${process.pid}Q${dropped++}.example`;
          writeFileSync(join(maildir, "tmp", name), mail, { mode: 0o600 });
          own(join(maildir, "tmp", name));
          renameSync(join(maildir, "tmp", name), join(maildir, "new", name));
        }
      },
      messages() {
        return ["cur", "new"]
          .flatMap((part) => readdirSync(join(maildir, part)).map((name) => join(maildir, part, name)))
          .map((file) => ({ file, raw: readFileSync(file), arrived: statSync(file).ctimeMs }))
          .sort((a, b) => a.arrived - b.arrived)
          .map(({ file, raw }) => ({ file, raw }));
      },
      stop,
      start,
      resetUidValidity() {
        if (daemon !== undefined) throw new Error("stop it before");
        const list = join(maildir, "dovecot-uidlist");
        const validity = Number(/^3 V(\d+)/.exec(existsSync(list) ? readFileSync(list, "latin1") : "")?.[1] ?? 1);
        for (const name of readdirSync(maildir)) {
          if (name.startsWith("dovecot")) rmSync(join(maildir, name), { recursive: true });
        }
        // doc/wiki/MailboxFormat.Maildir: version, UIDVALIDITY, next UID.
        writeFileSync(list, `3 V${validity + 1} N1\n`);
        own(list);
      },
      async end() {
        await stop();
        folder.remove();
      },
    };
  } catch (error) {
    await daemon?.stop();
    folder.remove();
    throw error;
  }
}
