import type { AssembleOptions } from "../../../src/mail/assembled.ts";
import type { Corpus } from "./kit.ts";

export interface CorpusCase {
  readonly name: string;
  readonly mails: (corpus: Corpus) => readonly Uint8Array[];
  /** As describeAssembled writes it, in any order. */
  readonly expect: readonly string[];
  /** Identity (without host) of a complete series to the commit whose files its patches make on the base. Each complete one is to be named. */
  readonly makes?: (corpus: Corpus) => Readonly<Record<string, string>>;
  readonly options?: Partial<AssembleOptions>;
}
