import assert from "node:assert/strict";
import { after, test } from "node:test";
import { defaultAssembleOptions } from "../../../src/mail/assembled.ts";
import { renderGitMail } from "../../../src/patch/git-mail.ts";
import { joinMboxrd, unwrapSeparator } from "../../../src/patch/mbox.ts";
import { parseMessage } from "../../../src/patch/message.ts";
import { assembleAll, describeAssembled, messageIdOf, readAll, receivedAt } from "../../support/mail/clusters.ts";
import { corpusCases } from "../corpus/cases.ts";
import { toCrlf } from "../corpus/forms.ts";
import { CORPUS_START, Corpus } from "../corpus/kit.ts";

const corpus = new Corpus();
after(() => corpus.repo.destroy());
const LATER = CORPUS_START + 30 * 86_400_000;

/** As SMTP and IMAP hand it over; a form that has such line ends already stays. */
const overCrlf = (raw: Uint8Array): Uint8Array => (Buffer.from(raw).includes("\r\n") ? raw : toCrlf(raw));

let count = 0;
for (const one of corpusCases) {
  const mails = one.mails(corpus);
  count += mails.length;
  for (const [ends, list] of Object.entries({ LF: mails, CRLF: mails.map(overCrlf) })) {
    test(`${one.name}, ${ends}`, async () => {
      const facts = await readAll(list);
      const found = assembleAll(receivedAt(facts, LATER), { ...defaultAssembleOptions, ...one.options });
      assert.deepEqual(describeAssembled(found), [...one.expect].sort());
      for (const series of found.series) assert.doesNotMatch(series.reason, /[\u0000-\u001f]/);

      const makes = one.makes?.(corpus) ?? {};
      const complete = found.series.filter((series) => series.state === "complete");
      const named = complete.map((series) => series.identity.split("@")[0] as string);
      assert.deepEqual(named.sort(), Object.keys(makes).sort(), "each complete series has a commit that it makes");
      const byId = new Map(list.map((raw) => [messageIdOf(raw), raw]));
      for (const series of complete) {
        const messages = [];
        for (const patch of series.patches) {
          const raw = byId.get(patch.messageId) as Uint8Array;
          messages.push(await parseMessage({ number: patch.number, offset: 0, bytes: unwrapSeparator(raw) }));
        }
        const commit = makes[series.identity.split("@")[0] as string] as string;
        assert.equal(corpus.applied(joinMboxrd(messages.map(renderGitMail))), corpus.blobs(commit), series.identity);
      }
    });
  }
}

test("the corpus is as big as it is said to be", () => {
  assert.ok(count >= 200, `${count} mails`);
  assert.equal(new Set(corpusCases.map((one) => one.name)).size, corpusCases.length);
});
