// What a post of kind "mail" holds.

import { z } from "zod";

const bodySchema = z.strictObject({
  /** SMTP's own sender and recipients (RFC 5321 2.3.1). */
  envelope: z.strictObject({ from: z.string(), to: z.array(z.string()).min(1) }),
  /** Without angle brackets. */
  messageId: z.string(),
  /** RFC 5322 text with CRLF line ends, sent as it is. */
  raw: z.string(),
  /** Identity of the series that it is about: not sent once that is superseded. Absent: it is about none. */
  series: z.string().optional(),
});

export type MailBody = z.infer<typeof bodySchema>;

/** JSON text for the outbox. */
export function mailBody(body: MailBody): string {
  return JSON.stringify(body);
}

/** Throws ZodError for what is no such post. */
export function readMailBody(text: string): MailBody {
  return bodySchema.parse(JSON.parse(text));
}
