// Mail as a kernel list has it, made as it is asked for: series of one to twelve patches with cover letters, a second version of every third, two replies for each
// three patches, one mail in forty in base64 or quoted-printable. The same for the same numbers.

const encoder = new TextEncoder();
const START = Date.UTC(2026, 2, 2, 10);
const AUTHORS = 400;

export interface TrafficMail {
  readonly messageId: string;
  readonly raw: Uint8Array;
}

/** Endless, in the order of their dates. */
export function* traffic(): Generator<TrafficMail> {
  let date = START;
  for (let index = 0; ; index++) {
    for (const mail of seriesMails(index, 1, () => (date += 20_000))) yield mail;
    if (index >= 30 && index % 3 === 0)
      for (const mail of seriesMails(index - 30, 2, () => (date += 20_000))) yield mail;
  }
}

function* seriesMails(index: number, version: number, next: () => number): Generator<TrafficMail> {
  const total = 1 + ((index * 7) % 12);
  const author = (index * 31) % AUTHORS;
  const id = (number: number): string =>
    `20260302-topic-${index}-v${version}-${number}-${hex(index * 64 + number)}@example.org`;
  const mark = (number: number): string =>
    total === 1
      ? `PATCH${version > 1 ? ` v${version}` : ""}`
      : `PATCH${version > 1 ? ` v${version}` : ""} ${number}/${total}`;
  const first = total === 1 ? 1 : 0;
  for (let number = first; number <= total; number++) {
    const subject = `[${mark(number)}] ${number === 0 ? `area${index}: what the series is for` : `area${index}: change ${number}`}`;
    const parents = number === first ? [] : [id(first)];
    yield mail(
      id(number),
      subject,
      author,
      next(),
      parents,
      number === 0 ? coverBody(index) : patchBody(index, number, version),
      number + index,
    );
    if (number % 3 === 0) continue;
    yield mail(
      `r-${id(number)}`,
      `Re: ${subject}`,
      (author + 1 + number) % AUTHORS,
      next(),
      [...parents, id(number)],
      replyBody(index),
      1,
    );
  }
}

function mail(
  id: string,
  subject: string,
  author: number,
  date: number,
  parents: readonly string[],
  body: string,
  form: number,
): TrafficMail {
  const people = Array.from({ length: 12 }, (_, at) => `Some Body <body${(author + at * 17) % 900}@example.com>`).join(
    ",\n\t",
  );
  const encoding = form % 40 === 7 ? "base64" : form % 40 === 19 ? "quoted-printable" : "8bit";
  const coded =
    encoding === "base64"
      ? Buffer.from(body).toString("base64").replace(/.{76}/g, "$&\n")
      : encoding === "quoted-printable"
        ? body.replaceAll("=", "=3D")
        : body;
  const header = [
    "Received: from mail.example.org by list.example.org; Mon, 2 Mar 2026 10:00:00 +0000",
    "Received: from dev.example.org by mail.example.org; Mon, 2 Mar 2026 10:00:00 +0000",
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=k; h=from:subject:date; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;",
    ` b=${"A1b2C3d4".repeat(40)}`,
    `From: Dev Eloper ${author} <dev${author}@example.org>`,
    `To: maintainer${author % 40}@example.org`,
    `Cc: ${people}`,
    "Cc: linux-test@lists.example.org",
    `Subject: ${subject}`,
    `Date: ${new Date(date).toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${id}>`,
    ...(parents.length === 0
      ? []
      : [
          `In-Reply-To: <${parents[parents.length - 1]}>`,
          `References: ${parents.map((each) => `<${each}>`).join("\n ")}`,
        ]),
    "List-Id: <linux-test.lists.example.org>",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=UTF-8",
    `Content-Transfer-Encoding: ${encoding}`,
  ].join("\n");
  return { messageId: id, raw: encoder.encode(`${header}\n\n${coded}`) };
}

const hex = (value: number): string => value.toString(16).padStart(12, "0");
const words = (seed: number, lines: number): string =>
  Array.from(
    { length: lines },
    (_, at) => `Line ${at} says why it is done, which takes some words (${(seed * 37 + at) % 1000}).`,
  ).join("\n");

const coverBody = (index: number): string =>
  `${words(index, 25)}\n\nchange-id: 20260302-topic-${hex(index)}\n-- \n2.40\n`;
const replyBody = (index: number): string => `${words(index, 20).replace(/^/gm, "> ")}\n\n${words(index + 1, 8)}\n`;

function patchBody(index: number, number: number, version: number): string {
  const hunks = Array.from({ length: 1 + ((index + number) % 6) }, (_, at) => {
    const line = 20 + at * 40;
    const context = (from: number): string =>
      Array.from({ length: 3 }, (_, n) => ` \tcall_number_${from + n}(first, second);`).join("\n");
    return [
      `@@ -${line},8 +${line},9 @@ static int function_${at}(struct device *dev)`,
      context(line),
      `-\told_way(dev, ${at});`,
      `-\tand_more(dev);`,
      `+\tnew_way(dev, ${at}, ${version});`,
      `+\tif (!dev)`,
      `+\t\treturn -EINVAL;`,
      context(line + 5),
    ].join("\n");
  });
  const path = `drivers/area${index % 97}/file${number}.c`;
  return [
    words(index + number, 12),
    "",
    `Signed-off-by: Dev Eloper <dev@example.org>`,
    "---",
    ` ${path} | 5 ++---`,
    " 1 file changed, 3 insertions(+), 2 deletions(-)",
    "",
    `diff --git a/${path} b/${path}`,
    `index ${hex(index * 7 + number)}..${hex(index * 11 + number + version)} 100644`,
    `--- a/${path}`,
    `+++ b/${path}`,
    ...hunks,
    "-- ",
    "2.40",
    "",
  ].join("\n");
}
