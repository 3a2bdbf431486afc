// Mails as mail servers sign them: real keys, real signatures, and a DNS that has the keys.

import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { dkimSign } from "mailauth/lib/dkim/sign.js";

export interface DkimKey {
  readonly domain: string;
  readonly selector: string;
  readonly privateKey: string;
  /** The record of <selector>._domainkey.<domain>. */
  readonly record: string;
}

export function dkimKey(
  domain: string,
  options: { selector?: string; type?: "rsa" | "ed25519"; bits?: number; flags?: string } = {},
): DkimKey {
  const { selector = "s1", type = "rsa", bits = 2048, flags } = options;
  const pair: { privateKey: KeyObject; publicKey: KeyObject } =
    type === "rsa" ? generateKeyPairSync("rsa", { modulusLength: bits }) : generateKeyPairSync("ed25519");
  const der = pair.publicKey.export({ format: "der", type: "spki" });
  // RFC 8463 4: of an Ed25519 key the 32 bytes alone.
  const p = (type === "rsa" ? der : der.subarray(-32)).toString("base64");
  return {
    domain,
    selector,
    privateKey: pair.privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    record: `v=DKIM1; k=${type};${flags === undefined ? "" : ` t=${flags};`} p=${p}`,
  };
}

/** Answers for the keys; ENOTFOUND for everything else. */
export function keyResolver(...keys: readonly DkimKey[]) {
  return async (name: string, type: string): Promise<string[][]> => {
    const key = keys.find(({ domain, selector }) => name.toLowerCase() === `${selector}._domainkey.${domain}`);
    if (type === "TXT" && key !== undefined) return [[key.record]];
    throw Object.assign(new Error(`no record ${name}`), { code: "ENOTFOUND" });
  };
}

export interface SignOptions {
  /** Names of the fields that are signed; default: what most servers sign. */
  readonly fields?: readonly string[];
  readonly signTime?: Date;
  readonly expires?: Date;
  readonly maxBodyLength?: number;
  readonly canonicalization?: string;
}

const USUAL_FIELDS = [
  "From",
  "To",
  "Cc",
  "Subject",
  "Date",
  "Message-ID",
  "In-Reply-To",
  "References",
  "MIME-Version",
  "Content-Type",
];

/** The mail with the signature above it. */
export async function dkimSigned(mail: string, key: DkimKey, options: SignOptions = {}): Promise<Buffer> {
  const { fields = USUAL_FIELDS, signTime, expires, maxBodyLength, canonicalization = "relaxed/relaxed" } = options;
  const signed = await dkimSign(Buffer.from(mail), {
    canonicalization,
    headerList: [...fields],
    ...(signTime === undefined ? {} : { signTime }),
    ...(expires === undefined ? {} : { expires }),
    signingDomain: key.domain,
    selector: key.selector,
    privateKey: key.privateKey,
    signatureData: [
      {
        signingDomain: key.domain,
        selector: key.selector,
        privateKey: key.privateKey,
        canonicalization,
        ...(maxBodyLength === undefined ? {} : { maxBodyLength }),
      },
    ],
  });
  if (signed.errors.length > 0) throw new Error(JSON.stringify(signed.errors));
  return Buffer.concat([Buffer.from(signed.signatures), Buffer.from(mail)]);
}
