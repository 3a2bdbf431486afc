// The hidden last line of what objreview posts, by which it finds its own comments again. Only comments of its own account are
// ever read for one: anybody can write such a line.

export type TopicState = "open" | "fixed" | "waived" | "repeated";

export interface TopicMarker {
  readonly key: string;
  readonly state: TopicState;
  /** Eight hexadecimal digits each: of what is said, of the object's path and of the function's name. */
  readonly says: string;
  readonly object: string;
  readonly function: string;
}

export function topicMarker(marker: TopicMarker): string {
  const { key, state, says, object, function: name } = marker;
  return `<!-- objreview:topic 1 ${key} ${state} ${says} ${object} ${name} -->`;
}

const TOPIC =
  /<!-- objreview:topic 1 ([0-9a-f]{28}\.\d{1,6}) (open|fixed|waived|repeated) ([0-9a-f]{8}) ([0-9a-f]{8}) ([0-9a-f]{8}) -->$/;

/** The marker of a comment; undefined where its last line is none. */
export function readTopicMarker(body: string): TopicMarker | undefined {
  const match = TOPIC.exec(lastLine(body));
  if (match === null) return undefined;
  return {
    key: match[1]!,
    state: match[2] as TopicState,
    says: match[3]!,
    object: match[4]!,
    function: match[5]!,
  };
}

/** `digest`: eight hexadecimal digits of the text above it, so that an unchanged summary is not written again. */
export function summaryMarker(digest: string): string {
  return `<!-- objreview:summary 1 ${digest} -->`;
}

/** The digest of the summary comment; undefined where the comment is none. */
export function readSummaryMarker(body: string): string | undefined {
  return /<!-- objreview:summary 1 ([0-9a-f]{8}) -->$/.exec(lastLine(body))?.[1];
}

/** GitHub gives line ends back as they were sent, or as CR LF where a browser edited the text. */
function lastLine(body: string): string {
  const text = body.trimEnd();
  return text.slice(text.lastIndexOf("\n") + 1);
}

/** The body without its marker. */
export function withoutMarker(body: string): string {
  return body
    .trimEnd()
    .replace(/<!-- objreview:(topic|summary) 1 [^\n]*-->$/, "")
    .trimEnd();
}
