// .github/objreview.yml of the base branch. Every key has a default: a repository without the file is reviewed too.
// docs/github-config.md describes the keys; a test holds the two together.

import { z } from "zod";

export const CONFIG_PATH = ".github/objreview.yml";

const floor = z.enum(["error", "warning", "note", "never"]);

/** A path pattern: "*" within a folder's names, "**" over folders, a final "/" for all of a folder. */
const pattern = z
  .string()
  .min(1)
  .max(200)
  .regex(/^(?!\/)[\w.*/+@-]+$/, "a path from the top of the tree, with * and **");
const profileName = z
  .string()
  .max(80)
  .regex(/^[A-Za-z0-9][\w.+-]*$/, "the name of a profile: letters, digits, . _ + -");
const refName = z
  .string()
  .max(200)
  .regex(/^(?!.*\.\.)[A-Za-z0-9][\w./-]*$/, "the name of a branch or tag, or a commit");

export const repositoryConfigSchema = z.strictObject({
  /** Reviews happen at all. */
  enabled: z.boolean().default(true),
  profiles: z.array(profileName).max(8).default([]),
  paths: z
    .strictObject({
      include: z.array(pattern).max(100).default([]),
      exclude: z.array(pattern).max(100).default([]),
    })
    .prefault({}),
  /** What the index of the rest of the kernel is built from; undefined: the pull request's base. */
  "base-tree": refName.optional(),
  drafts: z.boolean().default(false),
  comment: z
    .strictObject({
      severity: floor.default("warning"),
      suggestions: z.boolean().default(true),
      summary: z.boolean().default(true),
    })
    .prefault({}),
  check: z
    .strictObject({
      "fail-on": floor.default("never"),
      "fail-on-broken-build": z.boolean().default(false),
    })
    .prefault({}),
  /** Whose builds start by themselves. */
  builds: z.enum(["everyone", "contributors", "writers"]).default("contributors"),
  limits: z
    .strictObject({
      comments: z.int().min(0).max(50).default(10),
      annotations: z.int().min(0).max(500).default(100),
      dependents: z.int().min(0).max(2000).default(200),
      minutes: z.int().min(1).max(180).default(30),
    })
    .prefault({}),
});

export type RepositoryConfig = z.infer<typeof repositoryConfigSchema>;

export const DEFAULT_CONFIG: RepositoryConfig = repositoryConfigSchema.parse({});
