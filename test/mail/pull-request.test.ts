import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { allowedAddress, type PullRequest, readPullRequest, refCandidates } from "../../src/mail/pull-request.ts";
import { makeRepository, numbered, OWNER_ENV, scratchFolder } from "../kernel-tools/make-repository.ts";

const base = "a".repeat(40);
const tip = "0123456789abcdef0123456789abcdef01234567";

function mail(place: string, more = ""): string {
  return `Hi Linus,

please pull these fixes.

The following changes since commit ${base}:

  Linux 6.19-rc3 (2026-11-08 14:00:00 -0800)

are available in the Git repository at:

  ${place}

for you to fetch changes up to ${tip}:

  thing: do not forget the frame (2026-11-20 10:00:00 +0100)

----------------------------------------------------------------
thing fixes for 6.19-rc4

${more}
----------------------------------------------------------------
Ada Author (1):
      thing: do not forget the frame

 thing.c | 2 +-
 1 file changed, 1 insertion(+), 1 deletion(-)
`;
}

function read(text: string): PullRequest {
  const found = readPullRequest(text);
  assert.equal(found.kind, "pull-request", JSON.stringify(found));
  if (found.kind !== "pull-request") throw new Error("unreachable");
  return found.request;
}

const url = "git://git.kernel.org/pub/scm/linux/kernel/git/ada/linux.git";

test("as git request-pull writes it, with a signed tag's text", () => {
  const request = read(mail(`${url} tags/thing-6.19`, "Two of them are for stable."));
  assert.deepEqual(request, {
    base,
    url,
    ref: "tags/thing-6.19",
    tip,
    tagText: "thing fixes for 6.19-rc4\n\nTwo of them are for stable.",
  });
});

test("what git itself writes, of a branch, a signed-off tag and of HEAD", async (t) => {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "linux"));
  const first = await repository.commit("first", { "a.c": numbered(5) });
  const second = await repository.commit("second", { "a.c": numbered(5, { 2: "x" }) });
  await repository.git("tag", "-a", "-m", "the tag says\n\nwhat it is for", "for-linus");
  const write = (...args: string[]) =>
    execFileSync("git", ["request-pull", first, repository.dir, ...args], {
      cwd: repository.dir,
      env: { ...OWNER_ENV, HOME: dir },
      encoding: "utf8",
    });
  assert.deepEqual(read(write("main")), { base: first, url: repository.dir, ref: "main", tip: second, tagText: "" });
  const tagged = read(write("for-linus"));
  assert.deepEqual([tagged.ref, tagged.tip], ["tags/for-linus", second]);
  assert.match(tagged.tagText, /^the tag says\n\nwhat it is for$/);
  assert.equal(read(write()).tip, second);
});

test("damaged on its way", () => {
  const whole = read(mail(`${url} tags/thing-6.19`));
  const place = { ...whole };
  for (const [what, text] of Object.entries({
    CRLF: mail(`${url} tags/thing-6.19`).replaceAll("\n", "\r\n"),
    "wrapped behind the address": mail(`${url}\ntags/thing-6.19`),
    "no indentation": mail(`${url} tags/thing-6.19`).replaceAll(/^ {2}/gm, ""),
    "no-break spaces": mail(`${url} tags/thing-6.19`).replaceAll("  ", "\u00a0 "),
    "wrapped sentences": mail(`${url} tags/thing-6.19`)
      .replace("in the Git repository at:", "in the Git\nrepository at:")
      .replace("changes up to ", "changes up\nto ")
      .replace("since commit ", "since\ncommit "),
    "angle brackets": mail(`<${url}> tags/thing-6.19`),
    "small git": mail(`${url} tags/thing-6.19`).replace("Git repository", "git repository"),
  })) {
    assert.deepEqual(read(text), place, what);
  }
  assert.equal(read(mail(url)).ref, undefined, "no ref: HEAD");
  assert.equal(read(mail(url).replace(/\n\nfor you/, "\nfor you")).ref, undefined, "no ref, lines run together");
});

test("what is not whole says what is missing; a quoted one is none", () => {
  const text = mail(`${url} tags/x`);
  const reason = (of: string): string => {
    const found = readPullRequest(of);
    return found.kind === "damaged" ? found.reason : found.kind;
  };
  assert.equal(reason(text.replace(/^for you.*$/m, "")), "the pull request names no commit to fetch up to");
  assert.equal(reason(text.replace(tip, tip.slice(0, 12))), "the pull request names no full commit id to fetch up to");
  assert.equal(reason(text.replace(base, "v6.19-rc3")), "the pull request names no full commit id to start at");
  assert.equal(reason(text.replace(/^are available.*$/m, "")), "the pull request names no repository");
  assert.equal(reason(`${text}\n${text}`), "the mail has more than one pull request");
  assert.equal(reason(text.replaceAll(/^/gm, "> ")), "none");
  assert.equal(reason("Pulled, thanks."), "none");
});

test("hostile text is read in bounded time", () => {
  const began = performance.now();
  for (const text of [
    "The following changes since commit ".repeat(50_000),
    `are available in the git repository at: ${"x ".repeat(300_000)}`,
    `are available in the git repository at:${"\n".repeat(400_000)}`,
    `${" ".repeat(500_000)}are available`,
    "are available in the git repository at: a b\n".repeat(10_000),
  ])
    readPullRequest(text);
  const millis = performance.now() - began;
  assert.ok(millis < 3000, `${millis} ms`);
});

test("only the addresses that the tree allows", () => {
  const prefixes = ["https://git.kernel.org/pub/scm/linux/kernel/git/", "https://github.com/acme/linux"];
  const kind = (address: string): string => allowedAddress(address, prefixes).kind;
  for (const address of [
    "https://git.kernel.org/pub/scm/linux/kernel/git/ada/linux.git",
    "git://git.kernel.org/pub/scm/linux/kernel/git/ada/linux.git",
    "https://GIT.kernel.org/pub/scm/linux/kernel/git/ada/linux.git",
    "https://github.com/acme/linux",
    "https://github.com/acme/linux.git",
    "https://github.com/acme/linux/",
  ])
    assert.equal(kind(address), "allowed", address);
  for (const address of [
    "https://git.kernel.org/pub/scm/git/git.git",
    "https://git.kernel.org/pub/scm/linux/kernel/git/../../../../../etc",
    "https://git.kernel.org/pub/scm/linux/kernel/git/%2e%2e/%2e%2e/x",
    "https://git.kernel.org/pub/scm/linux/kernel/git/a%2f..%2f..%2fx",
    "https://git.kernel.org.evil.example/pub/scm/linux/kernel/git/x",
    "https://git.kernel.org@evil.example/pub/scm/linux/kernel/git/x",
    "https://u:p@git.kernel.org/pub/scm/linux/kernel/git/x",
    "https://git.kernel.org:8443/pub/scm/linux/kernel/git/x",
    "git://git.kernel.org:9418/pub/scm/linux/kernel/git/x",
    "http://git.kernel.org/pub/scm/linux/kernel/git/x",
    "ssh://git.kernel.org/pub/scm/linux/kernel/git/x",
    "git@git.kernel.org:pub/scm/linux/kernel/git/x",
    "file:///pub/scm/linux/kernel/git/x",
    "ext::sh -c id",
    "https://github.com/acme/linux-evil",
    "https://github.com/acme/linux?x=https://git.kernel.org/",
    "/etc",
    "--upload-pack=id",
    "",
  ])
    assert.equal(kind(address), "refused", address);
  assert.equal(allowedAddress("http://127.0.0.1:8080/x.git", ["http://127.0.0.1:8080/"]).kind, "allowed");
  assert.deepEqual(allowedAddress(url, prefixes), {
    kind: "allowed",
    url: "https://git.kernel.org/pub/scm/linux/kernel/git/ada/linux.git",
  });
});

test("names of refs", () => {
  assert.deepEqual(refCandidates(undefined), ["HEAD"]);
  assert.deepEqual(refCandidates("tags/x"), ["refs/tags/x", "refs/tags/tags/x", "refs/heads/tags/x"]);
  assert.deepEqual(refCandidates("refs/heads/x")?.[0], "refs/heads/x");
  for (const name of ["-x", "a..b", "a b", "a:b", "+x:y", "x^{}", "@{-1}", "*"])
    assert.equal(refCandidates(name), undefined, name);
});
