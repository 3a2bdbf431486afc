import { z } from "zod";
import { UsageError } from "../base/errors.ts";
import x86AllmodconfigGcc from "./profiles/x86_64-allmodconfig-gcc.json" with { type: "json" };
import x86Clang22Sframe from "./profiles/x86_64-defconfig-clang22-sframe.json" with { type: "json" };
import x86Clang22SframeSize from "./profiles/x86_64-defconfig-clang22-sframe-os.json" with { type: "json" };
import x86Clang22Tables from "./profiles/x86_64-defconfig-clang22-tables.json" with { type: "json" };
import x86DefconfigGcc from "./profiles/x86_64-defconfig-gcc.json" with { type: "json" };
import x86GccSframe from "./profiles/x86_64-defconfig-gcc-sframe.json" with { type: "json" };
import x86GccSframeSize from "./profiles/x86_64-defconfig-gcc-sframe-os.json" with { type: "json" };

// A profile says how a kernel is configured and compiled: architecture x configuration x compiler x extra flags. It is data;
// nothing else in objreview knows what "defconfig" is.

const mebibytes = z.int().min(1);
const seconds = z.int().min(1);
const flag = z.string().regex(/^-[-A-Za-z0-9_,=.+]+$/, "one compiler flag without blanks");

export const profileSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9_][a-z0-9_-]*$/),
  /** What people read in doctor and in the report. */
  summary: z.string(),
  /** `id` of the Arch in src/isa. */
  arch: z.string(),
  /** ARCH= of the kernel's make. */
  kernelArch: z.string().regex(/^[a-z0-9_]+$/),
  /** SRCARCH: the folder below arch/. */
  sourceArch: z.string().regex(/^[a-z0-9_]+$/),
  config: z.strictObject({
    /** The make target that writes `.config`: "x86_64_defconfig", "allmodconfig". */
    target: z.string().regex(/^[A-Za-z0-9_.-]+config$/),
    /** Lines laid over it, in the form of `.config`. */
    fragment: z.array(z.string().regex(/^(CONFIG_[A-Za-z0-9_]+=\S.*|# CONFIG_[A-Za-z0-9_]+ is not set)$/)),
  }),
  compiler: z.strictObject({
    family: z.enum(["gcc", "clang"]),
    /** CC= */
    command: z.string().regex(/^[A-Za-z0-9_.+-]+$/),
    /** CROSS_COMPILE=, "" for the machine's own. */
    crossPrefix: z.string().regex(/^[A-Za-z0-9_.+-]*$/),
    /** LLVM=, where the whole LLVM tool set is meant: "" (gcc and binutils), "1" or "-19". */
    llvm: z.string().regex(/^(1|-[0-9]+)?$/),
  }),
  /** KCFLAGS=: line tables with inline stacks at the lowest price, and whatever else the profile tries. */
  cFlags: z.array(flag),
  /** KAFLAGS= */
  asmFlags: z.array(flag),
  /** Further variables of make, each NAME=VALUE. */
  makeVariables: z.array(z.string().regex(/^[A-Z][A-Z0-9_]*=[-A-Za-z0-9_,=.+ ]*$/)).default([]),
  /** Whether what its flags make compiler and assembler say is held against the code. */
  witnesses: z.boolean().default(false),
  /** Configured and prepared alone; never used for a full base build. For files that the default profile does not build. */
  preparedOnly: z.boolean(),
  limits: z.strictObject({
    prepareSeconds: seconds,
    buildSeconds: seconds,
    memoryMebibytes: mebibytes,
    processes: z.int().min(16),
    /** Largest single file that a build may write. */
    fileMebibytes: mebibytes,
    /** All that a build may write to its folder. */
    folderMebibytes: mebibytes,
    /** Largest object that is read back. */
    objectMebibytes: mebibytes,
    logMebibytes: mebibytes,
  }),
});

export type Profile = Readonly<z.infer<typeof profileSchema>>;

export const DEFAULT_PROFILE = "x86_64-defconfig-gcc";

const shipped: readonly unknown[] = [
  x86DefconfigGcc,
  x86AllmodconfigGcc,
  // With witnesses of frames and jump tables: docs/witnesses.md says what each flag brings.
  x86GccSframe,
  x86GccSframeSize,
  x86Clang22Sframe,
  x86Clang22SframeSize,
  x86Clang22Tables,
];

/** The profiles that objreview ships, by name. */
export function loadProfiles(): ReadonlyMap<string, Profile> {
  const profiles = new Map<string, Profile>();
  for (const value of shipped) {
    const profile = readProfile(value, "shipped profile");
    profiles.set(profile.name, profile);
  }
  return profiles;
}

/** One profile from parsed JSON. Throws UsageError naming `from` and the first bad field. */
export function readProfile(value: unknown, from: string): Profile {
  const result = profileSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new UsageError(`${from}: ${issue.path.join(".") || "profile"}: ${issue.message}`);
}

/** Throws UsageError with the known names where `name` is none of them. */
export function requireProfile(name: string): Profile {
  const profiles = loadProfiles();
  const profile = profiles.get(name);
  if (profile === undefined) {
    throw new UsageError(`no profile "${name}"; known: ${[...profiles.keys()].join(", ")}`);
  }
  return profile;
}
