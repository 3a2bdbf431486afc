// A morning on a mailing list: series, versions, replies, robots, what never becomes whole.

import { mailText, patchBody } from "./running.ts";

interface SeriesText {
  readonly key: string;
  readonly version?: number;
  readonly lines: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly minute: number;
  readonly hasCover?: boolean;
  readonly replyTo?: string;
  /** Numbers that never come. */
  readonly missing?: readonly number[];
  readonly changeId?: string;
  readonly title?: string;
}

export function seriesMails(text: SeriesText): string[] {
  const { key, version = 1, lines, minute, hasCover = true, missing = [], changeId } = text;
  const id = (n: number) => `${key}-v${version}-${n}@example.org`;
  const v = version === 1 ? "" : ` v${version}`;
  const common = { ...(text.from && { from: text.from }), ...(text.to && { to: text.to }) };
  const title = text.title ?? `${key}: make it better`;
  const trailer = changeId === undefined ? "" : `\nchange-id: ${changeId}\n`;
  const cover = mailText({
    ...common,
    id: id(0),
    subject: `[PATCH${v} 0/${lines.length}] ${title}`,
    minute,
    ...(text.replyTo === undefined ? {} : { replyTo: text.replyTo }),
    body: `About it.\n${trailer}`,
  });
  const patches = lines.map((line, i) => {
    const number = lines.length === 1 && !hasCover ? "" : ` ${i + 1}/${lines.length}`;
    return mailText({
      ...common,
      id: id(i + 1),
      subject: `[PATCH${v}${number}] ${key}: part ${i + 1} of it`,
      minute: minute + i / 60,
      ...(hasCover ? { replyTo: id(0) } : text.replyTo === undefined ? {} : { replyTo: text.replyTo }),
      body: patchBody(line, `lib/${key}${i + 1}.c`, hasCover ? "" : trailer),
    });
  });
  const sent = patches.filter((_, i) => !missing.includes(i + 1));
  return hasCover ? [cover, ...sent] : sent;
}

const bob = "Bob <bob@example.org>";
const carol = "Carol <carol@example.org>";

export const TRAFFIC: readonly string[] = [
  // Two versions, each with a defect; the second answers the first.
  ...seriesMails({ key: "alpha", lines: ["int x;", "DEFECT alpha_one", "int y;"], minute: 0 }),
  ...seriesMails({
    key: "alpha",
    version: 2,
    lines: ["int x;", "int fixed;", "DEFECT alpha_two"],
    minute: 30,
    replyTo: "alpha-v1-0@example.org",
  }),
  // One patch, nothing to say of it.
  ...seriesMails({ key: "beta", lines: ["int z;"], minute: 1, hasCover: false, from: bob }),
  // Never whole.
  ...seriesMails({ key: "gamma", lines: ["DEFECT gamma_one", "int a;", "int b;"], minute: 2, missing: [3], from: bob }),
  // Three versions that only the change-id joins.
  ...[1, 2, 3].flatMap((version) =>
    seriesMails({
      key: "delta",
      version,
      lines: [`DEFECT delta_${version}`, "int q;"],
      minute: 10 * version,
      changeId: "20261101-delta-0123456789ab",
      from: carol,
    }),
  ),
  // To another list.
  ...seriesMails({ key: "other", lines: ["DEFECT other"], minute: 3, to: "other@example.org", hasCover: false }),
  // Written by a robot, which is never answered.
  ...seriesMails({
    key: "robot",
    lines: ["DEFECT robot"],
    minute: 4,
    from: "tip-bot2 <tip-bot2@example.org>",
    hasCover: false,
  }),
  // The same patch once more under another name, a minute later.
  mailText({
    id: "eps-a@example.org",
    subject: "[PATCH] eps: one",
    minute: 5,
    from: carol,
    body: patchBody("DEFECT eps", "lib/eps.c"),
  }),
  mailText({
    id: "eps-b@example.org",
    subject: "[PATCH] eps: one",
    minute: 6,
    from: carol,
    body: patchBody("DEFECT eps", "lib/eps.c"),
  }),
  // What people and programs answer.
  mailText({
    id: "reply-1@example.org",
    subject: "Re: [PATCH 2/3] alpha: part 2 of it",
    from: bob,
    minute: 12,
    replyTo: "alpha-v1-2@example.org",
    body: "> +DEFECT alpha_one\n\nAre you sure?\n",
  }),
  mailText({
    id: "reply-2@example.org",
    subject: "Re: [PATCH v2 0/3] alpha: make it better",
    from: carol,
    minute: 40,
    replyTo: "alpha-v2-0@example.org",
    body: "Reviewed-by: Carol <carol@example.org>\n",
  }),
  mailText({
    id: "vacation@example.org",
    subject: "Automatic reply: [PATCH v2 0/3] alpha: make it better",
    from: bob,
    minute: 41,
    replyTo: "alpha-v2-0@example.org",
    headers: ["Auto-Submitted: auto-replied"],
    body: "I am away.\n",
  }),
  mailText({ id: "noise@example.org", subject: "lunch?", from: bob, minute: 42, body: "At noon.\n" }),
];
