// [GIT PULL]: what `git request-pull` writes, read as people send it, and whether we may go and fetch it. Nothing here speaks to the network.

export interface PullRequest {
  /** Full id of the commit that the changes are since. */
  readonly base: string;
  /** As written: "git://git.kernel.org/pub/scm/linux/kernel/git/x/y.git". */
  readonly url: string;
  /** "tags/for-linus", a branch; undefined: the repository's HEAD. */
  readonly ref: string | undefined;
  /** Full id of the commit that is to be fetched up to. */
  readonly tip: string;
  /** What the signed tag says, "" where there is none. */
  readonly tagText: string;
}

export type PullRequestText =
  | { readonly kind: "pull-request"; readonly request: PullRequest }
  /** It is one, and something of it is missing. */
  | { readonly kind: "damaged"; readonly reason: string }
  | { readonly kind: "none" };

const MAX_TEXT = 512 * 1024;
const OBJECT = "([0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])";
// Mailers break lines at any blank, and take the indentation away.
const since = new RegExp(`^[ \\t]*The\\s+following\\s+changes\\s+since\\s+commit\\s+(?:${OBJECT}|(\\S{1,80}))`, "im");
const at =
  /^[ \t]*are\s+available\s+in\s+the\s+git\s+repository\s+at:?\s+<?([^\s<>]{1,1000})>?(?:[ \t]+|[ \t]*\n[ \t]*(?=\S))?(\S{0,300})/im;
const upTo = new RegExp(`^[ \\t]*for\\s+you\\s+to\\s+fetch\\s+changes\\s+up\\s+to\\s+(?:${OBJECT}|(\\S{1,80}))`, "im");
const RULE = /^-{20,}[ \t]*$/m;

/** Reads the text of a mail. What is quoted ("> ") is somebody else's request. Never throws. */
export function readPullRequest(text: string): PullRequestText {
  const plain = text
    .slice(0, MAX_TEXT)
    .replaceAll("\r\n", "\n")
    .replaceAll("\u00a0", " ")
    .replaceAll(/[\u200b\ufeff]/g, "")
    .split("\n")
    .filter((line) => !/^[ \t]*[>|]/.test(line))
    .join("\n");
  const place = at.exec(plain);
  const first = since.exec(plain);
  const last = upTo.exec(plain);
  if (place === null && (first === null || last === null)) return { kind: "none" };
  const missing = (what: string): PullRequestText => ({ kind: "damaged", reason: `the pull request names no ${what}` });
  if (place === null) return missing("repository");
  if (first?.[1] === undefined)
    return missing(first === null ? "commit that it starts at" : "full commit id to start at");
  if (last?.[1] === undefined)
    return missing(last === null ? "commit to fetch up to" : "full commit id to fetch up to");
  if (at.test(plain.slice(place.index + place[0].length)))
    return { kind: "damaged", reason: "the mail has more than one pull request" };
  // "for you to fetch" on the line behind: there is no ref.
  const word = place[2] ?? "";
  const behind = plain.slice(place.index + place[0].length - word.length);
  const ref = word === "" || /^for\s+you\s+to\s+fetch/i.test(behind) ? undefined : word;
  // Between the first two of them; a branch has one alone.
  const parts = plain.slice(last.index).split(RULE);
  return {
    kind: "pull-request",
    request: {
      base: first[1].toLowerCase(),
      url: place[1] as string,
      ref,
      tip: last[1].toLowerCase(),
      tagText: parts.length > 2 ? (parts[1] as string).trim() : "",
    },
  };
}

/** The refs that a name may stand for, in git's order (gitrevisions(7)); undefined where it is no name of a ref. */
export function refCandidates(ref: string | undefined): string[] | undefined {
  if (ref === undefined || ref === "HEAD") return ["HEAD"];
  const isName = /^[^\x00-\x20\x7f~^:?*[\\-][^\x00-\x20\x7f~^:?*[\\]{0,300}$/.test(ref);
  if (!isName || /\.\.|@\{|\/\/|\/$|\.lock$/.test(ref)) return undefined;
  return [...(ref.startsWith("refs/") ? [ref] : []), `refs/${ref}`, `refs/tags/${ref}`, `refs/heads/${ref}`];
}

export type PullAddress =
  | { readonly kind: "allowed"; readonly url: string }
  | { readonly kind: "refused"; readonly reason: string };

/**
 * The address that is fetched from, when one of `prefixes` (TreeConfig "pull-from") allows it. Servers that offer git:// have the same path over https, which
 * is taken; http only where the prefix is of that.
 */
export function allowedAddress(written: string, prefixes: readonly string[]): PullAddress {
  const refused = (reason: string): PullAddress => ({ kind: "refused", reason });
  const shown = JSON.stringify(written.slice(0, 200)).slice(1, -1);
  const url = readUrl(written.replace(/^git:\/\//i, "https://"));
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return refused(`${shown} is not an address of https or git`);
  if (url.username !== "" || url.password !== "") return refused("the address has a login in it");
  if (url.search !== "" || url.hash !== "") return refused(`${shown} is not the address of a repository`);
  // What a server may decode again.
  if (/%2e|%2f|%5c|%25|%00/i.test(url.pathname)) return refused(`${shown} is not a plain address`);
  if (/^git:/i.test(written) && url.port !== "") return refused(`${shown} has a port of git's own protocol`);
  const isAllowed = prefixes.some((prefix) => {
    const allowed = readUrl(prefix);
    if (allowed === undefined || allowed.protocol !== url.protocol || allowed.host !== url.host) return false;
    const path = allowed.pathname;
    if (!url.pathname.startsWith(path)) return false;
    const rest = url.pathname.slice(path.length);
    return path.endsWith("/") || rest === "" || rest === ".git" || rest.startsWith("/");
  });
  if (!isAllowed) return refused(`${shown} is not one of the addresses that are fetched from`);
  return { kind: "allowed", url: url.href };
}

function readUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
