import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanResult } from "../report/fixtures.ts";
import {
  AUTHOR,
  MAINTAINER,
  openScene,
  patchId,
  replyText,
  STRANGER,
  seriesMails,
  signedReply,
} from "./command-scene.ts";

// A patch in a reply is a reply, until somebody who may asks for its review.

const PATCH = `Try this instead:

-- >8 --
diff --git a/exit1.c b/exit1.c
--- a/exit1.c
+++ b/exit1.c
@@ -1 +1 @@
-int a;
+long b;
`;

test("a patch in a reply is reviewed when a maintainer asks for it, and the series goes on as it was", async (t) => {
  const scene = await openScene();
  t.after(() => scene.close());
  for (const mail of seriesMails(scene)) await scene.deliver(mail);
  await scene.run();
  scene.now += 60_000;
  const inline = await scene.deliver(replyText(scene, { from: STRANGER, body: PATCH, id: "inline@elsewhere.example" }));
  await scene.run();
  assert.deepEqual([scene.reviews, scene.sent.length], [1, 1], "nobody asked");
  assert.equal(await scene.room.seriesByIdentity(inline), undefined);

  scene.now += 60_000;
  // Whoever sent the patch has no right to have it built.
  const more = { to: inline, references: [patchId(0), patchId(1), inline] };
  await scene.deliver(await signedReply(scene, { from: STRANGER, ...more }));
  await scene.run();
  assert.equal(scene.reviews, 1);
  assert.equal(await scene.room.seriesByIdentity(inline), undefined);

  scene.sent.length = 0;
  scene.result = cleanResult();
  await scene.deliver(await signedReply(scene, { from: MAINTAINER, id: "ask@kernel.example", ...more }));
  await scene.run();
  assert.equal(scene.reviews, 2);
  const series = await scene.room.seriesByIdentity(inline);
  assert.match(`${series?.state}: ${series?.reason}`, /^ordered: /);
  const answers = scene.sent.filter(({ envelope }) => envelope.to.includes(MAINTAINER));
  assert.equal(answers.length, 1);
  assert.match(answers[0]!.raw, /^In-Reply-To: <ask@kernel\.example>\r$/m);
  const original = await scene.room.seriesByIdentity(patchId(1));
  assert.match(`${original?.state}: ${original?.reason}`, /^ordered: /, "it is no newer version of the series");
  // Asked again it is reviewed again, as any series.
  scene.now += 60_000;
  await scene.deliver(await signedReply(scene, { from: MAINTAINER, id: "again@kernel.example", ...more }));
  await scene.run();
  assert.equal(scene.reviews, 3);
  assert.equal((await scene.store.reviews(`mail:${inline}`)).length, 2);
});

test("the author of a series may have a patch looked at that comes with the command", async (t) => {
  const scene = await openScene();
  t.after(() => scene.close());
  for (const mail of seriesMails(scene)) await scene.deliver(mail);
  await scene.run();
  scene.now += 60_000;
  const body = `Would this do?\n\n#objreview recheck\n\n${PATCH.slice(PATCH.indexOf("-- >8"))}`;
  const id = await scene.deliver(await signedReply(scene, { from: AUTHOR, body, id: "own@example.org" }));
  await scene.run();
  assert.equal(scene.reviews, 2);
  assert.match((await scene.room.seriesByIdentity(id))?.state ?? "", /^ordered$/);
});
