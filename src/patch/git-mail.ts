import type { PatchMessage } from "./message.ts";

const encoder = new TextEncoder();

/**
 * The mail that git is given in place of the original: plain UTF-8 headers, the commit message, and the very bytes that our diff was read
 * from. git's own MIME decoding then has nothing to decide, so it cannot see another diff than the one that was checked; attachments, damaged
 * encodings, unknown charsets and bare diffs apply like any other mail. For `git am --keep-cr --patch-format=mboxrd`, see joinMboxrd.
 */
export function renderGitMail(message: PatchMessage): Uint8Array {
  const author = message.author ?? { name: "unknown author", address: "unknown@invalid" };
  // git takes the name apart at these; quotes hold the rest together.
  const name = author.name.replace(/["\\<>]/g, "");
  const from = `From: "${name || author.address}" <${author.address || "unknown@invalid"}>`;
  const date = (message.date ?? new Date(0)).toUTCString().replace("GMT", "+0000");
  const head = [
    from,
    `Date: ${date}`,
    `Subject: [PATCH] ${message.title || "no title"}`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=UTF-8",
    "Content-Transfer-Encoding: 8bit",
    "",
    // Said again in the body, where git stops looking for more of the kind at the empty line.
    from,
    "",
    message.commitMessage,
    "---",
    "",
  ].join("\n");
  const headBytes = encoder.encode(head);
  const out = new Uint8Array(headBytes.length + message.patchBytes.length);
  out.set(headBytes);
  out.set(message.patchBytes, headBytes.length);
  return out;
}
