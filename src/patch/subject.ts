// What the bracket of a patch mail's subject says: "[PATCH RFC net-next v3 02/11] area: title".

export interface PatchSubject {
  /** The bracket says PATCH, or a version or n/m together with RFC, RFT or RESEND; never true for a pull request. */
  readonly isPatch: boolean;
  /** "[GIT PULL]" and its spellings. */
  readonly isPull: boolean;
  /** "Re:", "Fwd:" and the like stand before the bracket. */
  readonly isReply: boolean;
  /** 1 where the subject names none. */
  readonly version: number;
  /** n of n/m; undefined for a patch without a number. 0 is a cover letter. */
  readonly number: number | undefined;
  /** m of n/m. */
  readonly total: number | undefined;
  /** The bracket's other words as written, in order, without PATCH: "RFC", "net-next". */
  readonly prefixes: readonly string[];
  /** Those of them that stand in a bracket before the one with PATCH, as mailing lists put their names there. */
  readonly tags: readonly string[];
  readonly title: string;
}

/** Also of mail programs that speak other languages. */
const replyPattern =
  /^(re|aw|wg|sv|vs|fwd?|forwarded|antw|odp|\u56de\u590d|\u7b54\u590d|\u8f6c\u53d1)(\[\d{1,3}\])?\s*[:\uff1a]\s*/i;
const bracketPattern = /^\s*\[([^[\]]{0,200})\]\s*/;
/** A series is numbered in hundreds at most; more digits are no count. */
const countPattern = /^(\d{1,4})\/(\d{1,4})$/;
/** "v2.1" is written for a patch that replaces one of v2. */
const versionPattern = /^-?v(\d{1,4})(?:\.\d{1,3})?$/i;
/** "PATCH v2 1/3: title", with nothing around it. */
const bareMarkPattern = /^((?:RFC |RESEND )?PATCH(?: v\d{1,4})?(?: \d{1,4}\/\d{1,4})?) ?: ?/;
/** "[PATCH] v2: title" */
const versionInTitlePattern = /^v(\d{1,3}): +/i;
/** "PATCHv2" and "PATCHES" are written too. */
const patchWordPattern = /^(?:.*[-_])?patch(?:e?s)?(?:v(\d{1,4}))?$/i;
/** Subjects are a line; what is longer is not looked at for brackets. */
const MAX_SUBJECT = 2000;

/** Reads a decoded, unfolded subject. Never throws. */
export function readSubject(subject: string): PatchSubject {
  let rest = subject.slice(0, MAX_SUBJECT).trim();
  let isReply = false;
  for (let match = replyPattern.exec(rest); match; match = replyPattern.exec(rest)) {
    isReply = true;
    rest = rest.slice(match[0].length);
  }
  let version: number | undefined;
  let number: number | undefined;
  let total: number | undefined;
  let saysPatch = false;
  const prefixes: string[] = [];
  rest = rest.replace(bareMarkPattern, "[$1] ");
  const tags: string[] = [];
  // Mailing lists put their own bracket before, so there may be several; a bracket after the title begins is title.
  let pendingTitle = rest;
  for (let match = bracketPattern.exec(rest); match; match = bracketPattern.exec(rest)) {
    rest = rest.slice(match[0].length);
    // "0 of 2" is Mercurial's way.
    const words = (match[1] as string)
      .replace(/(^|\s)(\d{1,4}) of (\d{1,4})(?=\s|$)/, "$1$2/$3")
      .split(/[\s,]+/)
      .filter((word) => word !== "");
    const bracketSaysPatch = words.some((word) => patchWordPattern.test(word));
    if (
      saysPatch &&
      !bracketSaysPatch &&
      !words.every((word) => countPattern.test(word) || versionPattern.test(word))
    ) {
      break;
    }
    pendingTitle = rest;
    if (bracketSaysPatch && !saysPatch) tags.push(...prefixes);
    for (const word of words) {
      const count = countPattern.exec(word);
      const versioned = versionPattern.exec(word);
      const patch = patchWordPattern.exec(word);
      if (count) {
        number = Number(count[1]);
        total = Number(count[2]);
      } else if (versioned) {
        version = Number(versioned[1]);
      } else if (patch) {
        saysPatch = true;
        if (patch[1] !== undefined) version = Number(patch[1]);
        if (word.toLowerCase() !== "patch" && !/^patch(es|s)?(v\d+)?$/i.test(word)) prefixes.push(word);
      } else {
        prefixes.push(word);
      }
    }
  }
  let title = pendingTitle.replace(/^\s*:\s*/, "").trim();
  const late = version === undefined && saysPatch ? versionInTitlePattern.exec(title) : null;
  if (late !== null) {
    version = Number(late[1]);
    title = title.slice(late[0].length);
  }
  const words = prefixes.map((word) => word.toUpperCase());
  const isPull = words.some((word, index) => word === "PULL" || (word === "GIT" && words[index + 1] === "PULL"));
  const isTrial = words.some((word) => word === "RFC" || word === "RFT" || word === "RESEND");
  const isNumbered = number !== undefined || version !== undefined;
  return {
    isPatch: !isPull && (saysPatch || (isTrial && isNumbered)),
    isPull,
    isReply,
    version: version === undefined || version < 1 ? 1 : version,
    number,
    total,
    prefixes,
    tags,
    title,
  };
}
