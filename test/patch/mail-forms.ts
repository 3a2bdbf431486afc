// The ways in which a patch mail gets damaged or wrapped on its way, applied to `git format-patch` output.

const encoder = new TextEncoder();

/** Header and body of a mail with LF line ends, each as bytes; the body begins behind the empty line. */
export function splitMail(mail: Uint8Array): { header: string; body: Uint8Array } {
  const text = Buffer.from(mail).toString("latin1");
  const end = text.indexOf("\n\n") + 2;
  return { header: text.slice(0, end), body: mail.subarray(end) };
}

export function concat(...parts: (string | Uint8Array)[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.map((part) => (typeof part === "string" ? encoder.encode(part) : part))));
}

/** The header without MIME fields, and new ones. */
export function withMime(header: string, fields: string): string {
  const kept = header.replace(/^(MIME-Version|Content-Type|Content-Transfer-Encoding):.*\n( .*\n)*/gim, "").trimEnd();
  return `${kept}\nMIME-Version: 1.0\n${fields}\n\n`;
}

export function toQuotedPrintable(body: Uint8Array): string {
  let out = "";
  let column = 0;
  body.forEach((byte, index) => {
    const next = body[index + 1];
    if (byte === 10) {
      out += "\n";
      column = 0;
      return;
    }
    const endsLine = next === 10 || next === undefined;
    const isPlain = (byte > 32 && byte < 127 && byte !== 61) || ((byte === 32 || byte === 9) && !endsLine);
    const code = isPlain ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    if (column + code.length > 75) {
      out += "=\n";
      column = 0;
    }
    out += code;
    column += code.length;
  });
  return out;
}

export function toBase64(body: Uint8Array): string {
  return Buffer.from(body).toString("base64").replace(/.{76}/g, "$&\n");
}

export function toCrlf(mail: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.from(Buffer.from(mail).toString("latin1").replaceAll("\n", "\r\n"), "latin1"));
}

export type MailForm = (mail: Uint8Array) => Uint8Array;

/** Forms that keep every byte of the patch. */
export const exactForms: Readonly<Record<string, MailForm>> = {
  "as git wrote it": (mail) => mail,
  "CRLF line ends": toCrlf,
  "quoted-printable": (mail) => {
    const { header, body } = splitMail(mail);
    const fields = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable";
    return concat(withMime(header, fields), toQuotedPrintable(body));
  },
  "quoted-printable, CRLF line ends": (mail) => toCrlf((exactForms["quoted-printable"] as MailForm)(mail)),
  base64: (mail) => {
    const { header, body } = splitMail(mail);
    const fields = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64";
    return concat(withMime(header, fields), toBase64(body), "\n");
  },
  "base64 of CRLF text": (mail) => {
    const { header, body } = splitMail(mail);
    const fields = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64";
    return concat(withMime(header, fields), toBase64(toCrlf(body)), "\n");
  },
};

/** Forms in which a CR inside the patch is lost, and bytes that are not UTF-8. */
export const textForms: Readonly<Record<string, MailForm>> = {
  "format=flowed": (mail) => {
    const { header, body } = splitMail(mail);
    // RFC 3676: lines that begin with a blank are stuffed with one more.
    const stuffed = Buffer.from(body)
      .toString("latin1")
      .replace(/^( |From |>)/gm, " $1");
    const unbroken = stuffed.replace(/^-- $/gm, "--");
    const fields = "Content-Type: text/plain; charset=utf-8; format=flowed\nContent-Transfer-Encoding: 8bit";
    return concat(withMime(header, fields), new Uint8Array(Buffer.from(unbroken, "latin1")));
  },
  "multipart/mixed with a list footer": (mail) => {
    const { header, body } = splitMail(mail);
    const fields = 'Content-Type: multipart/mixed; boundary="=-=b"';
    const part = "--=-=b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n";
    const footer = "\n--=-=b\nContent-Type: text/plain; charset=us-ascii\n\n_____\nlist mailing list\n\n--=-=b--\n";
    return concat(withMime(header, fields), part, body, footer);
  },
  "patch as an attachment": (mail) => {
    const { header, body } = splitMail(mail);
    const fields = 'Content-Type: multipart/mixed; boundary="=-=b"';
    const attachment =
      '\n--=-=b\nContent-Type: text/x-patch; name="p.patch"\nContent-Disposition: attachment; filename="p.patch"\nContent-Transfer-Encoding: base64\n\n';
    const text = "--=-=b\nContent-Type: text/plain\n\nWhy it is done.\n";
    return concat(withMime(header, fields), text, attachment, toBase64(body), "\n--=-=b--\n");
  },
};
