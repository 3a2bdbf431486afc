// The file's text to the configuration, and words for a person where it is wrong: which line, what stands there, what may stand.

import { type ConfigError, readYamlConfig } from "../config/yaml-text.ts";
import { CONFIG_PATH, type RepositoryConfig, repositoryConfigSchema } from "./config.ts";
import { code, prose } from "./markdown.ts";

export type RepositoryRead =
  | { readonly ok: true; readonly config: RepositoryConfig }
  | { readonly ok: false; readonly errors: readonly ConfigError[] };

/** Reads the file. Never throws; an empty file is the defaults. */
export function readConfig(text: string): RepositoryRead {
  const read = readYamlConfig(text, repositoryConfigSchema);
  return read.ok ? { ok: true, config: read.config } : read;
}

/** What the pull request is told: Markdown for a comment or the check's summary. */
export function describeConfigErrors(errors: readonly ConfigError[], docsUrl?: string): string {
  const lines = errors.slice(0, 10).map(({ line, key, message }) => {
    const where = [line === 0 ? undefined : `line ${line}`, key === "" ? undefined : code(key, 100)];
    const place = where.filter((part) => part !== undefined).join(", ");
    return `- ${place === "" ? "" : `${place}: `}${prose(message, 300)}`;
  });
  const more = errors.length - lines.length;
  return [
    `**objreview cannot use ${code(CONFIG_PATH)} of the base branch, so nothing was reviewed.**`,
    "",
    ...lines,
    ...(more > 0 ? [`- and ${more} more`] : []),
    "",
    `A change of the file counts once it is in the base branch.${docsUrl === undefined ? "" : ` [What may stand in it](${docsUrl}).`}`,
  ].join("\n");
}
