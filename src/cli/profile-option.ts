import { UsageError } from "../base/errors.ts";
import { type Profile, readProfile, requireProfile } from "../kernel/profile.ts";
import { readRegularText } from "./regular-file.ts";

const MAX_PROFILE_BYTES = 1 << 20;

/** A profile that objreview ships, by name, or one of the caller's own: a JSON file of the same form. */
export function findProfile(name: string): Profile {
  if (!name.endsWith(".json")) return requireProfile(name);
  let value: unknown;
  try {
    value = JSON.parse(readRegularText(name, MAX_PROFILE_BYTES));
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError(`${name}: not JSON`, { cause });
  }
  return readProfile(value, name);
}
