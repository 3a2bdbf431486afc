import {
  concat,
  exactForms,
  type MailForm,
  splitMail,
  textForms,
  toBase64,
  toCrlf,
  toQuotedPrintable,
  withMime,
} from "../../patch/mail-forms.ts";

// More ways in which mails are wrapped, relabelled and broken on their way. Those of `gentleForms` keep the patch; those of `cruelForms` do not.

const text = (body: Uint8Array): string => Buffer.from(body).toString("utf8");
const latin1 = (body: string): Uint8Array => new Uint8Array(Buffer.from(body, "latin1"));

function relabelled(charset: string | undefined, encode: (body: string) => Uint8Array, encoding = "8bit"): MailForm {
  return (mail) => {
    const { header, body } = splitMail(mail);
    const label = charset === undefined ? "" : `Content-Type: text/plain; charset=${charset}\n`;
    const bytes = encode(text(body));
    return concat(
      withMime(header, `${label}Content-Transfer-Encoding: ${encoding}`),
      encoding === "base64" ? toBase64(bytes) : encoding === "quoted-printable" ? toQuotedPrintable(bytes) : bytes,
    );
  };
}

/** Windows-1252, as far as the corpus needs it. */
const windows1252 = (body: string): Uint8Array => latin1(body.replaceAll("\u2013", "\u0096"));
/** Letters that ISO-8859-1 does not have are not in the texts that this is used for. */
const isoLatin = (body: string): Uint8Array => latin1(body.replaceAll("\u2013", "-"));

function subjectAs(encode: (subject: string) => string): MailForm {
  return (mail) => {
    const { header, body } = splitMail(mail);
    const changed = header.replace(
      /^Subject: (.*)\n/m,
      (_, subject: string) => `Subject: ${encode(utf8Of(subject))}\n`,
    );
    return concat(latin1(changed), body);
  };
}
/** The header comes as one character per byte. */
const utf8Of = (header: string): string => Buffer.from(header, "latin1").toString("utf8");

function multipart(kind: string, parts: (body: Uint8Array) => (string | Uint8Array)[], parameters = ""): MailForm {
  return (mail) => {
    const { header, body } = splitMail(mail);
    const chunks = parts(body).flatMap((part) => ["--=_b\n", part, "\n"]);
    return concat(
      withMime(header, `Content-Type: multipart/${kind}; boundary="=_b"${parameters}`),
      ...chunks,
      "--=_b--\n",
    );
  };
}
const plainPart = (body: Uint8Array): Uint8Array =>
  concat("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n", body);
const htmlPart =
  "Content-Type: text/html; charset=utf-8\n\n<html><body><pre>diff --git a/evil b/evil</pre></body></html>\n";
const attached = (type: string, name: string, disposition: string, encoding: string, body: Uint8Array): Uint8Array =>
  concat(
    `Content-Type: ${type}; name="${name}"\nContent-Disposition: ${disposition}; filename="${name}"\nContent-Transfer-Encoding: ${encoding}\n\n`,
    encoding === "base64" ? toBase64(body) : encoding === "quoted-printable" ? toQuotedPrintable(body) : body,
  );
const attachment = (type: string, name: string, disposition: string, encoding: string): MailForm =>
  multipart("mixed", (body) => [
    plainPart(concat("Please find it attached.\n")),
    attached(type, name, disposition, encoding, body),
  ]);

/** RFC 3676: lines longer than 70 are broken behind a blank. */
function flowed(delsp: boolean): MailForm {
  return (mail) => {
    const { header, body } = splitMail(mail);
    const lines = text(body)
      .split("\n")
      .map((line) => line.replace(/^( |From |>)/, " $1"))
      .map((line) => (line === "-- " ? "--" : line))
      .map((line) =>
        line.startsWith(" ") || line.length < 60 || /^[-+@d]/.test(line) ? line : breakFlowed(line, delsp),
      );
    const fields = `Content-Type: text/plain; charset=utf-8; format=flowed${delsp ? "; delsp=yes" : ""}\nContent-Transfer-Encoding: 8bit`;
    return concat(withMime(header, fields), lines.join("\n"));
  };
}

function breakFlowed(line: string, delsp: boolean): string {
  const at = line.lastIndexOf(" ", 40);
  return at < 0 ? line : `${line.slice(0, at + 1)}${delsp ? " " : ""}\n${line.slice(at + 1)}`;
}

export const gentleForms: Readonly<Record<string, MailForm>> = {
  ...exactForms,
  ...textForms,
  "no MIME fields at all": (mail) => {
    const { header, body } = splitMail(mail);
    return concat(header.replace(/^(MIME-Version|Content-.*):.*\n/gim, ""), body);
  },
  "UTF-8 labelled us-ascii": relabelled("us-ascii", (body) => concat(body)),
  "UTF-8 labelled iso-8859-1": relabelled("iso-8859-1", (body) => concat(body)),
  "UTF-8 under an unknown charset": relabelled("x-unknown", (body) => concat(body)),
  "UTF-8 with no label": relabelled(undefined, (body) => concat(body)),
  "a charset in quotes and capitals": relabelled('"UTF-8"', (body) => concat(body)),
  "UTF-16 in base64": relabelled("utf-16le", (body) => new Uint8Array(Buffer.from(body, "utf16le")), "base64"),
  "Windows-1252": relabelled("windows-1252", windows1252),
  "Windows-1252 in quoted-printable": relabelled("windows-1252", windows1252, "quoted-printable"),
  "quoted-printable with small hex digits": (mail) => {
    const { header, body } = splitMail(mail);
    const coded = toQuotedPrintable(body).replace(/=[0-9A-F]{2}/g, (code) => code.toLowerCase());
    return concat(
      withMime(header, "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: Quoted-Printable"),
      coded,
    );
  },
  "base64 on one line": (mail) => {
    const { header, body } = splitMail(mail);
    const coded = Buffer.from(body).toString("base64");
    return concat(
      withMime(header, "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: BASE64"),
      coded,
      "\n",
    );
  },
  "base64 with a list footer behind it": (mail) => {
    const { header, body } = splitMail(mail);
    return concat(
      withMime(header, "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64"),
      toBase64(body),
      "\n",
    );
  },
  "format=flowed with broken lines": flowed(false),
  "format=flowed, delsp": flowed(true),
  "a list footer behind the signature": (mail) =>
    concat(
      mail,
      "\n_______________________________________________\nlinux-test mailing list\nhttps://lists.example.org/\n",
    ),
  "alternative with HTML": multipart("alternative", (body) => [plainPart(body), htmlPart]),
  signed: multipart(
    "signed",
    (body) => [
      plainPart(body),
      'Content-Type: application/pgp-signature; name="signature.asc"\n\n-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n',
    ],
    '; micalg=pgp-sha256; protocol="application/pgp-signature"',
  ),
  "alternative inside mixed, with a footer": multipart("mixed", (body) => [
    concat(
      'Content-Type: multipart/alternative; boundary="=_c"\n\n--=_c\n',
      plainPart(body),
      "\n--=_c\n",
      htmlPart,
      "\n--=_c--\n",
    ),
    "Content-Type: text/plain; charset=us-ascii\nContent-Disposition: inline\n\n____\nlist footer\n",
  ]),
  "attached as text/x-diff, inline": attachment("text/x-diff", "0001.diff", "inline", "8bit"),
  "attached as octet-stream": attachment("application/octet-stream", "0001-fix.patch", "attachment", "base64"),
  "attached in quoted-printable": attachment(
    "text/x-patch; charset=utf-8",
    "0001-fix.patch",
    "attachment",
    "quoted-printable",
  ),
  "attached as plain text": attachment("text/plain; charset=utf-8", "fix.txt", "attachment", "base64"),
  "in the text, and attached again": multipart("mixed", (body) => [
    plainPart(body),
    attached("text/x-patch", "again.patch", "attachment", "base64", body),
  ]),
  "subject folded": subjectAs((subject) => subject.replace(/ /g, "\n ")),
  "subject folded with tabs": subjectAs((subject) => subject.replace(/\] /, "]\n\t")),
  "subject in encoded words, base64": subjectAs((subject) => `=?UTF-8?B?${Buffer.from(subject).toString("base64")}?=`),
  "subject in encoded words, quoted-printable, split": subjectAs((subject) => {
    const half = subject.length >> 1;
    const word = (part: string): string =>
      `=?utf-8?q?${[...Buffer.from(part)].map((byte) => (byte === 32 ? "_" : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`)).join("")}?=`;
    return `${word(subject.slice(0, half))}\n ${word(subject.slice(half))}`;
  }),
  "subject as raw UTF-8": subjectAs((subject) => Buffer.from(subject).toString("latin1")),
  "a list's bracket in front": subjectAs((subject) => Buffer.from(`[linux-test] ${subject}`).toString("latin1")),
  "an mbox separator before it": (mail) => concat("From git@z Mon Sep 17 00:00:00 2001\n", mail),
  "blank context lines stripped": (mail) => concat(Buffer.from(mail).toString("utf8").replace(/^ $/gm, "")),
  "the signature's blank stripped": (mail) => concat(Buffer.from(mail).toString("utf8").replace(/^-- $/gm, "--")),
  "header names in small letters": (mail) => {
    const { header, body } = splitMail(mail);
    return concat(latin1(header.replace(/^[A-Za-z-]+:/gm, (name) => name.toLowerCase())), body);
  },
};

/** Forms that lose characters which the corpus' ASCII patches do not have. */
export const latinForms: Readonly<Record<string, MailForm>> = { "ISO-8859-1": relabelled("iso-8859-1", isoLatin) };

/** The patch is destroyed, and that is seen. */
export const cruelForms: Readonly<Record<string, MailForm>> = {
  "lines wrapped in the hunk header": (mail) =>
    concat(
      Buffer.from(mail)
        .toString("utf8")
        .replace(/^(@@ -\d+,\d+) (\+\d+,\d+ @@)/gm, "$1\n$2"),
    ),
  "every line doubled by a blank one": (mail) => {
    const { header, body } = splitMail(mail);
    return concat(latin1(header), text(body).replaceAll("\n", "\n\n"));
  },
  "cut off in the middle of a hunk": (mail) => {
    const { header, body } = splitMail(mail);
    const hunk = text(body).lastIndexOf("\n@@ -");
    return hunk < 0 ? mail : concat(latin1(header), text(body).slice(0, hunk + 60));
  },
  "leading blanks stripped": (mail) => {
    const { header, body } = splitMail(mail);
    return concat(
      latin1(header),
      text(body)
        .replace(/^[ \t]+/gm, "")
        .replace(/^(int|step|slab|net|\{)/gm, "x$1"),
    );
  },
  "HTML only": (mail) => {
    const { header, body } = splitMail(mail);
    const html = text(body).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("\n", "<br>\n");
    return concat(withMime(header, "Content-Type: text/html; charset=utf-8"), `<html><body>${html}</body></html>\n`);
  },
  "quoted as a reply quotes": (mail) => {
    const { header, body } = splitMail(mail);
    return concat(latin1(header), text(body).replace(/^/gm, "> "));
  },
};

export { toCrlf };
