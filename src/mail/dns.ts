// DNS for the keys of DKIM signatures: the system's servers, and no longer than some seconds each.

import { Resolver as DnsResolver } from "node:dns/promises";
import type { Resolver } from "./authenticate.ts";

export function openResolver(): Resolver {
  const dns = new DnsResolver({ timeout: 4000, tries: 2 });
  return (name, type) => dns.resolve(name, type) as Promise<string[][] | string[]>;
}
